//! One commit: checked against what is stored, then written as one batch.

use std::time::Duration;

use rocksdb::perf::{PerfContext, PerfMetric, PerfStatsLevel, set_perf_stats};
use rocksdb::{DB, DBPinnableSlice, ReadOptions, WriteBatch};

use super::marker::Marker;
use super::{Durability, failure, options, read, schema, scrub};
use crate::commit::{Commit, Erasure, Head};
use crate::error::{ConflictKind, StoreError};

/// Room in a batch for the keys and numbers of one row, in bytes; only a guess to allocate once.
const ROW_GUESS: usize = 64;

/// The one who commits, and what it knows of the newest commit.
pub(super) struct Writer {
    held: Option<Head>,
    marker: Marker,
    durability: Durability,
    /// Why a commit failed. From then on what is stored is unknown.
    failed: Option<String>,
    observer: Option<SyncObserver>,
}

/// What one synced commit waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncedWrite {
    /// Until its write-ahead record was written and synced to the disk.
    pub synced: Duration,
    /// Before that, until the store let it in: it holds commits back while writing out buffers or compaction is behind.
    pub held_back: Duration,
}

/// Learns what each synced commit waited for.
pub(super) type SyncObserver = Box<dyn Fn(SyncedWrite) + Send + Sync>;

impl Writer {
    pub(super) fn new(held: Option<Head>, marker: Marker, durability: Durability) -> Self {
        Self { held, marker, durability, failed: None, observer: None }
    }

    pub(super) fn observe(&mut self, observer: SyncObserver) {
        self.observer.get_or_insert(observer);
    }

    pub(super) fn commit(&mut self, db: &DB, commit: &Commit) -> Result<(), StoreError> {
        if let Some(cause) = &self.failed {
            return Err(StoreError::Unavailable { detail: format!("an earlier commit failed: {cause}") });
        }
        commit.check(self.held).map_err(StoreError::Conflict)?;
        let batch = prepare(db, commit)?;
        let written = self.write(db, batch).and_then(|()| self.mark(&commit.head));
        if let Err(error) = &written {
            self.failed = Some(match error {
                StoreError::Unavailable { detail } | StoreError::Corrupt { detail, .. } => detail.clone(),
                other => other.to_string(),
            });
        }
        written
    }

    fn write(&mut self, db: &DB, batch: WriteBatch) -> Result<(), StoreError> {
        // What is not synced must not be told as if it were.
        let watched = self.observer.is_some() && self.durability == Durability::Synced;
        let mut watch = watched.then(PerfContext::default);
        if let Some(watch) = &mut watch {
            // For this thread, and only around the write: everything else goes on unmeasured. The binding's names are
            // one behind RocksDB's levels since the level "wait" came between them: this is time without processor time.
            set_perf_stats(PerfStatsLevel::EnableTimeAndCPUTimeExceptForMutex);
            watch.reset();
        }
        let written = db.write_opt(batch, &options::write(self.durability));
        if let Some(watch) = watch {
            set_perf_stats(PerfStatsLevel::Disable);
            if let Some(observer) = self.observer.as_ref().filter(|_| written.is_ok()) {
                let took = |metric| Duration::from_nanos(watch.metric(metric));
                observer(SyncedWrite {
                    synced: took(PerfMetric::WriteWalTime),
                    held_back: took(PerfMetric::WriteDelayTime),
                });
            }
        }
        written.map_err(|error| failure::used(&error))
    }

    fn mark(&mut self, head: &Head) -> Result<(), StoreError> {
        self.held = Some(*head);
        self.marker.set(&head.tree).map_err(|error| StoreError::Unavailable {
            detail: format!("cannot write the marker of the newest commit: {error}"),
        })
    }
}

/// Checks the tiles and rows against what is stored, and puts what is new into a batch.
fn prepare(db: &DB, commit: &Commit) -> Result<WriteBatch, StoreError> {
    let mut batch = WriteBatch::with_capacity_bytes(guess(commit));
    put_heads(db, commit, &mut batch)?;
    put_entries(db, commit, &mut batch)?;
    put_tiles(db, commit, &mut batch)?;
    put_rows(db, commit, &mut batch)?;
    erase(db, commit, &mut batch)?;
    Ok(batch)
}

fn guess(commit: &Commit) -> usize {
    let entries = commit.entries.iter().map(|new| new.statement.len() + new.collateral.len() + 3 * ROW_GUESS);
    let tiles = commit.tiles.iter().map(|put| put.hashes.len() + ROW_GUESS);
    let rows = commit.rows.iter().map(|row| row.key.len() + ROW_GUESS);
    entries.chain(tiles).chain(rows).sum()
}

fn put_heads(db: &DB, commit: &Commit, batch: &mut WriteBatch) -> Result<(), StoreError> {
    let heads = schema::family(db, schema::HEADS)?;
    batch.put_cf(heads, schema::NEWEST, schema::newest_head(&commit.head));
    batch.put_cf(heads, schema::size_key(commit.head.tree.size), schema::past_head(&commit.head));
    Ok(())
}

fn put_entries(db: &DB, commit: &Commit, batch: &mut WriteBatch) -> Result<(), StoreError> {
    let entries = schema::family(db, schema::ENTRIES)?;
    let statements = schema::family(db, schema::STATEMENTS)?;
    let collateral = schema::family(db, schema::COLLATERAL)?;
    let mut leaf = commit.base.map_or(proofs::TreeSize::EMPTY, |base| base.size).next_index();
    for new in &commit.entries {
        let key = schema::leaf_key(leaf);
        batch.put_cf(entries, key, schema::entry_row(&new.entry, new.registered_at));
        batch.put_cf(statements, key, &new.statement);
        batch.put_cf(collateral, key, &new.collateral);
        leaf = leaf.next();
    }
    Ok(())
}

fn put_tiles(db: &DB, commit: &Commit, batch: &mut WriteBatch) -> Result<(), StoreError> {
    let keys: Vec<_> = commit.tiles.iter().map(|put| schema::tile_key(put.id)).collect();
    let stored = get_many(db, schema::TILES, &keys)?;
    let tiles = schema::family(db, schema::TILES)?;
    for ((put, key), stored) in commit.tiles.iter().zip(&keys).zip(&stored) {
        let held: &[u8] = stored.as_deref().unwrap_or_default();
        if !put.hashes.starts_with(held) {
            return Err(StoreError::Conflict(ConflictKind::Tile(put.id)));
        }
        if put.hashes.len() > held.len() {
            batch.put_cf(tiles, key, &put.hashes);
        }
    }
    Ok(())
}

fn put_rows(db: &DB, commit: &Commit, batch: &mut WriteBatch) -> Result<(), StoreError> {
    let (rows, lists) = (schema::family(db, schema::ROWS)?, schema::family(db, schema::LISTS)?);
    let (listed, unique): (Vec<_>, Vec<_>) = commit.rows.iter().partition(|row| row.index.is_list());
    for row in listed {
        batch.put_cf(lists, schema::row_key(row.index, &row.key), schema::leaf_key(row.leaf));
    }
    let keys: Vec<_> = unique.iter().map(|row| schema::row_key(row.index, &row.key)).collect();
    let stored = get_many(db, schema::ROWS, &keys)?;
    for ((row, key), stored) in unique.into_iter().zip(&keys).zip(&stored) {
        match stored.as_deref().map(schema::parse_leaf).transpose()? {
            None => batch.put_cf(rows, key, schema::leaf_key(row.leaf)),
            Some(held) if held == row.leaf => {}
            Some(held) => {
                let conflict = ConflictKind::Row { index: row.index, held, leaf: row.leaf };
                return Err(StoreError::Conflict(conflict));
            }
        }
    }
    Ok(())
}

/// Deletes what is erased, and notes that its bytes are still in the files.
fn erase(db: &DB, commit: &Commit, batch: &mut WriteBatch) -> Result<(), StoreError> {
    let [entries, statements, collateral] =
        [schema::ENTRIES, schema::STATEMENTS, schema::COLLATERAL].map(|name| schema::family(db, name));
    let (entries, statements, collateral) = (entries?, statements?, collateral?);
    for Erasure { leaf, erased, rows: gone } in &commit.erasures {
        let conflict = || StoreError::Conflict(ConflictKind::Erasure(*leaf));
        let key = schema::leaf_key(*leaf);
        let held = get_many(db, schema::ENTRIES, &[key])?.pop().flatten();
        let held = held.ok_or_else(|| schema::missing(schema::ENTRIES, *leaf))?;
        let row = schema::parse_entry_row(*leaf, &held)?;
        if row.erased.is_some() {
            return Err(conflict());
        }
        for (index, key) in gone {
            if read::lookup(db, &ReadOptions::default(), *index, key)? != Some(*leaf) {
                return Err(conflict());
            }
            let rows = schema::family(db, schema::family_of(*index))?;
            batch.delete_cf(rows, schema::row_key(*index, key));
        }
        batch.put_cf(entries, key, schema::erased_row(&row, erased));
        let statement = get_many(db, schema::STATEMENTS, &[key])?.pop().flatten();
        let large = statement.is_none_or(|statement| statement.len() >= scrub::LARGE_BYTES);
        batch.delete_cf(statements, key);
        batch.delete_cf(collateral, key);
        batch.put(key, if large { scrub::LARGE } else { scrub::SMALL });
    }
    Ok(())
}

fn get_many<'a, K: AsRef<[u8]>>(
    db: &'a DB,
    family: &str,
    keys: &[K],
) -> Result<Vec<Option<DBPinnableSlice<'a>>>, StoreError> {
    let family = schema::family(db, family)?;
    db.batched_multi_get_cf_opt(family, keys, false, &ReadOptions::default())
        .into_iter()
        .map(|value| value.map_err(|error| failure::used(&error)))
        .collect()
}

#[cfg(test)]
mod tests;
