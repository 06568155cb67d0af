//! Places in the tree, and the only arithmetic on them.
//!
//! A size is at most 2^64 - 1, so the largest index of a leaf is 2^64 - 2 and no perfect subtree is higher
//! than level 63. No function here overflows, whatever it is given.

use std::fmt;

use crate::hash::Hash;

/// The highest level a node of any tree can have: a perfect subtree of 2^63 leaves.
pub const MAX_LEVEL: u8 = 63;

/// The place of an entry in the log, counted from 0 (`leaf_index` of RFC 9162 §4.11). Prints as a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeafIndex(u64);

impl LeafIndex {
    /// Takes a number as an index.
    #[must_use]
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// The index as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The index after this one. 2^64 - 1 is its own successor: no tree holds it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Whether a tree of this size holds the leaf.
    #[must_use]
    pub const fn in_tree(self, size: TreeSize) -> bool {
        self.0 < size.0
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of entries of a tree (`tree_size` of RFC 9162 §4.10). Prints as a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeSize(u64);

impl TreeSize {
    /// The size of the tree without entries.
    pub const EMPTY: Self = Self(0);

    /// Takes a number as a size.
    #[must_use]
    pub const fn new(size: u64) -> Self {
        Self(size)
    }

    /// The size as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The size after `count` more entries; `None` beyond 2^64 - 1.
    #[must_use]
    pub const fn checked_add(self, count: u64) -> Option<Self> {
        match self.0.checked_add(count) {
            Some(size) => Some(Self(size)),
            None => None,
        }
    }

    /// The index of the last leaf; `None` in the empty tree.
    #[must_use]
    pub const fn last(self) -> Option<LeafIndex> {
        match self.0.checked_sub(1) {
            Some(index) => Some(LeafIndex(index)),
            None => None,
        }
    }

    /// The index that the next entry will have.
    #[must_use]
    pub const fn next_index(self) -> LeafIndex {
        LeafIndex(self.0)
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The root of a perfect subtree: the one over the leaves from `index` · 2^`level` up to, not including,
/// (`index` + 1) · 2^`level`. Level 0 are the leaves. Such a node never changes once its last leaf is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The height above the leaves, at most [`MAX_LEVEL`].
    pub level: u8,
    /// The place among the nodes of this level, counted from 0 at the left.
    pub index: u64,
}

impl NodeId {
    /// The node of one leaf.
    #[must_use]
    pub const fn leaf(index: LeafIndex) -> Self {
        Self { level: 0, index: index.0 }
    }

    /// The other child of this node's parent.
    #[must_use]
    pub const fn sibling(self) -> Self {
        Self { level: self.level, index: self.index ^ 1 }
    }

    /// The node above; its level may be [`MAX_LEVEL`] + 1, which is in no tree.
    #[must_use]
    pub const fn parent(self) -> Self {
        Self { level: self.level.saturating_add(1), index: self.index >> 1 }
    }

    /// Whether a tree of this size holds every leaf under the node.
    #[must_use]
    pub fn in_tree(self, size: TreeSize) -> bool {
        self.index < nodes_at(self.level, size)
    }
}

/// The number of perfect subtrees of `level` that a tree of this size holds: ⌊size / 2^level⌋.
#[must_use]
pub fn nodes_at(level: u8, size: TreeSize) -> u64 {
    size.0.checked_shr(u32::from(level)).unwrap_or(0)
}

/// A size and the root of the tree of that size (RFC 9162 §4.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// The number of entries.
    pub size: TreeSize,
    /// The Merkle tree hash over them.
    pub root: Hash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mrk_11_positions_never_overflow() {
        let full = TreeSize::new(u64::MAX);
        assert_eq!(full.last(), Some(LeafIndex::new(u64::MAX - 1)));
        assert_eq!(full.checked_add(1), None);
        assert_eq!(full.checked_add(0), Some(full));
        assert_eq!(TreeSize::EMPTY.last(), None);
        assert_eq!(TreeSize::EMPTY.next_index(), LeafIndex::new(0));
        assert_eq!(LeafIndex::new(u64::MAX).next(), LeafIndex::new(u64::MAX));
        assert!(!LeafIndex::new(u64::MAX).in_tree(full));
        assert!(LeafIndex::new(u64::MAX - 1).in_tree(full));
        assert_eq!(LeafIndex::new(6).next().to_string(), "7");
        assert_eq!(full.to_string(), "18446744073709551615");
    }

    #[test]
    fn mrk_11_a_node_is_in_the_tree_when_its_last_leaf_is() {
        let node = |level, index| NodeId { level, index };
        assert!(node(3, 0).in_tree(TreeSize::new(8)));
        assert!(!node(3, 0).in_tree(TreeSize::new(7)));
        assert!(!node(3, 1).in_tree(TreeSize::new(15)));
        assert!(!node(0, 0).in_tree(TreeSize::EMPTY));
        assert!(node(63, 0).in_tree(TreeSize::new(1 << 63)));
        assert!(!node(63, 1).in_tree(TreeSize::new(u64::MAX)));
        assert!(!node(64, 0).in_tree(TreeSize::new(u64::MAX)));
        assert!(!node(255, u64::MAX).in_tree(TreeSize::new(u64::MAX)));
    }

    #[test]
    fn neighbours_of_a_node() {
        let node = NodeId::leaf(LeafIndex::new(6));
        assert_eq!(node, NodeId { level: 0, index: 6 });
        assert_eq!(node.sibling(), NodeId { level: 0, index: 7 });
        assert_eq!(node.sibling().sibling(), node);
        assert_eq!(node.parent(), NodeId { level: 1, index: 3 });
        assert_eq!(node.sibling().parent(), node.parent());
    }
}
