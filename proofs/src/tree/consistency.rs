//! Proofs that a tree is the beginning of another (RFC 9162 §2.1.4).

use super::plan::PathPlan;
use super::{NodeReader, ProveError};
use crate::hash::{Hash, node_hash};
use crate::position::{LeafIndex, NodeId, TreeSize};

/// A proof that the first `old` leaves of a tree of size `new` are the tree of size `old` (RFC 9162 §2.1.4).
///
/// The RFC leaves two cases open. Equal sizes: the path is empty and the roots must be equal. An old size of
/// 0: always an error, for the empty tree says nothing that could be continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The size of the older tree.
    pub old: TreeSize,
    /// The size of the newer tree.
    pub new: TreeSize,
    /// The hashes of the proof, in the RFC's order; at most 65.
    pub path: Vec<Hash>,
}

/// Why a consistency proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The old size is 0.
    #[error("a consistency proof cannot start at the empty tree")]
    EmptyOld,
    /// The old size is above the new one.
    #[error("a tree of size {old} does not become one of size {new}")]
    OldLarger {
        /// The size the proof names as the older one.
        old: TreeSize,
        /// The size the proof names as the newer one.
        new: TreeSize,
    },
    /// The path ends below the root.
    #[error("the consistency path is too short")]
    PathTooShort,
    /// The path goes on above the root.
    #[error("the consistency path is too long")]
    PathTooLong,
    /// The path leads to another old root.
    #[error("the consistency path does not lead to the root of the older tree")]
    OldRootMismatch,
    /// The path leads to another new root.
    #[error("the consistency path does not lead to the root of the newer tree")]
    NewRootMismatch,
}

impl ConsistencyProof {
    /// Makes the proof, PROOF(old, D_new) of RFC 9162 §2.1.4.1, with at most one call of the reader, for
    /// fewer than 128 nodes. What the reader gives is not checked here: see [`ConsistencyProof::roots`].
    ///
    /// # Errors
    /// When the old size is 0 or above the new one, or the reader fails.
    pub fn prove<R: NodeReader>(
        old: TreeSize,
        new: TreeSize,
        reader: &R,
    ) -> Result<Self, ProveError<R::Error>> {
        let Some(last) = old.last() else { return Err(ProveError::EmptyOld) };
        if old > new {
            return Err(ProveError::OldLarger { old, new });
        }
        if old == new {
            return Ok(Self { old, new, path: Vec::new() });
        }
        let edge = edge_of(last);
        // When the old tree is perfect, its root is the edge, which the verifier has.
        let plan = if edge.index == 0 { PathPlan::above(edge, new) } else { PathPlan::from(edge, new) };
        Ok(Self { old, new, path: plan.read(reader)? })
    }

    /// The roots (old, new) that the proof leads to (RFC 9162 §2.1.4.2, all but the comparisons). The old
    /// root goes in because a proof from a tree of 2^k leaves leaves it out. **The proof holds only if the
    /// first hash returned equals the old root that is trusted.**
    ///
    /// # Errors
    /// When the old size is 0 or above the new one, or the path has not the length that the sizes ask for.
    pub fn roots(&self, old_root: &Hash) -> Result<(Hash, Hash), ConsistencyError> {
        let Some(last_old) = self.old.last() else { return Err(ConsistencyError::EmptyOld) };
        let Some(last_new) = self.new.last().filter(|_| self.old <= self.new) else {
            return Err(ConsistencyError::OldLarger { old: self.old, new: self.new });
        };
        if self.old == self.new {
            let roots = Ok((*old_root, *old_root));
            return if self.path.is_empty() { roots } else { Err(ConsistencyError::PathTooLong) };
        }
        let edge = edge_of(last_old);
        let mut path = self.path.iter();
        let start = if edge.index == 0 { Some(old_root) } else { path.next() };
        let start = *start.ok_or(ConsistencyError::PathTooShort)?;
        // fn, sn, fr and sr of the RFC: the index of the node both trees have, the index of the last node of
        // that level in the newer tree, and what the two trees make of the node.
        let (mut index, mut last) = (edge.index, last_new.get() >> edge.level);
        let (mut old_hash, mut new_hash) = (start, start);
        for sibling in path {
            if last == 0 {
                return Err(ConsistencyError::PathTooLong);
            }
            if index & 1 == 1 || index == last {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
                // Up past the levels where the node has no sibling; the index is not 0 here.
                let alone = index.trailing_zeros();
                index >>= alone;
                last >>= alone;
            } else {
                new_hash = node_hash(&new_hash, sibling);
            }
            index >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok((old_hash, new_hash)) } else { Err(ConsistencyError::PathTooShort) }
    }

    /// Whether the tree with `new_root` continues the tree with `old_root` (RFC 9162 §2.1.4.2).
    ///
    /// # Errors
    /// When it is not proven that it does.
    pub fn verify(&self, old_root: &Hash, new_root: &Hash) -> Result<(), ConsistencyError> {
        let (old, new) = self.roots(old_root)?;
        if old != *old_root {
            return Err(ConsistencyError::OldRootMismatch);
        }
        if new != *new_root {
            return Err(ConsistencyError::NewRootMismatch);
        }
        Ok(())
    }
}

/// The largest perfect subtree that ends with the last leaf of the old tree.
fn edge_of(last: LeafIndex) -> NodeId {
    let mut node = NodeId::leaf(last);
    while node.index & 1 == 1 {
        node = node.parent();
    }
    node
}
