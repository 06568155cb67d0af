//! Batches of TRACE records against what is stored.

use proofs::{LeafIndex, SignedStatement};
use storage::Snapshot;

use crate::trace_batch::{self, TraceBatch};

/// Whether a batch goes on where the one before it ended, and lists the records that it looked at. What was erased since
/// is still listed, and cannot be compared.
pub(super) fn holds(
    snapshot: &dyn Snapshot,
    index: LeafIndex,
    statement: &SignedStatement,
    next: &mut LeafIndex,
) -> bool {
    let Ok(batch) = TraceBatch::of(statement.header()) else { return false };
    if batch.from != *next || batch.to > index {
        return false;
    }
    *next = batch.to;
    trace_batch::holds(snapshot, &batch).is_ok_and(|holds| holds)
}
