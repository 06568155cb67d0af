//! IATP attestations, capability manifests and reputation events (systems.md §4.4). Ids are the ones suggested there;
//! the system has none.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::examination::Draft;
use super::examine::Circumstances;
use super::finding::{Finding, Findings, Severity};
use super::keys::{self, ED25519};
use super::kind::{Kind, System};
use super::look::{is_hex64, rfc3339, text};
use super::probe::Probe;
use super::{schema, term};

const SCHEMA: &str = "IATP_SCHEMA";
const PLACEHOLDER: &str = "IATP_UNSIGNED_PLACEHOLDER";
const SIGNATURE: &str = "IATP_SIGNATURE_INVALID";
const UNKNOWN_KEY: &str = "IATP_UNKNOWN_KEY";
const UNSIGNED_EXPIRY: &str = "IATP_EXPIRY_UNSIGNED";
const UNSIGNED_KEY_ID: &str = "IATP_KEY_ID_UNSIGNED";
const AMBIGUOUS: &str = "IATP_AMBIGUOUS_FIELD";
const TIMESTAMP: &str = "IATP_TIMESTAMP";
const OTHER_SCHEMA: &str = "IATP_MANIFEST_REPOSITORY_SCHEMA";
const SUPERSEDES: &str = "IATP_SUPERSEDES";

const HASHES: [&str; 2] = ["codebase_hash", "config_hash"];

pub(super) fn examine(
    kind: Kind,
    value: &Value,
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    draft: &mut Draft,
) {
    draft.subject = subject(object).map(str::to_owned);
    let findings = &mut draft.findings;
    match kind {
        Kind::IatpManifest => {
            schema::IATP_MANIFEST.check(value, findings, |_| Some(SCHEMA));
            // All published manifests match the package's model and fail the repository's schema.
            if !schema::IATP_MANIFEST_REPO.is_valid(value) {
                let message =
                    "the schema of the repository, which is another than the package's, does not match";
                findings.info(OTHER_SCHEMA, "", message);
            }
        }
        Kind::IatpReputation => schema::IATP_REPUTATION.check(value, findings, |_| Some(SCHEMA)),
        _ => {
            schema::IATP_ATTESTATION.check(value, findings, |_| Some(SCHEMA));
            check_attestation(object, circumstances, findings);
        }
    }
    terms(object, draft);
    if let (Kind::IatpAttestation, Some(agent)) = (kind, text(object, "agent_id")) {
        let message = "the log has earlier documents about this agent, which this attestation may supersede";
        let finding = Finding::new(SUPERSEDES, Severity::Info, "/agent_id", message);
        draft.probes.push(Probe::present(&term::IATP_AGENT, agent, finding));
    }
}

pub(super) fn subject(object: &Map<String, Value>) -> Option<&str> {
    text(object, "agent_id").filter(|agent| !agent.is_empty())
}

/// The strict profile: it closes what the format leaves open.
fn check_attestation(
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) {
    for member in HASHES {
        // With a `:` in it, two different attestations have one signing input.
        if text(object, member).is_some_and(|hash| !is_hex64(hash)) {
            let message =
                "not 64 lower-case hexadecimal digits, so the signed text could mean another attestation";
            findings.error(AMBIGUOUS, format!("/{member}"), message);
        }
    }
    if text(object, "agent_id").is_some_and(|agent| agent.is_empty() || agent.chars().any(char::is_control)) {
        findings.error(AMBIGUOUS, "/agent_id", "empty, or with control characters");
    }
    if text(object, "timestamp").is_some_and(|time| rfc3339(time).is_none()) {
        findings.error(TIMESTAMP, "/timestamp", "not an RFC 3339 time with a zone");
    }
    if object.get("expires_at").is_some_and(Value::is_string) {
        findings.info(
            UNSIGNED_EXPIRY,
            "/expires_at",
            "not covered by the signature: anybody may have changed it",
        );
    }
    let key_id = text(object, "signing_key_id");
    if key_id.is_some() {
        findings.info(
            UNSIGNED_KEY_ID,
            "/signing_key_id",
            "not covered by the signature; it only says which key to try",
        );
    }
    if let Some((message, signature)) = signing_input(object).zip(text(object, "signature")) {
        check_signature(&message, signature, key_id.unwrap_or_default(), object, circumstances, findings);
    }
}

/// What the package signs: no escaping, no domain, four fields.
fn signing_input(object: &Map<String, Value>) -> Option<String> {
    let of = |name| text(object, name);
    Some([of("agent_id")?, of("codebase_hash")?, of("config_hash")?, of("timestamp")?].join(":"))
}

fn check_signature(
    message: &str,
    signature: &str,
    key_id: &str,
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) {
    let pointer = "/signature";
    let decoded = BASE64.decode(signature.as_bytes()).ok();
    if decoded.as_deref() == Some(message.as_bytes()) {
        let message =
            "no signature: the base64 of the text itself, as the package writes it without a usable key";
        findings.error(PLACEHOLDER, pointer, message);
        return;
    }
    let Some(bytes) = decoded.filter(|bytes| bytes.len() == 64) else {
        findings.error(SIGNATURE, pointer, "not 64 bytes in standard base64");
        return;
    };
    let agent = text(object, "agent_id").unwrap_or_default();
    let mut known = keys::embedded(circumstances.anchors, System::Iatp)
        .filter(|(anchor, key)| anchor.may_speak_for(agent) && keys::is_meant(key, key_id))
        .peekable();
    if known.peek().is_none() {
        let message = "not checked: no trust anchor for IATP has the key that it names";
        findings.warning(UNKNOWN_KEY, "/signing_key_id", message);
    } else if !known.any(|(_, key)| keys::verifies(key.public_key(), &ED25519, message.as_bytes(), &bytes)) {
        findings.error(SIGNATURE, pointer, "the signature does not verify under the key that it names");
    }
}

fn terms(object: &Map<String, Value>, draft: &mut Draft) {
    let terms = &mut draft.terms;
    for (name, member) in [
        (&term::IATP_AGENT, "agent_id"),
        (&term::IATP_CODEBASE, "codebase_hash"),
        (&term::IATP_CONFIG, "config_hash"),
        (&term::IATP_KEY, "signing_key_id"),
        (&term::IATP_TRACE, "trace_id"),
        (&term::IATP_EVENT, "event_id"),
        (&term::IATP_SEVERITY, "severity"),
    ] {
        terms.text(name, text(object, member));
    }
    terms.number(&term::IATP_TIME, text(object, "timestamp").and_then(rfc3339));
}
