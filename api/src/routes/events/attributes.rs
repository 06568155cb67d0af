//! The attributes of an event in binary mode: `ce-*` headers (CloudEvents HTTP binding 1.0.2 §3.1.3).

use axum::http::HeaderMap;
use ciborium::Value;

use crate::problem::{INVALID_CLOUD_EVENT, Problem};

/// What the headers of attributes begin with.
const PREFIX: &str = "ce-";

/// Every attribute with its value as it was before it was made fit for a header.
///
/// # Errors
///
/// 400 when one is there twice or is not in that form.
pub(super) fn read(headers: &HeaderMap) -> Result<Vec<(String, Value)>, Problem> {
    let mut attributes = Vec::new();
    for name in headers.keys().filter(|name| name.as_str().starts_with(PREFIX)) {
        let invalid = |what: &str| Problem::of(&INVALID_CLOUD_EVENT).because(format_args!("`{name}` {what}"));
        let mut lines = headers.get_all(name).iter();
        let line =
            lines.next().filter(|_| lines.next().is_none()).ok_or_else(|| invalid("is there twice"))?;
        let value = line.to_str().ok().and_then(decoded);
        let value = value.ok_or_else(|| invalid("is not percent-encoded UTF-8"))?;
        attributes.push((name.as_str().to_owned(), Value::Text(value)));
    }
    Ok(attributes)
}

/// §3.1.3.2: first quotes are undone, then percent-encodings.
fn decoded(line: &str) -> Option<String> {
    let line = line.trim_matches([' ', '\t']);
    let plain = match line.strip_prefix('"') {
        Some(rest) => unquoted(rest.strip_suffix('"')?)?,
        None => line.to_owned(),
    };
    let mut bytes = Vec::with_capacity(plain.len());
    let mut rest = plain.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)?.checked_mul(16)?.checked_add(hex(rest.next()?)?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn unquoted(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => plain.push(rest.next()?),
            '"' => return None,
            other => plain.push(other),
        }
    }
    Some(plain)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_were() {
        for (line, value) in [
            ("plain", "plain"),
            ("", ""),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u{20ac} \u{1f600}"),
            ("\"quoted, \\\"so\\\" %25\"", "quoted, \"so\" %"),
            ("100%25", "100%"),
            ("%C3%a9", "\u{e9}"),
        ] {
            assert_eq!(decoded(line).as_deref(), Some(value), "{line}");
        }
        for line in ["%", "%4", "%zz", "%FF", "%C3", "\"open", "\"a\"b\"", "\"a\\\""] {
            assert_eq!(decoded(line), None, "{line}");
        }
    }
}
