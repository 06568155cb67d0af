//! The public handle of a registration.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;

/// SHA-256 of a canonical signed statement (D1): the log entry, the path segment of its receipt, the name in logs.
/// Prints, and is read, as exactly 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId([u8; 32]);

/// The text is not an entry id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry id is exactly 64 lower-case hexadecimal digits")]
pub struct EntryIdSyntaxError;

impl EntryId {
    /// An id from its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, which are the log entry (D1).
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for EntryId {
    type Err = EntryIdSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash: Hash = text.parse().map_err(|_| EntryIdSyntaxError)?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hash::new(self.0), f)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
