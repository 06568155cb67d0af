//! Issuer, subject and the other CWT claims.

use ciborium::Value;
use proofs::{
    LOG_SUBJECT_PREFIX, Label, MalformedStatement, MissingClaim, StatementError, log_subject, sha256,
};

use super::{Draft, array, bstr};

fn claims(entries: impl IntoIterator<Item = (Value, Value)>) -> Draft {
    Draft::good().with(15, Value::Map(entries.into_iter().collect()))
}

fn names(issuer: &str, subject: &str) -> Draft {
    claims([(Value::from(1), Value::from(issuer)), (Value::from(2), Value::from(subject))])
}

fn with(key: impl Into<Value>, value: impl Into<Value>) -> Draft {
    claims([(Value::from(1), "i".into()), (Value::from(2), "s".into()), (key.into(), value.into())])
}

#[test]
fn arch_02_iss_and_sub_are_required() {
    assert_eq!(Draft::good().without(15).refused(), StatementError::MissingClaims(MissingClaim::All));
    let unprotected = Draft::good().without(15).unprotected(
        15,
        Value::Map(vec![(Value::from(1), Value::from("i")), (Value::from(2), Value::from("s"))]),
    );
    assert_eq!(unprotected.refused(), StatementError::MissingClaims(MissingClaim::All));
    let no_sub = claims([(Value::from(1), Value::from("i"))]);
    assert_eq!(no_sub.refused(), StatementError::MissingClaims(MissingClaim::Subject));
    let no_iss = claims([(Value::from(2), Value::from("s"))]);
    assert_eq!(no_iss.refused(), StatementError::MissingClaims(MissingClaim::Issuer));
    assert_eq!(no_iss.refused().to_string(), "the CWT claims (label 15) have no issuer (iss, claim 1)");
}

#[test]
fn arch_02_iss_and_sub_are_text() {
    for (key, name) in [(1, "1 (iss)"), (2, "2 (sub)")] {
        let error = claims([(Value::from(key), bstr(b"x".to_vec()))]).malformed();
        assert!(error.to_string().starts_with(&format!("CWT claim {name} is not text")), "{error}");
    }
}

#[test]
fn arch_03_lengths_are_counted_in_characters() {
    let long = "ü".repeat(8192);
    assert!(names(&long, &long).parse().is_ok());
    assert!(names("i", "s").parse().is_ok());
    let longer = "ü".repeat(8193);
    for (draft, name, characters) in [
        (names("", "s"), "iss", 0),
        (names("i", ""), "sub", 0),
        (names(&longer, "s"), "iss", 8193),
        (names("i", &longer), "sub", 8193),
    ] {
        assert_eq!(draft.malformed(), MalformedStatement::NameLength { name, characters });
    }
}

#[test]
fn cwt_03_times_are_numbers() {
    for (key, name) in [(4, "exp"), (5, "nbf"), (6, "iat")] {
        assert!(with(key, 1_790_000_000).parse().is_ok());
        assert!(with(key, 1.5).parse().is_ok());
        let error = with(key, Value::Tag(1, Box::new(Value::from(5)))).malformed();
        assert!(error.to_string().contains(&format!("CWT claim {key} ({name}) is not a number")), "{error}");
        assert!(matches!(with(key, "2026").malformed(), MalformedStatement::ClaimType { .. }));
    }
}

#[test]
fn claims_are_a_map_with_proper_keys() {
    for bad in [array([]), Value::Null, bstr(vec![0xa0])] {
        let error = Draft::good().with(15, bad).malformed();
        assert!(error.to_string().starts_with("label 15 (CWT claims) is not a map of claims"), "{error}");
    }
    for bad in [bstr(b"x".to_vec()), Value::Null, Value::from(u64::MAX)] {
        assert!(matches!(with(bad, 1).malformed(), MalformedStatement::ClaimKey { .. }));
    }
}

#[test]
fn every_claim_can_be_asked_for() {
    let statement = with(6, 1_790_000_000).parse().unwrap();
    assert_eq!(statement.header().claim(6), Some(&Value::from(1_790_000_000)));
    assert_eq!(statement.header().claim(7), None);
    let statement = with("svn", 3).parse().unwrap();
    assert_eq!(statement.header().claims.get(&Label::from("svn")), Some(&Value::from(3)));
}

#[test]
fn d2_the_logs_own_subject_is_reserved() {
    let of_a_log = log_subject(&proofs::EntryId::from_bytes(*sha256(b"genesis").as_bytes()));
    assert!(of_a_log.starts_with(LOG_SUBJECT_PREFIX));
    assert_eq!(of_a_log.len(), LOG_SUBJECT_PREFIX.len() + 64);
    for subject in [of_a_log.as_str(), "urn:stele:log:", "urn:stele:log:x", "URN:STELE:log:x"] {
        let error = names("i", subject).refused();
        assert_eq!(error, StatementError::ReservedSubject);
        assert!(error.to_string().contains("reserved for receipts about the log itself"));
    }
    for subject in ["urn:stele:logs", "urn:stele:log", "x:urn:stele:log:"] {
        assert!(names("i", subject).parse().is_ok(), "{subject}");
    }
    assert!(names("urn:stele:log:x", "s").parse().is_ok());
}

#[test]
fn legacy_labels_are_told_from_missing_claims() {
    for number in [391, 392] {
        let error = Draft::good().without(15).with(number, "x").refused();
        assert_eq!(error, StatementError::LegacyClaims);
    }
    // Beside proper claims they are labels like any other.
    assert!(Draft::good().with(391, "x").with(392, "y").parse().is_ok());
}
