//! The vectors in `tests/data/stele`, made by code that shares nothing with this crate: leaves, roots and
//! paths.

use proofs::{CompactRange, ConsistencyProof, Hash, InclusionProof, LeafIndex, TreeSize, leaf_hash};
use serde_json::Value;

use super::Nodes;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../data/stele/vectors.json")).unwrap()
}

fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn leaves(vectors: &Value) -> Vec<Hash> {
    vectors["statements"].as_array().unwrap().iter().map(|statement| hash(&statement["leaf"])).collect()
}

#[test]
fn leaves_are_the_hashes_of_entries() {
    for statement in vectors()["statements"].as_array().unwrap() {
        let entry = hash(&statement["entry_id"]);
        assert_eq!(leaf_hash(entry.as_ref()), hash(&statement["leaf"]));
    }
}

#[test]
fn roots_of_every_size() {
    let vectors = vectors();
    let mut range = CompactRange::empty();
    let mut leaves = leaves(&vectors).into_iter();
    let roots = vectors["roots"].as_array().unwrap();
    assert_eq!(roots.len(), 13);
    for root in roots {
        assert_eq!(root["size"].as_u64(), Some(range.size().get()));
        assert_eq!(range.root(), hash(&root["root"]));
        if let Some(leaf) = leaves.next() {
            range.append(leaf, &mut |_, _| ()).unwrap();
        }
    }
}

#[test]
fn inclusion_paths() {
    let vectors = vectors();
    let leaves = leaves(&vectors);
    let nodes = Nodes::over(&leaves);
    let receipts = vectors["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 12);
    for receipt in receipts {
        let number = |name: &str| receipt[name].as_u64().unwrap();
        let index = LeafIndex::new(number("index"));
        let proof = InclusionProof::prove(index, TreeSize::new(number("size")), &nodes).unwrap();
        assert_eq!(proof.path, hashes(&receipt["path"]));
        let leaf = leaves[usize::try_from(index.get()).unwrap()];
        assert_eq!(proof.verify(&leaf, &hash(&receipt["root"])), Ok(()));
    }
}

#[test]
fn consistency_paths() {
    let vectors = vectors();
    let nodes = Nodes::over(&leaves(&vectors));
    let receipts = vectors["consistency_receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 10);
    for receipt in receipts {
        let size = |name: &str| TreeSize::new(receipt[name].as_u64().unwrap());
        let proof = ConsistencyProof::prove(size("size1"), size("size2"), &nodes).unwrap();
        assert_eq!(proof.path, hashes(&receipt["path"]));
        assert_eq!(proof.verify(&hash(&receipt["root1"]), &hash(&receipt["root2"])), Ok(()));
    }
}
