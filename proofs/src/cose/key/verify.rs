//! Verifying one signature with one key.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
};
use ed25519_dalek::{SIGNATURE_LENGTH, Signature};

use super::{Curve, Material, PublicKey, SignatureError};
use crate::cose::Algorithm;

impl PublicKey {
    /// Checks `signature` over `message` (for COSE: the Sig_structure).
    ///
    /// Ed25519 is decided by `verify_strict` alone, one signature at a time: no cofactor, no small order, no scalar
    /// beyond the group order. ECDSA is r ‖ s of fixed width, each within 1 to n-1. The salt of RSA-PSS is as long as
    /// its hash (RFC 8230 §2).
    ///
    /// # Errors
    /// [`SignatureError`]; the algorithm is checked against the key before anything is computed.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if !self.allows(algorithm) {
            return Err(SignatureError::KeyDoesNotFit { algorithm, key: self.key_type_name() });
        }
        let expected = self.signature_length();
        if signature.len() != expected {
            return Err(SignatureError::WrongLength { algorithm, expected, found: signature.len() });
        }
        match &*self.material {
            Material::Ed25519(key) => {
                let signature = Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
                key.verify_strict(message, &signature).map_err(|_| SignatureError::Invalid)
            }
            Material::Ec2 { parsed, .. } => {
                parsed.verify_sig(message, signature).map_err(|_| SignatureError::Invalid)
            }
            Material::Rsa { n, e } => {
                let parameters = rsa_pss(algorithm).ok_or(SignatureError::Invalid)?;
                rsa::PublicKeyComponents { n, e }
                    .verify(parameters, message, signature)
                    .map_err(|_| SignatureError::Invalid)
            }
        }
    }

    /// Length in bytes of every signature under this key.
    #[must_use]
    pub fn signature_length(&self) -> usize {
        match &*self.material {
            Material::Ed25519(_) => SIGNATURE_LENGTH,
            Material::Ec2 { curve, .. } => 2 * curve.width(),
            Material::Rsa { n, .. } => n.len(),
        }
    }
}

pub(super) fn ecdsa(curve: Curve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED,
    }
}

fn rsa_pss(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// What a point begins with (SEC 1 §2.3.3) if y is even and left out.
pub(super) const COMPRESSED_EVEN: u8 = 2;
/// The same for an odd y.
pub(super) const COMPRESSED_ODD: u8 = 3;
/// The same if y is written out.
pub(super) const UNCOMPRESSED: u8 = 4;

/// A point as SEC 1 §2.3.3 writes it: 4 ‖ x ‖ y.
pub(super) fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[UNCOMPRESSED], x, y].concat()
}
