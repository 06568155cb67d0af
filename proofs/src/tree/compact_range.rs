//! The right edge of a tree: all that appending needs.

use super::plan::fold_right;
use crate::hash::{Hash, empty_root, node_hash};
use crate::position::{NodeId, TreeHead, TreeSize, nodes_at};

/// The roots of the perfect subtrees that a tree consists of, largest first: one for each bit set in its size
/// (RFC 9162 §2.1.1, computed from the leaves upward). At most 64 hashes, whatever the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactRange {
    size: TreeSize,
    nodes: Vec<Hash>,
}

/// The number of hashes does not belong to the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of size {size} has {expected} nodes on its right edge, not {got}")]
pub struct CompactRangeError {
    /// The size of the tree.
    pub size: TreeSize,
    /// How many perfect subtrees a tree of that size consists of.
    pub expected: usize,
    /// How many hashes were given.
    pub got: usize,
}

/// A tree holds 2^64 - 1 entries and not one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree is full")]
pub struct TreeFull;

impl CompactRange {
    /// The tree without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: TreeSize::EMPTY, nodes: Vec::new() }
    }

    /// Takes up a tree where it was left. `nodes` are the hashes of [`CompactRange::node_ids`], in that
    /// order; only their number is checked here, so compare [`CompactRange::root`] with a root that is
    /// trusted.
    ///
    /// # Errors
    /// When there are more or fewer hashes than the size asks for.
    pub fn from_nodes(size: TreeSize, nodes: Vec<Hash>) -> Result<Self, CompactRangeError> {
        let (expected, got) = (Self::node_ids(size).len(), nodes.len());
        if got != expected {
            return Err(CompactRangeError { size, expected, got });
        }
        Ok(Self { size, nodes })
    }

    /// The perfect subtrees that a tree of this size consists of, from left to right, so the largest first.
    #[must_use]
    pub fn node_ids(size: TreeSize) -> Vec<NodeId> {
        let edge = |level| NodeId { level, index: nodes_at(level, size) ^ 1 };
        (0..=crate::position::MAX_LEVEL)
            .rev()
            .filter(|level| nodes_at(*level, size) & 1 == 1)
            .map(edge)
            .collect()
    }

    /// The number of entries.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// The hashes of [`CompactRange::node_ids`], in that order.
    #[must_use]
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// Appends a leaf hash (not an entry). `visit` is given every perfect subtree that the leaf completes,
    /// the leaf itself (level 0) first, then upward: what a store of the tree has to add. Amortised one node
    /// hash a leaf.
    ///
    /// # Errors
    /// When the tree is full; it is then left as it was and nothing is visited.
    pub fn append(&mut self, leaf: Hash, visit: &mut dyn FnMut(NodeId, Hash)) -> Result<(), TreeFull> {
        let size = self.size.checked_add(1).ok_or(TreeFull)?;
        let mut id = NodeId::leaf(self.size.next_index());
        let mut hash = leaf;
        visit(id, hash);
        while id.index & 1 == 1
            && let Some(left) = self.nodes.pop()
        {
            hash = node_hash(&left, &hash);
            id = id.parent();
            visit(id, hash);
        }
        self.nodes.push(hash);
        self.size = size;
        Ok(())
    }

    /// The Merkle tree hash over all entries (RFC 9162 §2.1.1). At most 63 node hashes.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold_right(self.nodes.iter().copied()).unwrap_or_else(empty_root)
    }

    /// Size and root together.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }
}

impl Default for CompactRange {
    fn default() -> Self {
        Self::empty()
    }
}
