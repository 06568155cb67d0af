//! Proofs that a leaf is in a tree (RFC 9162 §2.1.3).

use super::plan::PathPlan;
use super::{NodeReader, ProveError};
use crate::hash::{Hash, node_hash};
use crate::position::{LeafIndex, NodeId, TreeSize};

/// A proof that a tree of some size holds some leaf at some index (RFC 9162 §2.1.3).
///
/// Size and index are not signed with a root and a path may fit several pairs of them, so that they say where
/// the leaf is only to somebody who knows the size from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The size of the tree.
    pub size: TreeSize,
    /// The index of the leaf.
    pub index: LeafIndex,
    /// The sibling hashes, from the leaf to the root; at most 64.
    pub path: Vec<Hash>,
}

/// Why an inclusion proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The index is not below the size.
    #[error("there is no leaf {index} in a tree of size {size}")]
    NoSuchLeaf {
        /// The index the proof names.
        index: LeafIndex,
        /// The size the proof names.
        size: TreeSize,
    },
    /// The path ends below the root.
    #[error("the inclusion path is too short")]
    PathTooShort,
    /// The path goes on above the root.
    #[error("the inclusion path is too long")]
    PathTooLong,
    /// The path leads to another root.
    #[error("the inclusion path does not lead to the root of the tree")]
    RootMismatch,
}

impl InclusionProof {
    /// Makes the proof, PATH(index, D_size) of RFC 9162 §2.1.3.1, with at most one call of the reader, for
    /// fewer than 128 nodes. What the reader gives is not checked here: see [`InclusionProof::root`].
    ///
    /// # Errors
    /// When the tree does not hold the leaf, or the reader fails.
    pub fn prove<R: NodeReader>(
        index: LeafIndex,
        size: TreeSize,
        reader: &R,
    ) -> Result<Self, ProveError<R::Error>> {
        if !index.in_tree(size) {
            return Err(ProveError::NoSuchLeaf { index, size });
        }
        let path = PathPlan::above(NodeId::leaf(index), size).read(reader)?;
        Ok(Self { size, index, path })
    }

    /// The root that the proof leads to from this leaf hash (RFC 9162 §2.1.3.2, all but the comparison).
    ///
    /// # Errors
    /// When the index is not below the size, or the path has not the length that size and index ask for.
    pub fn root(&self, leaf: &Hash) -> Result<Hash, InclusionError> {
        let Some(last) = self.size.last().filter(|_| self.index.in_tree(self.size)) else {
            return Err(InclusionError::NoSuchLeaf { index: self.index, size: self.size });
        };
        // fn, sn and r of the RFC: the node's index, the index of the last node of that level, the node's
        // hash.
        let (mut index, mut last, mut hash) = (self.index.get(), last.get(), *leaf);
        for sibling in &self.path {
            if last == 0 {
                return Err(InclusionError::PathTooLong);
            }
            if index & 1 == 1 || index == last {
                hash = node_hash(sibling, &hash);
                // Up past the levels where the node is the last one and even, so has no sibling. The index is
                // not 0 here: it is odd, or the same as `last`.
                let alone = index.trailing_zeros();
                index >>= alone;
                last >>= alone;
            } else {
                hash = node_hash(&hash, sibling);
            }
            index >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok(hash) } else { Err(InclusionError::PathTooShort) }
    }

    /// Whether the tree with this root holds this leaf hash (RFC 9162 §2.1.3.2).
    ///
    /// # Errors
    /// When it is not proven that it does.
    pub fn verify(&self, leaf: &Hash, root: &Hash) -> Result<(), InclusionError> {
        if self.root(leaf)? == *root { Ok(()) } else { Err(InclusionError::RootMismatch) }
    }
}
