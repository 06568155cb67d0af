//! How large the store is and how busy with itself.

use std::ffi::CStr;

use rocksdb::{ColumnFamily, DB};

use super::schema;

/// What operators want to know of the store: sizes in bytes, now, over all of it. A number that RocksDB does not give is
/// zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreNumbers {
    /// Table files and blob files that hold the log.
    pub live_bytes: u64,
    /// The same with those that are no longer needed and not deleted yet.
    pub total_bytes: u64,
    /// Commits that are not in a table file yet, in memory and in the write-ahead log.
    pub buffered_bytes: u64,
    /// What was read lately and is kept in memory.
    pub cache_bytes: u64,
    /// What compaction would have to rewrite to be done.
    pub compaction_debt_bytes: u64,
    /// For each column family, the table files that were written out and not sorted in yet. Too many in one of them
    /// stall commits.
    pub unsorted_files: [(&'static str, u64); schema::FAMILIES.len()],
    /// Compactions running.
    pub compactions: u64,
    /// Buffers being written out.
    pub flushes: u64,
    /// Whether commits wait until the store has caught up.
    pub stopped: bool,
    /// Bytes a second that commits are slowed down to; 0 when they are not.
    pub delayed_bytes_per_second: u64,
    /// Errors of the work in the background.
    pub background_errors: u64,
}

impl StoreNumbers {
    pub(super) fn read(db: &DB) -> Self {
        let families: Vec<_> = schema::FAMILIES.iter().filter_map(|name| db.cf_handle(name)).collect();
        let of = |family: &ColumnFamily, name: &CStr| {
            db.property_int_value_cf(family, name).ok().flatten().unwrap_or_default()
        };
        let sum =
            |name: &CStr| families.iter().fold(0_u64, |sum, family| sum.saturating_add(of(family, name)));
        let once = |name: &CStr| db.property_int_value(name).ok().flatten().unwrap_or_default();
        let live_blobs = sum(c"rocksdb.live-blob-file-size");
        let total_blobs = sum(c"rocksdb.total-blob-file-size");
        Self {
            live_bytes: sum(c"rocksdb.live-sst-files-size").saturating_add(live_blobs),
            total_bytes: sum(c"rocksdb.total-sst-files-size").saturating_add(total_blobs),
            buffered_bytes: sum(c"rocksdb.cur-size-all-mem-tables"),
            // One cache for all families: each of them reports the whole of it.
            cache_bytes: families.first().map_or(0, |family| of(family, c"rocksdb.block-cache-usage")),
            compaction_debt_bytes: sum(c"rocksdb.estimate-pending-compaction-bytes"),
            unsorted_files: schema::FAMILIES.map(|name| {
                let files = db.cf_handle(name).map(|family| of(family, c"rocksdb.num-files-at-level0"));
                (name, files.unwrap_or_default())
            }),
            compactions: once(c"rocksdb.num-running-compactions"),
            flushes: once(c"rocksdb.num-running-flushes"),
            stopped: once(c"rocksdb.is-write-stopped") > 0,
            delayed_bytes_per_second: once(c"rocksdb.actual-delayed-write-rate"),
            background_errors: once(c"rocksdb.background-errors"),
        }
    }
}
