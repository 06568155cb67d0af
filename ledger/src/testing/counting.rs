//! A store that counts what is read of it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use proofs::tile::TileId;
use proofs::{LeafIndex, TreeSize};
use storage::{Commit, EntryRow, Head, IndexName, LogStore, Snapshot, StoreError};

/// What was read since the store was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Calls of any kind.
    pub(crate) calls: usize,
    /// Tiles that were asked for.
    pub(crate) tiles: usize,
    /// Statements and collateral records.
    pub(crate) contents: usize,
    /// Their bytes.
    pub(crate) content_bytes: usize,
    /// Entries, index rows and heads that were given.
    pub(crate) rows: usize,
}

impl Counts {
    /// What was read from `earlier` on.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls - earlier.calls,
            tiles: self.tiles - earlier.tiles,
            contents: self.contents - earlier.contents,
            content_bytes: self.content_bytes - earlier.content_bytes,
            rows: self.rows - earlier.rows,
        }
    }
}

pub(crate) struct CountingStore {
    inner: Arc<dyn LogStore>,
    counts: Mutex<Counts>,
}

impl CountingStore {
    pub(crate) fn new(inner: Arc<dyn LogStore>) -> Self {
        Self { inner, counts: Mutex::default() }
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap();
        counts.calls += 1;
        add(&mut counts);
    }
}

impl LogStore for CountingStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        self.count(|counts| counts.rows += 1);
        self.inner.head()
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.inner.commit(commit)
    }

    fn scrub(&self) -> Result<bool, StoreError> {
        self.inner.scrub()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(CountingSnapshot { inner: self.inner.snapshot()?, store: self }))
    }

    fn published(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.published()
    }

    fn publish(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        self.inner.publish(checkpoint)
    }

    fn announced(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.announced()
    }

    fn announce(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        self.inner.announce(checkpoint)
    }
}

struct CountingSnapshot<'a> {
    inner: Box<dyn Snapshot + 'a>,
    store: &'a CountingStore,
}

impl CountingSnapshot<'_> {
    fn content(&self, read: Option<Bytes>) -> Option<Bytes> {
        let bytes = read.as_ref().map_or(0, Bytes::len);
        self.store.count(|counts| {
            counts.contents += 1;
            counts.content_bytes += bytes;
        });
        read
    }

    fn rows<T>(&self, rows: Vec<T>) -> Vec<T> {
        self.store.count(|counts| counts.rows += rows.len());
        rows
    }
}

impl Snapshot for CountingSnapshot<'_> {
    fn head(&self) -> Option<Head> {
        self.inner.head()
    }

    fn tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.store.count(|counts| counts.tiles += ids.len());
        self.inner.tiles(ids)
    }

    fn entry(&self, leaf: LeafIndex) -> Result<Option<EntryRow>, StoreError> {
        self.store.count(|counts| counts.rows += 1);
        self.inner.entry(leaf)
    }

    fn entries(&self, from: LeafIndex, count: usize) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.rows(self.inner.entries(from, count)?))
    }

    fn statement(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        Ok(self.content(self.inner.statement(leaf)?))
    }

    fn collateral(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        Ok(self.content(self.inner.collateral(leaf)?))
    }

    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        self.store.count(|counts| counts.rows += 1);
        self.inner.lookup(index, key)
    }

    fn scan(
        &self,
        index: IndexName,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        Ok(self.rows(self.inner.scan(index, prefix, limit)?))
    }

    fn scan_from(
        &self,
        index: IndexName,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        Ok(self.rows(self.inner.scan_from(index, prefix, from, limit)?))
    }

    fn heads(&self, from: TreeSize, limit: usize) -> Result<Vec<Head>, StoreError> {
        Ok(self.rows(self.inner.heads(from, limit)?))
    }
}
