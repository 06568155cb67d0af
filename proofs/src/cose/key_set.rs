//! COSE_KeySet (RFC 9052 §7).

use ciborium::Value;
use ciborium_ll::Header;

use super::PublicKey;
use crate::cbor::{self, Cursor, ScanError};

/// How many keys a set may hold.
pub const MAX_KEYS: usize = 1024;

/// Why bytes are not a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not CBOR, or bytes behind it.
    #[error("the key set is not readable: {0}")]
    Cbor(#[from] ScanError),
    /// A key set is an array.
    #[error("the key set is not an array of keys")]
    NotAnArray,
    /// RFC 9052 wants at least one key.
    #[error("the key set is empty")]
    Empty,
    /// More than [`MAX_KEYS`].
    #[error("the key set holds more than {MAX_KEYS} keys")]
    TooMany,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    kid: Vec<u8>,
    key: PublicKey,
}

/// Public keys by kid. A kid need not be unique (COSE-08).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySet {
    keys: Vec<Named>,
    skipped: usize,
}

impl KeySet {
    /// A set of keys named by their thumbprints, in the order given.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let named = |key: PublicKey| Named { kid: key.thumbprint().as_bytes().to_vec(), key };
        Self { keys: keys.into_iter().map(named).collect(), skipped: 0 }
    }

    /// Adds a key under a name of somebody else's choosing.
    pub fn insert(&mut self, kid: impl Into<Vec<u8>>, key: PublicKey) {
        self.keys.push(Named { kid: kid.into(), key });
    }

    /// Reads a COSE_KeySet. An element that is malformed or of an unknown kind is skipped and counted; it never spoils
    /// the others (COSE-13). A key without a kid goes by its thumbprint.
    ///
    /// # Errors
    /// [`KeySetError`] if the array around the keys is not readable.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let mut cursor = Cursor::new(bytes);
        let Header::Array(Some(length)) = cursor.head()? else { return Err(KeySetError::NotAnArray) };
        if length == 0 {
            return Err(KeySetError::Empty);
        }
        if length > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut set = Self::default();
        for _ in 0..length {
            match PublicKey::from_cose_with_kid(cursor.skip_loosely()?) {
                Ok((key, kid)) => {
                    let kid = kid.unwrap_or_else(|| key.thumbprint().as_bytes().to_vec());
                    set.keys.push(Named { kid, key });
                }
                Err(_) => set.skipped += 1,
            }
        }
        cursor.finish()?;
        Ok(set)
    }

    /// The COSE_KeySet in deterministic CBOR, keys in the order they were given.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&Value::Array(
            self.keys.iter().map(|named| named.key.to_cose_value(&named.kid)).collect(),
        ))
    }

    /// The first key with this kid.
    #[must_use]
    pub fn get(&self, kid: &[u8]) -> Option<&PublicKey> {
        self.with_kid(kid).next()
    }

    /// Every key with this kid, in order.
    pub fn with_kid<'a>(&'a self, kid: &[u8]) -> impl Iterator<Item = &'a PublicKey> {
        self.keys.iter().filter(move |named| named.kid == kid).map(|named| &named.key)
    }

    /// Every key, in order.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().map(|named| &named.key)
    }

    /// How many keys are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if no key is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many elements [`KeySet::parse`] could not use.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}
