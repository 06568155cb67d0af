//! What was found, in AIGP's own verifier-report format (systems.md §2.3).

use proofs::UnixTime;
use serde_json::{Map, Value, json};

use super::super::finding::{Finding, Severity, shortened};
use super::super::json;
use super::super::look::{text, to_rfc3339};

/// The longest text of the event that the report repeats, in bytes, with every finding; a longer one is cut.
const MAX_TEXT_BYTES: usize = 256;

const IDS: [&str; 9] = [
    "SEQUENCE_GAP",
    "SEQUENCE_DUPLICATE",
    "SEQUENCE_RESET",
    super::CAUSE,
    super::SIGNATURE,
    super::MERKLE,
    super::PROOF,
    super::REQUIREMENT,
    super::SCHEMA,
];

/// The findings about one event (payload and log findings) as a verifier report of AIGP. Findings that AIGP has no id
/// for stand under `SCHEMA_VALIDATION_FAILED`, with our id in `details`. Texts of the event beyond 256 bytes are cut. `run_id` names the run; `payload` is the
/// event, or the CloudEvent around it.
#[must_use]
pub fn verifier_report(payload: &[u8], findings: &[Finding], run_id: &str, verified_at: UnixTime) -> Value {
    let read = json::read(payload).ok();
    let envelope = read.as_ref().and_then(Value::as_object);
    let inner = envelope.and_then(|envelope| envelope.get("data")).and_then(Value::as_object);
    let event = inner.or(envelope);
    let of = |name: &str| told(event, name);
    let worst = findings.iter().map(|finding| finding.severity).max();
    let result = match worst {
        Some(Severity::Error) => "fail",
        Some(Severity::Warning) => "warning",
        _ => "pass",
    };
    let failed = usize::from(result == "fail");
    let counted = findings.iter().filter(|finding| finding.severity > Severity::Info);
    let count = |ids: &[&str]| counted.clone().filter(|finding| ids.contains(&finding.id.as_ref())).count();
    json!({
        "run_id": run_id,
        "spec_version": of("spec_version"),
        "verified_at": to_rfc3339(verified_at.secs()),
        "source": "stele",
        "trace_id": of("trace_id"),
        "result": result,
        "summary": {
            "total_events": 1,
            "passed_events": 1 - failed,
            "failed_events": failed,
            "signature_failures": count(&[super::SIGNATURE]),
            "merkle_failures": count(&[super::MERKLE, super::PROOF]),
            "ordering_failures": count(&[IDS[0], IDS[1], IDS[2], super::CAUSE]),
            "profile_violations": count(&[super::REQUIREMENT]),
        },
        "findings": findings.iter().map(|finding| one(finding, event)).collect::<Vec<_>>(),
    })
}

/// A text of the event, as much of it as is told.
fn told(event: Option<&Map<String, Value>>, name: &str) -> String {
    shortened(event.and_then(|event| text(event, name)).unwrap_or_default(), MAX_TEXT_BYTES)
}

fn one(finding: &Finding, event: Option<&Map<String, Value>>) -> Value {
    let id = finding.id.as_ref();
    let severity = match finding.severity {
        Severity::Error => "high",
        Severity::Warning => "medium",
        Severity::Info => "info",
    };
    let mut details = Map::from_iter([("pointer".to_owned(), json!(finding.pointer))]);
    details.extend((!IDS.contains(&id)).then(|| ("id".to_owned(), json!(id))));
    details.extend(finding.as_of.map(|as_of| ("as_of".to_owned(), json!(as_of))));
    let of = |name: &str| told(event, name);
    let mut found = Map::from_iter(
        [
            ("finding_id", json!(if IDS.contains(&id) { id } else { super::SCHEMA })),
            ("message", json!(finding.message)),
            ("severity", json!(severity)),
            ("event_id", json!(of("event_id"))),
            ("agent_id", json!(of("agent_id"))),
            ("trace_id", json!(of("trace_id"))),
            ("details", Value::Object(details)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let sequence = event.and_then(|event| event.get("sequence_number")).and_then(Value::as_u64);
    let sequence = sequence.filter(|sequence| *sequence >= 1);
    found.extend(sequence.map(|sequence| ("sequence_number".to_owned(), json!(sequence))));
    Value::Object(found)
}
