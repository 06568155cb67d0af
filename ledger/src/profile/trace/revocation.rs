//! `TraceRevocation/1.0`: a key's records count up to an entry of this log, and no further (spec 3.2.3).
//!
//! Entry ids that can be compared are leaf indices in decimal; `log_id` is the log id in hex.

use data_encoding::BASE64URL_NOPAD;
use proofs::Algorithm;
use serde_json::{Map, Value};

use super::super::canonical::jcs_without;
use super::super::examination::Draft;
use super::super::examine::Circumstances;
use super::super::keys::{self, ED25519};
use super::super::kind::System;
use super::super::look::{text, text_at};
use super::super::{schema, term};
use super::record::revoked_prefix;

const SCHEMA: &str = "TRACE_REVOCATION_SCHEMA";
const SIGNATURE: &str = "TRACE_REVOCATION_SIGNATURE";
const UNTRUSTED: &str = "TRACE_REVOCATION_KEY_NOT_TRUSTED";
const SELF_SIGNED: &str = "TRACE_REVOCATION_BY_ITSELF";
const OTHER_LOG: &str = "TRACE_REVOCATION_OTHER_LOG";
const ENTRY_ID: &str = "TRACE_REVOCATION_ENTRY_ID";

pub(super) fn examine(
    value: &Value,
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    draft: &mut Draft,
) {
    let findings = &mut draft.findings;
    schema::TRACE_REVOCATION.check(value, findings, |_| Some(SCHEMA));
    let key = text(object, "compromised_key_id").unwrap_or_default();
    draft.subject = Some(key.to_owned()).filter(|key| !key.is_empty());
    draft.terms.text(&term::TRACE_REVOKED, Some(key));
    if draft.findings.has_errors() {
        return;
    }
    let by = text(object, "revocation_key_id").unwrap_or_default();
    if by == key {
        let message = "a key cannot revoke itself: whoever stole it could";
        draft.findings.error(SELF_SIGNED, "/revocation_key_id", message);
        return;
    }
    let ours = text(object, "log_id").is_some_and(|log| log == circumstances.log_id.to_string());
    if !ours {
        draft.findings.warning(
            OTHER_LOG,
            "/log_id",
            "the statement is about another log and has no effect here",
        );
    }
    let last = text(object, "last_valid_entry_id").and_then(decimal);
    if ours && last.is_none() {
        let message = "entry ids of this log that can be compared are leaf indices in decimal";
        draft.findings.error(ENTRY_ID, "/last_valid_entry_id", message);
    }
    let trusted = is_signed(object, by, circumstances, draft);
    if let (true, true, Some(last)) = (ours, trusted, last) {
        let mut link = revoked_prefix(key);
        link.extend_from_slice(&last.to_be_bytes());
        draft.links.push(link);
    }
}

fn is_signed(
    object: &Map<String, Value>,
    by: &str,
    circumstances: &Circumstances<'_>,
    draft: &mut Draft,
) -> bool {
    let known = keys::embedded(circumstances.anchors, System::Trace).find(|(_, key)| keys::is_meant(key, by));
    let Some((_, key)) = known else {
        let message = "no trust anchor for TRACE has this key, so the statement has no effect";
        draft.findings.warning(UNTRUSTED, "/revocation_key_id", message);
        return false;
    };
    let algorithms: &[Algorithm] = match text_at(object, &["sig", "alg"]) {
        Some("ed25519") => &ED25519,
        Some("ES256") => &[Algorithm::Es256, Algorithm::Esp256],
        _ => &[Algorithm::Es384, Algorithm::Esp384],
    };
    let signature = text_at(object, &["sig", "value"]).unwrap_or_default();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap_or_default();
    let verified = jcs_without(object, &["sig"])
        .is_some_and(|message| keys::verifies(key.public_key(), algorithms, &message, &signature));
    if !verified {
        draft.findings.error(SIGNATURE, "/sig/value", "the signature of the revocation does not verify");
    }
    verified
}

/// Digits only, without leading zeros: one spelling a number.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()?;
    (number.to_string() == text).then_some(number)
}
