//! Hash algorithms by their COSE numbers (RFC 9054), for hash envelopes and certificate thumbprints.

use sha2::{Digest, Sha256, Sha384, Sha512, Sha512_256};

use super::Algorithm;

/// A hash algorithm strong enough to name content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// -16.
    Sha256,
    /// -17.
    Sha512_256,
    /// -43.
    Sha384,
    /// -44.
    Sha512,
}

impl DigestAlgorithm {
    const ALL: [Self; 4] = [Self::Sha256, Self::Sha512_256, Self::Sha384, Self::Sha512];

    /// The algorithm with this COSE number. Truncated and broken hashes (-14, -15) are not among them.
    #[must_use]
    pub fn from_cose(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.cose() == number)
    }

    /// The number in the IANA "COSE Algorithms" registry.
    #[must_use]
    pub const fn cose(self) -> i64 {
        match self {
            Self::Sha256 => -16,
            Self::Sha512_256 => -17,
            Self::Sha384 => -43,
            Self::Sha512 => -44,
        }
    }

    /// The SHA-2 hash as strong as signatures under `algorithm`, for the payload of a hash envelope (HE-05): the one
    /// that the algorithm itself uses; SHA-256 for Ed25519, whose signatures are as strong as those on P-256.
    #[must_use]
    pub fn as_strong_as(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256
            | Algorithm::Esp256
            | Algorithm::Ps256
            | Algorithm::EdDsa
            | Algorithm::Ed25519 => Self::Sha256,
            Algorithm::Es384 | Algorithm::Esp384 | Algorithm::Ps384 => Self::Sha384,
            Algorithm::Es512 | Algorithm::Esp512 | Algorithm::Ps512 => Self::Sha512,
        }
    }

    /// Length of the digest in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha512_256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512_256 => Sha512_256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}
