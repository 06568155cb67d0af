//! Deterministic encoding.

use ciborium::Value;
use ciborium_ll::{Encoder, Header};

/// Encodes `value` deterministically (RFC 8949 §4.2.1): shortest heads, definite lengths, map keys in the bytewise order
/// of their encodings. A map that holds a key twice keeps both.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    write(&sorted(value))
}

#[expect(clippy::expect_used, reason = "writing a plain value to a Vec cannot fail")]
fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).expect("a Vec takes every byte");
    out
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Tag(tag, inner) => Value::Tag(*tag, Box::new(sorted(inner))),
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(key, value)| (sorted(key), sorted(value))).collect();
            entries.sort_by_cached_key(|(key, _)| write(key));
            Value::Map(entries)
        }
        other => other.clone(),
    }
}

/// Appends the shortest head for `header`.
#[expect(clippy::expect_used, reason = "writing to a Vec cannot fail")]
pub(crate) fn write_head(out: &mut Vec<u8>, header: Header) {
    Encoder::from(out).push(header).expect("a Vec takes every byte");
}

/// Appends `bytes` as a byte string.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_head(out, Header::Bytes(Some(bytes.len())));
    out.extend_from_slice(bytes);
}
