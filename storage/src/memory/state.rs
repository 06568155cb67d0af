//! What a log in memory is made of. Everything remembers the size at which it came, so that any head seen before can
//! be looked at again.

use std::collections::BTreeMap;

use proofs::tile::TileId;
use proofs::{LeafIndex, TreeSize};

use super::Tamper;
use crate::commit::{Commit, Erased, Erasure, Head, IndexName, IndexRow, NewEntry, TilePut};
use crate::error::ConflictKind;
use crate::store::EntryRow;

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    entries: Vec<NewEntry>,
    heads: BTreeMap<TreeSize, Head>,
    tiles: BTreeMap<TileId, Tile>,
    rows: BTreeMap<(IndexName, Vec<u8>), Vec<Row>>,
    erased: BTreeMap<LeafIndex, (TreeSize, Erased)>,
}

#[derive(Debug, Clone, Default)]
struct Tile {
    hashes: Vec<u8>,
    /// The length in bytes after each commit that changed it.
    lengths: BTreeMap<TreeSize, usize>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    leaf: LeafIndex,
    since: TreeSize,
    until: Option<TreeSize>,
}

impl Row {
    fn is_there(&self, size: TreeSize) -> bool {
        self.since <= size && self.until.is_none_or(|until| size < until)
    }
}

impl State {
    pub(super) fn head(&self) -> Option<Head> {
        self.heads.last_key_value().map(|(_, head)| *head)
    }

    /// The laws that what is stored decides.
    pub(super) fn check(&self, commit: &Commit) -> Result<(), ConflictKind> {
        for TilePut { id, hashes } in &commit.tiles {
            let held = self.tiles.get(id).map_or(&[][..], |tile| &tile.hashes);
            if !hashes.starts_with(held) {
                return Err(ConflictKind::Tile(*id));
            }
        }
        for IndexRow { index, key, leaf } in &commit.rows {
            match self.led(*index, key) {
                Some(held) if held != *leaf => {
                    return Err(ConflictKind::Row { index: *index, held, leaf: *leaf });
                }
                _ => {}
            }
        }
        for Erasure { leaf, rows, .. } in &commit.erasures {
            let led = rows.iter().all(|(index, key)| self.led(*index, key) == Some(*leaf));
            if self.erased.contains_key(leaf) || !led {
                return Err(ConflictKind::Erasure(*leaf));
            }
        }
        Ok(())
    }

    /// Where a key leads now.
    fn led(&self, index: IndexName, key: &[u8]) -> Option<LeafIndex> {
        let rows = self.rows.get(&(index, key.to_vec()))?;
        rows.iter().find(|row| row.until.is_none()).map(|row| row.leaf)
    }

    pub(super) fn apply(&mut self, commit: Commit) {
        let since = commit.head.tree.size;
        self.entries.extend(commit.entries);
        for TilePut { id, hashes } in commit.tiles {
            let tile = self.tiles.entry(id).or_default();
            tile.lengths.insert(since, hashes.len());
            tile.hashes = hashes;
        }
        for IndexRow { index, key, leaf } in commit.rows {
            if self.led(index, &key).is_none() {
                self.rows.entry((index, key)).or_default().push(Row { leaf, since, until: None });
            }
        }
        for Erasure { leaf, erased, rows } in commit.erasures {
            self.erased.insert(leaf, (since, erased));
            for key in rows {
                if let Some(row) = self.rows.get_mut(&key).and_then(|rows| rows.last_mut()) {
                    row.until = Some(since);
                }
            }
        }
        self.heads.insert(since, commit.head);
    }

    pub(super) fn rows_of_entries(&self, from: LeafIndex, size: TreeSize) -> impl Iterator<Item = EntryRow> {
        let end = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let start = usize::try_from(from.get()).unwrap_or(usize::MAX);
        let leaves = (from.get()..).map(LeafIndex::new);
        self.entries.iter().take(end).skip(start).zip(leaves).map(move |(entry, leaf)| EntryRow {
            entry: entry.entry,
            registered_at: entry.registered_at,
            erased: self.erased(leaf, size),
        })
    }

    /// What is kept of a leaf, unless it was erased.
    pub(super) fn entry(&self, leaf: LeafIndex, size: TreeSize) -> Option<&NewEntry> {
        let at = usize::try_from(leaf.get()).ok().filter(|_| leaf.in_tree(size))?;
        self.entries.get(at).filter(|_| self.erased(leaf, size).is_none())
    }

    fn erased(&self, leaf: LeafIndex, size: TreeSize) -> Option<Erased> {
        self.erased.get(&leaf).filter(|(since, _)| *since <= size).map(|(_, erased)| *erased)
    }

    pub(super) fn tile(&self, id: TileId, size: TreeSize) -> Option<Vec<u8>> {
        let tile = self.tiles.get(&id)?;
        let (_, length) = tile.lengths.range(..=size).next_back()?;
        tile.hashes.get(..*length).map(<[u8]>::to_vec)
    }

    pub(super) fn lookup(&self, index: IndexName, key: &[u8], size: TreeSize) -> Option<LeafIndex> {
        let rows = self.rows.get(&(index, key.to_vec()))?;
        rows.iter().find(|row| row.is_there(size)).map(|row| row.leaf)
    }

    pub(super) fn scan(
        &self,
        index: IndexName,
        prefix: &[u8],
        size: TreeSize,
    ) -> impl Iterator<Item = (Vec<u8>, LeafIndex)> {
        self.rows
            .range((index, prefix.to_vec())..)
            .take_while(move |((name, key), _)| *name == index && key.starts_with(prefix))
            .filter_map(move |((_, key), rows)| {
                rows.iter().find(|row| row.is_there(size)).map(|row| (key.clone(), row.leaf))
            })
    }

    pub(super) fn heads(&self, from: TreeSize, size: TreeSize) -> impl Iterator<Item = Head> {
        self.heads.range(from..).map(|(_, head)| *head).take_while(move |head| head.tree.size <= size)
    }

    pub(super) fn tamper(&mut self, tamper: Tamper) {
        let entries = &mut self.entries;
        let mut change = |leaf: LeafIndex, act: &mut dyn FnMut(&mut NewEntry)| {
            if let Some(entry) = usize::try_from(leaf.get()).ok().and_then(|at| entries.get_mut(at)) {
                act(entry);
            }
        };
        match tamper {
            Tamper::Entry(leaf, row) => change(leaf, &mut |entry| {
                entry.entry = row.entry;
                entry.registered_at = row.registered_at;
            }),
            Tamper::Statement(leaf, bytes) => change(leaf, &mut |entry| entry.statement = bytes.clone()),
            Tamper::Collateral(leaf, bytes) => change(leaf, &mut |entry| entry.collateral = bytes.clone()),
            Tamper::Tile(id, hashes) => {
                let tile = self.tiles.entry(id).or_default();
                tile.lengths = BTreeMap::from([(TreeSize::EMPTY, hashes.len())]);
                tile.hashes = hashes;
            }
            Tamper::Row(index, key, Some(leaf)) => {
                self.rows.insert((index, key), vec![Row { leaf, since: TreeSize::EMPTY, until: None }]);
            }
            Tamper::Row(index, key, None) => {
                self.rows.remove(&(index, key));
            }
            Tamper::Head(head) => {
                self.heads.insert(head.tree.size, head);
            }
        }
    }
}
