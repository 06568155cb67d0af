//! Receipts for what is committed (D2). Signed by whoever asks, never by the sequencer.

use std::sync::Arc;

use proofs::receipt::{ReceiptClaims, issue_consistency, issue_inclusion};
use proofs::statement::log_subject;
use proofs::{CompactRange, EntryId, InclusionProof, LeafIndex, NodeReader, TreeSize, UnixTime, leaf_hash};

use crate::error::{InternalError, ReadError};
use crate::metrics::timed;
use crate::shared::Shared;
use crate::tree_proofs::{self, ProvenConsistency};

/// What a receipt says of an entry beyond its proof.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) id: EntryId,
    pub(crate) index: LeafIndex,
    pub(crate) registered_at: UnixTime,
    pub(crate) subject: Arc<str>,
}

/// A fresh inclusion receipt against the head that receipts are signed for, which holds the entry
/// ([`Shared::may_issue`]).
pub(crate) fn inclusion(shared: &Shared, entry: &Registered) -> Result<Vec<u8>, InternalError> {
    timed(&shared.metrics.receipt_seconds, || {
        let tiles = shared.tree();
        let head = shared.receipt_head(tiles.head());
        let proof = InclusionProof::prove(entry.index, head.size, &tiles.nodes()).map_err(tree_error)?;
        let claims = ReceiptClaims {
            issuer: issuer(shared),
            subject: entry.subject.to_string(),
            issued_at: Some(entry.registered_at),
        };
        let leaf = leaf_hash(entry.id.as_bytes());
        let receipt = issue_inclusion(&claims, &proof, &leaf, &head.root, shared.keys.receipts.as_ref())?;
        shared.metrics.receipts.inc();
        Ok(receipt)
    })
}

/// A consistency receipt from size `from` to size `to` of this log.
pub(crate) fn consistency(shared: &Shared, from: TreeSize, to: TreeSize) -> Result<Vec<u8>, ReadError> {
    let proven = tree_proofs::consistency(shared, from, to)?;
    let last = to.last().ok_or(InternalError::Entry(LeafIndex::new(0)))?;
    let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
    let row = snapshot.entry(last).map_err(InternalError::from)?.ok_or(InternalError::Entry(last))?;
    let identity = shared.state.borrow().governance.identity().clone();
    let claims = ReceiptClaims {
        issuer: identity.genesis.issuer.clone(),
        subject: log_subject(&identity.log_id),
        issued_at: Some(row.registered_at),
    };
    let ProvenConsistency { proof, old_root, new_root } = proven;
    let receipt = issue_consistency(&claims, &proof, &old_root, &new_root, shared.keys.receipts.as_ref())
        .map_err(InternalError::from)?;
    shared.metrics.receipts.inc();
    Ok(receipt)
}

fn issuer(shared: &Shared) -> String {
    shared.state.borrow().governance.identity().genesis.issuer.clone()
}

/// The root of the first `size` leaves.
pub(crate) fn root_at<R: NodeReader>(size: TreeSize, nodes: &R) -> Result<proofs::Hash, InternalError>
where
    R::Error: std::fmt::Display,
{
    let hashes = nodes.read(&CompactRange::node_ids(size)).map_err(tree_error)?;
    Ok(CompactRange::from_nodes(size, hashes).map_err(tree_error)?.root())
}

pub(crate) fn tree_error(error: impl std::fmt::Display) -> InternalError {
    InternalError::Tree(error.to_string())
}

#[cfg(test)]
mod tests;
