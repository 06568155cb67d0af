//! Collateral manifests: what was kept beside the entries, tied to the log itself.
//!
//! What a decision needed beyond its statement is not hashed into the entry. So that it cannot be rewritten later, the
//! service registers, at an interval, the RFC 9162 §2.1.1 root over the collateral records of a range of entries; each
//! leaf is the SHA-256 of a record, as each leaf of the log is the SHA-256 of a statement. An auditor folds the records
//! it was given ([`Fold`]) and compares; a difference convicts the operator, who signed the root. Of a record that is
//! withheld or was erased its SHA-256 is there, which folds just as well.
//!
//! The payload is one deterministic CBOR map (RFC 8949 §4.2.1):
//!
//! | key | value | meaning |
//! |---|---|---|
//! | 1 | uint | format version, 1 |
//! | 2 | uint | leaf index of the first entry that is covered |
//! | 3 | uint | leaf index after the last entry that is covered |
//! | 4 | bstr .size 32 | the root over the SHA-256 digests of their collateral records, in log order |

use ciborium::Value;

use crate::cbor;
use crate::hash::{Hash, leaf_hash, sha256};
use crate::position::LeafIndex;
use crate::tree::CompactRange;

/// Content type of a collateral manifest.
pub const MANIFEST_CT: &str = "application/vnd.stele.collateral-manifest+cbor";

/// The most records that one manifest covers, which bounds the work of checking it.
pub const MAX_MANIFEST_RECORDS: u64 = 65_536;

const VERSION: u64 = 1;

/// A range of entries and the root over their collateral records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollateralManifest {
    /// The first entry that is covered.
    pub from: LeafIndex,
    /// The entry after the last one that is covered.
    pub to: LeafIndex,
    /// The root over their records.
    pub root: Hash,
}

/// Why a manifest does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The payload is not the map that this version knows, in its deterministic form.
    #[error("the payload is not a collateral manifest of version 1")]
    Form,
    /// It covers no record, or more than [`MAX_MANIFEST_RECORDS`].
    #[error("a collateral manifest covers 1 to {MAX_MANIFEST_RECORDS} records")]
    Range,
    /// Fewer or more records were folded than it covers.
    #[error("the collateral manifest covers {expected} records, and {found} were folded")]
    Count {
        /// How many it covers.
        expected: u64,
        /// How many there were.
        found: u64,
    },
    /// The records are not those that were registered.
    #[error("the collateral records fold to {found}, but {registered} was registered")]
    Root {
        /// The root in the manifest.
        registered: Hash,
        /// The root over the records.
        found: Hash,
    },
}

impl CollateralManifest {
    /// The deterministic encoding: the payload of the statement.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let pair = |key: u64, value: Value| (Value::from(key), value);
        cbor::encode(&Value::Map(vec![
            pair(1, Value::from(VERSION)),
            pair(2, Value::from(self.from.get())),
            pair(3, Value::from(self.to.get())),
            pair(4, Value::Bytes(self.root.as_bytes().to_vec())),
        ]))
    }

    /// Reads a payload; accepts only what [`Self::encode`] writes.
    ///
    /// # Errors
    /// [`ManifestError::Form`] or [`ManifestError::Range`]
    pub fn decode(payload: &[u8]) -> Result<Self, ManifestError> {
        let Ok(Value::Map(pairs)) = cbor::decode(payload) else { return Err(ManifestError::Form) };
        let field = |key: u64| pairs.iter().find(|(k, _)| *k == Value::from(key)).map(|(_, value)| value);
        let number = |key| {
            let number = field(key).and_then(Value::as_integer).and_then(|n| u64::try_from(n).ok());
            number.ok_or(ManifestError::Form)
        };
        let (from, to) = (number(2)?, number(3)?);
        let root: Option<[u8; 32]> =
            field(4).and_then(Value::as_bytes).and_then(|b| b.as_slice().try_into().ok());
        let root = Hash::new(root.ok_or(ManifestError::Form)?);
        let manifest = Self { from: LeafIndex::new(from), to: LeafIndex::new(to), root };
        if manifest.encode() != payload {
            return Err(ManifestError::Form);
        }
        match manifest.records() {
            1..=MAX_MANIFEST_RECORDS => Ok(manifest),
            _ => Err(ManifestError::Range),
        }
    }

    /// How many records it covers.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.to.get().saturating_sub(self.from.get())
    }

    /// Whether the records that were folded are those that were registered.
    ///
    /// # Errors
    /// [`ManifestError::Count`] or [`ManifestError::Root`]
    pub fn check(&self, fold: &Fold) -> Result<(), ManifestError> {
        let (expected, found) = (self.records(), fold.count());
        if expected != found {
            return Err(ManifestError::Count { expected, found });
        }
        let found = fold.root();
        if found == self.root { Ok(()) } else { Err(ManifestError::Root { registered: self.root, found }) }
    }
}

/// What stands for one collateral record: its SHA-256. It is what is left of the record when its entry is erased.
#[must_use]
pub fn collateral_hash(record: &[u8]) -> Hash {
    sha256(record)
}

/// Collateral records on their way to a root, in log order.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    range: CompactRange,
}

impl Fold {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next record.
    pub fn record(&mut self, record: &[u8]) {
        self.hash(collateral_hash(record));
    }

    /// Adds the next record by the hash that is left of it.
    pub fn hash(&mut self, hash: Hash) {
        // A tree is full at 2^64 - 1 leaves; whoever folded that many has a wrong count as it is.
        let _full = self.range.append(leaf_hash(hash.as_bytes()), &mut |_, _| {});
    }

    /// How many records were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.range.size().get()
    }

    /// The root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.range.root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(records: &[&[u8]]) -> Fold {
        let mut fold = Fold::new();
        records.iter().for_each(|record| fold.record(record));
        fold
    }

    fn over(records: &[&[u8]]) -> CollateralManifest {
        let to = LeafIndex::new(3 + u64::try_from(records.len()).unwrap());
        CollateralManifest { from: LeafIndex::new(3), to, root: folded(records).root() }
    }

    #[test]
    fn d12_a_manifest_has_one_spelling() {
        let manifest = over(&[b"a", b"b"]);
        let bytes = manifest.encode();
        assert_eq!(bytes.get(..8), Some(&[0xa4, 1, 1, 2, 3, 3, 5, 4][..]));
        assert_eq!(bytes.get(8..10), Some(&[0x58, 32][..]));
        assert_eq!(CollateralManifest::decode(&bytes), Ok(manifest));
    }

    #[test]
    fn d12_the_root_is_that_of_rfc_9162() {
        let leaf = |bytes: &[u8]| sha256(&[&[0][..], sha256(bytes).as_bytes()].concat());
        let node = |l: &Hash, r: &Hash| crate::hash::sha256(&[&[1][..], l.as_bytes(), r.as_bytes()].concat());
        let (a, b, c) = (leaf(b"a"), leaf(b"b"), leaf(b"c"));
        assert_eq!(folded(&[b"a", b"b", b"c"]).root(), node(&node(&a, &b), &c));
    }

    #[test]
    fn d12_other_records_than_those_registered_are_noticed() {
        let manifest = over(&[b"a", b"b", b"c"]);
        assert_eq!(manifest.check(&folded(&[b"a", b"b", b"c"])), Ok(()));
        let mut erased = Fold::new();
        erased.record(b"a");
        erased.hash(collateral_hash(b"b"));
        erased.record(b"c");
        assert_eq!(manifest.check(&erased), Ok(()), "the hash of a record stands for it");
        assert_eq!(
            manifest.check(&folded(&[b"a", b"b"])),
            Err(ManifestError::Count { expected: 3, found: 2 })
        );
        for other in [&[b"a", b"c", b"b"], &[b"a", b"b", b"d"]] {
            let other: Vec<&[u8]> = other.iter().map(|record| &record[..]).collect();
            assert!(matches!(manifest.check(&folded(&other)), Err(ManifestError::Root { .. })));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let manifest = over(&[b"a"]);
        let bytes = manifest.encode();
        let mut version = bytes.clone();
        version[2] = 2;
        let mut long = bytes.clone();
        long[0] = 0xa5;
        long.extend([5, 0]);
        for bad in [&bytes[..bytes.len() - 1], &[], &[0xa0], &[0x01], &version, &long, &bytes[1..]] {
            assert_eq!(CollateralManifest::decode(bad), Err(ManifestError::Form));
        }
        let empty = CollateralManifest { to: manifest.from, ..manifest };
        let backwards = CollateralManifest { to: LeafIndex::new(2), ..manifest };
        let wide = CollateralManifest { to: LeafIndex::new(4 + MAX_MANIFEST_RECORDS), ..manifest };
        for bad in [empty, backwards, wide] {
            assert_eq!(CollateralManifest::decode(&bad.encode()), Err(ManifestError::Range));
        }
        let widest = CollateralManifest { to: LeafIndex::new(3 + MAX_MANIFEST_RECORDS), ..manifest };
        assert_eq!(CollateralManifest::decode(&widest.encode()), Ok(widest));
    }
}
