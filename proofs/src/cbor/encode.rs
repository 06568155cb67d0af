//! Deterministic encoding.

use std::ops::Range;

use ciborium::Value;
use ciborium_ll::{Encoder, Header};

/// Encodes `value` deterministically (RFC 8949 §4.2.1): shortest heads, definite lengths, map keys in the bytewise order
/// of their encodings. A map that holds a key twice keeps both.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, value);
    out
}

fn append(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::Array(items) => {
            write_head(out, Header::Array(Some(items.len())));
            items.iter().for_each(|item| append(out, item));
        }
        Value::Tag(tag, inner) => {
            write_head(out, Header::Tag(*tag));
            append(out, inner);
        }
        Value::Map(entries) => append_map(out, entries),
        plain => append_plain(out, plain),
    }
}

/// Writes the entries as they come, and puts them into order only if they were not.
fn append_map(out: &mut Vec<u8>, entries: &[(Value, Value)]) {
    write_head(out, Header::Map(Some(entries.len())));
    let start = out.len();
    let mut places = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let at = out.len();
        append(out, key);
        let key_end = out.len();
        append(out, value);
        places.push((at..key_end, at..out.len()));
    }
    let key = |bytes: &[u8], place: &Place| bytes.get(place.0.clone()).map(<[u8]>::to_vec);
    let in_order = places.is_sorted_by(|left, right| out.get(left.0.clone()) <= out.get(right.0.clone()));
    if in_order {
        return;
    }
    places.sort_by_cached_key(|place| key(out, place));
    let ordered: Vec<u8> =
        places.iter().filter_map(|place| out.get(place.1.clone())).flatten().copied().collect();
    out.truncate(start);
    out.extend_from_slice(&ordered);
}

/// Where a key stands, and where it and its value do.
type Place = (Range<usize>, Range<usize>);

#[expect(clippy::expect_used, reason = "writing a plain value to a Vec cannot fail")]
fn append_plain(out: &mut Vec<u8>, value: &Value) {
    ciborium::into_writer(value, out).expect("a Vec takes every byte");
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
