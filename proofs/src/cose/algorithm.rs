//! Signature algorithms, by their COSE numbers (RFC 9053, RFC 8230 for PS*, RFC 9864 for the fully specified ones).

use std::fmt;

use super::key::Curve;

/// A signature algorithm this library verifies. Anything else is refused by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// -7, ECDSA with SHA-256; here only with P-256 (ALG-01).
    Es256,
    /// -35, ECDSA with SHA-384; here only with P-384.
    Es384,
    /// -36, ECDSA with SHA-512; here only with P-521.
    Es512,
    /// -8, EdDSA; here only with Ed25519.
    EdDsa,
    /// -9, ECDSA with P-256 and SHA-256.
    Esp256,
    /// -51, ECDSA with P-384 and SHA-384.
    Esp384,
    /// -52, ECDSA with P-521 and SHA-512.
    Esp512,
    /// -19, Ed25519.
    Ed25519,
    /// -37, RSASSA-PSS with SHA-256.
    Ps256,
    /// -38, RSASSA-PSS with SHA-384.
    Ps384,
    /// -39, RSASSA-PSS with SHA-512.
    Ps512,
}

/// What an algorithm asks of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Ed25519,
    Ecdsa(Curve),
    RsaPss,
}

impl Algorithm {
    /// Every algorithm, the polymorphic names first.
    pub const ALL: [Self; 11] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Esp256,
        Self::Esp384,
        Self::Esp512,
        Self::Ed25519,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// The algorithm with this COSE number, if it is one of [`Algorithm::ALL`].
    #[must_use]
    pub fn from_cose(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.cose() == number)
    }

    /// The number in the IANA "COSE Algorithms" registry.
    #[must_use]
    pub const fn cose(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Esp256 => -9,
            Self::Ed25519 => -19,
            Self::Es384 => -35,
            Self::Es512 => -36,
            Self::Ps256 => -37,
            Self::Ps384 => -38,
            Self::Ps512 => -39,
            Self::Esp384 => -51,
            Self::Esp512 => -52,
        }
    }

    /// The algorithm with this registered name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The name in the IANA "COSE Algorithms" registry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Esp256 => "ESP256",
            Self::Esp384 => "ESP384",
            Self::Esp512 => "ESP512",
            Self::Ed25519 => "Ed25519",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// True if a key bound to `self` may verify a message that names `other`: the same, or the pairs of ALG-03.
    #[must_use]
    pub fn interchangeable(self, other: Self) -> bool {
        self == other || (!matches!(self.family(), Family::RsaPss) && self.family() == other.family())
    }

    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Es256 | Self::Esp256 => Family::Ecdsa(Curve::P256),
            Self::Es384 | Self::Esp384 => Family::Ecdsa(Curve::P384),
            Self::Es512 | Self::Esp512 => Family::Ecdsa(Curve::P521),
            Self::EdDsa | Self::Ed25519 => Family::Ed25519,
            Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::RsaPss,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
