//! Inclusion proofs of every leaf of every small tree, and every way a proof can be wrong.

use proofs::tree::{InclusionError, ProveError};
use proofs::{Hash, InclusionProof, LeafIndex, TreeSize, node_hash};
use rs_merkle::{Hasher, MerkleTree};

use super::oracle::Mth;
use super::{Nodes, Within, flip, index, leaves, size};

const LIMIT: usize = 260;

/// RFC 9162 for the `rs_merkle` crate, which carries a node without a sibling up as it is.
#[derive(Clone)]
struct Rfc9162;

impl Hasher for Rfc9162 {
    type Hash = [u8; 32];

    fn hash(entry: &[u8]) -> [u8; 32] {
        *proofs::leaf_hash(entry).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| *node_hash(&Hash::new(*left), &Hash::new(*right)).as_bytes())
    }
}

#[test]
fn every_pair_agrees_with_the_recursion() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    for n in 1..=LIMIT {
        let root = leaves.mth(0, size(n).get());
        for (m, leaf) in leaves[..n].iter().enumerate() {
            let proof = InclusionProof::prove(index(m), size(n), &Within(&nodes, size(n))).unwrap();
            assert_eq!(proof.path, leaves.path(index(m).get(), 0, size(n).get()), "{m} in {n}");
            assert_eq!(proof.verify(leaf, &root), Ok(()), "{m} in {n}");
        }
    }
    let pairs = LIMIT * (LIMIT + 1) / 2;
    assert_eq!(nodes.reads.get(), pairs - 1, "one read a proof, none for a single leaf");
}

#[test]
fn every_pair_agrees_with_rs_merkle() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    for n in 1..=LIMIT {
        let row: Vec<[u8; 32]> = leaves[..n].iter().map(|leaf| *leaf.as_bytes()).collect();
        let tree = MerkleTree::<Rfc9162>::from_leaves(&row);
        let root = Hash::new(tree.root().unwrap());
        for (m, leaf) in leaves[..n].iter().enumerate() {
            let path: Vec<Hash> = tree.proof(&[m]).proof_hashes().iter().copied().map(Hash::new).collect();
            let proof = InclusionProof::prove(index(m), size(n), &nodes).unwrap();
            assert_eq!(proof.path, path, "{m} in {n}");
            assert_eq!(proof.verify(leaf, &root), Ok(()), "{m} in {n}");
        }
    }
}

#[test]
fn one_flipped_bit_proves_nothing() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    let mut bit = 0;
    for n in (1..=70).chain([127, 128, 129, 255, 256, 257, LIMIT]) {
        let root = leaves.mth(0, size(n).get());
        for (m, leaf) in leaves[..n].iter().enumerate() {
            let proof = InclusionProof::prove(index(m), size(n), &nodes).unwrap();
            bit = (bit + 37) % 256;
            let mismatch = Err(InclusionError::RootMismatch);
            assert_eq!(proof.verify(&flip(leaf, bit), &root), mismatch);
            assert_eq!(proof.verify(leaf, &flip(&root, bit)), mismatch);
            for at in 0..proof.path.len() {
                let mut wrong = proof.clone();
                wrong.path[at] = flip(&wrong.path[at], bit);
                assert_eq!(wrong.verify(leaf, &root), mismatch, "{m} in {n}, element {at}");
            }
        }
    }
}

#[test]
fn mrk_02_a_single_leaf_is_its_own_root() {
    let leaf = leaves(1)[0];
    let mut proof = InclusionProof { size: size(1), index: index(0), path: Vec::new() };
    assert_eq!(proof.root(&leaf), Ok(leaf));
    assert_eq!(proof.verify(&leaf, &leaf), Ok(()));
    proof.path.push(leaf);
    assert_eq!(proof.verify(&leaf, &leaf), Err(InclusionError::PathTooLong));
}

#[test]
fn mrk_03_an_index_beyond_the_tree_is_refused() {
    let leaf = leaves(1)[0];
    for (m, n) in [(0, 0), (1, 0), (1, 1), (7, 7), (8, 7), (u64::MAX, 7), (u64::MAX, u64::MAX)] {
        let (index, size) = (LeafIndex::new(m), TreeSize::new(n));
        for path in [vec![], vec![leaf], vec![leaf; 3]] {
            let proof = InclusionProof { size, index, path };
            assert_eq!(proof.root(&leaf), Err(InclusionError::NoSuchLeaf { index, size }));
        }
        let nodes = Nodes::over(&[leaf]);
        assert_eq!(InclusionProof::prove(index, size, &nodes), Err(ProveError::NoSuchLeaf { index, size }));
        assert_eq!(nodes.reads.get(), 0);
    }
}

#[test]
fn mrk_04_one_element_too_many_or_too_few() {
    let leaves = leaves(LIMIT);
    let nodes = Nodes::over(&leaves);
    for n in (1..=70).chain([127, 128, 129, 255, 256, 257, LIMIT]) {
        let root = leaves.mth(0, size(n).get());
        for (m, leaf) in leaves[..n].iter().enumerate() {
            let proof = InclusionProof::prove(index(m), size(n), &nodes).unwrap();
            let mut long = proof.clone();
            long.path.push(root);
            assert_eq!(long.verify(leaf, &root), Err(InclusionError::PathTooLong), "{m} in {n}");
            let mut short = proof;
            if short.path.pop().is_some() {
                assert_eq!(short.verify(leaf, &root), Err(InclusionError::PathTooShort), "{m} in {n}");
            }
        }
    }
}

/// The path says nothing about the size where it fits several (RCPT-19): the root is the same.
#[test]
fn mrk_14_a_proof_may_fit_a_size_it_was_not_made_for() {
    let leaves = leaves(9);
    let nodes = Nodes::over(&leaves);
    let mut proof = InclusionProof::prove(index(0), size(3), &nodes).unwrap();
    let root = leaves[..3].mth(0, 3);
    assert_eq!(proof.verify(&leaves[0], &root), Ok(()));
    proof.size = size(4);
    assert_eq!(proof.verify(&leaves[0], &root), Ok(()));
    // The golden receipt A3, index 8 of 9, read as index 4 of 5.
    let mut proof = InclusionProof::prove(index(8), size(9), &nodes).unwrap();
    (proof.index, proof.size) = (index(4), size(5));
    assert_eq!(proof.verify(&leaves[8], &leaves.mth(0, 9)), Ok(()));
    // It is no general licence.
    let mut proof = InclusionProof::prove(index(2), size(3), &nodes).unwrap();
    proof.size = size(4);
    assert_eq!(proof.verify(&leaves[2], &root), Err(InclusionError::PathTooShort));
}

#[test]
fn a_failing_reader_is_reported() {
    struct Miscounts(usize);
    impl proofs::NodeReader for Miscounts {
        type Error = ();
        fn read(&self, _: &[proofs::NodeId]) -> Result<Vec<Hash>, ()> {
            if self.0 == 0 { Err(()) } else { Ok(leaves(self.0)) }
        }
    }
    let prove = |count| InclusionProof::prove(index(0), size(7), &Miscounts(count));
    // b, h, and the two nodes i and j that make l.
    assert_eq!(prove(0), Err(ProveError::Read(())));
    assert_eq!(prove(3), Err(ProveError::WrongCount { asked: 4, got: 3 }));
    assert_eq!(prove(5), Err(ProveError::WrongCount { asked: 4, got: 5 }));
    assert_eq!(prove(4).unwrap().path.len(), 3);
}
