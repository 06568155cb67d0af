//! COSE_Sign1 and its headers.

use ciborium::Value;
use proofs::cbor::{ScanError, ScanFault};
use proofs::cose::sign1::{MAX_HEADER_BYTES, MAX_LABELS, Part, Sign1Error};
use proofs::{Algorithm, ContentType, Label, MalformedStatement, SignedStatement, StatementError};

use super::{Draft, MAX, array, bstr, label};
use crate::it::support::unhex;

fn message_error(bytes: &[u8]) -> Sign1Error {
    match SignedStatement::parse(bytes, MAX).map(drop).unwrap_err() {
        StatementError::Malformed(MalformedStatement::Message(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The acceptable statement with the bytes before the protected header replaced.
fn with_start(start: &str) -> Vec<u8> {
    let bytes = Draft::good().bytes();
    assert_eq!(bytes[..2], [0xd2, 0x84]);
    [unhex(start), bytes[2..].to_vec()].concat()
}

#[test]
fn arch_01_only_tag_18() {
    assert!(Draft::good().parse().is_ok());
    assert_eq!(message_error(&with_start("84")), Sign1Error::Untagged);
    for (start, found, name) in [
        ("d86284", 98, "tag 98 (COSE_Sign)"),
        ("d184", 17, "tag 17 (COSE_Mac0)"),
        ("d084", 16, "tag 16 (COSE_Encrypt0)"),
        ("d86184", 97, "tag 97 (COSE_Mac)"),
        ("d86084", 96, "tag 96 (COSE_Encrypt)"),
        ("d9d9f784", 55799, "tag 55799;"),
        ("d9d9f7d284", 55799, "tag 55799;"),
    ] {
        let error = message_error(&with_start(start));
        assert_eq!(error, Sign1Error::OtherTag { found });
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(message_error(&with_start("d2d284")), Sign1Error::NotFour { offset: 1 });
}

#[test]
fn cose_01_an_array_of_four() {
    assert_eq!(message_error(&unhex("d280")), Sign1Error::NotFour { offset: 1 });
    assert_eq!(message_error(&unhex("d283404040")), Sign1Error::NotFour { offset: 1 });
    assert_eq!(message_error(&unhex("d28540a0404040")), Sign1Error::NotFour { offset: 1 });
    assert_eq!(message_error(&unhex("d2a0")), Sign1Error::NotFour { offset: 1 });
    let wrong = |part, offset| Sign1Error::WrongType { part, offset };
    assert_eq!(message_error(&unhex("d284a0a04040")), wrong(Part::Protected, 2));
    assert_eq!(message_error(&unhex("d28440404040")), wrong(Part::Unprotected, 3));
    assert_eq!(message_error(&unhex("d28440a06040")), wrong(Part::Payload, 4));
    assert_eq!(message_error(&unhex("d28440a04060")), wrong(Part::Signature, 5));
    assert_eq!(message_error(&unhex("d28440a040f6")), wrong(Part::Signature, 5));
    assert_eq!(message_error(&unhex("d2844180a04040")), wrong(Part::Protected, 3));
    for (bytes, text) in [
        ("d284a0a04040", "the protected header is not a byte string that holds a map (byte 2)"),
        ("d28440404040", "the unprotected header is not a map (byte 3)"),
        ("d28440a06040", "the payload is not a byte string or nil (byte 4)"),
        ("d28440a04060", "the signature is not a byte string (byte 5)"),
    ] {
        assert_eq!(message_error(&unhex(bytes)).to_string(), text);
    }
}

#[test]
fn labels_are_shown_with_their_names() {
    for (number, name) in [
        (1, "alg"),
        (2, "crit"),
        (3, "content type"),
        (4, "kid"),
        (15, "CWT claims"),
        (16, "typ"),
        (32, "x5bag"),
        (33, "x5chain"),
        (34, "x5t"),
        (35, "x5u"),
        (258, "payload-hash-alg"),
        (259, "preimage content type"),
        (260, "payload-location"),
        (391, "issuer, early drafts"),
        (392, "feed, early drafts"),
        (394, "receipts"),
        (395, "vds"),
        (396, "vdp"),
    ] {
        assert_eq!(label(number).to_string(), format!("{number} ({name})"));
    }
    assert_eq!(label(-70_000).to_string(), "-70000");
    assert_eq!(Label::from("1").name(), None);
}

#[test]
fn not_cbor_says_where() {
    let error = SignedStatement::parse(b"{\"json\": true}", MAX).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the message is not acceptable CBOR: the CBOR ends in the middle of an item (byte 9)"
    );
    let cbor = |part, fault, offset| Sign1Error::Cbor { part, error: ScanError { fault, offset } };
    let bytes = Draft::good().bytes();
    let trailing = [bytes.as_slice(), &[0]].concat();
    assert_eq!(message_error(&trailing), cbor(Part::Message, ScanFault::Trailing, bytes.len()));
    assert!(matches!(
        message_error(&bytes[..bytes.len() - 1]),
        Sign1Error::Cbor { error: ScanError { fault: ScanFault::Truncated, .. }, .. }
    ));
    assert_eq!(message_error(&[]), cbor(Part::Message, ScanFault::Truncated, 0));
    // Inside the protected header offsets still count from the start of the message.
    for (bytes, fault, offset) in [
        ("d28445a201010101a04040", ScanFault::DuplicateKey, 6),
        ("d28442a100a04040", ScanFault::Truncated, 5),
        ("d28442a000a04040", ScanFault::Trailing, 4),
        ("d28444a1180101a04040", ScanFault::LongHead, 4),
        ("d28443bf00ffa04040", ScanFault::Indefinite, 3),
    ] {
        assert_eq!(message_error(&unhex(bytes)), cbor(Part::Protected, fault, offset), "{bytes}");
    }
    assert_eq!(
        message_error(&unhex("d28440a2010101014040")),
        cbor(Part::Message, ScanFault::DuplicateKey, 6)
    );
    assert_eq!(message_error(&unhex("d28440a05f4101ff40")), cbor(Part::Message, ScanFault::Indefinite, 4));
}

#[test]
fn arch_14_unprotected_header_is_stripped() {
    let plain = Draft::good().parse().unwrap();
    let decorated = Draft::good()
        .unprotected(394, array([bstr(b"receipt".to_vec())]))
        .unprotected(270, bstr(b"timestamp".to_vec()))
        .unprotected("anything", Value::Map(vec![(Value::Null, Value::Float(0.5))]))
        .parse()
        .unwrap();
    assert_eq!(decorated.entry_id(), plain.entry_id());
    assert_eq!(decorated.canonical(), plain.canonical());
    assert_eq!(plain.canonical(), Draft::good().bytes());
    assert!(!decorated.header().has(&label(394)));
}

#[test]
fn cose_02_empty_headers_are_read_and_lack_everything() {
    for bytes in ["d28440a04040", "d28441a0a04040"] {
        let error = SignedStatement::parse(&unhex(bytes), MAX).map(drop).unwrap_err();
        assert_eq!(error, StatementError::Malformed(MalformedStatement::NoAlgorithm));
    }
}

#[test]
fn cose_04_nil_is_not_empty() {
    assert_eq!(Draft::good().payload(None).refused(), StatementError::PayloadMissing);
    assert_eq!(Draft::good().payload(Some(b"")).parse().unwrap().payload(), b"");
}

#[test]
fn cose_05_a_label_in_both_headers() {
    for number in [4, 15] {
        let error = Draft::good().unprotected(number, bstr(b"x".to_vec())).malformed();
        assert_eq!(error, Sign1Error::LabelTwice { label: label(number) }.into());
    }
    let twice = Draft::good().with("text", 1).unprotected("text", 1).malformed();
    assert_eq!(twice.to_string(), "label \"text\" stands in both the protected and the unprotected header");
}

#[test]
fn cose_06_crit() {
    let with = |crit: Value| Draft::good().with(2, crit);
    assert!(with(array([Value::from(4), Value::from(15)])).parse().is_ok());
    let unknown = with(array([Value::from(1), Value::from(-70_000)])).with(-70_000, 1).refused();
    assert_eq!(unknown, StatementError::UnknownCritical(label(-70_000)));
    let unknown = with(array([Value::from("mine")])).with("mine", 1).refused();
    assert_eq!(
        unknown.to_string(),
        "label \"mine\" is marked critical (crit, label 2) and not understood here"
    );
    // typ is carried, but nothing here acts upon it.
    assert!(matches!(
        with(array([Value::from(16)])).with(16, "x").refused(),
        StatementError::UnknownCritical(_)
    ));
    let absent = with(array([Value::from(258)])).malformed();
    assert_eq!(absent, Sign1Error::CriticalAbsent { label: label(258) }.into());
    for form in [array([]), Value::from(1), Value::Null, array([Value::Null]), array([bstr(b"x".to_vec())])] {
        let error = with(form).malformed();
        assert!(matches!(error, MalformedStatement::Message(Sign1Error::CriticalForm { .. })), "{error:?}");
    }
    let unprotected = Draft::good().unprotected(2, array([Value::from(1)])).malformed();
    assert_eq!(unprotected, Sign1Error::CriticalUnprotected.into());
}

#[test]
fn cose_07_labels_are_integers_or_text() {
    for bad in [bstr(b"x".to_vec()), Value::Null, Value::Bool(true), Value::Float(1.5), array([])] {
        for draft in [Draft::good().with(bad.clone(), 1), Draft::good().unprotected(bad, 1)] {
            let error = draft.malformed();
            assert!(matches!(error, MalformedStatement::Message(Sign1Error::LabelType { .. })), "{error:?}");
        }
    }
    let error = Draft::good().with(u64::MAX, 1).malformed();
    assert!(matches!(error, MalformedStatement::Message(Sign1Error::LabelType { .. })), "{error:?}");
    assert!(Draft::good().with(i64::MIN, 1).with(i64::MAX, 1).parse().is_ok());
}

#[test]
fn cose_09_alg_is_protected_and_known() {
    let none = Draft::good().without(1);
    assert_eq!(none.malformed(), MalformedStatement::NoAlgorithm);
    assert_eq!(none.unprotected(1, -8).malformed(), MalformedStatement::NoAlgorithm);
    for number in [-47, -48, -257, -265, 0, i64::MAX] {
        let error = Draft::good().with(1, number).refused();
        assert_eq!(error, StatementError::UnsupportedAlgorithm { number: Some(number) });
        assert!(error.to_string().contains(&number.to_string()));
    }
    for value in [Value::from("ES256"), Value::Null, Value::from(u64::MAX)] {
        let error = Draft::good().with(1, value).refused();
        assert_eq!(error, StatementError::UnsupportedAlgorithm { number: None });
    }
    for algorithm in Algorithm::ALL {
        let statement = Draft::good().with(1, algorithm.cose()).parse().unwrap();
        assert_eq!(statement.header().algorithm, algorithm);
    }
}

#[test]
fn arch_04_some_key_is_named() {
    assert_eq!(Draft::good().without(4).refused(), StatementError::NoKeyReference);
    assert_eq!(
        Draft::good().without(4).unprotected(4, bstr(b"kid")).refused(),
        StatementError::NoKeyReference
    );
    assert_eq!(Draft::good().parse().unwrap().header().kid.as_deref(), Some(b"key".as_slice()));
}

#[test]
fn kid_is_bytes() {
    let error = Draft::good().with(4, "text").malformed();
    assert!(error.to_string().starts_with("label 4 (kid) is not a byte string (byte "), "{error}");
}

#[test]
fn content_types() {
    let read =
        |value: Value| Draft::good().with(3, value).parse().map(|read| read.header().content_type.clone());
    assert_eq!(read(Value::from("text/plain")), Ok(Some(ContentType::Text("text/plain".to_owned()))));
    assert_eq!(read(Value::from(50)), Ok(Some(ContentType::Id(50))));
    assert_eq!(read(Value::from(u64::MAX)), Ok(Some(ContentType::Id(u64::MAX))));
    for bad in [Value::from(-1), bstr(b"x".to_vec()), Value::Null] {
        assert!(matches!(read(bad), Err(StatementError::Malformed(MalformedStatement::LabelType { .. }))));
    }
    // ARCH-08: it may be missing.
    assert_eq!(Draft::good().parse().unwrap().header().content_type, None);
}

#[test]
fn any_protected_label_can_be_asked_for() {
    let statement = Draft::good().with("stele.log", bstr(vec![1; 32])).with(16, "type").parse().unwrap();
    let header = statement.header();
    assert_eq!(header.extra(&Label::from("stele.log")), Some(&bstr(vec![1; 32])));
    assert_eq!(header.extra(&label(16)), Some(&Value::from("type")));
    assert_eq!(header.extra(&label(1)), Some(&Value::from(-8)));
    assert!(header.has(&label(15)) && !header.has(&label(3)));
    assert_eq!(header.labels().count(), 5);
}

#[test]
fn size_limits() {
    let bytes = Draft::good().bytes();
    assert!(SignedStatement::parse(&bytes, bytes.len()).is_ok());
    let limit = bytes.len() - 1;
    // The limit is checked first: what is behind it is not looked at.
    let refused = SignedStatement::parse(&vec![0xff; bytes.len()], limit).map(drop);
    assert_eq!(refused, Err(StatementError::TooLarge { limit }));
    let long = Draft::good().with("x", bstr(vec![0; MAX_HEADER_BYTES])).malformed();
    assert!(matches!(long, MalformedStatement::Message(Sign1Error::HeaderTooLong { .. })));
    assert_eq!(MAX_HEADER_BYTES, 131_072);
    let padded = |length: usize| Draft::good().with("x", bstr(vec![0; length]));
    let header = |draft: &Draft| proofs::cbor::encode(&Value::Map(draft.protected.clone())).len();
    let room = MAX_HEADER_BYTES - 200;
    let fits = room + MAX_HEADER_BYTES - header(&padded(room));
    assert_eq!(header(&padded(fits)), MAX_HEADER_BYTES);
    assert!(padded(fits).parse().is_ok());
    let length = MAX_HEADER_BYTES + 1;
    assert_eq!(padded(fits + 1).malformed(), Sign1Error::HeaderTooLong { length }.into());

    let many = |draft: fn(Draft, i64) -> Draft, count: usize| {
        (0..i64::try_from(count).unwrap()).fold(Draft::good(), |good, n| draft(good, 1000 + n))
    };
    let protected = |draft: Draft, label: i64| draft.with(label, 0);
    let unprotected = |draft: Draft, label: i64| draft.unprotected(label, 0);
    assert!(many(protected, MAX_LABELS - 3).parse().is_ok());
    assert!(many(unprotected, MAX_LABELS).parse().is_ok());
    for (draft, part) in [
        (many(protected, MAX_LABELS - 2), Part::Protected),
        (many(unprotected, MAX_LABELS + 1), Part::Unprotected),
    ] {
        assert_eq!(draft.malformed(), Sign1Error::TooManyLabels { part }.into());
    }
}

#[test]
fn long_labels_do_not_flood_an_answer() {
    let name = "x".repeat(10_000);
    let error = Draft::good().with(name.as_str(), 1).unprotected(name.as_str(), 1).malformed();
    assert!(error.to_string().len() < 200);
}

#[test]
fn every_error_has_a_kind() {
    for (draft, kind) in [
        (Draft::good().without(1), "malformed"),
        (Draft::good().with(1, -47), "unsupported_algorithm"),
        (Draft::good().payload(None), "payload_missing"),
        (Draft::good().without(15), "missing_claims"),
        (Draft::good().without(4), "no_key_reference"),
        (Draft::good().with(2, array([Value::from(16)])).with(16, 1), "unknown_critical"),
        (Draft::good().without(15).with(391, "x"), "legacy_claims"),
    ] {
        assert_eq!(draft.refused().kind(), kind);
    }
    assert_eq!(StatementError::TooLarge { limit: 1 }.kind(), "too_large");
    assert_eq!(StatementError::ReservedSubject.kind(), "reserved_subject");
}
