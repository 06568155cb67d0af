//! The reference store: the promises of [`LogStore`] in the plainest form, and failures on demand.

mod state;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use proofs::tile::TileId;
use proofs::{LeafIndex, TreeSize};

use crate::commit::{Commit, Head, IndexName};
use crate::error::StoreError;
use crate::store::{EntryRow, LogStore, Snapshot};

use state::State;

/// How a commit fails on demand. Both look the same to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was written, and the commit is reported as failed.
    Lost,
    /// All of it was written, and the commit is reported as failed.
    Persisted,
}

/// A part of the log to be changed behind the store's back, for tests of whoever has to notice.
#[derive(Debug, Clone)]
pub enum Tamper {
    /// Another entry for a leaf.
    Entry(LeafIndex, EntryRow),
    /// Another statement for a leaf.
    Statement(LeafIndex, Bytes),
    /// Another collateral for a leaf.
    Collateral(LeafIndex, Bytes),
    /// Another content of a tile.
    Tile(TileId, Vec<u8>),
    /// Another leaf for a key; `None` takes the row away.
    Row(IndexName, Vec<u8>, Option<LeafIndex>),
    /// Another head in the place of the one of the same size.
    Head(Head),
}

/// A log in memory. It keeps every law that a store on disk keeps, and is gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
    control: Mutex<Control>,
    published: Mutex<Option<Vec<u8>>>,
    announced: Mutex<Option<Vec<u8>>>,
}

#[derive(Debug, Default)]
struct Control {
    commits: u64,
    faults: BTreeMap<u64, Fault>,
    failed: bool,
}

impl MemoryStore {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has the `n`-th commit fail, counted from 1 since the store was made; commits refused as conflicts do not
    /// count. After it every commit fails until [`reopen`](Self::reopen).
    pub fn fail_commit(&self, n: u64, fault: Fault) {
        self.control().faults.insert(n, fault);
    }

    /// How many commits came so far, those that failed on demand included, those refused as conflicts not.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.control().commits
    }

    /// What a restart of the process does: after a failed commit the store takes commits again.
    pub fn reopen(&self) {
        self.control().failed = false;
    }

    /// A copy of the log and of its checkpoint as they are now, for a backup to be restored later.
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner).clone();
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            state: RwLock::new(state),
            control: Mutex::default(),
            published: Mutex::new(published),
            announced: Mutex::new(announced),
        }
    }

    /// Changes what is stored, as no commit could. Snapshots see it too.
    pub fn tamper(&self, tamper: Tamper) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).tamper(tamper);
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogStore for MemoryStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.state.read().unwrap_or_else(PoisonError::into_inner).head())
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let mut control = self.control();
        if control.failed {
            return Err(unavailable("an earlier commit failed"));
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        commit.check(state.head()).map_err(StoreError::Conflict)?;
        state.check(&commit).map_err(StoreError::Conflict)?;
        control.commits += 1;
        let nth = control.commits;
        let fault = control.faults.remove(&nth);
        if fault != Some(Fault::Lost) {
            state.apply(commit);
        }
        if fault.is_some() {
            control.failed = true;
            return Err(unavailable("the disk failed, as the test asked it to"));
        }
        Ok(())
    }

    /// Views of the past are kept for tests, and with them what was erased: memory is no place that bytes leave.
    fn scrub(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let head = self.head()?;
        Ok(Box::new(View { store: self, head }))
    }

    fn published(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.published.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn publish(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint.to_vec());
        Ok(())
    }

    fn announced(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.announced.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn announce(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint.to_vec());
        Ok(())
    }
}

fn unavailable(detail: &str) -> StoreError {
    StoreError::Unavailable { detail: detail.to_owned() }
}

/// Nothing is ever taken away from the state, only marked as gone, so a head is enough to see it as it was.
struct View<'a> {
    store: &'a MemoryStore,
    head: Option<Head>,
}

impl View<'_> {
    fn size(&self) -> TreeSize {
        self.head.map_or(TreeSize::EMPTY, |head| head.tree.size)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.store.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Snapshot for View<'_> {
    fn head(&self) -> Option<Head> {
        self.head
    }

    fn tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        Ok(self.read(|state| ids.iter().map(|id| state.tile(*id, self.size())).collect()))
    }

    fn entry(&self, leaf: LeafIndex) -> Result<Option<EntryRow>, StoreError> {
        Ok(self.entries(leaf, 1)?.pop())
    }

    fn entries(&self, from: LeafIndex, count: usize) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.read(|state| state.rows_of_entries(from, self.size()).take(count).collect()))
    }

    fn statement(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        Ok(self.read(|state| state.entry(leaf, self.size()).map(|entry| entry.statement.clone())))
    }

    fn collateral(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        Ok(self.read(|state| state.entry(leaf, self.size()).map(|entry| entry.collateral.clone())))
    }

    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        Ok(self.read(|state| state.lookup(index, key, self.size())))
    }

    fn scan(
        &self,
        index: IndexName,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        Ok(self.read(|state| state.scan(index, prefix, self.size()).take(limit).collect()))
    }

    fn scan_from(
        &self,
        index: IndexName,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        Ok(self.read(|state| {
            let rows = state.scan(index, prefix, self.size());
            rows.skip_while(|(key, _)| key.as_slice() < from).take(limit).collect()
        }))
    }

    fn heads(&self, from: TreeSize, limit: usize) -> Result<Vec<Head>, StoreError> {
        Ok(self.read(|state| state.heads(from, self.size()).take(limit).collect()))
    }
}

#[cfg(test)]
mod tests;
