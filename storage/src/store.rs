//! The two traits, and what every implementation promises.

use bytes::Bytes;
use proofs::tile::TileId;
use proofs::{LeafIndex, TreeSize, UnixTime};

use crate::commit::{Commit, Erased, Head, IndexName};
use crate::error::StoreError;

/// A place where one log is kept.
///
/// Three promises, which [`contract`](crate::contract) checks:
///
/// 1. **All or nothing, for good.** A commit that returned `Ok` is durable and visible whole. One that returned
///    [`Conflict`](StoreError::Conflict) changed nothing. After any other error its fate is unknown until the store
///    is opened again, when it is there whole or not at all; until then every later commit fails, so that nothing is
///    built on an unknown ground.
/// 2. **The past does not change.** A commit is made for one head and refused on any other (compare-and-set). The
///    size grows with each, the time does not go back, a tile only grows by appending, a key of an index leads to one
///    leaf for as long as it is there, and every head ever committed can be read. The one exception is what a commit
///    erases: statement, collateral and named rows of a leaf are gone for every later view; its entry stays.
/// 3. **A view is one moment.** Everything read through one [`Snapshot`] belongs to the same commit, whatever is
///    committed meanwhile.
///
/// One process has a store open at a time. Commits are serialised by the store; readers never wait for them.
pub trait LogStore: Send + Sync {
    /// The newest committed head; `None` before the first commit.
    ///
    /// # Errors
    /// [`Corrupt`](StoreError::Corrupt) or [`Unavailable`](StoreError::Unavailable).
    fn head(&self) -> Result<Option<Head>, StoreError>;

    /// Makes one commit, atomic and durable when this returns `Ok`.
    ///
    /// # Errors
    /// [`Conflict`](StoreError::Conflict) when it does not continue what is held: another base, sizes that do not
    /// add up, time going back, a tile that would not grow by appending, a key that leads elsewhere. Otherwise
    /// [`Corrupt`](StoreError::Corrupt) or [`Unavailable`](StoreError::Unavailable), and no later commit succeeds.
    fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// Has the bytes of what was erased leave the store's files, as far as it can now; `true` when none are left. Views
    /// taken before an erasure keep its bytes alive, so call it again while it answers `false`.
    ///
    /// # Errors
    /// [`Corrupt`](StoreError::Corrupt) or [`Unavailable`](StoreError::Unavailable). What was not finished is done by
    /// the next call, also after a restart.
    fn scrub(&self) -> Result<bool, StoreError>;

    /// A view of the newest commit.
    ///
    /// # Errors
    /// [`Corrupt`](StoreError::Corrupt) or [`Unavailable`](StoreError::Unavailable).
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError>;

    /// The leaf a key leads to, in a view at least as new as the newest commit that returned before. As
    /// [`Snapshot::lookup`] of a fresh snapshot, for a caller that needs nothing else of it.
    ///
    /// # Errors
    /// [`Corrupt`](StoreError::Corrupt) or [`Unavailable`](StoreError::Unavailable).
    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        self.snapshot()?.lookup(index, key)
    }

    /// The checkpoint published last, as it was given; `None` before the first. It is kept apart from the commits,
    /// so that a store that lost some of them can be told by it.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable).
    fn published(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the published checkpoint: durable when this returns `Ok`, and at every moment, also across a crash,
    /// either the old one or the new one whole.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable).
    fn publish(&self, checkpoint: &[u8]) -> Result<(), StoreError>;

    /// The checkpoint that was announced last, as it was given; `None` before the first. It left the process before it
    /// was published, so a store that lost some of its commits can be told by it too.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable).
    fn announced(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the announced checkpoint, with the promises of [`publish`](Self::publish).
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable).
    fn announce(&self, checkpoint: &[u8]) -> Result<(), StoreError>;
}

/// The log as one commit left it.
///
/// Every method fails with [`Corrupt`](StoreError::Corrupt) when a value is malformed or one inside the tree is
/// missing, and with [`Unavailable`](StoreError::Unavailable) when it cannot be read.
pub trait Snapshot: Send + Sync {
    /// The head of this view; `None` before the first commit.
    fn head(&self) -> Option<Head>;

    /// These tiles in the order asked, each as wide as it was at this commit; `None` for one that is not stored.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// The entry of a leaf; `None` beyond the tree.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn entry(&self, leaf: LeafIndex) -> Result<Option<EntryRow>, StoreError>;

    /// The entries from `from` on, at most `count` of them, fewer where the tree ends.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn entries(&self, from: LeafIndex, count: usize) -> Result<Vec<EntryRow>, StoreError>;

    /// The statement of a leaf; `None` beyond the tree, and for a leaf whose [`EntryRow`] says that it was erased.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn statement(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError>;

    /// The collateral of a leaf; `None` beyond the tree, and for a leaf whose [`EntryRow`] says that it was erased.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn collateral(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError>;

    /// The leaf a key leads to.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError>;

    /// The rows whose keys begin with `prefix`, in ascending order of the whole key, at most `limit` of them.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn scan(
        &self,
        index: IndexName,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError>;

    /// The rows whose keys begin with `prefix` and are not before `from`, in ascending order of the whole key, at most
    /// `limit` of them: the way to go on where an earlier look ended.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn scan_from(
        &self,
        index: IndexName,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError>;

    /// The committed heads of at least this size, in ascending order, at most `limit` of them.
    ///
    /// # Errors
    /// See [`Snapshot`].
    fn heads(&self, from: TreeSize, limit: usize) -> Result<Vec<Head>, StoreError>;
}

/// What is stored of an entry beside its statement and collateral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRow {
    /// The bytes that the leaf hashes.
    pub entry: [u8; 32],
    /// When it was registered, in seconds.
    pub registered_at: UnixTime,
    /// Set if statement and collateral were erased.
    pub erased: Option<Erased>,
}
