//! The store on disk: RocksDB, embedded in the process, and a few small files beside it.
//!
//! ```text
//! store/FORMAT      the storage format, checked before anything else is touched
//! store/LOCK        locked by the process that has the log open
//! store/committed   size and root of the newest commit, so that a database that lost some does not open
//! store/checkpoint  the checkpoint published last
//! store/announced   the checkpoint announced to witnesses last, if there are any
//! store/RESTORED    the mark of a log that was put back from a copy and may not sign yet
//! store/db/         RocksDB
//! store/backup/     a copy of the running log, as long as a backup is made of it
//! ```
//!
//! A commit is one synced write batch. The marker `committed` is overwritten in place after it and never synced by
//! itself: it can be behind the database after a power failure, never ahead of it. So a database that ends before its
//! marker, or has another root there, has lost or changed something that was acknowledged, and is refused. Opening
//! looks at everything read-only before it changes anything: a store that is refused is left as it was found.

mod copy;
mod failure;
mod folder;
mod log_file;
mod marker;
mod numbers;
mod open;
mod options;
mod read;
mod schema;
mod scrub;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use proofs::LeafIndex;
use rocksdb::DB;
use serde::Deserialize;

use crate::commit::{Commit, Head, IndexName};
use crate::error::StoreError;
use crate::store::{LogStore, Snapshot};

use folder::Folder;
pub use numbers::StoreNumbers;
pub use write::SyncedWrite;
use write::Writer;

/// The storage format that this program reads and writes.
pub const FORMAT: u32 = 2;

/// How a log on disk is kept. The same log can be opened with other settings later.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Memory for what was read lately, in MiB. Default 64. With too little, receipts wait for the disk; whatever is
    /// given here is used up in time.
    pub cache_mib: usize,
    /// Memory for commits that are not in a table file yet, in MiB. Default 32. The write-ahead log grows as large,
    /// and is read twice at the start after a kill; while a buffer is being written out, a second one fills.
    pub write_buffer_mib: usize,
    /// Whether a commit waits for the disk. It cannot be set from a file.
    #[serde(skip)]
    pub durability: Durability,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_mib: 64, write_buffer_mib: 32, durability: Durability::Synced }
    }
}

/// Whether a commit waits until the disk has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It does. The only setting under which the promises of [`LogStore`] hold.
    #[default]
    Synced,
    /// It does not, and a power failure loses what was acknowledged. For measuring what syncing costs, and for tests
    /// that must fail without it.
    Unsynced,
}

/// A log kept by RocksDB. See the [module](self) for what lies where.
pub struct RocksStore {
    // Fields are dropped in this order: the database closes before the lock is given back.
    db: DB,
    writer: Mutex<Option<Writer>>,
    publishing: Mutex<()>,
    /// Whether there is a copy of the log beside it, for a backup.
    copied: Mutex<bool>,
    /// The sequence number of the newest commit that erased something, since the store was opened.
    erased_at: AtomicU64,
    folder: Folder,
}

impl RocksStore {
    /// Writes what is in memory into table files now, so that the write-ahead log begins anew. Nothing needs it to be
    /// durable; it makes the next start quicker.
    ///
    /// # Errors
    /// [`Corrupt`](StoreError::Corrupt) or [`Unavailable`](StoreError::Unavailable); later commits then fail too.
    pub fn flush(&self) -> Result<(), StoreError> {
        let families = schema::FAMILIES
            .iter()
            .chain([&schema::PENDING])
            .map(|name| schema::family(&self.db, name))
            .collect::<Result<Vec<_>, _>>()?;
        self.db
            .flush_cfs_opt(&families, &rocksdb::FlushOptions::default())
            .map_err(|error| failure::used(&error))
    }

    /// Brings everything into the form that it would reach with time: one run of tables for each kind of row. Takes as
    /// long as reading and writing all of it. For measuring what a log takes on the disk; nothing needs it.
    ///
    /// # Errors
    /// As [`RocksStore::flush`], and [`Corrupt`](StoreError::Corrupt) where a damaged table is met.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.flush()?;
        for name in schema::FAMILIES {
            let family = schema::family(&self.db, name)?;
            self.db.compact_range_cf::<&[u8], &[u8]>(family, None, None);
        }
        // What went wrong in the background is told by the next use.
        self.head().map(|_| ())
    }

    /// Bytes on the disk for each kind of row, without the write-ahead log. The kinds are the column
    /// families of the [module](self).
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable) or [`Corrupt`](StoreError::Corrupt).
    pub fn sizes(&self) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let size = |name: &'static str| {
            let family = schema::family(&self.db, name)?;
            let property = |property: &str| {
                self.db.property_int_value_cf(family, property).map_err(|error| failure::used(&error))
            };
            let tables = property("rocksdb.total-sst-files-size")?.unwrap_or(0);
            Ok((name, tables.saturating_add(property("rocksdb.total-blob-file-size")?.unwrap_or(0))))
        };
        schema::FAMILIES.into_iter().map(size).collect()
    }
}

impl RocksStore {
    /// How large the store is and how busy with itself, for operators.
    #[must_use]
    pub fn numbers(&self) -> StoreNumbers {
        StoreNumbers::read(&self.db)
    }

    /// Tells `observer` after every commit what it waited for. It is called by the thread that commits, and only the
    /// first one given is; a store whose commits do not wait for the disk has nothing to tell.
    pub fn observe_syncs(&self, observer: impl Fn(SyncedWrite) + Send + Sync + 'static) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.as_mut() {
            writer.observe(Box::new(observer));
        }
    }
}

impl LogStore for RocksStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        read::newest(&self.db, &rocksdb::ReadOptions::default())
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let erases = !commit.erasures.is_empty();
        writer.as_mut().ok_or_else(failure::read_only)?.commit(&self.db, &commit)?;
        if erases {
            self.erased_at.store(self.db.latest_sequence_number(), Ordering::SeqCst);
        }
        Ok(())
    }

    fn scrub(&self) -> Result<bool, StoreError> {
        if self.folder.access() == folder::Access::Read {
            return Err(failure::read_only());
        }
        // Held until all is done, so that no copy is made of files that are about to go.
        let copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        if *copied { Ok(false) } else { scrub::run(self) }
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(read::View::new(&self.db)?))
    }

    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        read::lookup(&self.db, &rocksdb::ReadOptions::default(), index, key)
    }

    fn published(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.folder.published()
    }

    fn publish(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        if self.folder.access() == folder::Access::Read {
            return Err(failure::read_only());
        }
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        self.folder.publish(checkpoint)
    }

    fn announced(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.folder.announced()
    }

    fn announce(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        if self.folder.access() == folder::Access::Read {
            return Err(failure::read_only());
        }
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        self.folder.announce(checkpoint)
    }
}
