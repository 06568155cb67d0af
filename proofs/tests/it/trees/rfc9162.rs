//! The reference roots of the classic test entries and the symbolic examples of RFC 9162 §2.1.5.

use proofs::{CompactRange, ConsistencyProof, Hash, InclusionProof, leaf_hash, node_hash};

use super::oracle::Mth;
use super::{Nodes, index, leaves, size};

const ENTRIES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn mrk_01_reference_roots_from_the_empty_tree_on() {
    let leaves: Vec<Hash> = ENTRIES.iter().map(|entry| leaf_hash(entry)).collect();
    let mut range = CompactRange::empty();
    assert_eq!(range.root().to_string(), ROOTS[0]);
    for (leaf, root) in leaves.iter().zip(&ROOTS[1..]) {
        range.append(*leaf, &mut |_, _| ()).unwrap();
        assert_eq!(range.root().to_string(), *root);
    }
    for (n, root) in (0..).zip(ROOTS) {
        assert_eq!(leaves.mth(0, n).to_string(), root, "the oracle itself");
    }
}

#[test]
fn size_9_of_the_golden_vectors() {
    let mut leaves: Vec<Hash> = ENTRIES.iter().map(|entry| leaf_hash(entry)).collect();
    leaves.push("69dfb8e39bb1abbee3f8f3fef710bc93b963c052f36a3c9e810f522f31824f8f".parse().unwrap());
    let nodes = Nodes::over(&leaves);
    let root = "2839ac8b0aa138d5df2ed2dcda2e6585ed985db8263547b3b1c2d2e3d436665f".parse().unwrap();
    assert_eq!(nodes.range.root(), root);
    let inclusion = InclusionProof::prove(index(8), size(9), &nodes).unwrap();
    assert_eq!(inclusion.path, [ROOTS[8].parse().unwrap()]);
    assert_eq!(inclusion.verify(&leaves[8], &root), Ok(()));
    let consistency = ConsistencyProof::prove(size(8), size(9), &nodes).unwrap();
    assert_eq!(consistency.path, [leaves[8]]);
    assert_eq!(consistency.verify(&ROOTS[8].parse().unwrap(), &root), Ok(()));
}

#[test]
fn paths_and_proofs_of_the_tree_with_seven_leaves() {
    let leaves = leaves(7);
    let nodes = Nodes::over(&leaves);
    let [a, b, c, d, e, f, j] = leaves.clone().try_into().unwrap();
    let (g, h, i) = (node_hash(&a, &b), node_hash(&c, &d), node_hash(&e, &f));
    let (k, l) = (node_hash(&g, &h), node_hash(&i, &j));
    assert_eq!(nodes.range.root(), node_hash(&k, &l));
    let path = |m| InclusionProof::prove(index(m), size(7), &nodes).unwrap().path;
    assert_eq!(path(0), [b, h, l]);
    assert_eq!(path(3), [c, g, l]);
    assert_eq!(path(4), [f, j, k]);
    assert_eq!(path(6), [i, k]);
    let proof = |m| ConsistencyProof::prove(size(m), size(7), &nodes).unwrap().path;
    assert_eq!(proof(3), [c, d, g, l]);
    assert_eq!(proof(4), [l]);
    assert_eq!(proof(6), [i, j, k]);
}
