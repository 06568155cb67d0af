//! Trees of up to 2^64 - 1 leaves, by property: what is made and accepted is what the recursion says.

use proofs::{CompactRange, ConsistencyProof, InclusionProof, LeafIndex, TreeSize};
use proptest::prelude::*;

use super::oracle::{Mth, Sparse};
use super::{Within, flip};

/// Sizes from 1 to 2^64 - 1, all magnitudes alike, those next to powers of two more often.
fn sizes() -> impl Strategy<Value = u64> {
    let power =
        (0_u32..64, 0_u64..3).prop_map(|(bits, over)| (1_u64 << bits).saturating_sub(1).saturating_add(over));
    let any = (any::<u64>(), 0_u32..64).prop_map(|(n, shift)| n >> shift);
    prop_oneof![any, power].prop_map(|n| n.max(1))
}

/// A size and a number from 0 to one less.
fn pairs() -> impl Strategy<Value = (u64, u64)> {
    (sizes(), any::<u64>(), 0_u32..64, any::<bool>()).prop_map(|(n, m, shift, last)| {
        let m = (m >> shift) % n;
        (n, if last { n - 1 - m } else { m })
    })
}

fn check_inclusion(n: u64, m: u64, bit: usize) {
    let (size, index) = (TreeSize::new(n), LeafIndex::new(m));
    let tree = Sparse::new([m, m ^ 1, m / 2, n - 1, n / 2]);
    let proof = InclusionProof::prove(index, size, &Within(&tree, size)).unwrap();
    assert_eq!(proof.path, tree.path(m, 0, n));
    let (leaf, root) = (tree.leaf(m), tree.mth(0, n));
    assert_eq!(proof.verify(&leaf, &root), Ok(()));
    for at in 0..proof.path.len() {
        let mut wrong = proof.clone();
        wrong.path[at] = flip(&wrong.path[at], bit);
        assert!(wrong.verify(&leaf, &root).is_err());
    }
    let mut long = proof.clone();
    long.path.push(root);
    assert!(long.verify(&leaf, &root).is_err());
    let mut short = proof;
    if short.path.pop().is_some() {
        assert!(short.verify(&leaf, &root).is_err());
    }
}

fn check_consistency(old: u64, new: u64, bit: usize) {
    let tree = Sparse::new([0, old - 1, old.min(new - 1), new / 2, new - 1]);
    let within = Within(&tree, TreeSize::new(new));
    let proof = ConsistencyProof::prove(TreeSize::new(old), TreeSize::new(new), &within).unwrap();
    let expected = if old == new { Vec::new() } else { tree.proof(old, new) };
    assert_eq!(proof.path, expected);
    let (old_root, new_root) = (tree.mth(0, old), tree.mth(0, new));
    assert_eq!(proof.verify(&old_root, &new_root), Ok(()));
    for at in 0..proof.path.len() {
        let mut wrong = proof.clone();
        wrong.path[at] = flip(&wrong.path[at], bit);
        assert!(wrong.verify(&old_root, &new_root).is_err());
    }
    let mut long = proof.clone();
    long.path.push(new_root);
    assert!(long.verify(&old_root, &new_root).is_err());
    let mut short = proof;
    if short.path.pop().is_some() {
        assert!(short.verify(&old_root, &new_root).is_err());
    }
}

proptest! {
    #[test]
    fn inclusion_in_trees_of_any_size((n, m) in pairs(), bit in 0_usize..256) {
        check_inclusion(n, m, bit);
    }

    #[test]
    fn consistency_of_trees_of_any_size((new, m) in pairs(), bit in 0_usize..256) {
        check_consistency(m + 1, new, bit);
    }

    #[test]
    fn appending_to_trees_of_any_size(n in sizes(), more in 1_u64..40) {
        let n = n.min(u64::MAX - more);
        let tree = Sparse::new([n - 1, n, n + more - 1]);
        let hashes = |n| {
            let ids = CompactRange::node_ids(TreeSize::new(n));
            ids.iter().map(|id| tree.mth(id.index << id.level, 1 << id.level)).collect()
        };
        let mut range = CompactRange::from_nodes(TreeSize::new(n), hashes(n)).unwrap();
        prop_assert_eq!(range.root(), tree.mth(0, n));
        for index in n..n + more {
            range
                .append(tree.leaf(index), &mut |id, hash| {
                    assert_eq!(hash, tree.mth(id.index << id.level, 1 << id.level));
                })
                .unwrap();
        }
        prop_assert_eq!(range.root(), tree.mth(0, n + more));
        prop_assert_eq!(range.nodes(), &hashes(n + more)[..]);
    }
}

#[test]
fn mrk_11_sizes_at_the_end_of_the_range() {
    let half = 1_u64 << 63;
    let sizes = [half - 2, half - 1, half, half + 1, half + 2, u64::MAX - 2, u64::MAX - 1, u64::MAX];
    for n in sizes {
        for m in [0, 1, half / 2, half - 2, half - 1, half, half + 1, n - 2, n - 1] {
            if m < n {
                check_inclusion(n, m, 77);
                check_consistency(m + 1, n, 77);
            }
        }
    }
    let size = TreeSize::new(u64::MAX);
    let longest = InclusionProof::prove(LeafIndex::new(0), size, &Sparse::new([])).unwrap();
    assert_eq!(longest.path.len(), 64);
    let longest = ConsistencyProof::prove(TreeSize::new(half - 1), size, &Sparse::new([])).unwrap();
    assert_eq!(longest.path.len(), 65);
}
