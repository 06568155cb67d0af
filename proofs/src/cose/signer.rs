//! Making signatures. The private keys themselves live elsewhere; this library only asks for a signature.

use super::{Algorithm, PublicKey};

/// Somebody who signs with one key under one algorithm.
pub trait Signer: Send + Sync {
    /// The algorithm that goes into the protected header.
    fn algorithm(&self) -> Algorithm;

    /// The key that verifies the signatures.
    fn public_key(&self) -> &PublicKey;

    /// The signature over `message` in COSE's form: 64 bytes for Ed25519, r ‖ s of fixed width for ECDSA (COSE-11).
    ///
    /// # Errors
    /// [`SignFailed`] if the key store or library refuses.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed>;
}

/// No signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key made no signature")]
pub struct SignFailed;
