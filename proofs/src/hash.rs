//! SHA-256 and the two hash domains of the Merkle tree (RFC 9162 §2.1.1).

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The byte in front of an entry when it is hashed to a leaf (RFC 9162 §2.1.1).
const LEAF_PREFIX: [u8; 1] = [0x00];
/// The byte in front of two children when they are hashed to a node (RFC 9162 §2.1.1).
const NODE_PREFIX: [u8; 1] = [0x01];

/// A SHA-256 digest: 32 bytes. Prints, and is read, as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The length of a digest in bytes.
    pub const LEN: usize = 32;

    /// Takes 32 bytes as a digest.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes a slice as a digest; `None` unless it is exactly 32 bytes long.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not exactly 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is written as exactly 64 lower-case hexadecimal digits")]
pub struct HashSyntaxError;

impl FromStr for Hash {
    type Err = HashSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; Self::LEN];
        // decode_mut panics on a length it does not expect, so the length is settled first.
        if text.len() != 2 * Self::LEN {
            return Err(HashSyntaxError);
        }
        HEXLOWER.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| HashSyntaxError)?;
        Ok(Self(bytes))
    }
}

/// SHA-256 of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// The leaf hash of an entry: SHA-256(0x00 ‖ entry) (RFC 9162 §2.1.1).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new_with_prefix(LEAF_PREFIX).chain_update(entry).finalize().into())
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 9162 §2.1.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new_with_prefix(NODE_PREFIX).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root of the tree without entries: SHA-256 of nothing (RFC 9162 §2.1.1).
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_strict() {
        let hash = sha256(b"abc");
        let text = hash.to_string();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(format!("{hash:?}"), text);
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse::<Hash>(), Err(HashSyntaxError));
        assert_eq!(text[1..].parse::<Hash>(), Err(HashSyntaxError));
        assert_eq!(format!("{text}0").parse::<Hash>(), Err(HashSyntaxError));
        assert_eq!(format!(" {}", &text[1..]).parse::<Hash>(), Err(HashSyntaxError));
        assert_eq!("".parse::<Hash>(), Err(HashSyntaxError));
    }

    #[test]
    fn mrk_01_empty_tree_root_is_the_hash_of_nothing() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty_root().to_string(), expected);
    }

    #[test]
    fn mrk_05_only_32_bytes_are_a_hash() {
        for len in [0, 1, 31, 33, 64] {
            assert_eq!(Hash::from_slice(&vec![0; len]), None);
        }
        assert_eq!(Hash::from_slice(&[7; 32]), Some(Hash::new([7; 32])));
    }

    #[test]
    fn mrk_12_empty_entry_has_a_leaf_hash() {
        let expected = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(leaf_hash(b"").to_string(), expected);
    }

    #[test]
    fn mrk_13_a_leaf_that_looks_like_a_node_is_not_that_node() {
        let (left, right) = (sha256(b"left"), sha256(b"right"));
        let entry = [&[1][..], left.as_ref(), right.as_ref()].concat();
        assert_eq!(entry.len(), 65);
        assert_eq!(sha256(&entry), node_hash(&left, &right));
        assert_ne!(leaf_hash(&entry), node_hash(&left, &right));
    }
}
