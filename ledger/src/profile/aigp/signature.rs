//! The JWS of an event, verified **as transmitted**: clients write the signed JSON differently, so it is read from the
//! JWS and compared with the event as a JSON value. The published verifier ignores the payload and the algorithm.

use data_encoding::BASE64URL_NOPAD;
use proofs::Algorithm;
use serde_json::{Map, Value};

use super::super::examine::Circumstances;
use super::super::finding::Findings;
use super::super::kind::System;
use super::super::look::text;
use super::super::{json, keys};
use super::{REQUIREMENT, SIGNATURE};

const SIGNATURE_MEMBER: &str = "event_signature";
const KEY_MEMBER: &str = "signature_key_id";

pub(super) fn check(
    event: &Map<String, Value>,
    place: &str,
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) {
    let pointer = format!("{place}/{SIGNATURE_MEMBER}");
    let Some(jws) = text(event, SIGNATURE_MEMBER).filter(|jws| !jws.is_empty()) else {
        if matches!(text(event, "severity"), Some("high" | "critical")) {
            let message = "events of severity high or critical must be signed";
            findings.warning(REQUIREMENT, pointer, message);
        }
        return;
    };
    match verify(event, jws, circumstances) {
        Ok(()) => {}
        Err(Fault::UnknownKey) => {
            let message = "not checked: no trust anchor for AIGP has the key that it names";
            findings.warning(SIGNATURE, pointer, message);
        }
        Err(Fault::Bad(message)) => findings.error(SIGNATURE, pointer, message),
    }
}

enum Fault {
    UnknownKey,
    Bad(&'static str),
}

fn verify(event: &Map<String, Value>, jws: &str, circumstances: &Circumstances<'_>) -> Result<(), Fault> {
    let parts: Vec<&str> = jws.split('.').take(4).collect();
    let [header, payload, signature] = parts[..] else {
        return Err(Fault::Bad("not a JWS in compact form"));
    };
    let object = |part: &str| {
        let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).ok()?;
        json::read(&bytes).ok()
    };
    let head = object(header).ok_or(Fault::Bad("the header of the JWS is not base64url of strict JSON"))?;
    if head.get("alg").and_then(Value::as_str) != Some("ES256") {
        return Err(Fault::Bad("the algorithm of the JWS is not ES256"));
    }
    if head.get("crit").is_some() || head.get("b64").is_some() {
        return Err(Fault::Bad("the JWS has extensions that change what it means"));
    }
    let kid = head.get("kid").and_then(Value::as_str).unwrap_or_default();
    // `signature_key_id` is not covered by the signature; `kid` is.
    if kid.is_empty() || text(event, KEY_MEMBER) != Some(kid) {
        return Err(Fault::Bad("kid of the JWS is not the signature_key_id of the event"));
    }
    let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).ok().filter(|bytes| bytes.len() == 64);
    let signature = bytes.ok_or(Fault::Bad("the signature is not 64 bytes, r and s"))?;
    let signed =
        object(payload).ok_or(Fault::Bad("the payload of the JWS is not base64url of strict JSON"))?;
    if !is_event(&signed, event) {
        return Err(Fault::Bad("the payload of the JWS is not this event"));
    }
    let agent = text(event, "agent_id").unwrap_or_default();
    let mut known = keys::embedded(circumstances.anchors, System::Aigp)
        .filter(|(anchor, key)| anchor.may_speak_for(agent) && keys::is_meant(key, kid))
        .peekable();
    if known.peek().is_none() {
        return Err(Fault::UnknownKey);
    }
    let end = header.len().saturating_add(payload.len()).saturating_add(1);
    let message = jws.get(..end).unwrap_or_default().as_bytes();
    let algorithms = [Algorithm::Es256, Algorithm::Esp256];
    if known.any(|(_, key)| keys::verifies(key.public_key(), &algorithms, message, &signature)) {
        Ok(())
    } else {
        Err(Fault::Bad("the signature does not verify over the JWS as transmitted"))
    }
}

/// Whether the signed value is the event without the two members that the signature adds.
fn is_event(signed: &Value, event: &Map<String, Value>) -> bool {
    let added = [SIGNATURE_MEMBER, KEY_MEMBER];
    let Some(signed) = signed.as_object() else { return false };
    let expected = event.iter().filter(|(name, _)| !added.contains(&name.as_str()));
    expected.clone().count() == signed.len()
        && expected
            .into_iter()
            .all(|(name, value)| signed.get(name).is_some_and(|other| json::same(value, other)))
}
