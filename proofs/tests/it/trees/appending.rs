//! The right edge: appending to it, leaving it, taking it up again.

use std::collections::BTreeSet;

use proofs::tree::TreeFull;
use proofs::{CompactRange, Hash, NodeId, TreeHead, TreeSize};

use super::oracle::{Mth, Sparse};
use super::{Nodes, leaves, size};

const LIMIT: usize = 600;

#[test]
fn roots_and_nodes_agree_with_the_recursion() {
    let leaves = leaves(LIMIT);
    let mut range = CompactRange::empty();
    for n in 0..=LIMIT {
        assert_eq!(range.size(), size(n));
        assert_eq!(range.root(), leaves.mth(0, size(n).get()));
        assert_eq!(range.head(), TreeHead { size: size(n), root: range.root() });
        let edge: Vec<Hash> = CompactRange::node_ids(size(n))
            .iter()
            .map(|id| leaves.mth(id.index << id.level, 1 << id.level))
            .collect();
        assert_eq!(range.nodes(), edge);
        assert_eq!(range.nodes().len(), usize::try_from(n.count_ones()).unwrap());
        // Taken up again from its nodes it is the same.
        assert_eq!(CompactRange::from_nodes(size(n), range.nodes().to_vec()).as_ref(), Ok(&range));
        if n < LIMIT {
            range.append(leaves[n], &mut |_, _| ()).unwrap();
        }
    }
}

#[test]
fn every_perfect_subtree_is_visited_once_leaves_first() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    let mut expected = 0;
    for level in 0..10 {
        for index in 0..size(LIMIT).get() >> level {
            let hash = leaves.mth(index << level, 1 << level);
            assert_eq!(nodes.get(NodeId { level, index }), Some(&hash));
            expected += 1;
        }
    }
    assert_eq!(nodes.len(), expected);

    let mut range = CompactRange::empty();
    for (at, leaf) in (0..).zip(&leaves) {
        let mut seen = Vec::new();
        range.append(*leaf, &mut |id, hash| seen.push((id, hash))).unwrap();
        let (first, hash) = seen[0];
        assert_eq!((first, hash), (NodeId { level: 0, index: at }, *leaf));
        for pair in seen.windows(2) {
            assert_eq!(pair[1].0, pair[0].0.parent());
        }
        assert_eq!(seen.len(), usize::try_from(at.trailing_ones() + 1).unwrap());
    }
}

#[test]
fn a_wrong_number_of_nodes_is_refused() {
    let leaves = leaves(8);
    for (n, right) in [(0, 0), (1, 1), (7, 3), (8, 1), (usize::MAX, 64)] {
        for count in 0..=8 {
            let range = CompactRange::from_nodes(size(n), leaves[..count].to_vec());
            if count == right {
                assert_eq!(range.unwrap().size(), size(n));
            } else {
                let error = range.unwrap_err();
                assert_eq!((error.size, error.expected, error.got), (size(n), right, count));
            }
        }
    }
}

#[test]
fn mrk_01_the_default_is_the_empty_tree() {
    assert_eq!(CompactRange::default(), CompactRange::empty());
    assert_eq!(CompactRange::empty().root(), proofs::empty_root());
    assert_eq!(CompactRange::node_ids(TreeSize::EMPTY), []);
}

#[test]
fn mrk_11_the_last_leaf_and_one_too_many() {
    let tree = Sparse::new([u64::MAX - 1]);
    let at = |n: u64| {
        let nodes = CompactRange::node_ids(TreeSize::new(n));
        let hashes = nodes.iter().map(|id| tree.mth(id.index << id.level, 1 << id.level)).collect();
        CompactRange::from_nodes(TreeSize::new(n), hashes).unwrap()
    };
    let mut range = at(u64::MAX - 1);
    range.append(tree.leaf(u64::MAX - 1), &mut |_, _| ()).unwrap();
    assert_eq!(range, at(u64::MAX));
    assert_eq!(range.root(), tree.mth(0, u64::MAX));
    assert_eq!(range.nodes().len(), 64);
    let full = range.clone();
    let visit = &mut |id, _| panic!("visited {id:?}");
    assert_eq!(range.append(tree.leaf(0), visit), Err(TreeFull));
    assert_eq!(range, full);
}

#[test]
fn mrk_11_a_leaf_that_completes_63_levels() {
    let tree = Sparse::new([5, (1 << 63) - 1]);
    let size = TreeSize::new((1 << 63) - 1);
    let ids = CompactRange::node_ids(size);
    let hashes = ids.iter().map(|id| tree.mth(id.index << id.level, 1 << id.level)).collect();
    let mut range = CompactRange::from_nodes(size, hashes).unwrap();
    let mut levels = BTreeSet::new();
    range
        .append(tree.leaf(size.get()), &mut |id, _| {
            assert!(levels.insert(id.level));
        })
        .unwrap();
    assert_eq!(levels, (0..=63).collect());
    assert_eq!(range.nodes(), [tree.mth(0, 1 << 63)]);
}
