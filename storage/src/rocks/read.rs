//! The log as one commit left it: a snapshot of RocksDB.

use bytes::Bytes;
use proofs::tile::TileId;
use proofs::{LeafIndex, TreeSize};
use rocksdb::{DB, DBPinnableSlice, PrefixRange, ReadOptions};

use super::{failure, schema};
use crate::commit::{Head, IndexName, MAX_ROW_KEY};
use crate::error::StoreError;
use crate::store::{EntryRow, Snapshot};

/// The newest head as these options show it.
pub(super) fn newest(db: &DB, options: &ReadOptions) -> Result<Option<Head>, StoreError> {
    get(db, schema::HEADS, &schema::NEWEST, options)?
        .map(|value| schema::parse_newest_head(&value))
        .transpose()
}

/// The head committed at a size as these options show it.
pub(super) fn head_at(db: &DB, options: &ReadOptions, size: TreeSize) -> Result<Option<Head>, StoreError> {
    let key = schema::size_key(size);
    get(db, schema::HEADS, &key, options)?.map(|value| schema::parse_past_head(&key, &value)).transpose()
}

/// The leaf a key leads to as these options show it.
pub(super) fn lookup(
    db: &DB,
    options: &ReadOptions,
    index: IndexName,
    key: &[u8],
) -> Result<Option<LeafIndex>, StoreError> {
    if key.len() > MAX_ROW_KEY {
        return Ok(None);
    }
    let row = get(db, schema::family_of(index), &schema::row_key(index, key), options)?;
    row.map(|value| schema::parse_leaf(&value)).transpose()
}

fn get<'a>(
    db: &'a DB,
    family: &str,
    key: &[u8],
    options: &ReadOptions,
) -> Result<Option<DBPinnableSlice<'a>>, StoreError> {
    let family = schema::family(db, family)?;
    db.get_pinned_cf_opt(family, key, options).map_err(|error| failure::used(&error))
}

/// A snapshot with its head.
pub(super) struct View<'a> {
    db: &'a DB,
    snapshot: rocksdb::Snapshot<'a>,
    options: ReadOptions,
    head: Option<Head>,
}

impl<'a> View<'a> {
    pub(super) fn new(db: &'a DB) -> Result<Self, StoreError> {
        let snapshot = db.snapshot();
        let mut options = ReadOptions::default();
        options.set_snapshot(&snapshot);
        let head = newest(db, &options)?;
        Ok(Self { db, snapshot, options, head })
    }

    fn size(&self) -> TreeSize {
        self.head.map_or(TreeSize::EMPTY, |head| head.tree.size)
    }

    /// A value that every leaf of the tree has.
    fn of_leaf(&self, family: &str, leaf: LeafIndex) -> Result<Option<DBPinnableSlice<'_>>, StoreError> {
        if !leaf.in_tree(self.size()) {
            return Ok(None);
        }
        get(self.db, family, &schema::leaf_key(leaf), &self.options)
    }

    /// A value that every leaf of the tree has unless it was erased.
    fn bytes_of_leaf(&self, family: &str, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        let value = self.of_leaf(family, leaf)?;
        let gone = || self.entry(leaf).map(|row| row.is_none_or(|row| row.erased.is_some()));
        if value.is_none() && !gone()? {
            return Err(schema::missing(family, leaf));
        }
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Goes through the rows of a range in order, until `take` has enough.
    fn walk(
        &self,
        family: &str,
        range: impl rocksdb::IterateBounds,
        take: impl FnMut(&[u8], &[u8]) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        self.walk_from(family, range, None, take)
    }

    /// The same, from a key on that need not be there.
    fn walk_from(
        &self,
        family: &str,
        range: impl rocksdb::IterateBounds,
        from: Option<&[u8]>,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_range(range);
        let family = schema::family(self.db, family)?;
        let mut rows = self.snapshot.raw_iterator_cf_opt(family, options);
        match from {
            Some(key) => rows.seek(key),
            None => rows.seek_to_first(),
        }
        while let Some((key, value)) = rows.item() {
            if take(key, value)? == Next::Enough {
                return Ok(());
            }
            rows.next();
        }
        rows.status().map_err(|error| failure::used(&error))
    }
}

/// Whether a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    More,
    Enough,
}

impl Next {
    fn unless_full<T>(found: &[T], limit: usize) -> Self {
        if found.len() < limit { Self::More } else { Self::Enough }
    }
}

impl Snapshot for View<'_> {
    fn head(&self) -> Option<Head> {
        self.head
    }

    fn tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let keys: Vec<_> = ids.iter().map(|id| schema::tile_key(*id)).collect();
        let family = schema::family(self.db, schema::TILES)?;
        let values = self.db.batched_multi_get_cf_opt(family, &keys, false, &self.options);
        let tile = |(id, value): (&TileId, Result<Option<DBPinnableSlice<'_>>, rocksdb::Error>)| {
            let value = value.map_err(|error| failure::used(&error))?;
            value.map(|value| schema::parse_tile(*id, &value)).transpose()
        };
        ids.iter().zip(values).map(tile).collect()
    }

    fn entry(&self, leaf: LeafIndex) -> Result<Option<EntryRow>, StoreError> {
        match self.of_leaf(schema::ENTRIES, leaf)? {
            Some(value) => schema::parse_entry_row(leaf, &value).map(Some),
            None if leaf.in_tree(self.size()) => Err(schema::missing(schema::ENTRIES, leaf)),
            None => Ok(None),
        }
    }

    fn entries(&self, from: LeafIndex, count: usize) -> Result<Vec<EntryRow>, StoreError> {
        let left = self.size().get().saturating_sub(from.get());
        let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut found = Vec::new();
        if count == 0 {
            return Ok(found);
        }
        let mut leaf = from;
        let range = schema::leaf_key(from).to_vec()..schema::leaf_key(self.size().next_index()).to_vec();
        self.walk(schema::ENTRIES, range, |key, value| {
            if key != schema::leaf_key(leaf) {
                return Err(schema::missing(schema::ENTRIES, leaf));
            }
            found.push(schema::parse_entry_row(leaf, value)?);
            leaf = leaf.next();
            Ok(Next::unless_full(&found, count))
        })?;
        if found.len() < count { Err(schema::missing(schema::ENTRIES, leaf)) } else { Ok(found) }
    }

    fn statement(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        self.bytes_of_leaf(schema::STATEMENTS, leaf)
    }

    fn collateral(&self, leaf: LeafIndex) -> Result<Option<Bytes>, StoreError> {
        self.bytes_of_leaf(schema::COLLATERAL, leaf)
    }

    fn lookup(&self, index: IndexName, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        lookup(self.db, &self.options, index, key)
    }

    fn scan(
        &self,
        index: IndexName,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        self.scan_from(index, prefix, prefix, limit)
    }

    fn scan_from(
        &self,
        index: IndexName,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        let from = schema::row_key(index, from.max(prefix));
        let range = PrefixRange(schema::row_key(index, prefix));
        self.walk_from(schema::family_of(index), range, Some(&from), |key, value| {
            let name_cut = key.get(1..).unwrap_or_default().to_vec();
            found.push((name_cut, schema::parse_leaf(value)?));
            Ok(Next::unless_full(&found, limit))
        })?;
        Ok(found)
    }

    fn heads(&self, from: TreeSize, limit: usize) -> Result<Vec<Head>, StoreError> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        self.walk(schema::HEADS, schema::size_key(from).to_vec().., |key, value| {
            found.push(schema::parse_past_head(key, value)?);
            Ok(Next::unless_full(&found, limit))
        })?;
        Ok(found)
    }
}
