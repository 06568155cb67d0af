//! What lies under which key. Numbers are big-endian, so that keys sort as the numbers do.
//!
//! | column family | key | value |
//! |---|---|---|
//! | `heads` | size, 8 bytes | root, 32; time, 8 |
//! | | one zero byte | size, 8; root, 32; time, 8: the newest of them, found without a search |
//! | `entries` | leaf index, 8 | entry, 32; registered at, 8; if it was erased also by which leaf, 8, and what remains, 32 |
//! | `statements`, `collateral` | leaf index, 8 | the bytes |
//! | `tiles` | level, 1; index, 8 | 32 bytes a hash, as wide as it ever was |
//! | `rows`, or `lists` for an index that is a list | index name, 1; key | leaf index, 8 |
//! | `default` | leaf index, 8 | one byte: a leaf that was erased, and whose bytes may still be in a file |

use proofs::tile::TileId;
use proofs::{Hash, LeafIndex, TreeHead, TreeSize, UnixTime};
use rocksdb::{ColumnFamily, DB};

use super::failure::corrupt;
use crate::commit::{Erased, Head, IndexName, is_tile};
use crate::error::{CorruptKind, StoreError};
use crate::store::EntryRow;

pub(super) const HEADS: &str = "heads";
pub(super) const ENTRIES: &str = "entries";
pub(super) const STATEMENTS: &str = "statements";
pub(super) const COLLATERAL: &str = "collateral";
pub(super) const TILES: &str = "tiles";
pub(super) const ROWS: &str = "rows";
pub(super) const LISTS: &str = "lists";

/// Leaves whose bytes have to leave the files. RocksDB has a family of this name in every database.
pub(super) const PENDING: &str = "default";

/// All of them but that.
pub(super) const FAMILIES: [&str; 7] = [HEADS, ENTRIES, STATEMENTS, COLLATERAL, TILES, ROWS, LISTS];

/// The key of the newest head. Shorter than any size, it sorts before all of them.
pub(super) const NEWEST: [u8; 1] = [0];

pub(super) fn family<'a>(db: &'a DB, name: &str) -> Result<&'a ColumnFamily, StoreError> {
    let missing = || corrupt(CorruptKind::Database, format!("there is no column family {name}"));
    db.cf_handle(name).ok_or_else(missing)
}

pub(super) const fn size_key(size: TreeSize) -> [u8; 8] {
    size.get().to_be_bytes()
}

pub(super) const fn leaf_key(leaf: LeafIndex) -> [u8; 8] {
    leaf.get().to_be_bytes()
}

pub(super) fn tile_key(id: TileId) -> [u8; 9] {
    let mut key = [id.level; 9];
    if let Some(index) = key.last_chunk_mut() {
        *index = id.index.to_be_bytes();
    }
    key
}

/// Where the rows of an index are. Nobody asks a list whether it has a key, so what answers that fast, a filter of each
/// file, is kept for the others alone.
pub(super) const fn family_of(index: IndexName) -> &'static str {
    if index.is_list() { LISTS } else { ROWS }
}

pub(super) fn row_key(index: IndexName, key: &[u8]) -> Vec<u8> {
    [&[index.0], key].concat()
}

pub(super) fn past_head(head: &Head) -> Vec<u8> {
    [&head.tree.root.as_bytes()[..], &head.time.secs().to_be_bytes()].concat()
}

pub(super) fn newest_head(head: &Head) -> Vec<u8> {
    [&size_key(head.tree.size)[..], &past_head(head)].concat()
}

pub(super) fn entry_row(entry: &[u8; 32], registered_at: UnixTime) -> Vec<u8> {
    [&entry[..], &registered_at.secs().to_be_bytes()].concat()
}

pub(super) fn erased_row(row: &EntryRow, erased: &Erased) -> Vec<u8> {
    let by = erased.by.get().to_be_bytes();
    [&entry_row(&row.entry, row.registered_at)[..], &by, &erased.remains].concat()
}

pub(super) fn parse_newest_head(value: &[u8]) -> Result<Head, StoreError> {
    value
        .split_first_chunk()
        .and_then(|(size, rest)| head(u64::from_be_bytes(*size), rest))
        .ok_or_else(|| malformed("the newest head", value))
}

pub(super) fn parse_past_head(key: &[u8], value: &[u8]) -> Result<Head, StoreError> {
    number(key).and_then(|size| head(size, value)).ok_or_else(|| malformed("a head", value))
}

pub(super) fn parse_entry_row(leaf: LeafIndex, value: &[u8]) -> Result<EntryRow, StoreError> {
    let row = |value: &[u8]| {
        let (entry, rest) = value.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let registered_at = UnixTime::from_secs(u64::from_be_bytes(*time));
        let erased = match rest.split_first_chunk() {
            None if rest.is_empty() => None,
            None => return None,
            Some((by, remains)) => Some(Erased {
                by: LeafIndex::new(u64::from_be_bytes(*by)),
                remains: remains.try_into().ok()?,
            }),
        };
        Some(EntryRow { entry: *entry, registered_at, erased })
    };
    row(value).ok_or_else(|| malformed(&format!("entry {leaf}"), value))
}

pub(super) fn parse_leaf(value: &[u8]) -> Result<LeafIndex, StoreError> {
    number(value).map(LeafIndex::new).ok_or_else(|| malformed("an index row", value))
}

pub(super) fn parse_tile(id: TileId, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    if is_tile(value) {
        Ok(value.to_vec())
    } else {
        Err(malformed(&format!("tile {} of level {}", id.index, id.level), value))
    }
}

pub(super) fn missing(what: &str, leaf: LeafIndex) -> StoreError {
    corrupt(CorruptKind::Value, format!("there is no {what} of leaf {leaf}"))
}

fn head(size: u64, value: &[u8]) -> Option<Head> {
    let (root, time) = value.split_first_chunk()?;
    let tree = TreeHead { size: TreeSize::new(size), root: Hash::new(*root) };
    Some(Head { tree, time: UnixTime::from_secs(number(time)?) })
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn malformed(what: &str, value: &[u8]) -> StoreError {
    corrupt(CorruptKind::Value, format!("{what} is {} bytes of another form", value.len()))
}
