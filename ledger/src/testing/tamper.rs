//! A store that lies in one place.

use std::sync::Arc;

use bytes::Bytes;
use proofs::tile::TileId;
use proofs::{LeafIndex, TreeSize};
use storage::{Commit, EntryRow, Head, IndexName, LogStore, Snapshot, StoreError};

/// Which place, and what it says instead.
#[derive(Clone)]
pub(crate) enum Lie {
    Head(Head),
    Heads(Head),
    Entry(u64, [u8; 32]),
    Statement(u64, Option<Vec<u8>>),
    Collateral(u64, Option<Vec<u8>>),
    Tile(TileId, Option<Vec<u8>>),
    Lookup(IndexName, Option<u64>),
    Published(Option<Vec<u8>>),
    PublishFails,
}

pub(crate) struct LyingStore {
    pub(crate) inner: Arc<dyn LogStore>,
    pub(crate) lie: Lie,
}

impl LogStore for LyingStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        if let Lie::Head(head) = &self.lie { Ok(Some(*head)) } else { self.inner.head() }
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.inner.commit(commit)
    }

    fn scrub(&self) -> Result<bool, StoreError> {
        self.inner.scrub()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(LyingSnapshot { inner: self.inner.snapshot()?, lie: &self.lie }))
    }

    fn published(&self) -> Result<Option<Vec<u8>>, StoreError> {
        if let Lie::Published(note) = &self.lie { Ok(note.clone()) } else { self.inner.published() }
    }

    fn publish(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        if matches!(self.lie, Lie::PublishFails) {
            return Err(StoreError::Unavailable { detail: "no space left".into() });
        }
        self.inner.publish(checkpoint)
    }

    fn announced(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.announced()
    }

    fn announce(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        if matches!(self.lie, Lie::PublishFails) {
            return Err(StoreError::Unavailable { detail: "no space left".into() });
        }
        self.inner.announce(checkpoint)
    }
}

struct LyingSnapshot<'a> {
    inner: Box<dyn Snapshot + 'a>,
    lie: &'a Lie,
}

impl Snapshot for LyingSnapshot<'_> {
    fn head(&self) -> Option<Head> {
        if let Lie::Head(head) = self.lie { Some(*head) } else { self.inner.head() }
    }

    fn tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut tiles = self.inner.tiles(ids)?;
        if let Lie::Tile(id, content) = self.lie {
            for (at, _) in ids.iter().enumerate().filter(|(_, asked)| *asked == id) {
                tiles[at] = content.clone();
            }
        }
        Ok(tiles)
    }

    fn entry(&self, leaf: LeafIndex) -> Result<Option<EntryRow>, StoreError> {
        self.inner.entry(leaf)
    }

    fn entries(&self, from: LeafIndex, count: usize) -> Result<Vec<EntryRow>, StoreError> {
        let mut rows = self.inner.entries(from, count)?;
        if let Lie::Entry(index, entry) = self.lie
            && let Some(at) = index.checked_sub(from.get())
            && let Some(row) = rows.get_mut(usize::try_from(at).unwrap())
        {
            row.entry = *entry;
        }
        Ok(rows)
    }

    fn statement(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        match self.lie {
            Lie::Statement(index, bytes) if *index == leaf.get() => Ok(bytes.clone().map(Bytes::from)),
            _ => self.inner.statement(leaf),
        }
    }

    fn collateral(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        match self.lie {
            Lie::Collateral(index, bytes) if *index == leaf.get() => Ok(bytes.clone().map(Bytes::from)),
            _ => self.inner.collateral(leaf),
        }
    }

    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        match self.lie {
            Lie::Lookup(name, leaf) if *name == index => Ok(leaf.map(LeafIndex::new)),
            _ => self.inner.lookup(index, key),
        }
    }

    fn scan(
        &self,
        index: IndexName,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        self.inner.scan(index, prefix, limit)
    }

    fn scan_from(
        &self,
        index: IndexName,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        self.inner.scan_from(index, prefix, from, limit)
    }

    fn heads(&self, from: TreeSize, limit: usize) -> Result<Vec<Head>, StoreError> {
        let mut heads = self.inner.heads(from, limit)?;
        if let Lie::Heads(lie) = self.lie {
            heads.iter_mut().filter(|head| head.tree.size == lie.tree.size).for_each(|head| *head = *lie);
        }
        Ok(heads)
    }
}
