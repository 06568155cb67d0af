//! Whether what a document refers to is in it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::finding::Findings;
use super::super::kind::Kind;
use super::super::look::{objects, text};

const DUPLICATE: &str = "DUPLICATE_ID";
const CLAIM_EDGE: &str = "CLAIM_EDGE_UNRESOLVED";
const WITHOUT_SUPPORT: &str = "SUPPORTED_CLAIM_WITHOUT_SUPPORT";
const REVIEW: &str = "REVIEW_VERIFICATION_UNRESOLVED";
const PROVENANCE: &str = "PROVENANCE_NODE_UNRESOLVED";
const NOT_CHECKED: &str = "REFERENCES_NOT_CHECKED";

/// Lists and the ids that are unique in each.
const IDS: [(&str, &str); 8] = [
    ("claims", "claim_id"),
    ("sources", "source_id"),
    ("support_edges", "edge_id"),
    ("verification_results", "verification_id"),
    ("reviews", "review_id"),
    ("redactions", "redaction_id"),
    ("nodes", "node_id"),
    ("edges", "edge_id"),
];

/// What an edge may name, where it would be found, behind which reference it may be instead, and what to say.
const TARGETS: [(&str, &str, &str, &str); 4] = [
    ("claim_id", "claims", "claim_map_ref", "EDGE_CLAIM_UNRESOLVED"),
    ("source_id", "sources", "source_map_ref", "EDGE_SOURCE_UNRESOLVED"),
    ("verification_id", "verification_results", "", "EDGE_VERIFICATION_UNRESOLVED"),
    ("review_id", "reviews", "", "EDGE_REVIEW_UNRESOLVED"),
];

type Object = Map<String, Value>;

pub(super) fn check(kind: Kind, object: &Object, findings: &mut Findings) {
    for (list, id) in IDS {
        let mut seen = BTreeSet::new();
        for (index, item) in objects(object, list) {
            if text(item, id).is_some_and(|id| !seen.insert(id)) {
                findings.warning(DUPLICATE, format!("/{list}/{index}/{id}"), "the id is there twice");
            }
        }
    }
    check_edges(object, findings);
    check_claims(object, findings);
    check_reviews(object, findings);
    match kind {
        Kind::EvidenceProvenance => check_provenance(object, "", findings),
        _ => {
            if let Some(inner) = object.get("provenance").and_then(Value::as_object) {
                check_provenance(inner, "/provenance", findings);
            }
        }
    }
}

fn ids<'a>(object: &'a Object, list: &str, id: &str) -> BTreeSet<&'a str> {
    objects(object, list).filter_map(|(_, item)| text(item, id)).collect()
}

/// Each edge resolves where the document holds that kind; where it is behind a reference, that is said once.
fn check_edges(object: &Object, findings: &mut Findings) {
    for (member, list, behind, id) in TARGETS {
        let mut edges = objects(object, "support_edges")
            .filter_map(|(at, edge)| Some((at, text(edge, member)?)))
            .peekable();
        if edges.peek().is_none() {
            continue;
        }
        if !object.contains_key(list) {
            // Claim maps hold claims only: what else their edges name is in other documents.
            let message = "what support edges name is in another document";
            let pointer =
                if object.contains_key(behind) { format!("/{behind}") } else { "/support_edges".to_owned() };
            findings.info(NOT_CHECKED, pointer, message);
            continue;
        }
        let known = ids(object, list, member);
        for (at, _) in edges.filter(|(_, name)| !known.contains(name)) {
            findings.warning(
                id,
                format!("/support_edges/{at}/{member}"),
                "the document has nothing with this id",
            );
        }
    }
    check_others(object, findings);
}

/// Artifacts are members of scope or refs, provenance nodes of the provenance in the pack.
fn check_others(object: &Object, findings: &mut Findings) {
    let nodes =
        object.get("provenance").and_then(Value::as_object).map(|inner| ids(inner, "nodes", "node_id"));
    let artifact = object.get("scope").and_then(|scope| scope.get("artifact_id")).and_then(Value::as_str);
    let mut artifacts = ids(object, "refs", "ref_id");
    artifacts.extend(artifact);
    for (at, edge) in objects(object, "support_edges") {
        let node = text(edge, "provenance_node_id");
        if node.zip(nodes.as_ref()).is_some_and(|(node, nodes)| !nodes.contains(node)) {
            let pointer = format!("/support_edges/{at}/provenance_node_id");
            findings.warning(PROVENANCE, pointer, "the provenance has no such node");
        }
        if !artifacts.is_empty() && text(edge, "artifact_id").is_some_and(|name| !artifacts.contains(name)) {
            let pointer = format!("/support_edges/{at}/artifact_id");
            findings.warning("EDGE_ARTIFACT_UNRESOLVED", pointer, "the document has no such artifact");
        }
    }
}

fn check_claims(object: &Object, findings: &mut Findings) {
    let edges = ids(object, "support_edges", "edge_id");
    let supported = ids(object, "support_edges", "claim_id");
    for (at, claim) in objects(object, "claims") {
        let named = claim.get("support_edges").and_then(Value::as_array);
        let named = || named.into_iter().flatten().filter_map(Value::as_str);
        if object.contains_key("support_edges") || named().next().is_some() {
            for (place, _) in named().enumerate().filter(|(_, edge)| !edges.contains(edge)) {
                let pointer = format!("/claims/{at}/support_edges/{place}");
                findings.warning(CLAIM_EDGE, pointer, "the document has no such support edge");
            }
        }
        let alone =
            named().next().is_none() && !text(claim, "claim_id").is_some_and(|id| supported.contains(id));
        if text(claim, "status") == Some("supported") && alone {
            findings.warning(
                WITHOUT_SUPPORT,
                format!("/claims/{at}"),
                "a supported claim without any support",
            );
        }
    }
}

/// A review never replaces a verification: what it refers to must be there.
fn check_reviews(object: &Object, findings: &mut Findings) {
    let known = ids(object, "verification_results", "verification_id");
    for (at, review) in objects(object, "reviews") {
        let named = review.get("verification_refs").and_then(Value::as_array).into_iter().flatten();
        let unknown =
            named.enumerate().filter(|(_, name)| !name.as_str().is_some_and(|name| known.contains(name)));
        for (place, _) in unknown {
            let pointer = format!("/reviews/{at}/verification_refs/{place}");
            findings.warning(REVIEW, pointer, "the document has no such verification");
        }
    }
}

fn check_provenance(object: &Object, place: &str, findings: &mut Findings) {
    let nodes = ids(object, "nodes", "node_id");
    for (at, edge) in objects(object, "edges") {
        for end in ["from", "to"] {
            if text(edge, end).is_some_and(|node| !nodes.contains(node)) {
                findings.warning(PROVENANCE, format!("{place}/edges/{at}/{end}"), "there is no such node");
            }
        }
    }
}
