//! What a failure answer says, for a person: concise problem details (RFC 9290), problem+json (RFC 9457) of older
//! services, or the class of the status code (SCR-05).

use super::RetryAfter;
use crate::console::printable;
use ciborium::Value;

/// The longest text of a foreign answer that is shown.
const MAX_SHOWN: usize = 1_000;

/// `title: detail (HTTP status)`, with whatever of it the answer has.
pub(super) fn describe(status: u16, content_type: Option<&str>, body: &[u8]) -> String {
    let media =
        content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (title, detail) = if media.ends_with("json") {
        from_json(body)
    } else if media.ends_with("cbor") {
        from_cbor(body)
    } else {
        (None, None)
    };
    let title = title.unwrap_or_else(|| class(status).to_owned());
    match detail {
        Some(detail) => format!("{}: {} (HTTP {status})", shown(&title), shown(&detail)),
        None => format!("{} (HTTP {status})", shown(&title)),
    }
}

/// A problem that is one item of the answer to a batch.
pub(crate) struct Element {
    /// For a person, as [`describe`] says it.
    pub(crate) text: String,
    /// The status that the statement alone would have got.
    pub(crate) status: Option<u16>,
    /// When to send it again.
    pub(crate) retry_after: Option<RetryAfter>,
}

/// Reads a problem with the facts that Stele adds under a key of its own.
pub(crate) fn element(item: &[u8]) -> Element {
    let facts = match ciborium::from_reader(item) {
        Ok(Value::Map(map)) => map.into_iter().find(|(key, _)| *key == Value::from("urn:stele:batch")),
        _ => None,
    };
    let fact = |name: &str| {
        let facts = facts.as_ref()?.1.as_map()?;
        let (_, value) = facts.iter().find(|(key, _)| *key == Value::from(name))?;
        u64::try_from(value.as_integer()?).ok()
    };
    let status = fact("status").and_then(|status| u16::try_from(status).ok());
    Element {
        text: describe(status.unwrap_or(400), Some("application/cbor"), item),
        status,
        retry_after: fact("retry-after").and_then(|seconds| RetryAfter::parse(&seconds.to_string())),
    }
}

fn from_cbor(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(Value::Map(map)) = ciborium::from_reader(body) else { return (None, None) };
    let find =
        |key: i64| map.iter().find(|(name, _)| *name == Value::from(key)).and_then(|(_, value)| text(value));
    (find(-1), find(-2))
}

/// A text, or the text of tag 38 `[language, text]` (RFC 9290 §2.1).
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Tag(38, inner) => match inner.as_array()?.get(1)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn from_json(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_slice(body) else { return (None, None) };
    let find = |key: &str| map.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    (find("title"), find("detail"))
}

const fn class(status: u16) -> &'static str {
    match status {
        404 => "Not Found",
        429 => "Too Many Requests",
        400..=499 => "the service refused the request",
        500..=599 => "the service is in trouble",
        _ => "the service gave an answer that is not expected here",
    }
}

fn shown(text: &str) -> String {
    let safe = printable(text);
    match safe.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => safe.get(..end).map_or_else(String::new, |start| format!("{start}…")),
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    const CPD: Option<&str> = Some("application/concise-problem-details+cbor");

    #[test]
    fn scr_03_malformed_request_reads_as_a_sentence() {
        let body = HEXLOWER
            .decode(b"a220714d616c666f726d6564207265717565737421781f546865207265717565737420636f756c64206e6f7420626520706172736564")
            .unwrap();
        assert_eq!(
            describe(400, CPD, &body),
            "Malformed request: The request could not be parsed (HTTP 400)"
        );
    }

    #[test]
    fn cpd_02_a_tagged_text_is_read() {
        let body = HEXLOWER.decode(b"a120d826826264656446c3bc72").unwrap();
        assert_eq!(describe(400, CPD, &body), "Für (HTTP 400)");
    }

    #[test]
    fn scr_05_without_an_object_the_class_of_the_code_speaks() {
        assert_eq!(describe(451, Some("text/html"), b"<html>"), "the service refused the request (HTTP 451)");
        assert_eq!(describe(599, None, b""), "the service is in trouble (HTTP 599)");
        assert_eq!(describe(400, CPD, b"\xff"), "the service refused the request (HTTP 400)");
    }

    #[test]
    fn json_problems_of_older_services_are_read() {
        let body = br#"{"type":"x","title":"Rejected","detail":"no\u001b[2J"}"#;
        assert_eq!(
            describe(400, Some("application/problem+json; charset=utf-8"), body),
            "Rejected: no\\u{1b}[2J (HTTP 400)"
        );
    }
}
