//! Agent Evidence documents (systems.md §3.4). The system defines no finding names; these are ours.

mod manifest;
mod references;

use serde_json::{Map, Value};

use super::examination::Draft;
use super::finding::{Finding, Findings, Severity};
use super::kind::Kind;
use super::look::{at, objects, rfc3339, text, text_at};
use super::place::telling;
use super::probe::Probe;
use super::schema::{self, Schema};
use super::term::{self, TermName, Terms};
use crate::json::below;

pub use manifest::manifest_findings;

pub(super) use manifest::is_relative;

const SCHEMA: &str = "AEV_SCHEMA";
const TIME_ORDER: &str = "TIME_ORDER";
const UNEXPLAINED: &str = "COMPLETENESS_UNEXPLAINED";
const UNLISTED_REDACTIONS: &str = "REDACTED_WITHOUT_REDACTIONS";
const EARLIER: &str = "PACK_EARLIER_VERSION";
const NO_PACK: &str = "MANIFEST_PACK_NOT_FOUND";

const PACK: &str = "evidence_pack_id";

pub(super) fn examine(kind: Kind, value: &Value, object: &Map<String, Value>, draft: &mut Draft) {
    draft.subject = subject(kind, object).map(str::to_owned);
    schema(kind).check(value, &mut draft.findings, |_| Some(SCHEMA));
    check_times(object, &mut draft.findings);
    check_completeness(object, &mut draft.findings);
    match kind {
        Kind::EvidenceManifest => manifest::check(object, &mut draft.findings),
        _ => references::check(kind, object, &mut draft.findings),
    }
    if kind == Kind::EvidencePack
        && text(object, "status") == Some("redacted")
        && objects(object, "redactions").next().is_none()
    {
        let message = "the pack is redacted, but does not list what was";
        draft.findings.warning(UNLISTED_REDACTIONS, "/redactions", message);
    }
    terms(object, &mut draft.terms);
    probes(kind, object, draft);
}

fn schema(kind: Kind) -> &'static Schema {
    match kind {
        Kind::EvidenceEvent => &schema::EVIDENCE_EVENT,
        Kind::EvidenceClaimMap => &schema::EVIDENCE_CLAIM_MAP,
        Kind::EvidenceSourceMap => &schema::EVIDENCE_SOURCE_MAP,
        Kind::EvidenceProvenance => &schema::EVIDENCE_PROVENANCE,
        Kind::EvidenceReplay => &schema::EVIDENCE_REPLAY,
        Kind::EvidenceVerification => &schema::EVIDENCE_VERIFICATION,
        Kind::EvidenceManifest => &schema::EVIDENCE_MANIFEST,
        _ => &schema::EVIDENCE_PACK,
    }
}

/// A document's own id; a verification document has only its pack's.
pub(super) fn subject(kind: Kind, object: &Map<String, Value>) -> Option<&str> {
    let member = match kind {
        Kind::EvidenceEvent => "event_id",
        Kind::EvidenceClaimMap => "claim_map_id",
        Kind::EvidenceSourceMap => "source_map_id",
        Kind::EvidenceProvenance => "provenance_id",
        Kind::EvidenceReplay => "replay_id",
        Kind::EvidenceManifest => "export_id",
        _ => PACK,
    };
    text(object, member).filter(|id| !id.is_empty())
}

fn check_times(object: &Map<String, Value>, findings: &mut Findings) {
    let time = |name| text(object, name).and_then(rfc3339);
    if time("created_at").zip(time("updated_at")).is_some_and(|(created, updated)| updated < created) {
        findings.warning(TIME_ORDER, "/updated_at", "updated before it was created");
    }
}

/// Missing facts must be explicit.
fn check_completeness(object: &Map<String, Value>, findings: &mut Findings) {
    let entries = at(object, &["completeness"]).and_then(Value::as_object);
    for (name, entry) in entries.into_iter().flatten() {
        let status = entry.get("status").and_then(Value::as_str).unwrap_or("complete");
        let explained =
            entry.get("missing_facts").and_then(Value::as_array).is_some_and(|facts| !facts.is_empty());
        if !matches!(status, "complete" | "not_applicable") && !explained {
            let message = "not complete, and no missing fact says why";
            findings.info(UNEXPLAINED, below("/completeness", telling(name)), message);
        }
    }
}

/// Lists whose members have ids that can be asked for.
const LISTS: [(&str, &str, &TermName); 7] = [
    ("claims", "claim_id", &term::EVIDENCE_CLAIM),
    ("sources", "source_id", &term::EVIDENCE_SOURCE),
    ("sources", "uri", &term::EVIDENCE_URI),
    ("verification_results", "verification_id", &term::EVIDENCE_CHECK),
    ("reviews", "review_id", &term::EVIDENCE_REVIEW),
    ("telemetry", "trace_id", &term::EVIDENCE_TRACE),
    ("files", "hash", &term::EVIDENCE_FILE),
];

fn terms(object: &Map<String, Value>, terms: &mut Terms) {
    for (member, name) in [
        (PACK, &term::EVIDENCE_PACK),
        ("export_id", &term::EVIDENCE_EXPORT),
        ("status", &term::EVIDENCE_STATUS),
        ("claim_id", &term::EVIDENCE_CLAIM),
        ("source_id", &term::EVIDENCE_SOURCE),
        ("verification_id", &term::EVIDENCE_CHECK),
        ("review_id", &term::EVIDENCE_REVIEW),
        ("trace_id", &term::EVIDENCE_TRACE),
        ("span_id", &term::EVIDENCE_SPAN),
        ("tool_call_id", &term::EVIDENCE_TOOL_CALL),
        ("action_id", &term::EVIDENCE_ACTION),
        ("event_id", &term::EVIDENCE_ID),
        ("claim_map_id", &term::EVIDENCE_ID),
        ("source_map_id", &term::EVIDENCE_ID),
        ("provenance_id", &term::EVIDENCE_ID),
        ("replay_id", &term::EVIDENCE_ID),
    ] {
        terms.text(name, text(object, member));
    }
    terms.text(&term::EVIDENCE_PRODUCER, text_at(object, &["producer", "id"]));
    let scope = at(object, &["scope"]).and_then(Value::as_object);
    for (name, value) in scope.into_iter().flatten() {
        if let Some(value) = value.as_str() {
            terms.text(&term::EVIDENCE_SCOPE, Some(&format!("{name}={value}")));
        }
    }
    for (list, member, name) in LISTS {
        objects(object, list).for_each(|(_, item)| terms.text(name, text(item, member)));
    }
    for (_, item) in objects(object, "telemetry") {
        terms.text(&term::EVIDENCE_SPAN, text(item, "span_id"));
        terms.text(&term::EVIDENCE_TOOL_CALL, text(item, "tool_call_id"));
    }
}

/// Versions of one pack are linked by its id.
fn probes(kind: Kind, object: &Map<String, Value>, draft: &mut Draft) {
    let Some(pack) = text(object, PACK) else { return };
    let pointer = "/evidence_pack_id";
    match kind {
        Kind::EvidencePack => {
            let finding =
                Finding::new(EARLIER, Severity::Info, pointer, "the log has earlier documents of this pack");
            draft.probes.push(Probe::present(&term::EVIDENCE_PACK, pack, finding));
        }
        Kind::EvidenceManifest => {
            let finding =
                Finding::new(NO_PACK, Severity::Info, pointer, "the pack itself is not on this log");
            draft.probes.push(Probe::missing(&term::EVIDENCE_PACK, pack, finding));
        }
        _ => {}
    }
}
