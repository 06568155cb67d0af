//! The published test data of transparency-dev/merkle: what it accepts is accepted here, what it refuses refused.

use data_encoding::BASE64;
use proofs::{ConsistencyProof, Hash, InclusionProof, LeafIndex, TreeSize, sha256};
use serde_json::Value;

/// A hash; `None` for what has another length, which no proof here can be made of.
fn hash(value: &Value) -> Option<Hash> {
    Hash::from_slice(&BASE64.decode(value.as_str()?.as_bytes()).unwrap())
}

/// A root. Some cases write any text for one, as it is only compared: its digest stands in for it, equal where it is.
fn root(value: &Value) -> Option<Hash> {
    hash(value).or_else(|| Some(sha256(value.as_str()?.as_bytes())))
}

fn path(case: &Value) -> Option<Vec<Hash>> {
    case["proof"].as_array().map_or(Some(Vec::new()), |hashes| hashes.iter().map(hash).collect())
}

fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().unwrap_or_else(|| panic!("{name} of {case}"))
}

/// Runs every case through `accepts`; gives how many were to be accepted and refused.
fn compare(cases: &str, accepts: impl Fn(&Value) -> Option<bool>) -> (usize, usize) {
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    for case in &cases {
        let accepted = accepts(case).unwrap_or(false);
        assert_eq!(!accepted, case["wantErr"].as_bool().unwrap(), "{}: {}", case["file"], case["desc"]);
    }
    let refused = cases.iter().filter(|case| case["wantErr"] == true).count();
    (cases.len() - refused, refused)
}

#[test]
fn inclusion_proofs_are_accepted_and_refused_alike() {
    let cases = include_str!("../../data/transparency-dev-merkle/inclusion.json");
    let counts = compare(cases, |case| {
        let (index, size) = (number(case, "leafIdx"), number(case, "treeSize"));
        let proof =
            InclusionProof { size: TreeSize::new(size), index: LeafIndex::new(index), path: path(case)? };
        Some(proof.verify(&hash(&case["leafHash"])?, &root(&case["root"])?).is_ok())
    });
    assert_eq!(counts, (6, 92));
}

#[test]
fn consistency_proofs_are_accepted_and_refused_alike() {
    let cases = include_str!("../../data/transparency-dev-merkle/consistency.json");
    let counts = compare(cases, |case| {
        let (old, new) = (number(case, "size1"), number(case, "size2"));
        let proof = ConsistencyProof { old: TreeSize::new(old), new: TreeSize::new(new), path: path(case)? };
        Some(proof.verify(&root(&case["root1"])?, &root(&case["root2"])?).is_ok())
    });
    assert_eq!(counts, (6, 92));
}
