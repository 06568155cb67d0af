//! Which kind of document a JSON object is, told by its members: for evidence that comes as plain `application/json`.
//!
//! No system says so of itself except TRACE and CloudEvents, so the members that every document of a kind must have
//! decide; kinds that are told apart by more come first. The Python client has the same table.

use serde_json::{Map, Value};

use super::kind::Kind;
use super::look::text;

const TRACE_PROFILES: [&str; 2] = ["tag:agentrust-io.com,", "tag:agentrust.io,"];
const TRACE_REVOCATION: &str = "TraceRevocation/1.0";
const AIGP_TYPES: &str = "org.aigp.";

/// Members that a document must have to be taken for one of a kind, in this order.
const MEMBERS: [(Kind, &[&str]); 13] = [
    (Kind::AigpEvent, &["event_id", "event_type", "event_category", "agent_id", "governance_hash"]),
    (Kind::EvidenceManifest, &["schema_version", "export_id", "evidence_pack_id", "files"]),
    (Kind::EvidencePack, &["schema_version", "evidence_pack_id", "scope", "producer"]),
    (Kind::EvidenceClaimMap, &["schema_version", "claim_map_id", "claims"]),
    (Kind::EvidenceSourceMap, &["schema_version", "source_map_id", "sources"]),
    (Kind::EvidenceProvenance, &["schema_version", "provenance_id", "nodes", "edges"]),
    (Kind::EvidenceReplay, &["schema_version", "replay_id", "determinism"]),
    (Kind::EvidenceEvent, &["schema_version", "event_id", "type", "timestamp"]),
    (Kind::EvidenceVerification, &["schema_version", "evidence_pack_id", "verification_results"]),
    (Kind::IatpAttestation, &["agent_id", "codebase_hash", "config_hash", "signature"]),
    (Kind::IatpReputation, &["agent_id", "event_id", "severity"]),
    (Kind::IatpManifest, &["agent_id", "trust_level"]),
    (Kind::AgentTraceRecord, &["version", "id", "timestamp", "files"]),
];

/// The kind of a document; `None` if it is none of the five systems'. Whether it keeps the rules of its kind is not
/// asked here.
pub(crate) fn recognise(object: &Map<String, Value>) -> Option<Kind> {
    let starts = |name: &str, with: &[&str]| {
        text(object, name).is_some_and(|value| with.iter().any(|start| value.starts_with(start)))
    };
    if starts("eat_profile", &TRACE_PROFILES) {
        return Some(Kind::TraceRecord);
    }
    if text(object, "type") == Some(TRACE_REVOCATION) {
        return Some(Kind::TraceRevocation);
    }
    if object.contains_key("specversion") && starts("type", &[AIGP_TYPES]) {
        return Some(Kind::AigpCloudEvent);
    }
    let all = |members: &[&str]| members.iter().all(|member| object.contains_key(*member));
    MEMBERS.iter().find(|(_, members)| all(members)).map(|(kind, _)| *kind)
}
