//! What one round adds to the log, and the laws that need nothing but the newest head to be checked.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proofs::tile::{TILE_WIDTH, TileId};
use proofs::{Hash, LeafIndex, TreeHead, TreeSize, UnixTime};

use crate::error::ConflictKind;

/// The longest key of an index row, in bytes.
pub const MAX_ROW_KEY: usize = 320;

/// A tree head that a commit made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Size and root.
    pub tree: TreeHead,
    /// The time of the round that committed it, in seconds.
    pub time: UnixTime,
}

/// One entry to append, with everything kept beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The bytes that the leaf hashes: the digest of the canonical statement.
    pub entry: [u8; 32],
    /// When it was registered, in seconds.
    pub registered_at: UnixTime,
    /// The canonical statement.
    pub statement: Bytes,
    /// What the decision to admit it needed beyond the statement.
    pub collateral: Bytes,
}

/// The whole content of one tile as of this commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TilePut {
    /// Which tile.
    pub id: TileId,
    /// Its hashes from the left, 32 bytes each, 1 to [`TILE_WIDTH`] of them.
    pub hashes: Vec<u8>,
}

/// The name of an index. What it means is the caller's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexName(pub u8);

impl IndexName {
    /// Whether the index is a list: each of its keys ends with the leaf it leads to, as 8 bytes in big-endian order, a
    /// leaf of the commit that writes it. So no two rows can contradict each other, nothing has to be looked up to
    /// write one, and rows of one beginning are in the order of the log. The names 64 to 127 are lists.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self.0, 64..=127)
    }
}

/// One row of an index: a key that leads to a leaf. A key leads to one leaf for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRow {
    /// The index it belongs to.
    pub index: IndexName,
    /// At most [`MAX_ROW_KEY`] bytes.
    pub key: Vec<u8>,
    /// A leaf of the tree as it is after the commit.
    pub leaf: LeafIndex,
}

/// What is taken away of one leaf: its statement, its collateral, and rows that lead to it. Its entry stays, so the tree
/// does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// A leaf of the tree as it was before the commit, not erased yet.
    pub leaf: LeafIndex,
    /// What is left of it.
    pub erased: Erased,
    /// The rows that go; each leads to the leaf.
    pub rows: Vec<(IndexName, Vec<u8>)>,
}

/// What is left of a leaf that was erased, beside its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// The leaf that orders it, one that the same commit adds.
    pub by: LeafIndex,
    /// A digest in the place of the collateral.
    pub remains: [u8; 32],
}

/// One atomic step of the log: all of it becomes durable and visible, or none of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The head this commit was made for; `None` for the first. The store refuses it on any other.
    pub base: Option<TreeHead>,
    /// The head after it.
    pub head: Head,
    /// The entries with the indices from `base.size` on, at least one.
    pub entries: Vec<NewEntry>,
    /// The tiles that changed, each at most once.
    pub tiles: Vec<TilePut>,
    /// The index rows that are new.
    pub rows: Vec<IndexRow>,
    /// The leaves that are erased, each at most once.
    pub erasures: Vec<Erasure>,
}

impl Commit {
    /// Checks every law that the newest head and the commit itself decide. Which tiles and rows are already there
    /// is for the store to check.
    ///
    /// # Errors
    /// The first law that does not hold.
    pub fn check(&self, held: Option<Head>) -> Result<(), ConflictKind> {
        let held_tree = held.map(|head| head.tree);
        if self.base != held_tree {
            return Err(ConflictKind::Base { held: held_tree, base: self.base });
        }
        self.check_head(held)?;
        self.check_tiles()?;
        self.check_rows()?;
        self.check_erasures(held.map_or(TreeSize::EMPTY, |head| head.tree.size))
    }

    fn check_head(&self, held: Option<Head>) -> Result<(), ConflictKind> {
        let old = held.map_or(TreeSize::EMPTY, |head| head.tree.size);
        let added = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let size = self.head.tree.size;
        if added == 0 || old.checked_add(added) != Some(size) {
            return Err(ConflictKind::Size { old, added, new: size });
        }
        match held {
            Some(head) if head.time > self.head.time => {
                Err(ConflictKind::Time { old: head.time, new: self.head.time })
            }
            _ => Ok(()),
        }
    }

    fn check_tiles(&self) -> Result<(), ConflictKind> {
        let mut seen = BTreeSet::new();
        for TilePut { id, hashes } in &self.tiles {
            if !is_tile(hashes) || !seen.insert(*id) {
                return Err(ConflictKind::Tile(*id));
            }
        }
        Ok(())
    }

    fn check_erasures(&self, old: TreeSize) -> Result<(), ConflictKind> {
        let mut leaves = BTreeSet::new();
        let put: BTreeSet<_> = self.rows.iter().map(|row| (row.index, row.key.as_slice())).collect();
        for Erasure { leaf, erased, rows } in &self.erasures {
            let ordered = !erased.by.in_tree(old) && erased.by.in_tree(self.head.tree.size);
            let apart = !rows.iter().any(|(index, key)| put.contains(&(*index, key.as_slice())));
            if !leaf.in_tree(old) || !ordered || !apart || !leaves.insert(*leaf) {
                return Err(ConflictKind::Erasure(*leaf));
            }
        }
        Ok(())
    }

    fn check_rows(&self) -> Result<(), ConflictKind> {
        let mut seen = BTreeMap::new();
        for IndexRow { index, key, leaf } in &self.rows {
            let old = self.base.map_or(TreeSize::EMPTY, |base| base.size);
            let listed = key.ends_with(&leaf.get().to_be_bytes()) && !leaf.in_tree(old);
            let misplaced = index.is_list() && !listed;
            if misplaced || key.len() > MAX_ROW_KEY || !leaf.in_tree(self.head.tree.size) {
                return Err(ConflictKind::RowForm { index: *index, leaf: *leaf });
            }
            if index.is_list() {
                continue;
            }
            let first = seen.entry((*index, key.as_slice())).or_insert(*leaf);
            if first != leaf {
                return Err(ConflictKind::Row { index: *index, held: *first, leaf: *leaf });
            }
        }
        Ok(())
    }
}

/// Whether these bytes have the form of a tile.
pub(crate) fn is_tile(hashes: &[u8]) -> bool {
    let count = hashes.len() / Hash::LEN;
    hashes.len().is_multiple_of(Hash::LEN) && (1..=TILE_WIDTH).contains(&count)
}
