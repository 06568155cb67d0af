//! When a batch is due, and what is in it.

use proofs::{EntryId, Hash, LeafIndex, SignedStatement, TreeSize, UnixTime};
use storage::{Snapshot, StoreError};

use super::document::{MAX_BATCH_RECORDS, TraceBatch, range_of};
use crate::collateral::Collateral;
use crate::error::InternalError;
use crate::profile::trace_rows;
use crate::rows;

/// How many rows are read at a time.
const CHUNK: usize = 256;

/// Up to where records are in batches, and the newest batch, or the genesis statement where there is none.
pub(crate) fn newest(snapshot: &dyn Snapshot, size: TreeSize) -> Result<(LeafIndex, EntryId), InternalError> {
    let first = LeafIndex::new(0);
    let newest = rows::newest(snapshot, rows::TRACE_BATCH, size)?;
    let index = newest.unwrap_or(first);
    let damaged = || InternalError::Entry(index);
    let by = EntryId::from_bytes(snapshot.entry(index)?.ok_or_else(damaged)?.entry);
    if newest.is_none() {
        return Ok((first, by));
    }
    let bytes = snapshot.statement(index)?.ok_or_else(damaged)?;
    let statement = SignedStatement::parse(&bytes, bytes.len()).map_err(|_| damaged())?;
    let (_, to) = range_of(statement.header()).ok_or_else(damaged)?;
    Ok((to, by))
}

/// What has come since the newest batch, counted so far.
pub(crate) struct Tally {
    from: LeafIndex,
    pub(crate) follows: EntryId,
    /// The next entry to look at.
    next: LeafIndex,
    /// How many entries of TRACE there are.
    count: usize,
    /// When the first of them was registered.
    oldest: Option<UnixTime>,
    /// When the log was last looked at.
    looked: Option<UnixTime>,
}

impl Tally {
    pub(crate) fn new(snapshot: &dyn Snapshot, size: TreeSize) -> Result<Self, InternalError> {
        let (from, follows) = newest(snapshot, size)?;
        Ok(Self { from, follows, next: from, count: 0, oldest: None, looked: None })
    }

    /// Whether another look can wait: one was taken in this second, and a batch would not be full yet. Rounds end
    /// hundreds of times a second, batches are due by the minute.
    pub(crate) fn may_wait(&self, size: TreeSize, now: UnixTime, interval: u64) -> bool {
        let come = size.get().saturating_sub(self.next.get());
        let few = usize::try_from(come).is_ok_and(|come| come < MAX_BATCH_RECORDS);
        interval > 0 && self.looked == Some(now) && few
    }

    /// The batch that is due at `now`, if one is: there is a record that has waited for `interval` seconds, or as many
    /// records as one batch takes.
    pub(crate) fn due(
        &mut self,
        snapshot: &dyn Snapshot,
        size: TreeSize,
        now: UnixTime,
        interval: u64,
    ) -> Result<Option<TraceBatch>, InternalError> {
        // Counted without a look at each: revocations, and records that broke TRACE's rules, count too. They are told
        // apart below.
        let mut records = Records::new(snapshot, self.next, size);
        while self.count < MAX_BATCH_RECORDS {
            let Some(index) = records.index()? else { break };
            self.count = self.count.saturating_add(1);
            if self.oldest.is_none() {
                let row = snapshot.entry(index)?.ok_or(InternalError::Entry(index))?;
                self.oldest = Some(row.registered_at);
            }
        }
        self.next = records.next;
        self.looked = Some(now);
        let waited = self.oldest.map(|oldest| now.secs().saturating_sub(oldest.secs()));
        if self.count < MAX_BATCH_RECORDS && waited.is_none_or(|waited| waited < interval) {
            return Ok(None);
        }
        // What was erased since it was counted is no longer there.
        let mut leaves = Vec::with_capacity(self.count);
        let mut records = Records::new(snapshot, self.from, size);
        while leaves.len() < MAX_BATCH_RECORDS {
            let Some((_, leaf)) = records.next()? else { break };
            leaves.push(leaf);
        }
        let to = records.next;
        if leaves.is_empty() {
            // None of them was a record. They are not looked at again until one has come.
            *self = Self { next: to, count: 0, oldest: None, ..*self };
            return Ok(None);
        }
        Ok(Some(TraceBatch { from: self.from, to, leaves }))
    }
}

/// The TRACE records of the log from an entry on.
struct Records<'a> {
    snapshot: &'a dyn Snapshot,
    size: TreeSize,
    /// The first entry that was not looked at; the size of the log once there are no more.
    next: LeafIndex,
    rows: std::vec::IntoIter<LeafIndex>,
    ended: bool,
}

impl<'a> Records<'a> {
    fn new(snapshot: &'a dyn Snapshot, from: LeafIndex, size: TreeSize) -> Self {
        Self { snapshot, size, next: from, rows: Vec::new().into_iter(), ended: false }
    }

    fn next(&mut self) -> Result<Option<(LeafIndex, Hash)>, InternalError> {
        while let Some(index) = self.index()? {
            if let Some(leaf) = leaf_of(self.snapshot, index)? {
                return Ok(Some((index, leaf)));
            }
        }
        Ok(None)
    }

    /// The next entry of TRACE, be it a record or not.
    fn index(&mut self) -> Result<Option<LeafIndex>, StoreError> {
        loop {
            let Some(index) = self.rows.next() else {
                if !self.more()? {
                    self.next = self.next.max(self.size.next_index());
                    return Ok(None);
                }
                continue;
            };
            if !index.in_tree(self.size) {
                self.ended = true;
                self.rows = Vec::new().into_iter();
                continue;
            }
            self.next = index.next();
            return Ok(Some(index));
        }
    }

    fn more(&mut self) -> Result<bool, StoreError> {
        if self.ended {
            return Ok(false);
        }
        let (prefix, from) = trace_rows(self.next);
        let rows = self.snapshot.scan_from(rows::TERM, &prefix, &from, CHUNK)?;
        self.ended = rows.len() < CHUNK;
        let found = !rows.is_empty();
        self.rows = rows.into_iter().map(|(_, leaf)| leaf).collect::<Vec<_>>().into_iter();
        Ok(found)
    }
}

/// The anchor leaf of a record; `None` for what is no record, was refused by its own rules, or was erased.
pub(super) fn leaf_of(snapshot: &dyn Snapshot, index: LeafIndex) -> Result<Option<Hash>, InternalError> {
    let Some(bytes) = snapshot.collateral(index)? else { return Ok(None) };
    let record = Collateral::decode(&bytes).map_err(|_| InternalError::Entry(index))?;
    Ok(record.examined.as_ref().and_then(crate::profile::anchor_leaf))
}

/// Whether the leaves of a batch are those of the records it looked at, those excepted that were erased.
pub(crate) fn holds(snapshot: &dyn Snapshot, batch: &TraceBatch) -> Result<bool, InternalError> {
    let mut records = Records::new(snapshot, batch.from, TreeSize::new(batch.to.get()));
    let mut listed = batch.leaves.iter();
    let mut missing = batch.leaves.len();
    while let Some((_, leaf)) = records.next()? {
        // In order: those passed over belong to what was erased.
        if !listed.any(|known| *known == leaf) {
            return Ok(false);
        }
        missing = missing.saturating_sub(1);
    }
    if missing == 0 {
        return Ok(true);
    }
    let mut erased = 0_usize;
    let mut at = batch.from;
    while at < batch.to {
        erased =
            erased.saturating_add(usize::from(snapshot.entry(at)?.is_some_and(|row| row.erased.is_some())));
        at = at.next();
    }
    Ok(missing <= erased)
}
