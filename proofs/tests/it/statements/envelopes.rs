//! Hash envelopes (RFC 9995).

use ciborium::Value;
use proofs::cose::DigestAlgorithm;
use proofs::{ContentType, HashEnvelope, MalformedStatement, StatementError};

use super::{Draft, bstr, label};
use crate::it::support::unhex;

fn envelope(number: i64, length: usize) -> Draft {
    Draft::good().with(258, number).payload(Some(&vec![7; length]))
}

#[test]
fn he_03_the_digest_has_the_length_of_its_hash() {
    for (number, length) in [(-16, 32), (-17, 32), (-43, 48), (-44, 64)] {
        let statement = envelope(number, length).parse().unwrap();
        let expected = HashEnvelope { hash_alg: number, preimage_content_type: None, location: None };
        assert_eq!(statement.header().envelope, Some(expected));
        for found in [0, length - 1, length + 1] {
            let error = envelope(number, found).malformed();
            assert_eq!(error, MalformedStatement::EnvelopeLength { expected: length, found });
        }
    }
    assert_eq!(
        envelope(-16, 20).malformed().to_string(),
        "the payload of this hash envelope has 20 bytes; a digest by its label 258 has 32"
    );
    assert_eq!(envelope(-16, 32).payload(None).refused(), StatementError::PayloadMissing);
}

#[test]
fn he_01_only_hashes_that_name_content() {
    for number in [-14, -15, -18, -7, 0, 1] {
        assert_eq!(envelope(number, 32).malformed(), MalformedStatement::EnvelopeAlgorithm { number });
    }
    for bad in [Value::from("sha-256"), Value::Null, Value::from(u64::MAX)] {
        let error = Draft::good().with(258, bad).malformed();
        assert!(matches!(error, MalformedStatement::LabelType { .. }), "{error:?}");
    }
}

#[test]
fn he_04_content_type_beside_258_is_refused() {
    let error = envelope(-16, 32).with(3, "text/plain").malformed();
    assert_eq!(error, MalformedStatement::EnvelopeContentType);
    let error = envelope(-16, 32).unprotected(3, "text/plain").malformed();
    assert_eq!(error, MalformedStatement::EnvelopeContentType);
    assert!(error.to_string().contains("259"));
}

#[test]
fn he_labels_are_protected_only() {
    for (number, value) in [(258, Value::from(-16)), (259, Value::from("a/b")), (260, Value::from("x"))] {
        let expected = MalformedStatement::EnvelopeUnprotected { label: label(number) };
        assert_eq!(Draft::good().unprotected(number, value.clone()).malformed(), expected);
        if number != 258 {
            assert_eq!(envelope(-16, 32).unprotected(number, value).malformed(), expected);
        }
    }
}

#[test]
fn he_02_type_and_location_of_the_content() {
    let read =
        envelope(-16, 32).with(259, "application/json").with(260, "https://x.example/1").parse().unwrap();
    let envelope_read = read.header().envelope.clone().unwrap();
    let expected = ContentType::Text("application/json".to_owned());
    assert_eq!(envelope_read.preimage_content_type, Some(expected));
    assert_eq!(envelope_read.location.as_deref(), Some("https://x.example/1"));
    assert_eq!(read.header().content_type, None);
    let read = envelope(-16, 32).with(259, 50).parse().unwrap();
    assert_eq!(read.header().envelope.clone().unwrap().preimage_content_type, Some(ContentType::Id(50)));
    for draft in [envelope(-16, 32).with(259, -1), envelope(-16, 32).with(260, bstr(b"x".to_vec()))] {
        assert!(matches!(draft.malformed(), MalformedStatement::LabelType { .. }));
    }
}

#[test]
fn without_258_there_is_no_envelope() {
    let read = Draft::good().with(259, "text/plain").with(260, "x").parse().unwrap();
    assert_eq!(read.header().envelope, None);
}

/// FIPS 180-4 examples for "abc".
#[test]
fn digests() {
    for (number, digest) in [
        (-16, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (-17, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        (
            -43,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            -44,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643\
             ce80e2a9ac94fa54ca49f",
        ),
    ] {
        let algorithm = DigestAlgorithm::from_cose(number).unwrap();
        assert_eq!(algorithm.cose(), number);
        assert_eq!(algorithm.digest(b"abc"), unhex(digest));
        assert_eq!(algorithm.length(), unhex(digest).len());
    }
}
