//! The proof that a record is in its batch.

use std::sync::Arc;

use proofs::{EntryId, Hash, InclusionProof, LeafIndex, SignedStatement, TreeSize};
use storage::Snapshot;

use super::document::{TraceBatch, path, root};
use super::make::leaf_of;
use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::receipts::tree_error;
use crate::registration::position;
use crate::rows;
use crate::sequencer::weigh::erased_by;
use crate::shared::Shared;
use crate::workers::Sort;

/// Where a TRACE record is in the registry anchor format v1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceAnchor {
    /// Where the record is on the log.
    pub index: LeafIndex,
    /// The leaf of the record: SHA-256 of a zero byte and its sorted-key JSON.
    pub leaf: Hash,
    /// The registry entry of its batch, JSON.
    pub entry: Vec<u8>,
    /// The path in the tree of the batch, folded to its root before it is given.
    pub proof: InclusionProof,
    /// The root of that tree.
    pub root: Hash,
    /// The entry of the log that registered the batch.
    pub batch: EntryId,
    /// Its position.
    pub batch_index: LeafIndex,
}

impl Ledger {
    /// The registry entry that a TRACE record is under, and the path that proves it.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] for an unknown id and for what is no TRACE record, [`ReadError::NotYetAnchored`] until
    /// its batch is registered, [`ReadError::Erased`] for one that was erased.
    pub async fn trace_anchor(&self, id: EntryId) -> Result<TraceAnchor, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || anchor(&shared, &id)).await?
    }
}

fn anchor(shared: &Shared, id: &EntryId) -> Result<TraceAnchor, ReadError> {
    let index = position(shared, id).map_err(InternalError::from)?.ok_or(ReadError::NotFound)?;
    let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
    let snapshot = snapshot.as_ref();
    if let Some(by) = erased_by(snapshot, index).map_err(InternalError::from)? {
        return Err(ReadError::Erased { by });
    }
    let leaf = leaf_of(snapshot, index)?.ok_or(ReadError::NotFound)?;
    let size = shared.state.borrow().head.tree.size;
    let found = batch_over(snapshot, index).map_err(ReadError::from)?;
    let Some((batch_index, statement)) = found.filter(|(batch, _)| batch.in_tree(size)) else {
        return Err(ReadError::NotYetAnchored { index });
    };
    let damaged = || InternalError::Entry(batch_index);
    let batch = TraceBatch::of(statement.header()).map_err(|_| damaged())?;
    if index < batch.from {
        return Err(ReadError::NotYetAnchored { index });
    }
    // One record may be there twice, under two statements; its leaf is the same.
    let place = batch.leaves.iter().position(|known| *known == leaf).ok_or_else(damaged)?;
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let root = root(&batch.leaves);
    let proof = InclusionProof {
        index: LeafIndex::new(number(place)),
        size: TreeSize::new(number(batch.leaves.len())),
        path: path(&batch.leaves, place),
    };
    proof.verify(&leaf, &root).map_err(tree_error)?;
    let entry = statement.payload().to_vec();
    Ok(TraceAnchor { index, leaf, entry, proof, root, batch: statement.entry_id(), batch_index })
}

/// The first batch that looked beyond an entry.
fn batch_over(
    snapshot: &dyn Snapshot,
    index: LeafIndex,
) -> Result<Option<(LeafIndex, SignedStatement)>, InternalError> {
    let rows = snapshot.scan_from(rows::TRACE_BATCH, &[], &rows::leaf_key(index), 1)?;
    let Some((_, leaf)) = rows.into_iter().next() else { return Ok(None) };
    let damaged = || InternalError::Entry(leaf);
    let bytes = snapshot.statement(leaf)?.ok_or_else(damaged)?;
    let statement = SignedStatement::parse(&bytes, bytes.len()).map_err(|_| damaged())?;
    Ok(Some((leaf, statement)))
}
