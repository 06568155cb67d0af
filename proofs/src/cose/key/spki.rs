//! SubjectPublicKeyInfo in DER and PEM (RFC 5280 §4.1.2.7, RFC 5480, RFC 8410, RFC 7468).

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use pem::{EncodeConfig, LineEnding, Pem};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};
use x509_parser::public_key::PublicKey as Parsed;

use super::verify::{UNCOMPRESSED, uncompressed};
use super::{Curve, KeyError, Material, PublicKey};

const PEM_LABEL: &str = "PUBLIC KEY";

// Everything in front of the key itself. These encodings have no choices in them, so they are written out.
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P384_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
const P521_PREFIX: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo of type Ed25519, EC (P-256, P-384, P-521, uncompressed) or rsaEncryption.
    ///
    /// # Errors
    /// [`KeyError::NotSpki`] if it is none or not DER, [`KeyError::Unsupported`], [`KeyError::Compressed`], and the
    /// errors of the constructors.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::NotSpki)?;
        if !rest.is_empty() {
            return Err(KeyError::NotSpki);
        }
        let bits: &[u8] = &info.subject_public_key.data;
        let key = if let Some(key) = der.strip_prefix(&ED25519_PREFIX) {
            Self::ed25519(key.try_into().map_err(|_| KeyError::Length)?)?
        } else if let Some(curve) = Curve::ALL.into_iter().find(|curve| der.starts_with(prefix(*curve))) {
            from_point(curve, bits)?
        } else {
            match info.parsed() {
                Ok(Parsed::RSA(key)) => Self::rsa(unsigned(key.modulus), unsigned(key.exponent))?,
                Ok(Parsed::EC(_)) if bits.first() != Some(&UNCOMPRESSED) => return Err(KeyError::Compressed),
                _ => return Err(KeyError::Unsupported),
            }
        };
        // BER in DER's place, or parameters where none belong, would give one key two forms.
        if key.to_spki_der() == der { Ok(key) } else { Err(KeyError::NotCanonical) }
    }

    /// The DER SubjectPublicKeyInfo. What the key is bound to is not in it.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        match &*self.material {
            Material::Ed25519(key) => [ED25519_PREFIX.as_slice(), key.as_bytes()].concat(),
            Material::Ec2 { curve, x, y, .. } => [prefix(*curve), &uncompressed(x, y)].concat(),
            Material::Rsa { n, e } => {
                // The constructor has built this key from the same components, so it can be built again.
                rsa::PublicKeyComponents { n, e }
                    .as_der()
                    .map(|der| der.as_ref().to_vec())
                    .unwrap_or_default()
            }
        }
    }

    /// Reads a PEM file that holds one block `PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError::Private`] for a private key, [`KeyError::NotPem`], and those of [`PublicKey::from_spki_der`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::parse(text).map_err(|_| KeyError::NotPem)?;
        match block.tag() {
            PEM_LABEL => Self::from_spki_der(block.contents()),
            tag if tag.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            _ => Err(KeyError::NotPem),
        }
    }

    /// The PEM form, lines ended by `\n`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let block = Pem::new(PEM_LABEL, self.to_spki_der());
        pem::encode_config(&block, EncodeConfig::new().set_line_ending(LineEnding::LF))
    }
}

fn from_point(curve: Curve, point: &[u8]) -> Result<PublicKey, KeyError> {
    match point.split_first() {
        Some((&UNCOMPRESSED, coordinates)) => {
            let (x, y) = coordinates.split_at_checked(curve.width()).ok_or(KeyError::Length)?;
            PublicKey::ec2(curve, x, y)
        }
        Some(_) => Err(KeyError::Compressed),
        None => Err(KeyError::Length),
    }
}

fn prefix(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &P256_PREFIX,
        Curve::P384 => &P384_PREFIX,
        Curve::P521 => &P521_PREFIX,
    }
}

/// A DER INTEGER keeps a zero in front of a set top bit.
fn unsigned(integer: &[u8]) -> &[u8] {
    match integer.split_first() {
        Some((0, rest)) => rest,
        _ => integer,
    }
}
