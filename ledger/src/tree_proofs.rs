//! Proofs about the tree alone, without a receipt around them: for those who have a checkpoint.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use proofs::{
    Checkpoint, ConsistencyProof, EntryId, Hash, InclusionProof, LeafIndex, SignedNote, TlogProof, TreeSize,
    leaf_hash,
};

use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::receipts::{root_at, tree_error};
use crate::registration::position;
use crate::shared::Shared;
use crate::workers::Sort;

/// Where an entry is in a tree, and the root that its path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenInclusion {
    /// The path, folded to the root before it is given.
    pub proof: InclusionProof,
    /// The root of the tree of that size.
    pub root: Hash,
}

/// That a tree is the beginning of another, and both roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenConsistency {
    /// The path, folded to both roots before it is given.
    pub proof: ConsistencyProof,
    /// The root of the older tree.
    pub old_root: Hash,
    /// The root of the newer one.
    pub new_root: Hash,
}

impl Ledger {
    /// A C2SP tlog-proof of an entry: its path together with the newest checkpoint and all signatures on it.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] for an unknown id, [`ReadError::NotYetPublished`] while no checkpoint covers the entry.
    pub async fn tlog_proof(&self, id: EntryId) -> Result<TlogProof, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || tlog_proof(&shared, &id)).await?
    }

    /// The path of an entry in the tree of the first `size` entries, be it the size of a checkpoint or not.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] for an unknown id, [`ReadError::BadSize`] unless
    /// `index < size <= ` size of the newest checkpoint.
    pub async fn inclusion_at(&self, id: EntryId, size: TreeSize) -> Result<ProvenInclusion, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || inclusion_at(&shared, &id, size)).await?
    }

    /// What [`Ledger::consistency`] signs, unsigned.
    ///
    /// # Errors
    ///
    /// [`ReadError::BadRange`] unless `0 < from < to <= ` committed size.
    pub async fn consistency_proof(
        &self,
        from: TreeSize,
        to: TreeSize,
    ) -> Result<ProvenConsistency, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || consistency(&shared, from, to)).await?
    }
}

fn tlog_proof(shared: &Shared, id: &EntryId) -> Result<TlogProof, ReadError> {
    let index = position(shared, id).map_err(InternalError::from)?.ok_or(ReadError::NotFound)?;
    // The checkpoint is asked before the tree, which therefore holds all that it covers.
    let published = shared.published();
    if !index.in_tree(published.size) {
        return Err(ReadError::NotYetPublished { index });
    }
    let note = SignedNote::parse(published.note.as_bytes()).map_err(tree_error)?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(tree_error)?;
    let proven = prove(shared, id, index, checkpoint.head.size)?;
    if proven.root != checkpoint.head.root {
        return Err(tree_error("the tree does not lead to the root of the newest checkpoint").into());
    }
    Ok(TlogProof::new(proven.proof, note).map_err(tree_error)?)
}

fn inclusion_at(shared: &Shared, id: &EntryId, size: TreeSize) -> Result<ProvenInclusion, ReadError> {
    let index = position(shared, id).map_err(InternalError::from)?.ok_or(ReadError::NotFound)?;
    let published = shared.published_size();
    if size > published || !index.in_tree(size) {
        return Err(ReadError::BadSize { index, size, published });
    }
    Ok(prove(shared, id, index, size)?)
}

/// A path that leads from the entry to the root of the first `size` entries (invariant 5).
fn prove(
    shared: &Shared,
    id: &EntryId,
    index: LeafIndex,
    size: TreeSize,
) -> Result<ProvenInclusion, InternalError> {
    let tiles = shared.tree();
    let nodes = tiles.nodes();
    let proof = InclusionProof::prove(index, size, &nodes).map_err(tree_error)?;
    let root = root_at(size, &nodes)?;
    proof.verify(&leaf_hash(id.as_bytes()), &root).map_err(tree_error)?;
    Ok(ProvenInclusion { proof, root })
}

/// A path between two roots; neither need be one that was committed.
pub(crate) fn consistency(
    shared: &Shared,
    from: TreeSize,
    to: TreeSize,
) -> Result<ProvenConsistency, ReadError> {
    let tiles = shared.tree();
    let size = shared.receipt_head(tiles.head()).size;
    if from == TreeSize::EMPTY || from >= to || to > size {
        return Err(ReadError::BadRange { from, to, size });
    }
    let nodes = tiles.nodes();
    let proof = ConsistencyProof::prove(from, to, &nodes).map_err(tree_error)?;
    let (old_root, new_root) = (root_at(from, &nodes)?, root_at(to, &nodes)?);
    proof.verify(&old_root, &new_root).map_err(tree_error)?;
    Ok(ProvenConsistency { proof, old_root, new_root })
}
