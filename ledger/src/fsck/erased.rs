//! Whether an erasure and what it erased belong together (D20).

use proofs::{EntryId, LeafIndex, SignedStatement};
use storage::{EntryRow, Snapshot};

use crate::control::{ControlType, Erasure};
use crate::rows;

/// Whether nothing is left of a statement, and the erasure that it was marked with names it.
pub(crate) fn is_erased_rightly(snapshot: &dyn Snapshot, index: LeafIndex, row: &EntryRow) -> bool {
    let Some(by) = row.erased.map(|erased| erased.by).filter(|by| *by > index) else { return false };
    let gone = [snapshot.statement(index), snapshot.collateral(index)];
    let named = snapshot.statement(by).ok().flatten().and_then(|bytes| erasure(&bytes));
    gone.iter().all(|left| matches!(left, Ok(None))) && named == Some(EntryId::from_bytes(row.entry))
}

/// Whether what an erasure at `index` names is marked as erased by it.
pub(crate) fn has_erased(snapshot: &dyn Snapshot, index: LeafIndex, statement: &SignedStatement) -> bool {
    let Some(entry) = erasure(statement.canonical()) else { return false };
    let leaf = snapshot.lookup(rows::ENTRY, entry.as_bytes()).ok().flatten();
    let row = leaf.and_then(|leaf| snapshot.entry(leaf).ok().flatten());
    row.and_then(|row| row.erased).is_some_and(|erased| erased.by == index)
}

/// The entry that a statement erases.
fn erasure(statement: &[u8]) -> Option<EntryId> {
    let statement = SignedStatement::parse(statement, statement.len()).ok()?;
    let kind = ControlType::of(statement.header()).filter(|kind| *kind == ControlType::Erasure);
    kind.and_then(|_| Erasure::from_json(statement.payload()).ok()).map(|erasure| erasure.entry)
}
