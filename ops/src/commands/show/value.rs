//! Values of headers, claims and payloads in words.

use super::node::{Node, Parts};
use crate::date;
use ciborium::Value;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use proofs::cose::label;
use proofs::cose::{DigestAlgorithm, Label};
use proofs::{Algorithm, sha256};

/// Byte strings up to this length are shown whole.
const WHOLE: usize = 64;
/// How many elements of an array or map are shown.
const MAX_ELEMENTS: usize = 64;
/// How deep nested values are shown.
const MAX_DEPTH: usize = 8;

/// One label of a COSE header.
pub(super) fn header(label: &Label, value: &Value) -> Node {
    match (label, value) {
        (Label::Int(label::ALG), Value::Integer(number)) => {
            let number = i64::try_from(*number).unwrap_or(0);
            Node::number(number, Algorithm::from_cose(number).map_or("not known here", Algorithm::name))
        }
        (Label::Int(label::PAYLOAD_HASH_ALG), Value::Integer(number)) => {
            let number = i64::try_from(*number).unwrap_or(0);
            Node::number(number, digest_name(number))
        }
        (Label::Int(label::KID), Value::Bytes(kid)) => {
            Node::text(format!("{} (base64url)", BASE64URL_NOPAD.encode(kid)))
        }
        (Label::Int(label::VDS), Value::Integer(number)) => {
            let number = i64::try_from(*number).unwrap_or(0);
            Node::number(number, if number == 1 { "RFC9162_SHA256" } else { "not known here" })
        }
        (Label::Int(label::CWT_CLAIMS), Value::Map(claims)) => {
            let mut parts = Parts::default();
            for (key, value) in claims.iter().take(MAX_ELEMENTS) {
                let (name, node) = claim(key, value);
                parts.add(name, node);
            }
            parts.done()
        }
        (_, value) => any(value, 0),
    }
}

fn claim(key: &Value, value: &Value) -> (String, Node) {
    let number = key.as_integer().and_then(|number| i64::try_from(number).ok());
    let name = match number {
        Some(label::CLAIM_ISS) => "iss",
        Some(label::CLAIM_SUB) => "sub",
        Some(3) => "aud",
        Some(label::CLAIM_EXP) => "exp",
        Some(label::CLAIM_NBF) => "nbf",
        Some(label::CLAIM_IAT) => "iat",
        Some(7) => "cti",
        _ => return (key_text(key), any(value, 0)),
    };
    let seconds = value.as_integer().and_then(|number| u64::try_from(number).ok());
    let node = match (number, seconds) {
        (Some(label::CLAIM_EXP | label::CLAIM_NBF | label::CLAIM_IAT), Some(seconds)) => time(seconds),
        _ => any(value, 0),
    };
    (format!("{} ({name})", key_text(key)), node)
}

/// Seconds since 1970, with the date they stand for.
pub(super) fn time(seconds: u64) -> Node {
    Node::number(seconds, &date::of(seconds).unwrap_or_default())
}

/// The name of a hash algorithm of a hash envelope.
pub(super) fn digest_name(number: i64) -> &'static str {
    match DigestAlgorithm::from_cose(number) {
        Some(DigestAlgorithm::Sha256) => "SHA-256",
        Some(DigestAlgorithm::Sha512_256) => "SHA-512/256",
        Some(DigestAlgorithm::Sha384) => "SHA-384",
        Some(DigestAlgorithm::Sha512) => "SHA-512",
        _ => "not known here",
    }
}

/// Any CBOR value.
pub(super) fn any(value: &Value, depth: usize) -> Node {
    match value {
        Value::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(number), _) => Node::number(number, ""),
            (_, Ok(number)) => Node::number(number, ""),
            _ => Node::text(format!("{}", i128::from(*number))),
        },
        Value::Text(text) => Node::text(text),
        Value::Bytes(bytes) => Node::text(hex(bytes)),
        Value::Bool(bit) => Node::Line(bit.to_string(), (*bit).into()),
        Value::Null => Node::Line("null".to_owned(), serde_json::Value::Null),
        Value::Float(number) => Node::text(number.to_string()),
        Value::Tag(tag, inner) if depth < MAX_DEPTH => {
            Parts::default().add(format!("tag {tag}"), any(inner, depth.saturating_add(1))).done()
        }
        Value::Array(items) if depth < MAX_DEPTH => {
            let mut parts = Parts::default();
            for (index, item) in items.iter().take(MAX_ELEMENTS).enumerate() {
                parts.add(format!("[{index}]"), any(item, depth.saturating_add(1)));
            }
            more(&mut parts, items.len());
            parts.done()
        }
        Value::Map(entries) if depth < MAX_DEPTH => {
            let mut parts = Parts::default();
            for (key, value) in entries.iter().take(MAX_ELEMENTS) {
                parts.add(key_text(key), any(value, depth.saturating_add(1)));
            }
            more(&mut parts, entries.len());
            parts.done()
        }
        _ => Node::text("…"),
    }
}

fn more(parts: &mut Parts, count: usize) {
    if count > MAX_ELEMENTS {
        parts.text("…", format!("and {} more", count.saturating_sub(MAX_ELEMENTS)));
    }
    if count == 0 {
        parts.text("", "(empty)");
    }
}

fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => crate::console::printable(text),
        Value::Integer(number) => i128::from(*number).to_string(),
        Value::Bytes(bytes) => hex(bytes),
        other => format!("{other:?}"),
    }
}

/// Bytes in hexadecimal; long ones by length and digest.
pub(super) fn hex(bytes: &[u8]) -> String {
    if bytes.len() <= WHOLE {
        return HEXLOWER.encode(bytes);
    }
    format!("{} bytes with SHA-256 {}", bytes.len(), sha256(bytes))
}
