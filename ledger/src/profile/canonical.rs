//! Two ways to write one JSON value: RFC 8785 (JCS), which signatures cover, and sorted-key ASCII, which TRACE's
//! registry hashes. They differ on every record that is not plain ASCII.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::json::MAX_SAFE_INTEGER;

#[cfg(test)]
mod tests;

/// RFC 8785: members sorted by UTF-16 code units, UTF-8. `None` only for what has no canonical form.
pub(crate) fn jcs(value: &Value) -> Option<Vec<u8>> {
    serde_json_canonicalizer::to_vec(value).ok()
}

/// RFC 8785, and sorted-key ASCII. Where a value is [plain](is_plain) they are the same bytes, and are written once.
pub(crate) fn both(value: &Value) -> (Option<Vec<u8>>, String) {
    let ascii = sorted_ascii(value);
    let jcs = if is_plain(value) { Some(ascii.clone().into_bytes()) } else { jcs(value) };
    (jcs, ascii)
}

/// Whether there is but one way to write a value with sorted members: texts that nobody escapes, and integers that every
/// reader keeps.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_SAFE_INTEGER),
        Value::String(text) => is_plain_text(text),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(members) => members.iter().all(|(name, item)| is_plain_text(name) && is_plain(item)),
    }
}

fn is_plain_text(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// RFC 8785 of an object without some of its members.
pub(crate) fn jcs_without(object: &Map<String, Value>, left_out: &[&str]) -> Option<Vec<u8>> {
    let kept: BTreeMap<&String, &Value> =
        object.iter().filter(|(name, _)| !left_out.contains(&name.as_str())).collect();
    serde_json_canonicalizer::to_vec(&kept).ok()
}

/// Python's `json.dumps(value, sort_keys=True, separators=(",",":"), ensure_ascii=True)` for values without floats:
/// members sorted by code point, everything beyond ASCII escaped.
pub(crate) fn sorted_ascii(value: &Value) -> String {
    let mut out = String::with_capacity(1024);
    write_value(value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            // UTF-8 sorts as code points do.
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            out.push('{');
            for (at, (name, item)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_value(item, out);
            }
            out.push('}');
        }
        plain => {
            // Writing to a String does not fail.
            let _infallible = write!(out, "{plain}");
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    // Nearly every text of a record is plain, and is copied at once.
    if is_plain_text(text) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _infallible = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
