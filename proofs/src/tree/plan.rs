//! Which nodes a proof needs. One shape serves both kinds of proof: the path from a perfect subtree's root up
//! to the root of the tree.

use super::{NodeReader, ProveError};
use crate::hash::{Hash, node_hash};
use crate::position::{NodeId, TreeSize, nodes_at};

/// The nodes needed for a path, in the path's order, except that one element may be folded from several.
pub(super) struct PathPlan {
    ids: Vec<NodeId>,
    /// Where the run in `ids` starts that folds into one element: the part of the tree right of the last
    /// place where the path turns left, which need not be perfect.
    right_start: usize,
    right_len: usize,
}

impl PathPlan {
    /// The path from `node` to the root of the tree of `size`. The caller has seen that the node is in the
    /// tree.
    pub(super) fn above(node: NodeId, size: TreeSize) -> Self {
        let mut plan = Self { ids: Vec::with_capacity(64), right_start: 0, right_len: 0 };
        let fork = plan.push_siblings(node, size);
        plan.right_start = plan.ids.len();
        plan.push_right(fork, size);
        plan.right_len = plan.ids.len() - plan.right_start;
        plan.push_left(fork);
        plan
    }

    /// A plan that starts with `node` itself.
    pub(super) fn from(node: NodeId, size: TreeSize) -> Self {
        let mut plan = Self::above(node, size);
        plan.ids.insert(0, node);
        plan.right_start += 1;
        plan
    }

    /// Walks up to the root of the largest perfect subtree of the tree that holds `node`, which is one of
    /// those that the tree's right edge consists of.
    fn push_siblings(&mut self, node: NodeId, size: TreeSize) -> NodeId {
        let mut node = node;
        while node.parent().in_tree(size) {
            self.ids.push(node.sibling());
            node = node.parent();
        }
        node
    }

    /// The perfect subtrees right of `fork`, left to right.
    fn push_right(&mut self, fork: NodeId, size: TreeSize) {
        for level in (0..fork.level).rev() {
            self.push_edge(level, nodes_at(level, size));
        }
    }

    /// The perfect subtrees left of `fork`, right to left: the order in which a path meets them.
    fn push_left(&mut self, fork: NodeId) {
        let (mut level, mut end) = (fork.level, fork.index);
        while end != 0 {
            self.push_edge(level, end);
            level = level.saturating_add(1);
            end >>= 1;
        }
    }

    /// Of `count` nodes in a row on `level`, the last one, if it has no sibling to its right to be merged
    /// with.
    fn push_edge(&mut self, level: u8, count: u64) {
        if count & 1 == 1 {
            self.ids.push(NodeId { level, index: count ^ 1 });
        }
    }

    /// Reads the nodes and makes the path of them.
    pub(super) fn read<R: NodeReader>(&self, reader: &R) -> Result<Vec<Hash>, ProveError<R::Error>> {
        if self.ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut hashes = reader.read(&self.ids).map_err(ProveError::Read)?;
        if hashes.len() != self.ids.len() {
            return Err(ProveError::WrongCount { asked: self.ids.len(), got: hashes.len() });
        }
        if self.right_len > 1 {
            let run = hashes.drain(self.right_start..self.right_start + self.right_len);
            if let Some(folded) = fold_right(run) {
                hashes.insert(self.right_start, folded);
            }
        }
        Ok(hashes)
    }
}

/// The root over a row of perfect subtrees that shrink from left to right; `None` for no subtree.
pub(super) fn fold_right(nodes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    nodes.rev().reduce(|right, left| node_hash(&left, &right))
}
