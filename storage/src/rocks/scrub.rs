//! What was erased leaves the files: write-ahead log, tables and blobs.
//!
//! A deletion in RocksDB hides a value; its bytes stay until compaction meets them, and those of a blob until its file
//! is given up. The commit that erases therefore notes the leaf, and scrubbing rewrites what may hold it: the
//! write-ahead log by writing everything out, the tables that cover the leaf, all index rows, and, if the statement may
//! have been a blob, all statements, because live blobs share its file; at last RocksDB's manifest, which has the first
//! and last key of every table there ever was. The note is taken away last, so a kill in between loses nothing but the
//! manifest, which opening the store makes anew.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use proofs::LeafIndex;
use rocksdb::{
    BottommostLevelCompaction, CompactOptions, DB, FlushOptions, IteratorMode, ReadOptions, WriteOptions,
};

use super::{RocksStore, failure, schema};
use crate::error::StoreError;

/// The value of a note on a statement that lay in a table.
pub(super) const SMALL: [u8; 1] = [1];

/// The value of a note on a statement that may have been a blob.
pub(super) const LARGE: [u8; 1] = [2];

/// From this length on a statement counts as one that may have been a blob, in bytes: far below the limit in force, so
/// that the limit can change.
pub(super) const LARGE_BYTES: usize = 1024;

/// The most leaves that are scrubbed one by one; for more, whole families are rewritten.
const MAX_ONE_BY_ONE: usize = 64;

/// The sequence number of the oldest view, 0 if there is none.
const OLDEST_VIEW: &std::ffi::CStr = c"rocksdb.oldest-snapshot-sequence";

/// Has live blobs move out of every file during the compaction, and no longer.
const COLLECT: [(&str, &str); 2] =
    [("enable_blob_garbage_collection", "true"), ("blob_garbage_collection_age_cutoff", "1.0")];
const KEEP: [(&str, &str); 2] =
    [("enable_blob_garbage_collection", "false"), ("blob_garbage_collection_age_cutoff", "0.25")];

struct Pending {
    leaves: Vec<LeafIndex>,
    /// Whether one of them may have been a blob.
    large: bool,
    /// Views older than this still show what was erased.
    since: u64,
}

pub(super) fn run(store: &RocksStore) -> Result<bool, StoreError> {
    let db = &store.db;
    let pending = pending(store)?;
    if pending.leaves.is_empty() {
        return Ok(true);
    }
    // A view from before the erasure keeps the bytes through any compaction.
    if has_older_views(db, pending.since)? {
        return Ok(false);
    }
    flush(db)?;
    let one_by_one = pending.leaves.len() <= MAX_ONE_BY_ONE;
    let narrow = |narrow: bool| if narrow { &pending.leaves[..] } else { &[] };
    let statements = schema::family(db, schema::STATEMENTS)?;
    let set = |options| db.set_options_cf(statements, options).map_err(|error| failure::used(&error));
    set(&COLLECT)?;
    let rewritten = rewrite(db, schema::STATEMENTS, narrow(one_by_one && !pending.large));
    set(&KEEP)?;
    let done = rewritten?
        && rewrite(db, schema::COLLATERAL, narrow(one_by_one))?
        && rewrite(db, schema::ROWS, narrow(false))?
        && rewrite(db, schema::LISTS, narrow(false))?;
    if !done {
        return Ok(false);
    }
    for leaf in &pending.leaves {
        let deleted = db.delete_opt(schema::leaf_key(*leaf), &WriteOptions::default());
        deleted.map_err(|error| failure::used(&error))?;
    }
    // One more change, and the manifest is written without the tables that are gone.
    flush(db)?;
    Ok(self::pending(store)?.leaves.is_empty())
}

fn pending(store: &RocksStore) -> Result<Pending, StoreError> {
    // No erasure is committed meanwhile, so none is noted without its sequence number.
    let _writer = store.writer.lock().unwrap_or_else(PoisonError::into_inner);
    let since = store.erased_at.load(Ordering::SeqCst);
    let mut pending = Pending { leaves: Vec::new(), large: false, since };
    for item in store.db.iterator_opt(IteratorMode::Start, ReadOptions::default()) {
        let (key, note) = item.map_err(|error| failure::used(&error))?;
        pending.leaves.push(schema::parse_leaf(&key)?);
        pending.large |= note[..] != SMALL;
    }
    Ok(pending)
}

fn has_older_views(db: &DB, since: u64) -> Result<bool, StoreError> {
    let oldest = db.property_int_value(OLDEST_VIEW).map_err(|error| failure::used(&error))?;
    Ok(oldest.is_some_and(|oldest| oldest > 0 && oldest < since))
}

/// Everything that is in memory goes into tables, so that the write-ahead log begins anew.
fn flush(db: &DB) -> Result<(), StoreError> {
    let names = schema::FAMILIES.iter().chain([&schema::PENDING]);
    let families = names.map(|name| schema::family(db, name)).collect::<Result<Vec<_>, _>>()?;
    db.flush_cfs_opt(&families, &FlushOptions::default()).map_err(|error| failure::used(&error))
}

/// Rewrites the tables of a family that hold one of the leaves, or all if there are none; `false` if one was left.
fn rewrite(db: &DB, name: &str, leaves: &[LeafIndex]) -> Result<bool, StoreError> {
    let family = schema::family(db, name)?;
    let before = tables(db, name, leaves)?;
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options.set_exclusive_manual_compaction(false);
    if leaves.is_empty() {
        db.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
    }
    for leaf in leaves {
        let key = schema::leaf_key(*leaf);
        db.compact_range_cf_opt(family, Some(key), Some(key), &options);
    }
    // The binding does not say whether a compaction succeeded; the tables do.
    Ok(tables(db, name, leaves)?.is_disjoint(&before))
}

fn tables(db: &DB, name: &str, leaves: &[LeafIndex]) -> Result<BTreeSet<String>, StoreError> {
    let keys: Vec<_> = leaves.iter().map(|leaf| schema::leaf_key(*leaf)).collect();
    let files = db.live_files().map_err(|error| failure::used(&error))?;
    let holds = |start: &Option<Vec<u8>>, end: &Option<Vec<u8>>| {
        keys.is_empty()
            || keys.iter().any(|key| {
                start.as_deref().is_none_or(|start| start <= &key[..])
                    && end.as_deref().is_none_or(|end| &key[..] <= end)
            })
    };
    Ok(files
        .into_iter()
        .filter(|file| file.column_family_name == name && holds(&file.start_key, &file.end_key))
        .map(|file| file.name)
        .collect())
}
