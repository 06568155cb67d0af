//! A store that does to a commit what it should not.

use proofs::LeafIndex;
use storage::memory::MemoryStore;
use storage::{Commit, Head, IndexName, LogStore, Snapshot, StoreError};

/// `meddle` sees each commit first; it may also wait.
pub(crate) struct Meddling {
    pub(crate) inner: MemoryStore,
    pub(crate) meddle: Box<dyn Fn(&mut Commit) + Send + Sync>,
}

impl LogStore for Meddling {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        self.inner.head()
    }

    fn commit(&self, mut commit: Commit) -> Result<(), StoreError> {
        (self.meddle)(&mut commit);
        self.inner.commit(commit)
    }

    fn scrub(&self) -> Result<bool, StoreError> {
        self.inner.scrub()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.inner.snapshot()
    }

    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        self.inner.lookup(index, key)
    }

    fn announced(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.announced()
    }

    fn announce(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        self.inner.announce(checkpoint)
    }

    fn published(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.published()
    }

    fn publish(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        self.inner.publish(checkpoint)
    }
}
