//! Trust Records.

use data_encoding::BASE64URL_NOPAD;
use proofs::{leaf_hash, sha256};
use serde_json::{Map, Value};

use super::super::canonical::{both, jcs_without};
use super::super::examination::Draft;
use super::super::examine::Circumstances;
use super::super::finding::{Finding, Findings, Severity};
use super::super::keys::{self, ED25519};
use super::super::kind::{Switch, System};
use super::super::look::{at, objects, text, text_at};
use super::super::probe::{LINK_TRACE_REVOKED, Probe, link};
use super::super::{schema, term};
use crate::policy::uri::Uri;

const PROFILE_V02: &str = "tag:agentrust-io.com,2026:trace-v0.2";
const PROFILE_V01: &str = "tag:agentrust.io,2026:trace-v0.1";

const PROFILE: &str = "TR-ENV-001";
const IAT: &str = "TR-ENV-002";
const CNF: &str = "TR-ENV-004";
const PRIVATE_KEY: &str = "TR-ENV-005";
const NO_SIGNATURE: &str = "TR-SIG-001";
const KEY_TYPE: &str = "TR-SIG-002";
const SIGNATURE: &str = "TR-SIG-005";
const VERIFIER: &str = "TR-APR-002";
const APPRAISAL_NONE: &str = "TR-APR-005";
const TRANSPARENCY: &str = "TR-ANC-001";
const SCHEMA: &str = "TRACE_SCHEMA";
const LEGACY: &str = "TRACE_LEGACY_PROFILE";
const UNTRUSTED: &str = "TRACE_KEY_NOT_TRUSTED";
const SUBJECT: &str = "TRACE_SUBJECT_NOT_SUB";
const WRAPPER: &str = "TRACE_WRAPPER_KEY_OTHER";
const ORIGIN: &str = "TRACE_ORIGIN_PLATFORM";
const UNATTESTED: &str = "TRACE_UNATTESTED";
const LOCATOR: &str = "TRACE_LOCATOR_MISMATCH";
const PARENT: &str = "TRACE_PARENT_NOT_FOUND";

/// How far ahead of the ledger's time `iat` may be, in seconds (systems.md §1.4, 7).
const MAX_AHEAD: u64 = 300;

/// Members of RFC 7518 §6 that hold secrets.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

pub(super) fn examine(
    value: &Value,
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    draft: &mut Draft,
) {
    draft.subject = text(object, "subject").map(str::to_owned);
    let readable = check_form(value, object, circumstances, &mut draft.findings);
    if !readable {
        return;
    }
    // Without plain integers there is no one canonical form, and a signature over it means nothing.
    if !draft.findings.has_errors() {
        check_signature(object, &mut draft.findings);
    }
    check_trust(object, circumstances, &mut draft.findings);
    check_claims(object, circumstances, &mut draft.findings);
    digests(value, object, circumstances, draft);
    terms(object, draft);
    probes(object, draft);
}

/// Whether it is a record of a version that is examined here.
fn check_form(
    value: &Value,
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) -> bool {
    let schema = match text(object, "eat_profile") {
        Some(PROFILE_V02) => &schema::TRACE_V02,
        Some(PROFILE_V01) if circumstances.has(Switch::TraceV01) => {
            findings.warning(LEGACY, "/eat_profile", "the profile v0.1 is superseded by v0.2");
            &schema::TRACE_V01
        }
        Some(PROFILE_V01) => {
            findings.error(PROFILE, "/eat_profile", "the profile v0.1 is superseded by v0.2");
            return false;
        }
        _ => {
            findings.error(PROFILE, "/eat_profile", "the profile is not TRACE v0.2");
            return false;
        }
    };
    let jwk = at(object, &["cnf", "jwk"]).and_then(Value::as_object);
    if let Some(member) = PRIVATE.iter().find(|member| jwk.is_some_and(|jwk| jwk.contains_key(**member))) {
        let message = "the record publishes private key material; replace this key";
        findings.error(PRIVATE_KEY, format!("/cnf/jwk/{member}"), message);
    }
    // What has been said is not said again by the schema.
    schema.check(value, findings, |pointer| {
        let known = PRIVATE.iter().any(|member| pointer.strip_prefix("/cnf/jwk/") == Some(member));
        (!known && pointer != "/cnf/jwk").then(|| schema_id(pointer)).or_else(|| {
            let private = jwk.is_some_and(|jwk| PRIVATE.iter().any(|member| jwk.contains_key(*member)));
            (!known && !private).then_some(CNF)
        })
    });
    true
}

/// The id that trace-tests has for a member.
fn schema_id(pointer: &str) -> &'static str {
    const IDS: [(&str, &str); 17] = [
        ("/eat_profile", PROFILE),
        ("/iat", IAT),
        ("/subject", "TR-ENV-003"),
        ("/cnf", CNF),
        ("/policy", "TR-POL-001"),
        ("/runtime/measurement", "TR-RTE-002"),
        ("/runtime/rim_uri", "TR-RTE-003"),
        ("/runtime/nonce", "TR-RTE-004"),
        ("/runtime", "TR-RTE-001"),
        ("/appraisal/verifier", VERIFIER),
        ("/appraisal/policy_ref", "TR-APR-003"),
        ("/appraisal/timestamp", "TR-APR-004"),
        ("/appraisal", "TR-APR-001"),
        ("/tool_transcript/call_count", "TR-TXN-002"),
        ("/tool_transcript", "TR-TXN-001"),
        ("/transparency", TRANSPARENCY),
        ("/signature", NO_SIGNATURE),
    ];
    let within = |member: &str| {
        pointer.strip_prefix(member).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    IDS.iter().find(|(member, _)| within(member)).map_or(SCHEMA, |(_, id)| id)
}

/// Ed25519 over the JCS bytes without `signature`, under the key that the record names itself.
fn check_signature(object: &Map<String, Value>, findings: &mut Findings) {
    let Some(text) = text(object, "signature") else {
        findings.error(NO_SIGNATURE, "/signature", "the record is not signed");
        return;
    };
    let key = at(object, &["cnf", "jwk"]).and_then(|jwk| proofs::PublicKey::from_jwk(jwk).ok());
    let Some(key) = key.filter(|key| key.ed25519_bytes().is_some()) else {
        findings.error(KEY_TYPE, "/cnf/jwk", "embedded signatures are Ed25519, and this is no such key");
        return;
    };
    let signature = BASE64URL_NOPAD.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() == 64);
    let Some(signature) = signature else {
        let message = "the signature is not 64 bytes in canonical base64url without padding";
        findings.error(SIGNATURE, "/signature", message);
        return;
    };
    let verified = jcs_without(object, &["signature"])
        .is_some_and(|message| keys::verifies(&key, &ED25519, &message, &signature));
    if !verified {
        let message = "the signature does not verify over the RFC 8785 form of the record";
        findings.error(SIGNATURE, "/signature", message);
    }
}

/// The key in the record proves nothing about who the issuer is; an anchor does.
fn check_trust(object: &Map<String, Value>, circumstances: &Circumstances<'_>, findings: &mut Findings) {
    let thumbprint = at(object, &["cnf", "jwk"]).and_then(keys::jwk_thumbprint);
    let Some(thumbprint) = thumbprint else { return };
    let subject = text(object, "subject").unwrap_or_default();
    let trusted = keys::embedded(circumstances.anchors, System::Trace).any(|(anchor, key)| {
        anchor.may_speak_for(subject) && keys::key_thumbprint(key.public_key()).as_ref() == Some(&thumbprint)
    });
    if !trusted {
        let message =
            "no trust anchor for TRACE has this key, so it says only that the record was not changed";
        findings.warning(UNTRUSTED, "/cnf/jwk", message);
    }
    if circumstances.subject.is_some_and(|sub| sub != subject) {
        findings.warning(SUBJECT, "/subject", "sub of the statement is not the subject of the record");
    }
    let other = circumstances.key.and_then(keys::key_thumbprint).is_some_and(|wrapper| wrapper != thumbprint);
    if other {
        findings.info(WRAPPER, "/cnf/jwk", "the statement is signed with another key than the record");
    }
}

/// What the record says of itself (systems.md §1.4, 7, 8, 11).
fn check_claims(object: &Map<String, Value>, circumstances: &Circumstances<'_>, findings: &mut Findings) {
    let iat = object.get("iat").and_then(Value::as_u64);
    if iat.is_some_and(|iat| iat > circumstances.evaluated_at.secs().saturating_add(MAX_AHEAD)) {
        findings.error(IAT, "/iat", "the record was issued in the future");
    }
    let platform = text_at(object, &["runtime", "platform"]).unwrap_or_default();
    let foreign = text_at(object, &["origin", "kind"]).is_some_and(|kind| kind != "self");
    if foreign && platform != "software-only" {
        let message = "a record that others observed cannot claim a hardware platform";
        findings.error(ORIGIN, "/runtime/platform", message);
    }
    if text_at(object, &["appraisal", "status"]) == Some("none") {
        findings.info(APPRAISAL_NONE, "/appraisal/status", "nobody has appraised the evidence");
    }
    let verifier = text_at(object, &["appraisal", "verifier"]);
    if verifier.is_some_and(|verifier| Uri::parse(verifier).is_none()) {
        findings.warning(VERIFIER, "/appraisal/verifier", "the verifier is not named by an absolute URI");
    }
    if !platform.is_empty() && platform != "software-only" {
        let message = "a hardware platform without evidence: the issuer's word";
        findings.info(UNATTESTED, "/runtime/platform", message);
    }
}

fn digests(value: &Value, object: &Map<String, Value>, circumstances: &Circumstances<'_>, draft: &mut Draft) {
    let (record, leaf) = both(value);
    if let Some(bytes) = record {
        draft.digests.push(("record", format!("sha256:{}", sha256(&bytes))));
    }
    draft.digests.push(("anchor_leaf", format!("sha256:{}", leaf_hash(leaf.as_bytes()))));
    let Some(locator) = super::locator_of(object) else { return };
    if let Some(uri) = text(object, "transparency") {
        let base = circumstances.service.trim_end_matches('/');
        let ours = uri.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
        if ours && uri != format!("{base}/trace/{locator}") {
            let message = "transparency points into this ledger, but not at this record's locator";
            draft.findings.warning(LOCATOR, "/transparency", message);
        } else if Uri::parse(uri).is_none_or(|uri| !uri.scheme.eq_ignore_ascii_case("https")) {
            draft.findings.warning(TRANSPARENCY, "/transparency", "transparency is not an https URI");
        }
    }
    draft.digests.push(("locator", locator));
}

fn terms(object: &Map<String, Value>, draft: &mut Draft) {
    let terms = &mut draft.terms;
    for (name, digest) in &draft.digests {
        match *name {
            "record" => terms.add(&term::TRACE_RECORD, digest.clone()),
            "anchor_leaf" => terms.add(&term::TRACE_LEAF, digest.clone()),
            _ => terms.add(&term::TRACE_LOCATOR, digest.clone()),
        }
    }
    let subject = text(object, "subject");
    terms.text(&term::TRACE_SUBJECT, subject);
    terms.text(&term::TRACE_DOMAIN, subject.and_then(domain));
    if let Some(jwk) = at(object, &["cnf", "jwk"]) {
        terms.text(&term::TRACE_KEY, keys::jwk_thumbprint(jwk).as_deref());
        terms.text(&term::TRACE_KEY, jwk.get("kid").and_then(Value::as_str));
    }
    for (name, path) in [
        (&term::TRACE_BUNDLE, ["policy", "bundle_hash"]),
        (&term::TRACE_MEASUREMENT, ["runtime", "measurement"]),
        (&term::TRACE_PLATFORM, ["runtime", "platform"]),
        (&term::TRACE_WEIGHTS, ["model", "weights_digest"]),
        (&term::TRACE_TRANSCRIPT, ["tool_transcript", "hash"]),
        (&term::TRACE_BUILD, ["build_provenance", "digest"]),
        (&term::TRACE_SOURCE_EVENT, ["origin", "source_event_id"]),
        (&term::TRACE_PRODUCER, ["origin", "producer"]),
        (&term::TRACE_CREDENTIAL, ["delegation", "credential_id"]),
        (&term::TRACE_PARENT, ["delegation", "parent_record_hash"]),
    ] {
        terms.text(name, text_at(object, &path));
    }
    terms.text(&term::TRACE_DATA_CLASS, text(object, "data_class"));
    let provider = text_at(object, &["model", "provider"]).zip(text_at(object, &["model", "model_id"]));
    if let Some((provider, model)) = provider {
        terms.text(&term::TRACE_MODEL, Some(&format!("{provider}/{model}")));
    }
    terms.number(&term::TRACE_IAT, object.get("iat").and_then(Value::as_u64));
    for (_, reference) in objects(object, "references") {
        terms.text(&term::TRACE_REFERENCE, text(reference, "id"));
    }
}

/// The trust domain of a SPIFFE id, the method of a DID.
fn domain(subject: &str) -> Option<&str> {
    const SPIFFE: &str = "spiffe://";
    match subject.strip_prefix(SPIFFE) {
        Some(rest) => {
            let length = rest.find('/').unwrap_or(rest.len());
            subject.get(..SPIFFE.len().saturating_add(length))
        }
        None => {
            let method = subject.strip_prefix("did:")?.find(':')?;
            subject.get(.."did:".len().saturating_add(method))
        }
    }
}

fn probes(object: &Map<String, Value>, draft: &mut Draft) {
    if let Some(parent) = text_at(object, &["delegation", "parent_record_hash"]) {
        let message = "the parent record is not on this log";
        let finding = Finding::new(PARENT, Severity::Warning, "/delegation/parent_record_hash", message);
        draft.probes.push(Probe::missing(&term::TRACE_RECORD, parent, finding));
    }
    let Some(jwk) = at(object, &["cnf", "jwk"]) else { return };
    let names = keys::jwk_thumbprint(jwk).into_iter();
    let names = names.chain(jwk.get("kid").and_then(Value::as_str).map(str::to_owned));
    let prefixes: Vec<Vec<u8>> = names.map(|name| revoked_prefix(&name)).collect();
    draft.probes.push(Probe::Revoked { prefixes });
}

/// What the rows of a key's revocations begin with.
pub(super) fn revoked_prefix(key: &str) -> Vec<u8> {
    link(LINK_TRACE_REVOKED, &[&super::super::probe::short(key.as_bytes())])
}
