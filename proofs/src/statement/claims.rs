//! CWT claims in the protected header (RFC 9597, RFC 8392): who says it, and about what.

use std::collections::BTreeMap;

use ciborium::Value;

use super::header::wrong_type;
use super::{EntryId, MalformedStatement, MissingClaim, StatementError};
use crate::cose::label::{self, Label};
use crate::cose::sign1::{Field, Sign1};

/// Every claim of label 15, by key.
pub type Claims = BTreeMap<Label, Value>;

/// The longest issuer and subject, in characters (ARCH-03).
pub const MAX_NAME: usize = 8192;

/// What the subject of a consistency receipt begins with, and of nothing else (D2).
pub const LOG_SUBJECT_PREFIX: &str = "urn:stele:log:";

/// The subject of the consistency receipts of the log with this id (D2).
#[must_use]
pub fn log_subject(log_id: &EntryId) -> String {
    format!("{LOG_SUBJECT_PREFIX}{log_id}")
}

/// Reads label 15 of the protected header.
pub(super) fn read(message: &Sign1<'_>) -> Result<Claims, StatementError> {
    let Some(field) = message.header.int(label::CWT_CLAIMS) else {
        let legacy = |label| message.header.int(label).is_some();
        return Err(if legacy(label::LEGACY_ISSUER) || legacy(label::LEGACY_FEED) {
            StatementError::LegacyClaims
        } else {
            StatementError::MissingClaims(MissingClaim::All)
        });
    };
    Ok(read_field(field)?)
}

/// Reads a claims map that was found in a header.
pub(crate) fn read_field(field: &Field<'_>) -> Result<Claims, MalformedStatement> {
    let Value::Map(entries) = field.value() else {
        return Err(wrong_type(label::CWT_CLAIMS, "a map of claims", field));
    };
    let mut claims = Claims::new();
    for (key, value) in entries {
        let key = Label::from_value(&key).ok_or(MalformedStatement::ClaimKey { offset: field.offset })?;
        let expected = match (&key, &value) {
            (Label::Int(label::CLAIM_ISS | label::CLAIM_SUB), Value::Text(_)) => None,
            (Label::Int(label::CLAIM_ISS | label::CLAIM_SUB), _) => Some("text"),
            (
                Label::Int(label::CLAIM_EXP | label::CLAIM_NBF | label::CLAIM_IAT),
                Value::Integer(_) | Value::Float(_),
            ) => None,
            (Label::Int(label::CLAIM_EXP | label::CLAIM_NBF | label::CLAIM_IAT), _) => Some("a number"),
            _ => None,
        };
        if let Some(expected) = expected {
            return Err(MalformedStatement::ClaimType { claim: key, expected, offset: field.offset });
        }
        claims.insert(key, value);
    }
    Ok(claims)
}

/// Issuer and subject, their lengths checked (ARCH-02, ARCH-03).
pub(super) fn issuer_and_subject(
    claims: &Claims,
    by_certificate: bool,
) -> Result<(String, String), StatementError> {
    let text = |claim: i64, missing| match claims.get(&Label::Int(claim)) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(StatementError::MissingClaims(missing)),
    };
    let issuer = text(label::CLAIM_ISS, MissingClaim::Issuer)?;
    let subject = text(label::CLAIM_SUB, MissingClaim::Subject)?;
    for (name, value) in [("iss", &issuer), ("sub", &subject)] {
        let characters = value.chars().count();
        if !(1..=MAX_NAME).contains(&characters) {
            return Err(MalformedStatement::NameLength { name, characters }.into());
        }
    }
    if by_certificate && issuer.contains(':') && !is_uri(&issuer) {
        return Err(MalformedStatement::IssuerNotUri.into());
    }
    if reserved(&subject) {
        return Err(StatementError::ReservedSubject);
    }
    Ok((issuer, subject))
}

/// The scheme and namespace of a URN know no case (RFC 8141 §3.1), so neither does this.
fn reserved(subject: &str) -> bool {
    subject
        .get(..LOG_SUBJECT_PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(LOG_SUBJECT_PREFIX))
}

/// A scheme, a colon, and only characters a URI may have, percent signs followed by two digits (RFC 3986).
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_ok = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let mut pieces = rest.split('%');
    let plain = |piece: &str| {
        piece.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=".contains(c))
    };
    scheme_ok
        && pieces.next().is_some_and(plain)
        && pieces.all(|piece| {
            plain(piece) && piece.get(..2).is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arch_03_uris() {
        for good in [
            "https://acme.example",
            "did:x509:0:sha256:abc::eku:1.3.6",
            "spiffe://a/b%20c",
            "urn:x:y?=#z",
            "a:",
        ] {
            assert!(is_uri(good), "{good}");
        }
        for bad in [":x", "1a:b", "no scheme:x", "https://a b", "a:%2", "a:%zz", "a:ü", "a:<b>", "none"] {
            assert!(!is_uri(bad), "{bad}");
        }
    }

    #[test]
    fn d2_reserved_subjects() {
        for bad in ["urn:stele:log:", "urn:stele:log:abc", "URN:Stele:LOG:x"] {
            assert!(reserved(bad), "{bad}");
        }
        for good in ["urn:stele:log", "urn:stele:logs:x", "x urn:stele:log:", "", "urn:stele:lo\u{fc}:x"] {
            assert!(!reserved(good), "{good}");
        }
    }
}
