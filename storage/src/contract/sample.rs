//! Logs to test with: a pure function of sizes, so that two stores can be given the same one.

use bytes::Bytes;
use proofs::tile::{TILE_WIDTH, TileId};
use proofs::{Hash, LeafIndex, TreeHead, TreeSize, UnixTime, sha256};

use crate::commit::{Commit, Head, IndexName, IndexRow, NewEntry, TilePut};
use crate::store::{EntryRow, LogStore, Snapshot};

/// The index in which [`next`] enters every leaf under its entry.
pub const BY_ENTRY: IndexName = IndexName(1);

/// A second index, which [`next`] fills for every third leaf.
pub const BY_NAME: IndexName = IndexName(2);

/// The head of the sample log at a size.
#[must_use]
pub fn head(size: u64) -> Head {
    let root = digest("root", size);
    Head {
        tree: TreeHead { size: TreeSize::new(size), root },
        time: UnixTime::from_secs(1_790_000_000 + size),
    }
}

/// The commit that takes the sample log from one size to a larger one.
#[must_use]
pub fn next(from: u64, to: u64) -> Commit {
    let base = (from > 0).then(|| head(from).tree);
    let first_tile = from / tile_width();
    let last_tile = to.saturating_sub(1) / tile_width();
    Commit {
        base,
        head: head(to),
        entries: (from..to).map(entry).collect(),
        tiles: (first_tile..=last_tile).map(|index| tile(index, to)).collect(),
        rows: (from..to).flat_map(rows).collect(),
        erasures: Vec::new(),
    }
}

/// Makes [`next`] and commits it.
///
/// # Panics
/// When the store refuses.
pub fn grow(store: &dyn LogStore, from: u64, to: u64) {
    store.commit(next(from, to)).unwrap();
}

/// The entry of a leaf of the sample log.
#[must_use]
pub fn entry(leaf: u64) -> NewEntry {
    let text = format!("statement {leaf}: ").repeat(usize::try_from(leaf % 40).unwrap());
    NewEntry {
        entry: *digest("entry", leaf).as_bytes(),
        registered_at: head(leaf + 1).time,
        statement: Bytes::from(text),
        collateral: Bytes::from(format!("collateral {leaf}")),
    }
}

/// What a store tells of an entry that was not erased.
#[must_use]
pub fn row(new: &NewEntry) -> EntryRow {
    EntryRow { entry: new.entry, registered_at: new.registered_at, erased: None }
}

/// A tile of level 0 as the sample log has it at a size.
#[must_use]
pub fn tile(index: u64, size: u64) -> TilePut {
    let end = (index + 1).saturating_mul(tile_width()).min(size);
    let leaves = index * tile_width()..end;
    let hashes = leaves.flat_map(|leaf| *digest("leaf", leaf).as_bytes()).collect();
    TilePut { id: TileId { level: 0, index }, hashes }
}

fn tile_width() -> u64 {
    u64::try_from(TILE_WIDTH).unwrap()
}

fn rows(leaf: u64) -> Vec<IndexRow> {
    let by_entry = IndexRow {
        index: BY_ENTRY,
        key: digest("entry", leaf).as_bytes().to_vec(),
        leaf: LeafIndex::new(leaf),
    };
    let by_name =
        IndexRow { index: BY_NAME, key: format!("name/{leaf}").into_bytes(), leaf: LeafIndex::new(leaf) };
    if leaf.is_multiple_of(3) { vec![by_entry, by_name] } else { vec![by_entry] }
}

/// A hash that only this label and number give.
#[must_use]
pub fn digest(label: &str, number: u64) -> Hash {
    sha256(format!("{label} {number}").as_bytes())
}

/// Everything a snapshot shows, for comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    head: Option<Head>,
    heads: Vec<Head>,
    entries: Vec<EntryRow>,
    statements: Vec<Option<Bytes>>,
    collateral: Vec<Option<Bytes>>,
    tiles: Vec<Option<Vec<u8>>>,
    rows: Vec<Vec<(Vec<u8>, LeafIndex)>>,
}

/// Reads everything that a snapshot shows of a sample log, and two leaves and tiles beyond its end.
///
/// # Panics
/// When the snapshot cannot be read.
#[must_use]
pub fn dump(snapshot: &dyn Snapshot) -> Dump {
    let size = snapshot.head().map_or(0, |head| head.tree.size.get());
    let leaves = || (0..size + 2).map(LeafIndex::new);
    let ids: Vec<TileId> = (0..size / tile_width() + 2).map(|index| TileId { level: 0, index }).collect();
    Dump {
        head: snapshot.head(),
        heads: snapshot.heads(TreeSize::EMPTY, usize::MAX).unwrap(),
        entries: snapshot.entries(LeafIndex::new(0), usize::MAX).unwrap(),
        statements: leaves().map(|leaf| snapshot.statement(leaf).unwrap()).collect(),
        collateral: leaves().map(|leaf| snapshot.collateral(leaf).unwrap()).collect(),
        tiles: snapshot.tiles(&ids).unwrap(),
        rows: (0..=3).map(|index| snapshot.scan(IndexName(index), &[], usize::MAX).unwrap()).collect(),
    }
}
