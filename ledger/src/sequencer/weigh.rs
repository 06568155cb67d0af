//! What only the log itself can decide about a control statement: whether the entry that it erases is there, and whether
//! the head that it resumes from is the newest. The sequencer asks, because only it knows what comes before.

use proofs::manifest::collateral_hash;
use proofs::{EntryId, LeafIndex, SignedStatement, TreeHead, TreeSize};
use storage::{Erased, Erasure, Snapshot, StoreError};

use crate::collateral::Collateral;
use crate::control::{Change, ControlFault, ControlType, LogIdentity, follows};
use crate::error::InternalError;
use crate::governance::Admitted;
use crate::rows;
use crate::trace_batch::{self, BatchError};

/// What a statement does to what is stored, or why it does not fit here. `by` is the leaf that it will be.
pub(super) fn weigh(
    admitted: &Admitted,
    before: &dyn Snapshot,
    identity: &LogIdentity,
    by: LeafIndex,
) -> Result<Result<Option<Erasure>, ControlFault>, StoreError> {
    if let Some(fault) = misplaced(admitted.statement.statement(), before)? {
        return Ok(Err(fault));
    }
    let Some(control) = &admitted.control else { return Ok(Ok(None)) };
    match control.change() {
        Change::Policy(_) | Change::Anchors(_) => Ok(Ok(None)),
        Change::Erasure(entry) => Ok(erase(*entry, before, identity, by)?.map(Some)),
        Change::Incident(found) => resume(admitted.statement.statement(), *found, before),
    }
}

/// A batch of TRACE records looks at what follows the newest one, and at nothing that is not committed.
fn misplaced(statement: &SignedStatement, before: &dyn Snapshot) -> Result<Option<ControlFault>, StoreError> {
    if ControlType::of(statement.header()) != Some(ControlType::TraceBatch) {
        return Ok(None);
    }
    let size = before.head().map_or(TreeSize::EMPTY, |head| head.tree.size);
    let next = match trace_batch::newest(before, size) {
        Ok((next, _)) => next,
        Err(InternalError::Store(error)) => return Err(error),
        // What the newest one says cannot be read, so nothing continues it.
        Err(_) => return Ok(Some(BatchError::Place { next: size.next_index() }.into())),
    };
    let range = trace_batch::range_of(statement.header());
    let fits = range.is_some_and(|(from, to)| from == next && to <= size.next_index());
    Ok((!fits).then(|| BatchError::Place { next }.into()))
}

fn erase(
    entry: EntryId,
    before: &dyn Snapshot,
    identity: &LogIdentity,
    by: LeafIndex,
) -> Result<Result<Erasure, ControlFault>, StoreError> {
    let Some(leaf) = before.lookup(rows::ENTRY, entry.as_bytes())? else {
        return Ok(Err(ControlFault::NoSuchEntry { entry }));
    };
    if let Some(by) = erased_by(before, leaf)? {
        return Ok(Err(ControlFault::ErasedAlready { entry, by }));
    }
    let statement = before.statement(leaf)?.unwrap_or_default();
    let record = before.collateral(leaf)?.unwrap_or_default();
    let Ok(statement) = SignedStatement::parse(&statement, statement.len()) else {
        return Ok(Err(ControlFault::NoSuchEntry { entry }));
    };
    if ControlType::of(statement.header()).is_some() {
        return Ok(Err(ControlFault::NotErasable { entry }));
    }
    // Of a record that does not read, fsck will say so; its terms are unknown, and the statement goes all the same.
    let examined = Collateral::decode(&record).ok().and_then(|record| record.examined);
    let rows = rows::of_entry(&statement, leaf, identity, examined.as_ref());
    let gone = rows.into_iter().filter(|row| !rows::outlives_erasure(row.index));
    let erased = Erased { by, remains: *collateral_hash(&record).as_bytes() };
    Ok(Ok(Erasure { leaf, erased, rows: gone.map(|row| (row.index, row.key)).collect() }))
}

/// The erasure of an entry, if it was erased.
pub(crate) fn erased_by(snapshot: &dyn Snapshot, leaf: LeafIndex) -> Result<Option<EntryId>, StoreError> {
    let Some(erased) = snapshot.entry(leaf)?.and_then(|row| row.erased) else { return Ok(None) };
    Ok(snapshot.entry(erased.by)?.map(|row| EntryId::from_bytes(row.entry)))
}

fn resume(
    statement: &SignedStatement,
    found: TreeHead,
    before: &dyn Snapshot,
) -> Result<Result<Option<Erasure>, ControlFault>, StoreError> {
    let Some(held) = before.head().map(|head| head.tree) else { return Ok(Ok(None)) };
    let last = held.size.last().map(|last| before.entry(last)).transpose()?.flatten();
    let last = last.map(|row| EntryId::from_bytes(row.entry));
    let fits = found == held && last.is_some() && follows(statement.header()) == last;
    Ok(if fits { Ok(None) } else { Err(ControlFault::NotTheHead { found, held }) })
}

#[cfg(test)]
mod tests;
