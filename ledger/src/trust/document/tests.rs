//! The parser and the JSON Schema of the repository agree on good and bad documents.

use proofs::Signer;
use serde_json::json;

use super::*;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::trust::{AnchorIncrement, AnchorsError, MAX_INCREMENT};

fn jwk() -> Value {
    PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().to_jwk()
}

fn root() -> String {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    BASE64.encode(params.self_signed(&key).unwrap().der())
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../schemas/trust-anchors.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

fn agree(document: &Value, expected: bool) {
    let parsed = AnchorIncrement::from_json(document.to_string().as_bytes());
    assert_eq!(parsed.is_ok(), expected, "parser: {parsed:?}\n{document:#}");
    assert_eq!(schema().is_valid(document), expected, "schema\n{document:#}");
    if let Ok(increment) = parsed {
        let again = increment.to_json().unwrap();
        assert_eq!(AnchorIncrement::from_json(&again).unwrap(), increment);
        assert!(schema().is_valid(&serde_json::from_slice(&again).unwrap()));
    }
}

fn adding(anchor: Value) -> Value {
    json!({ "version": 1, "add": [anchor] })
}

#[test]
fn schema_and_parser_agree_on_good_increments() {
    let (jwk, root) = (jwk(), root());
    let mut named = jwk.clone();
    named["kid"] = json!("agent-7");
    named["alg"] = json!("Ed25519");
    let digest = "0".repeat(64);
    agree(&json!({ "version": 1 }), true);
    agree(&json!({ "version": 1, "add": [], "retire": [] }), true);
    agree(&json!({ "version": 1, "retire": ["a", "B-2.c_d"] }), true);
    for anchor in [
        json!({ "id": "k", "key": jwk }),
        json!({ "id": "k", "key": named }),
        json!({ "id": "k", "key": jwk, "issuers": [{ "exact": "https://acme.com" }] }),
        json!({ "id": "k", "key": jwk, "embedded": ["trace"] }),
        json!({ "id": "r", "root": root }),
        json!({ "id": "r", "root": root, "issuers": [{ "prefix": "spiffe://acme.com" }] }),
        json!({ "id": "r", "root": root, "bindings": [{ "iss": "https://acme.com", "subject": "CN=x" }] }),
        json!({ "id": "r", "root": root, "bindings": [{ "iss": "acme", "subject": "CN=x", "spki_sha256": digest }] }),
    ] {
        agree(&adding(anchor), true);
    }
}

#[test]
fn schema_and_parser_agree_on_bad_increments() {
    let (jwk, root) = (jwk(), root());
    let mut private = jwk.clone();
    private["d"] = json!("AAAA");
    let binding = |binding: Value| json!({ "id": "r", "root": root, "bindings": [binding] });
    for document in [json!({}), json!({ "version": 2 }), json!({ "version": 1, "remove": [] }), json!([])] {
        agree(&document, false);
    }
    for retire in [json!("a"), json!([""]), json!(["a b"]), json!(["a", "a"]), json!(vec!["-a"])] {
        agree(&json!({ "version": 1, "retire": retire }), false);
    }
    for anchor in [
        json!({ "id": "k" }),
        json!({ "key": jwk }),
        json!({ "id": "", "key": jwk }),
        json!({ "id": "k", "key": jwk, "root": root }),
        json!({ "id": "k", "key": jwk, "bindings": [{ "iss": "a", "subject": "CN=x" }] }),
        json!({ "id": "k", "key": jwk, "issuers": [] }),
        json!({ "id": "k", "key": jwk, "issuers": ["https://acme.com"] }),
        json!({ "id": "k", "key": jwk, "extra": 1 }),
        json!({ "id": "k", "key": jwk, "embedded": [] }),
        json!({ "id": "k", "key": jwk, "embedded": ["other"] }),
        json!({ "id": "r", "root": root, "embedded": ["trace"] }),
        json!({ "id": "k", "key": private }),
        json!({ "id": "k", "key": {} }),
        json!({ "id": "k", "key": "MCow" }),
        json!({ "id": "k", "key": { "kty": "OKP", "crv": "X25519", "x": jwk["x"] } }),
        json!({ "id": "r", "root": "" }),
        json!({ "id": "r", "root": "not base64!" }),
        json!({ "id": "r", "root": "A".repeat(30_000) }),
        json!({ "id": "r", "root": root, "bindings": [] }),
        binding(json!({ "iss": "acme" })),
        binding(json!({ "subject": "CN=x" })),
        binding(json!({ "iss": "", "subject": "CN=x" })),
        binding(json!({ "iss": "acme", "subject": "" })),
        binding(json!({ "iss": "acme", "spki_sha256": "AB".repeat(32) })),
        binding(json!({ "iss": "acme", "spki_sha256": "00" })),
        binding(json!({ "iss": "acme", "subject": "CN=x", "issuer": "x" })),
    ] {
        agree(&adding(anchor), false);
    }
    let many: Vec<Value> =
        (0..=MAX_INCREMENT).map(|n| json!({ "id": format!("k{n}"), "key": jwk })).collect();
    agree(&json!({ "version": 1, "add": many }), false);
}

#[test]
fn what_a_schema_cannot_say_is_refused_too() {
    let jwk = jwk();
    let anchor = json!({ "id": "k", "key": jwk });
    let twice = json!({ "version": 1, "add": [anchor, anchor] }).to_string();
    let taken = AnchorsError::Taken { id: AnchorId::new("k").unwrap() };
    assert_eq!(AnchorIncrement::from_json(twice.as_bytes()), Err(taken));
    let junk = adding(json!({ "id": "r", "root": "AAAA" })).to_string();
    let error = AnchorIncrement::from_json(junk.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("not a readable X.509 v3 certificate"), "{error}");
}

#[test]
fn certificates_and_increments_are_bounded() {
    let told = |document: Value| {
        AnchorIncrement::from_json(document.to_string().as_bytes()).unwrap_err().to_string()
    };
    let sized = |bytes| told(adding(json!({ "id": "r", "root": BASE64.encode(&vec![0x30; bytes]) })));
    assert!(sized(16_384).contains("not a readable X.509 v3 certificate"), "{}", sized(16_384));
    for bytes in [16_385, 16_386, 16_387] {
        assert!(sized(bytes).contains("more than 16384 bytes"), "{}", sized(bytes));
    }

    let ids = |count: usize| (0..count).map(|n| AnchorId::new(format!("k{n}")).unwrap()).collect::<Vec<_>>();
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().clone();
    let anchors =
        |count| ids(count).into_iter().map(|id| Anchor::key(id, key.clone(), None).unwrap()).collect();
    AnchorIncrement::new(anchors(MAX_INCREMENT), ids(MAX_INCREMENT)).to_json().unwrap();
    for too_many in [
        AnchorIncrement::new(anchors(MAX_INCREMENT + 1), ids(0)),
        AnchorIncrement::new(anchors(0), ids(MAX_INCREMENT + 1)),
    ] {
        assert_eq!(too_many.to_json(), Err(AnchorsError::TooMany));
    }
}

#[test]
fn an_anchor_keeps_the_kid_of_its_jwk() {
    let mut jwk = jwk();
    let thumbprint = jwk["kid"].as_str().unwrap().to_owned();
    let read = |jwk: &Value| {
        let text = adding(json!({ "id": "k", "key": jwk })).to_string();
        AnchorIncrement::from_json(text.as_bytes()).unwrap()
    };
    let written = |increment: &AnchorIncrement| {
        let value: Value = serde_json::from_slice(&increment.to_json().unwrap()).unwrap();
        value["add"][0]["key"]["kid"].as_str().unwrap().to_owned()
    };
    jwk["kid"] = json!("agent-7");
    assert_eq!(written(&read(&jwk)), "agent-7");
    jwk.as_object_mut().unwrap().remove("kid");
    assert_eq!(written(&read(&jwk)), thumbprint);
}
