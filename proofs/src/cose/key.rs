//! Public keys: one type, whatever form they came in (COSE_Key, SPKI, PEM, JWK).
//!
//! A key is checked when it is made, so that a [`PublicKey`] is always a point on its curve, never of small order, or an
//! RSA modulus of bearable size, and has one encoding in each form.

mod cose_key;
mod error;
mod id;
mod jwk;
mod spki;
mod verify;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::{rsa, signature};
use ed25519_dalek::VerifyingKey;

pub use error::{KeyError, SignatureError};
pub use id::{KeyId, KeyIdSyntaxError};

use super::algorithm::{Algorithm, Family};

/// The smallest RSA modulus accepted, in bits.
pub const MIN_RSA_BITS: usize = 2048;
/// The largest RSA modulus accepted, in bits: beyond it a verification costs too much.
pub const MAX_RSA_BITS: usize = 8192;
/// The largest RSA exponent accepted, in bytes.
const MAX_RSA_EXPONENT: usize = 4;

/// A NIST curve (FIPS 186-5), for ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Curve {
    /// COSE curve 1, secp256r1.
    P256,
    /// COSE curve 2, secp384r1.
    P384,
    /// COSE curve 3, secp521r1.
    P521,
}

impl Curve {
    pub(crate) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The number in the IANA "COSE Elliptic Curves" registry.
    #[must_use]
    pub const fn cose(self) -> i64 {
        match self {
            Self::P256 => 1,
            Self::P384 => 2,
            Self::P521 => 3,
        }
    }

    /// The name used in JWK and in texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Length in bytes of a coordinate, and of each half of a signature (COSE-11).
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

enum Material {
    Ed25519(VerifyingKey),
    /// Coordinates of exactly [`Curve::width`] bytes, big-endian.
    Ec2 {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
        /// The point, checked to be on its curve.
        parsed: signature::ParsedPublicKey,
    },
    /// Big-endian, without leading zeros (RFC 8230 §4).
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// A public key that may verify signatures, and the one algorithm it is bound to, if any. A clone shares the key.
#[derive(Clone)]
pub struct PublicKey {
    material: Arc<Material>,
    /// Computed once: every registration and every receipt names keys by it.
    thumbprint: KeyId,
    algorithm: Option<Algorithm>,
}

/// The same key, bound to the same algorithm. The thumbprint covers every parameter of a key, and no other (RFC 9679).
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint && self.algorithm == other.algorithm
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// An Ed25519 key from its 32 bytes (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`], [`KeyError::NotCanonical`] for an encoding no signer writes, and
    /// [`KeyError::SmallOrder`] for the eight points under which a signature proves nothing.
    pub fn ed25519(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::SmallOrder);
        }
        if key.to_edwards().compress().to_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        Ok(Self::of(Material::Ed25519(key)))
    }

    /// A key on a NIST curve from the two coordinates, big-endian, of [`Curve::width`] bytes each.
    ///
    /// # Errors
    /// [`KeyError::Length`] for another width, [`KeyError::NotAPoint`] off the curve.
    pub fn ec2(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != curve.width() || y.len() != curve.width() {
            return Err(KeyError::Length);
        }
        let point = verify::uncompressed(x, y);
        let parsed =
            signature::ParsedPublicKey::new(verify::ecdsa(curve), point).map_err(|_| KeyError::NotAPoint)?;
        Ok(Self::of(Material::Ec2 { curve, x: x.to_vec(), y: y.to_vec(), parsed }))
    }

    /// A key on a NIST curve from x and the parity of y (RFC 9053 §7.1.1, SEC 1 §2.3.4). It is the key with y written
    /// out, under the same thumbprint (KT-01).
    ///
    /// # Errors
    /// [`KeyError::Length`] for another width, [`KeyError::NotAPoint`] if the curve has no point at x.
    pub fn ec2_compressed(curve: Curve, x: &[u8], y_is_odd: bool) -> Result<Self, KeyError> {
        if x.len() != curve.width() {
            return Err(KeyError::Length);
        }
        let sign = if y_is_odd { verify::COMPRESSED_ODD } else { verify::COMPRESSED_EVEN };
        let parsed = signature::ParsedPublicKey::new(verify::ecdsa(curve), [&[sign], x].concat())
            .map_err(|_| KeyError::NotAPoint)?;
        let written_out = parsed.as_der().map_err(|_| KeyError::NotAPoint)?;
        Self::from_spki_der(written_out.as_ref())
    }

    /// An RSA key from modulus and exponent, big-endian, without leading zeros (RFC 8230 §4).
    ///
    /// # Errors
    /// [`KeyError::NotCanonical`] for leading zeros, [`KeyError::RsaSize`] for a modulus outside 2048 to 8192 bits,
    /// [`KeyError::RsaEven`], [`KeyError::RsaExponent`] for an exponent that is even, below 3 or longer than four bytes.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let leading_zero = |bytes: &[u8]| bytes.first().is_none_or(|byte| *byte == 0);
        if leading_zero(n) || leading_zero(e) {
            return Err(KeyError::NotCanonical);
        }
        let spare = n.first().map_or(0, |byte| byte.leading_zeros());
        let bits = n.len().saturating_mul(8).saturating_sub(usize::try_from(spare).unwrap_or(0));
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        let even = |bytes: &[u8]| bytes.last().is_none_or(|byte| byte % 2 == 0);
        if even(n) {
            return Err(KeyError::RsaEven);
        }
        if e.len() > MAX_RSA_EXPONENT || e == [1] || even(e) {
            return Err(KeyError::RsaExponent);
        }
        rsa::PublicKeyComponents { n, e }
            .to_parsed_public_key(&signature::RSA_PSS_2048_8192_SHA256)
            .map_err(|_| KeyError::NotCanonical)?;
        Ok(Self::of(Material::Rsa { n: n.to_vec(), e: e.to_vec() }))
    }

    fn of(material: Material) -> Self {
        let thumbprint = id::thumbprint(&material);
        Self { material: Arc::new(material), thumbprint, algorithm: None }
    }

    /// The same key, bound to one algorithm (COSE_Key parameter 3).
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`] if the key cannot serve it.
    pub fn with_algorithm(self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if !self.fits(algorithm) {
            return Err(KeyError::AlgorithmMismatch { algorithm, key: self.key_type_name() });
        }
        Ok(Self { algorithm: Some(algorithm), ..self })
    }

    /// The algorithm the key is bound to, if any.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// True if a message under `algorithm` may be checked with this key: type and curve fit (COSE-10, ALG-01), and so
    /// does the key's own algorithm, by equality or within the pairs of ALG-03.
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.fits(algorithm) && self.algorithm.is_none_or(|bound| bound.interchangeable(algorithm))
    }

    /// The 32 bytes of an Ed25519 key; none for another type.
    #[must_use]
    pub fn ed25519_bytes(&self) -> Option<[u8; 32]> {
        match &*self.material {
            Material::Ed25519(key) => Some(key.to_bytes()),
            Material::Ec2 { .. } | Material::Rsa { .. } => None,
        }
    }

    /// `Ed25519`, `P-256`, `P-384`, `P-521` or `RSA`.
    #[must_use]
    pub fn key_type_name(&self) -> &'static str {
        match &*self.material {
            Material::Ed25519(_) => "Ed25519",
            Material::Ec2 { curve, .. } => curve.name(),
            Material::Rsa { .. } => "RSA",
        }
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        match (&*self.material, algorithm.family()) {
            (Material::Ed25519(_), Family::Ed25519) | (Material::Rsa { .. }, Family::RsaPss) => true,
            (Material::Ec2 { curve, .. }, Family::Ecdsa(wanted)) => *curve == wanted,
            _ => false,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, kid {})", self.key_type_name(), self.thumbprint())
    }
}
