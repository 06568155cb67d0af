//! Consistency proofs between all small trees, and every way a proof can be wrong.

use proofs::tree::{ConsistencyError, ProveError};
use proofs::{ConsistencyProof, Hash, TreeSize};

use super::oracle::Mth;
use super::{Nodes, Within, flip, leaves, size};

const LIMIT: usize = 133;

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (1..=LIMIT).flat_map(|new| (1..new).map(move |old| (old, new)))
}

fn root(leaves: &[Hash], n: usize) -> Hash {
    leaves.mth(0, size(n).get())
}

#[test]
fn every_pair_agrees_with_the_recursion() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    for (old, new) in pairs() {
        nodes.reads.set(0);
        let proof = ConsistencyProof::prove(size(old), size(new), &Within(&nodes, size(new))).unwrap();
        assert_eq!(nodes.reads.get(), 1);
        assert_eq!(proof.path, leaves.proof(size(old).get(), size(new).get()), "{old} to {new}");
        let (old_root, new_root) = (root(&leaves, old), root(&leaves, new));
        assert_eq!(proof.roots(&old_root), Ok((old_root, new_root)), "{old} to {new}");
        assert_eq!(proof.verify(&old_root, &new_root), Ok(()), "{old} to {new}");
    }
}

#[test]
fn one_flipped_bit_proves_nothing() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    let mut bit = 0;
    for (old, new) in pairs() {
        let proof = ConsistencyProof::prove(size(old), size(new), &nodes).unwrap();
        let (old_root, new_root) = (root(&leaves, old), root(&leaves, new));
        bit = (bit + 37) % 256;
        assert!(proof.verify(&flip(&old_root, bit), &new_root).is_err(), "{old} to {new}");
        let flipped = flip(&new_root, bit);
        assert_eq!(proof.verify(&old_root, &flipped), Err(ConsistencyError::NewRootMismatch));
        for at in 0..proof.path.len() {
            let mut wrong = proof.clone();
            wrong.path[at] = flip(&wrong.path[at], bit);
            assert!(wrong.verify(&old_root, &new_root).is_err(), "{old} to {new}, element {at}");
        }
    }
}

#[test]
fn an_old_root_of_another_tree_is_told_from_a_new_one() {
    let leaves = leaves(7);
    let proof = ConsistencyProof::prove(size(6), size(7), &Nodes::over(&leaves)).unwrap();
    let (old, new, other) = (root(&leaves, 6), root(&leaves, 7), root(&leaves, 5));
    assert_eq!(proof.verify(&other, &new), Err(ConsistencyError::OldRootMismatch));
    assert_eq!(proof.verify(&old, &other), Err(ConsistencyError::NewRootMismatch));
}

#[test]
fn mrk_04_one_element_too_many_or_too_few() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    for (old, new) in pairs() {
        let proof = ConsistencyProof::prove(size(old), size(new), &nodes).unwrap();
        let (old_root, new_root) = (root(&leaves, old), root(&leaves, new));
        let mut long = proof.clone();
        long.path.push(new_root);
        assert_eq!(long.verify(&old_root, &new_root), Err(ConsistencyError::PathTooLong), "{old} to {new}");
        let mut short = proof;
        short.path.pop();
        assert_eq!(short.verify(&old_root, &new_root), Err(ConsistencyError::PathTooShort), "{old} to {new}");
    }
}

#[test]
fn mrk_06_a_tree_does_not_shrink() {
    let leaves = leaves(8);
    let nodes = Nodes::over(&leaves);
    for (old, new) in [(2, 1), (8, 7), (8, 4), (3, 0)] {
        let (old, new) = (size(old), size(new));
        assert_eq!(ConsistencyProof::prove(old, new, &nodes), Err(ProveError::OldLarger { old, new }));
        for path in [vec![], vec![leaves[0]], vec![leaves[0]; 3]] {
            let proof = ConsistencyProof { old, new, path };
            assert_eq!(proof.roots(&leaves[0]), Err(ConsistencyError::OldLarger { old, new }));
        }
    }
    assert_eq!(nodes.reads.get(), 0);
}

#[test]
fn mrk_07_equal_sizes_need_equal_roots_and_no_path() {
    let leaves = leaves(8);
    let nodes = Nodes::over(&leaves);
    for n in 1..=8 {
        let mut proof = ConsistencyProof::prove(size(n), size(n), &nodes).unwrap();
        assert_eq!(proof.path, []);
        let root = root(&leaves, n);
        assert_eq!(proof.verify(&root, &root), Ok(()));
        assert_eq!(proof.verify(&root, &flip(&root, 9)), Err(ConsistencyError::NewRootMismatch));
        proof.path.push(root);
        assert_eq!(proof.verify(&root, &root), Err(ConsistencyError::PathTooLong));
    }
    assert_eq!(nodes.reads.get(), 0);
}

#[test]
fn mrk_08_nothing_is_proven_about_the_empty_tree() {
    let leaves = leaves(3);
    let nodes = Nodes::over(&leaves);
    let empty = root(&leaves, 0);
    for new in [0, 1, 3] {
        let (old, new) = (TreeSize::EMPTY, size(new));
        assert_eq!(ConsistencyProof::prove(old, new, &nodes), Err(ProveError::EmptyOld));
        for path in [vec![], leaves.clone()] {
            let proof = ConsistencyProof { old, new, path };
            assert_eq!(proof.verify(&empty, &empty), Err(ConsistencyError::EmptyOld));
        }
    }
}

#[test]
fn mrk_09_a_perfect_old_tree_still_needs_a_path() {
    let leaves = leaves(LIMIT);
    for (old, new) in pairs().filter(|(old, _)| old.is_power_of_two()) {
        let proof = ConsistencyProof { old: size(old), new: size(new), path: Vec::new() };
        let (old_root, new_root) = (root(&leaves, old), root(&leaves, new));
        assert_eq!(proof.verify(&old_root, &new_root), Err(ConsistencyError::PathTooShort));
        assert_eq!(proof.verify(&old_root, &old_root), Err(ConsistencyError::PathTooShort));
    }
}

#[test]
fn mrk_10_doubling_a_perfect_tree_takes_one_hash() {
    let leaves = leaves(128);
    let nodes = Nodes::over(&leaves);
    for old in [1, 2, 4, 8, 16, 32, 64] {
        let proof = ConsistencyProof::prove(size(old), size(2 * old), &nodes).unwrap();
        assert_eq!(proof.path, [leaves.mth(size(old).get(), size(old).get())]);
        assert_eq!(proof.verify(&root(&leaves, old), &root(&leaves, 2 * old)), Ok(()));
    }
}

#[test]
fn mrk_15_the_root_of_a_perfect_old_tree_is_not_in_the_path() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    for (old, new) in pairs() {
        let proof = ConsistencyProof::prove(size(old), size(new), &nodes).unwrap();
        let old_root = root(&leaves, old);
        if old.is_power_of_two() {
            assert!(!proof.path.contains(&old_root), "{old} to {new}");
            // Whatever old root goes in comes out: only comparing the new one shows that it is wrong.
            let (other, new_root) = proof.roots(&leaves[LIMIT - 1]).unwrap();
            assert_eq!(other, leaves[LIMIT - 1]);
            assert_ne!(new_root, root(&leaves, new));
        } else {
            assert_eq!(
                proof.roots(&leaves[0]).unwrap().0,
                old_root,
                "the path alone says what the old root is"
            );
        }
    }
}
