//! Why a key or a signature is refused.

use crate::cbor::ScanError;
use crate::cose::Algorithm;

/// Why bytes are not a usable public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not strict CBOR.
    #[error("the COSE_Key is not readable: {0}")]
    Cbor(#[from] ScanError),
    /// A COSE_Key is a map, a JWK an object.
    #[error("the key is not a map of parameters")]
    NotAMap,
    /// A parameter the key type needs.
    #[error("the key has no {0}")]
    Missing(&'static str),
    /// A parameter of the wrong type.
    #[error("the key's {0} is of the wrong type")]
    WrongType(&'static str),
    /// A key type or curve this library does not use.
    #[error("the key type or curve is not supported (Ed25519, P-256, P-384, P-521 and RSA are)")]
    Unsupported,
    /// An `alg` this library does not know.
    #[error("the key is bound to an algorithm that is not supported")]
    UnsupportedAlgorithm,
    /// `alg` and key type contradict each other.
    #[error("a key of type {key} cannot serve {algorithm}")]
    AlgorithmMismatch {
        /// The algorithm asked for.
        algorithm: Algorithm,
        /// The type of the key.
        key: &'static str,
    },
    /// `key_ops` (or JWK `use`) does not allow verifying.
    #[error("the key's own parameters do not allow it to verify signatures")]
    NotForVerifying,
    /// The secret half is in it.
    #[error("this is a private key; only public keys belong here")]
    Private,
    /// A coordinate or key of another length than its curve's.
    #[error("a coordinate does not have the length of its curve")]
    Length,
    /// A compressed point where the form has to be the only one, in a SubjectPublicKeyInfo (RFC 5480 §2.2).
    #[error("compressed points are not supported here; write the y coordinate out")]
    Compressed,
    /// Not a point of the curve.
    #[error("the coordinates are not a point of the curve")]
    NotAPoint,
    /// One of the points of small order, under which anybody can sign.
    #[error("the point is of small order, so signatures under it prove nothing")]
    SmallOrder,
    /// A second way to write the same key.
    #[error("the key is not written in its only form")]
    NotCanonical,
    /// A modulus too weak or too dear.
    #[error("an RSA modulus of {bits} bits; 2048 to 8192 are accepted")]
    RsaSize {
        /// Size of the modulus found.
        bits: usize,
    },
    /// A product of two odd primes is odd.
    #[error("an RSA modulus that is even")]
    RsaEven,
    /// An exponent outside the accepted range.
    #[error("an RSA exponent that is even, below 3 or longer than four bytes")]
    RsaExponent,
    /// Not a SubjectPublicKeyInfo.
    #[error("the key is not a DER SubjectPublicKeyInfo")]
    NotSpki,
    /// Not a PEM file with one `PUBLIC KEY` block.
    #[error("the key is not a PEM block of type PUBLIC KEY")]
    NotPem,
    /// Not base64url without padding.
    #[error("the key's {0} is not base64url without padding")]
    NotBase64(&'static str),
}

/// Why a signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key may not be used with the message's algorithm (COSE-10, ALG-01, ALG-03).
    #[error("{algorithm} cannot be verified with this key ({key})")]
    KeyDoesNotFit {
        /// What the message names.
        algorithm: Algorithm,
        /// The type of the key.
        key: &'static str,
    },
    /// The length alone is wrong. For ECDSA a DER signature is the usual cause (COSE-11).
    #[error("an {algorithm} signature has {expected} bytes here, this one has {found}")]
    WrongLength {
        /// What the message names.
        algorithm: Algorithm,
        /// Length in bytes it has to have.
        expected: usize,
        /// Length in bytes it has.
        found: usize,
    },
    /// The signature is not one over these bytes by this key.
    #[error("the signature does not verify with this key")]
    Invalid,
}

impl SignatureError {
    /// A short constant name, for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::KeyDoesNotFit { .. } => "key_does_not_fit",
            Self::WrongLength { .. } => "wrong_length",
            Self::Invalid => "invalid",
        }
    }
}
