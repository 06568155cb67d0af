//! The Merkle tree of RFC 9162 §2.1 with SHA-256: appending, proving, verifying.
//!
//! Nothing here holds a whole tree. Appending needs the right edge only ([`CompactRange`]); proving asks a
//! [`NodeReader`] for the roots of perfect subtrees, all of them in one call; verifying needs the proof
//! alone.

pub mod compact_range;
pub mod consistency;
pub mod inclusion;
mod plan;
pub mod subtree;

pub use compact_range::{CompactRange, CompactRangeError, TreeFull};
pub use consistency::{ConsistencyError, ConsistencyProof};
pub use inclusion::{InclusionError, InclusionProof};
pub use subtree::{Subtree, SubtreeError, SubtreeProof};

use crate::hash::Hash;
use crate::position::{LeafIndex, NodeId, TreeSize};

/// Where the hashes of a tree's nodes are.
pub trait NodeReader {
    /// Why a node could not be read.
    type Error;

    /// The hashes of these nodes, in the order asked. Making a proof calls this at most once, and asks only
    /// for nodes that lie wholly in the tree the proof is about.
    ///
    /// # Errors
    /// When any of the nodes cannot be read.
    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, Self::Error>;
}

/// Why a proof could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The tree does not hold the leaf.
    #[error("there is no leaf {index} in a tree of size {size}")]
    NoSuchLeaf {
        /// The leaf asked for.
        index: LeafIndex,
        /// The size of the tree.
        size: TreeSize,
    },
    /// Nothing can be proven about the empty tree: every tree continues it.
    #[error("a consistency proof cannot start at the empty tree")]
    EmptyOld,
    /// A tree does not shrink.
    #[error("a tree of size {old} does not become one of size {new}")]
    OldLarger {
        /// The size asked for as the older one.
        old: TreeSize,
        /// The size asked for as the newer one.
        new: TreeSize,
    },
    /// The reader gave another number of hashes than it was asked for.
    #[error("{asked} tree nodes were asked for, {got} were read")]
    WrongCount {
        /// How many nodes were asked for.
        asked: usize,
        /// How many hashes came.
        got: usize,
    },
    /// The reader failed.
    #[error("a tree node could not be read")]
    Read(#[source] E),
}
