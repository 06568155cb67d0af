//! What a log in memory is made of. Everything remembers the size at which it came, so that any head seen before can
//! be looked at again.

use std::collections::BTreeMap;

use proofs::tile::TileId;
use proofs::{LeafIndex, TreeSize};

use super::Tamper;
use crate::commit::{Commit, Head, IndexName, IndexRow, NewEntry, TilePut};
use crate::error::ConflictKind;

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    entries: Vec<NewEntry>,
    heads: BTreeMap<TreeSize, Head>,
    tiles: BTreeMap<TileId, Tile>,
    rows: BTreeMap<(IndexName, Vec<u8>), Row>,
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
            match self.rows.get(&(*index, key.clone())) {
                Some(held) if held.leaf != *leaf => {
                    return Err(ConflictKind::Row { index: *index, held: held.leaf, leaf: *leaf });
                }
                _ => {}
            }
        }
        Ok(())
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
            self.rows.entry((index, key)).or_insert(Row { leaf, since });
        }
        self.heads.insert(since, commit.head);
    }

    pub(super) fn entries(&self, from: LeafIndex, size: TreeSize) -> impl Iterator<Item = &NewEntry> {
        let end = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let start = usize::try_from(from.get()).unwrap_or(usize::MAX);
        self.entries.iter().take(end).skip(start)
    }

    pub(super) fn tile(&self, id: TileId, size: TreeSize) -> Option<Vec<u8>> {
        let tile = self.tiles.get(&id)?;
        let (_, length) = tile.lengths.range(..=size).next_back()?;
        tile.hashes.get(..*length).map(<[u8]>::to_vec)
    }

    pub(super) fn lookup(&self, index: IndexName, key: &[u8], size: TreeSize) -> Option<LeafIndex> {
        self.rows.get(&(index, key.to_vec())).filter(|row| row.since <= size).map(|row| row.leaf)
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
            .filter(move |(_, row)| row.since <= size)
            .map(|((_, key), row)| (key.clone(), row.leaf))
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
                self.rows.insert((index, key), Row { leaf, since: TreeSize::EMPTY });
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
