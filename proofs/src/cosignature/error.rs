//! Why a cosignature is not believed, or not made.

use crate::cose::SignFailed;

/// Why a signature line is not a cosignature by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// Name or id are those of another key (NOTE-05).
    #[error("the line is signed by another key")]
    OtherKey,
    /// An Ed25519 signature over the bare text, as notes of type 0x01 have it: it bears no time.
    #[error("the line is a plain Ed25519 signature, which bears no time and is no cosignature")]
    Plain,
    /// Neither 8 + 64 bytes (Ed25519) nor 8 + 2420 bytes (ML-DSA-44).
    #[error("the cosignature has not the length of its kind")]
    Length,
    /// A time beyond 2^63 - 1, or one where none may be (COSIG-03).
    #[error("the cosignature bears a time that it must not bear")]
    Time,
    /// The ML-DSA message has room for names of 1 to 255 bytes (COSIG-02).
    #[error("a name is too long for an ML-DSA cosignature")]
    Name,
    /// Ed25519 cosignatures are of checkpoints only (COSIG-01).
    #[error("an Ed25519 key does not cosign subtrees")]
    NoSubtrees,
    /// The signature does not verify.
    #[error("the cosignature is not valid")]
    Invalid,
}

/// Why no cosignature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// Not within 1 to 2^63 - 1 (COSIG-03, WIT-03).
    #[error("the time cannot stand in a cosignature")]
    Time,
    /// The ML-DSA message has room for names of 1 to 255 bytes (COSIG-02).
    #[error("a name is too long for an ML-DSA cosignature")]
    Name,
    /// Ed25519 cosignatures are of checkpoints only (COSIG-01).
    #[error("an Ed25519 key does not cosign subtrees")]
    NoSubtrees,
    /// The signer made no signature.
    #[error(transparent)]
    Signer(#[from] SignFailed),
    /// The signature is not one that the public key verifies.
    #[error("the signer made a cosignature that its public key does not verify")]
    WrongSignature,
}
