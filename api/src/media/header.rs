//! Reading list-valued headers and media types, quotes included (RFC 9110 §5.6, §8.3.1).

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderName};

/// `type/subtype` in lower case, and parameters with lower-case names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MediaType<'a> {
    pub(super) kind: String,
    pub(super) subtype: String,
    parameters: Vec<(String, std::borrow::Cow<'a, str>)>,
}

impl MediaType<'_> {
    pub(super) fn essence(&self) -> String {
        format!("{}/{}", self.kind, self.subtype)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }
}

/// A media range with its quality in thousandths.
#[derive(Debug)]
pub(super) struct Range<'a> {
    pub(super) media: MediaType<'a>,
    pub(super) quality: u16,
}

/// The elements of every line of one header, as one list. Lines that are not visible ASCII are passed over.
pub(super) fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| split(line, ',')).filter(|element| !element.is_empty())
}

/// The readable media ranges of `Accept`; an element that cannot be read is passed over.
pub(super) fn ranges(headers: &HeaderMap) -> Vec<Range<'_>> {
    list(headers, &ACCEPT).filter_map(range).collect()
}

fn range(element: &str) -> Option<Range<'_>> {
    let media = media_type(element)?;
    let quality = match media.parameter("q") {
        None => 1000,
        Some(text) => thousandths(text)?,
    };
    Some(Range { media, quality })
}

/// A content coding with its quality in thousandths.
pub(super) fn coding(element: &str) -> Option<(&str, u16)> {
    let mut parts = split(element, ';');
    let coding = parts.next().filter(|coding| is_token(coding))?;
    let quality = match parts.next() {
        None => 1000,
        Some(weight) => {
            let (name, value) = weight.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("q") {
                return None;
            }
            thousandths(value.trim())?
        }
    };
    Some((coding, quality))
}

/// One media type or range with its parameters.
pub(super) fn media_type(text: &str) -> Option<MediaType<'_>> {
    let mut parts = split(text, ';');
    let (kind, subtype) = parts.next()?.split_once('/')?;
    if !is_token(kind) || !is_token(subtype) || (kind == "*" && subtype != "*") {
        return None;
    }
    let mut parameters = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=')?;
        if !is_token(name) {
            return None;
        }
        parameters.push((name.to_ascii_lowercase(), unquoted(value)?));
    }
    Some(MediaType { kind: kind.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), parameters })
}

fn unquoted(value: &str) -> Option<std::borrow::Cow<'_, str>> {
    let Some(rest) = value.strip_prefix('"') else {
        return is_token(value).then_some(value.into());
    };
    let inner = rest.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.push(characters.next()?),
            '"' => return None,
            other => text.push(other),
        }
    }
    Some(text.into())
}

/// `0`, `1`, `0.5`, `0.125`: at most three digits, at most 1 (RFC 9110 §12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let padded = format!("{fraction:0<3}");
    match (whole, digits) {
        ("0", true) => padded.parse().ok(),
        ("1", true) if padded == "000" => Some(1000),
        _ => None,
    }
}

fn is_token(text: &str) -> bool {
    const MARKS: &[u8] = b"!#$%&'*+-.^_`|~";
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || MARKS.contains(&byte))
}

/// Splits at a separator that stands outside double quotes, and trims blanks.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character: char| {
        let outside = !quoted && character == separator;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        outside
    })
    .map(|part| part.trim_matches([' ', '\t']))
}
