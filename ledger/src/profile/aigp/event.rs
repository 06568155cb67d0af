//! One event.

use serde_json::{Map, Value};

use super::super::examination::Draft;
use super::super::examine::Circumstances;
use super::super::finding::{Finding, Findings, Severity};
use super::super::kind::Switch;
use super::super::look::{at, is_hex, is_hex64, objects, rfc3339, text};
use super::super::probe::{LINK_AIGP_CHAIN, Probe, link, short};
use super::super::schema::{self, Schema};
use super::super::term;
use super::{CAUSE, REQUIREMENT, SCHEMA, merkle, signature};

/// Events whose `governance_hash` newer clients leave empty.
const LIFECYCLE: [&str; 3] = ["AGENT_REGISTERED", "AGENT_APPROVED", "AGENT_DEACTIVATED"];

/// `place` is the JSON pointer of the event in the payload.
pub(super) fn examine(
    value: &Value,
    event: &Map<String, Value>,
    place: &str,
    circumstances: &Circumstances<'_>,
    draft: &mut Draft,
) {
    draft.subject = text(event, "agent_id").filter(|agent| !agent.is_empty()).map(str::to_owned);
    let findings = &mut draft.findings;
    let schema = dialect(event, place, findings);
    let lenient = std::ptr::eq(schema, &raw const schema::AIGP_V08);
    schema.check_at(value, place, findings, |_| Some(SCHEMA));
    check_hash(event, place, lenient, circumstances, findings);
    check_trace(event, place, lenient, findings);
    let sequence = event.get("sequence_number").and_then(Value::as_u64);
    if lenient && sequence == Some(0) {
        let message = "sequence numbers begin at 1; the event is not part of a chain";
        findings.warning(REQUIREMENT, format!("{place}/sequence_number"), message);
    }
    merkle::check(event, place, findings);
    signature::check(event, place, circumstances, findings);
    terms(event, draft);
    probes(event, place, sequence, draft);
}

/// The schema of the event's dialect: by its Merkle members, then by what it says of itself.
fn dialect(event: &Map<String, Value>, place: &str, findings: &mut Findings) -> &'static Schema {
    let minor = text(event, "spec_version").and_then(|version| {
        let mut parts = version.split('.');
        (parts.next() == Some("0")).then(|| parts.next()?.parse::<u32>().ok()).flatten()
    });
    let tree = at(event, &["governance_merkle_tree"]).and_then(Value::as_object);
    let has = |name| tree.is_some_and(|tree| tree.contains_key(name));
    if has("leaves") || has("leaf_count") {
        if minor.is_some_and(|minor| minor >= 12) {
            let message = "from 0.12 on the tree has resources, not leaves";
            findings.error(SCHEMA, format!("{place}/governance_merkle_tree"), message);
        }
        return &schema::AIGP_V08;
    }
    match minor {
        Some(13..) => &schema::AIGP_V13,
        Some(12) => &schema::AIGP_V12,
        _ if has("resources") || has("resource_count") => &schema::AIGP_V12,
        _ => &schema::AIGP_V08,
    }
}

/// The published example of a denied injection leaves the hash empty, which schemas before 0.12 allow too.
fn check_hash(
    event: &Map<String, Value>,
    place: &str,
    lenient: bool,
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) {
    if text(event, "governance_hash") != Some("") {
        return;
    }
    let lifecycle = text(event, "event_type").is_some_and(|kind| LIFECYCLE.contains(&kind));
    if !(lifecycle && circumstances.has(Switch::AigpEmptyLifecycleHash)) {
        let severity = if lenient { Severity::Warning } else { Severity::Error };
        let pointer = format!("{place}/governance_hash");
        findings.push(Finding::new(SCHEMA, severity, pointer, "the governance hash is empty"));
    }
}

/// The form of the trace. Schemas before 0.12 do not fix it, and the published examples keep to none, so there it is
/// only told.
fn check_trace(event: &Map<String, Value>, place: &str, lenient: bool, findings: &mut Findings) {
    let Some(trace) = text(event, "trace_id") else { return };
    let pointer = || format!("{place}/trace_id");
    let span = text(event, "span_id").is_some_and(|span| !span.is_empty());
    let uuid = trace.strip_prefix("trace-").or_else(|| trace.strip_prefix("req-")).unwrap_or(trace);
    if trace.is_empty() {
        let message =
            "the trace is empty, as the published client leaves it outside a span; the event is not chained";
        findings.warning(REQUIREMENT, pointer(), message);
        return;
    }
    let severity = if lenient { Severity::Warning } else { Severity::Error };
    let mut wrong = |message: &str| findings.push(Finding::new(SCHEMA, severity, pointer(), message));
    if span && !is_hex(trace, 32) {
        wrong("with a span, the trace is 32 hexadecimal digits");
    } else if !is_hex(trace, 32) && !is_uuid4(uuid) {
        wrong("neither 32 hexadecimal digits nor a UUID of version 4");
    }
}

fn is_uuid4(text: &str) -> bool {
    let mut parts = text.split('-');
    let fits = [8, 4, 4, 4, 12].into_iter().all(|length| {
        parts.next().is_some_and(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    fits && parts.next().is_none() && text.as_bytes().get(14) == Some(&b'4')
}

fn terms(event: &Map<String, Value>, draft: &mut Draft) {
    let terms = &mut draft.terms;
    for (name, member) in [
        (&term::AIGP_TRACE, "trace_id"),
        (&term::AIGP_AGENT, "agent_id"),
        (&term::AIGP_EVENT, "event_id"),
        (&term::AIGP_ORG, "org_id"),
        (&term::AIGP_TENANT, "tenant_id"),
        (&term::AIGP_TYPE, "event_type"),
        (&term::AIGP_CATEGORY, "event_category"),
        (&term::AIGP_HASH, "governance_hash"),
        (&term::AIGP_PARENT, "parent_hash"),
        (&term::AIGP_AIGP_HASH, "aigp_hash"),
        (&term::AIGP_CAUSE, "causality_ref"),
        (&term::AIGP_SEVERITY, "severity"),
        (&term::AIGP_CLASS, "data_classification"),
        (&term::AIGP_KEY, "signature_key_id"),
    ] {
        terms.text(name, text(event, member));
    }
    terms.number(&term::AIGP_SEQUENCE, event.get("sequence_number").and_then(Value::as_u64));
    terms.number(&term::AIGP_TIME, text(event, "event_time").and_then(rfc3339));
    for (name, kind) in [(&term::AIGP_POLICY, "policy"), (&term::AIGP_PROMPT, "prompt")] {
        if let Some(named) = text(event, &format!("{kind}_name")).filter(|named| !named.is_empty()) {
            terms.text(name, Some(named));
            let version = event.get(&format!("{kind}_version")).and_then(Value::as_u64);
            if let Some(version) = version {
                terms.text(name, Some(&format!("{named}@{version}")));
            }
        }
        let names = event.get(&format!("{kind}_names")).and_then(Value::as_array).into_iter().flatten();
        names.for_each(|named| terms.text(name, named.as_str()));
    }
    let tree = at(event, &["governance_merkle_tree"]).and_then(Value::as_object);
    for (_, resource) in
        tree.into_iter().flat_map(|tree| objects(tree, "leaves").chain(objects(tree, "resources")))
    {
        terms.text(&term::AIGP_LEAF, text(resource, "hash").filter(|hash| is_hex64(hash)));
        terms.text(&term::AIGP_RESOURCE, text(resource, "resource_name"));
        terms.text(&term::AIGP_TEMPLATE, text(resource, "template_hash"));
    }
}

/// Order and cause against what is on the log; events arrive out of order, so nothing of it refuses.
fn probes(event: &Map<String, Value>, place: &str, sequence: Option<u64>, draft: &mut Draft) {
    let agent = text(event, "agent_id").unwrap_or_default();
    let trace = text(event, "trace_id").filter(|trace| !trace.is_empty());
    if let (Some(trace), Some(number @ 1..)) = (trace, sequence) {
        // The length in front, so that no two pairs are one text.
        let length = agent.len().to_string();
        let name = [length.as_bytes(), b" ", agent.as_bytes(), trace.as_bytes()].concat();
        let chain = link(LINK_AIGP_CHAIN, &[&short(&name)]);
        draft.links.push([chain.as_slice(), &number.to_be_bytes()].concat());
        draft.probes.push(Probe::Sequence { chain, number, pointer: format!("{place}/sequence_number") });
    }
    if let Some(cause) = text(event, "causality_ref").filter(|cause| !cause.is_empty()) {
        let pointer = format!("{place}/causality_ref");
        let finding =
            Finding::new(CAUSE, Severity::Warning, pointer, "the event that it names is not on the log yet");
        draft.probes.push(Probe::missing(&term::AIGP_EVENT, cause, finding));
    }
}
