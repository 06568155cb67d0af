//! Subtrees and the proof that one is part of a tree (draft-ietf-plants-merkle-tree-certs §4; tlog-witness
//! `sign-subtree`).

#[cfg(test)]
mod tests;

use crate::hash::{Hash, empty_root, node_hash};
use crate::position::{TreeHead, TreeSize};

/// A range of leaves that is cut out of every tree that holds it in the same way: `[start, end)`, where start is a
/// multiple of the smallest power of two that is not below the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subtree {
    start: u64,
    end: u64,
}

/// Why a range is not a subtree, or a proof does not show that one is in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubtreeError {
    /// The end lies before the start, or the start is not a multiple of the length rounded up to a power of two.
    #[error("the range from {start} to {end} is not a subtree")]
    NotASubtree {
        /// The first leaf.
        start: u64,
        /// The leaf after the last one.
        end: u64,
    },
    /// The subtree ends behind the tree.
    #[error("the subtree ends at {end}, behind a tree of size {size}")]
    BeyondTree {
        /// The leaf after the last one.
        end: u64,
        /// The size of the tree.
        size: TreeSize,
    },
    /// The path ends below the root.
    #[error("the subtree proof is too short")]
    TooShort,
    /// The path goes on above the root.
    #[error("the subtree proof is too long")]
    TooLong,
    /// The path leads to another hash of the subtree.
    #[error("the proof does not lead to the hash of the subtree")]
    SubtreeMismatch,
    /// The path leads to another root.
    #[error("the proof does not lead to the root of the tree")]
    RootMismatch,
}

impl Subtree {
    /// Takes a range as a subtree.
    ///
    /// # Errors
    /// [`SubtreeError::NotASubtree`].
    pub fn new(start: u64, end: u64) -> Result<Self, SubtreeError> {
        let wrong = SubtreeError::NotASubtree { start, end };
        let length = end.checked_sub(start).ok_or(wrong)?;
        // Beyond 2^63 the rounded length is 2^64, of which only 0 is a multiple.
        let aligned = match length.max(1).checked_next_power_of_two() {
            Some(unit) => start.is_multiple_of(unit),
            None => start == 0,
        };
        if aligned { Ok(Self { start, end }) } else { Err(wrong) }
    }

    /// The subtree that is the whole tree of a size.
    #[must_use]
    pub const fn whole(size: TreeSize) -> Self {
        Self { start: 0, end: size.get() }
    }

    /// The first leaf.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// The leaf after the last one.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }
}

/// A proof that a subtree is part of a tree (MTC §4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtreeProof {
    /// The subtree.
    pub subtree: Subtree,
    /// The hashes of the proof, nearest to the leaves first; at most 64 are ever needed.
    pub path: Vec<Hash>,
}

/// Three places that climb the tree together: the first and the last leaf of the subtree, and the last of the tree.
struct Climb {
    first: u64,
    last: u64,
    tree_last: u64,
}

impl Climb {
    fn up(&mut self) {
        self.first >>= 1;
        self.last >>= 1;
        self.tree_last >>= 1;
    }

    /// Up to where the path begins: the root of the subtree if it is one node of the tree, else the root of the
    /// subtree's last perfect part.
    fn start(&mut self) {
        if self.last == self.tree_last {
            while self.first != self.last {
                self.up();
            }
        } else {
            while self.first != self.last && self.last & 1 == 1 {
                self.up();
            }
        }
    }
}

impl SubtreeProof {
    /// Whether the tree with this head has, at the place of the subtree, one with this hash (MTC §4.4.3).
    ///
    /// # Errors
    /// When it is not proven that it has.
    pub fn verify(&self, hash: &Hash, tree: &TreeHead) -> Result<(), SubtreeError> {
        let Subtree { start, end } = self.subtree;
        if end > tree.size.get() {
            return Err(SubtreeError::BeyondTree { end, size: tree.size });
        }
        let (Some(last), Some(tree_last)) = (end.checked_sub(1).filter(|_| start < end), tree.size.last())
        else {
            return self.verify_empty(hash);
        };
        let mut at = Climb { first: start, last, tree_last: tree_last.get() };
        at.start();
        let mut path = self.path.iter();
        let alone = at.first == at.last;
        let seed = if alone { *hash } else { *path.next().ok_or(SubtreeError::TooShort)? };
        let (mut of_subtree, mut of_tree) = (seed, seed);
        for sibling in path {
            if at.tree_last == 0 {
                return Err(SubtreeError::TooLong);
            }
            if at.last & 1 == 1 || at.last == at.tree_last {
                if at.first < at.last {
                    of_subtree = node_hash(sibling, &of_subtree);
                }
                of_tree = node_hash(sibling, &of_tree);
                // Past the levels where the node is the last one and even. `last` is not 0 here: it is odd, or it is
                // `tree_last`, which was just seen not to be 0.
                while at.last & 1 == 0 {
                    at.up();
                }
            } else {
                of_tree = node_hash(&of_tree, sibling);
            }
            at.up();
        }
        if at.tree_last != 0 {
            Err(SubtreeError::TooShort)
        } else if of_subtree != *hash {
            Err(SubtreeError::SubtreeMismatch)
        } else if of_tree != tree.root {
            Err(SubtreeError::RootMismatch)
        } else {
            Ok(())
        }
    }

    /// An empty subtree is everywhere, and hashes as the empty tree does.
    fn verify_empty(&self, hash: &Hash) -> Result<(), SubtreeError> {
        if !self.path.is_empty() {
            return Err(SubtreeError::TooLong);
        }
        if *hash == empty_root() { Ok(()) } else { Err(SubtreeError::SubtreeMismatch) }
    }
}
