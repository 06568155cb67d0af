//! Key ids: COSE Key Thumbprints with SHA-256 (RFC 9679).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;

use super::{Material, PublicKey};
use crate::cbor;
use crate::hash::sha256;

/// The SHA-256 thumbprint of a key: 32 bytes. Prints, and is read, as base64url without padding (43 characters).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

/// The text is not the base64url form of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id is 43 characters of base64url without padding")]
pub struct KeyIdSyntaxError;

impl KeyId {
    /// A thumbprint from its 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyIdSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyIdSyntaxError)?;
        bytes.try_into().map(Self).map_err(|_| KeyIdSyntaxError)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BASE64URL_NOPAD.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PublicKey {
    /// The RFC 9679 thumbprint: SHA-256 over the required parameters alone, in deterministic CBOR (KT-01).
    #[must_use]
    pub fn thumbprint(&self) -> KeyId {
        self.thumbprint
    }
}

pub(super) fn thumbprint(material: &Material) -> KeyId {
    KeyId(*sha256(&cbor::encode(&material.required_parameters())).as_bytes())
}
