//! The governance hash over several resources: a tree over hexadecimal **text**, without prefixes for leaf and node.
//!
//! `rs_merkle` hashes raw digests, so it does not fit; the tree is small and is folded here. Because nothing tells a
//! leaf from a node, only leaves of 64 digits are accepted, and their count must be the one declared.

use std::collections::BTreeSet;

use proofs::sha256;
use serde_json::{Map, Value};

use super::super::finding::Findings;
use super::super::look::{at, is_hex64, objects, text};
use super::{MERKLE, PROOF, REQUIREMENT};

pub(super) fn check(event: &Map<String, Value>, place: &str, findings: &mut Findings) {
    let tree = at(event, &["governance_merkle_tree"]).and_then(Value::as_object);
    let merkle = text(event, "hash_type") == Some("merkle-sha256");
    let Some(tree) = tree else {
        if merkle {
            let message = "the hash type is merkle-sha256, but there is no tree to check it with";
            findings.info(REQUIREMENT, format!("{place}/hash_type"), message);
        }
        return;
    };
    if !merkle {
        let message = "a tree, but the hash type is not merkle-sha256";
        findings.warning(REQUIREMENT, format!("{place}/hash_type"), message);
    }
    let root = text(event, "governance_hash").unwrap_or_default();
    let pointer = format!("{place}/governance_merkle_tree");
    let (list, count) =
        if tree.contains_key("leaves") { ("leaves", "leaf_count") } else { ("resources", "resource_count") };
    let leaves: Vec<&str> =
        objects(tree, list).map(|(_, leaf)| text(leaf, "hash").unwrap_or_default()).collect();
    check_root(tree, root, (list, count), &leaves, &pointer, findings);
    check_proofs(tree, root, &leaves, &pointer, findings);
}

fn check_root(
    tree: &Map<String, Value>,
    root: &str,
    (list, count): (&str, &str),
    leaves: &[&str],
    pointer: &str,
    findings: &mut Findings,
) {
    if tree.get("algorithm").is_some_and(|algorithm| algorithm != "sha256") {
        findings.error(MERKLE, format!("{pointer}/algorithm"), "the tree is not over SHA-256");
        return;
    }
    let declared = tree.get(count).and_then(Value::as_u64);
    if declared != u64::try_from(leaves.len()).ok() {
        findings.error(MERKLE, format!("{pointer}/{count}"), "the count is not that of the leaves");
    }
    if let Some(at) = leaves.iter().position(|leaf| !is_hex64(leaf)) {
        let message = "a leaf is not 64 lower-case hexadecimal digits";
        findings.error(MERKLE, format!("{pointer}/{list}/{at}/hash"), message);
        return;
    }
    let mut sorted: Vec<String> = leaves.iter().map(|leaf| (*leaf).to_owned()).collect();
    sorted.sort_unstable();
    if sorted != leaves {
        findings.warning(MERKLE, format!("{pointer}/{list}"), "the leaves are not in ascending order");
    }
    if fold(sorted).as_deref() != Some(root) {
        let message = "the root over the leaves is not the governance hash";
        findings.error(MERKLE, pointer, message);
    }
}

/// The root over leaves in order; an odd one at the end of a level is promoted.
fn fold(mut level: Vec<String>) -> Option<String> {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => parent(left, right),
                alone => alone.concat(),
            })
            .collect();
    }
    level.pop()
}

fn parent(left: &str, right: &str) -> String {
    sha256([left, right].concat().as_bytes()).to_string()
}

fn check_proofs(
    tree: &Map<String, Value>,
    root: &str,
    leaves: &[&str],
    pointer: &str,
    findings: &mut Findings,
) {
    let known: BTreeSet<&str> = leaves.iter().copied().collect();
    for (index, proof) in objects(tree, "inclusion_proofs") {
        if findings.is_full() {
            return;
        }
        let leaf = text(proof, "leaf_hash").unwrap_or_default();
        let folded = walk(leaf, proof);
        if folded.as_deref() != Some(root) || !known.contains(leaf) {
            let message = "the proof does not lead from a leaf of the tree to the governance hash";
            findings.error(PROOF, format!("{pointer}/inclusion_proofs/{index}"), message);
        }
    }
}

/// Where a proof leads; `None` for one without a step, or with a step that is none.
fn walk(leaf: &str, proof: &Map<String, Value>) -> Option<String> {
    let steps = proof.get("proof_path").and_then(Value::as_array).filter(|steps| !steps.is_empty())?;
    // A tree of 65,536 leaves has 16 levels; no payload holds more.
    if steps.len() > 64 || !is_hex64(leaf) {
        return None;
    }
    steps.iter().try_fold(leaf.to_owned(), |node, step| {
        let sibling = step.get("sibling_hash").and_then(Value::as_str).filter(|hash| is_hex64(hash))?;
        match step.get("sibling_position").and_then(Value::as_str)? {
            "left" => Some(parent(sibling, &node)),
            "right" => Some(parent(&node, sibling)),
            _ => None,
        }
    })
}
