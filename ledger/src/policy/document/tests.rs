//! The parser and the JSON Schema of the repository agree on good and bad documents.

use proofs::Signer;
use serde_json::{Value, json};

use super::*;
use crate::signer::{KeyAlgorithm, PrivateKey};

fn jwk() -> Value {
    PrivateKey::generate(KeyAlgorithm::Es256).unwrap().public_key().to_jwk()
}

fn base() -> Value {
    json!({
        "version": 1,
        "operator": jwk(),
        "rules": [{ "name": "r", "issuers": [{ "exact": "https://acme.com" }], "anchors": ["a"] }],
    })
}

/// The document with one place replaced; `null` removes it.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = base();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let members = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    document
}

/// Profile rules about different content types.
fn profiles(count: usize) -> Vec<Value> {
    let kind = crate::profile::Kind::all().next().unwrap();
    (0..count)
        .map(|n| json!({ "profile": kind.profile(), "content_type": format!("application/x-{n}") }))
        .collect()
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../schemas/policy.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

fn agree(document: &Value, expected: bool) {
    let parsed = Policy::from_json(document.to_string().as_bytes());
    assert_eq!(parsed.is_ok(), expected, "parser: {parsed:?}\n{document:#}");
    assert_eq!(schema().is_valid(document), expected, "schema\n{document:#}");
    if let Ok(policy) = parsed {
        let again = policy.to_json().unwrap();
        assert_eq!(Policy::from_json(&again).unwrap(), policy);
        assert!(schema().is_valid(&serde_json::from_slice(&again).unwrap()));
    }
}

#[test]
fn schema_and_parser_agree_on_good_policies() {
    agree(&base(), true);
    agree(&json!({ "version": 1, "operator": jwk() }), true);
    let long = "n".repeat(100);
    for (pointer, value) in [
        ("/algorithms", json!(["ES256", "Ed25519"])),
        ("/max_statement_bytes", json!(1)),
        ("/max_statement_bytes", json!(1_048_576)),
        ("/rules", json!([])),
        ("/operator/alg", json!("ESP256")),
        ("/operator/kid", json!("operator")),
        ("/operator/use", json!("sig")),
        ("/operator/key_ops", json!(["verify"])),
        ("/rules/0/name", json!(long)),
        ("/rules/0/name", json!("Agents of ACME, Zürich")),
        ("/rules/0/issuers", json!([{ "prefix": "https://acme.com/x" }, { "prefix": "did:key" }])),
        ("/rules/0/issuers", json!([{ "prefix": "spiffe://acme.com/" }, { "exact": "no uri" }])),
        ("/rules/0/self_certified", json!(["did:key", "did:jwk"])),
        ("/rules/0/content_types", json!(["application/json", 60])),
        ("/rules/0/content_type_required", json!(true)),
        ("/rules/0/required_headers", json!([3, -70000, "x-batch"])),
        ("/rules/0/required_claims", json!([6, 4])),
        ("/rules/0/payload", json!("any")),
        ("/rules/0/payload", json!("attached")),
        ("/rules/0/payload", json!("hash-envelope")),
        ("/rules/0/max_statement_bytes", json!(4096)),
        ("/rules/0/not_before", json!(0)),
        ("/rules/0/not_after", json!(u64::MAX)),
    ] {
        agree(&with(pointer, value), true);
    }
    // As many as there may be.
    let named =
        |n: usize, issuers: &[Value]| json!({ "name": n.to_string(), "issuers": issuers, "anchors": ["a"] });
    let issuers: Vec<Value> = (0..256).map(|n| json!({ "exact": n.to_string() })).collect();
    let rules: Vec<Value> = (0..1024).map(|n| named(n, &issuers[..1])).collect();
    agree(&with("/rules", json!(rules)), true);
    let rules: Vec<Value> = (0..64).map(|n| named(n, &issuers)).collect();
    agree(&with("/rules", json!(rules)), true);
    agree(&with("/profiles", json!(profiles(64))), true);
    let mut did = with("/rules/0/anchors", Value::Null);
    did["rules"][0]["self_certified"] = json!(["did:key"]);
    agree(&did, true);
}

#[test]
fn schema_and_parser_agree_on_bad_policies() {
    let many: Vec<String> = (0..257).map(|n| format!("a{n}")).collect();
    let rules: Vec<Value> = (0..=MAX_RULES)
        .map(|n| json!({ "name": n.to_string(), "issuers": [{ "exact": "i" }], "anchors": ["a"] }))
        .collect();
    for (pointer, value) in [
        ("/version", json!(2)),
        ("/version", Value::Null),
        ("/operator", Value::Null),
        ("/operator", json!("key")),
        ("/operator/d", json!("AAAA")),
        ("/operator/alg", json!("none")),
        ("/operator/kid", json!(7)),
        ("/operator/use", json!("enc")),
        ("/operator/key_ops", json!(["sign"])),
        ("/operator/y", Value::Null),
        ("/operator/crv", json!("secp256k1")),
        ("/extra", json!(1)),
        ("/algorithms", json!([])),
        ("/algorithms", json!(["RS256"])),
        ("/algorithms", json!([-7])),
        ("/max_statement_bytes", json!(0)),
        ("/max_statement_bytes", json!(1_048_577)),
        ("/max_statement_bytes", json!(-1)),
        ("/max_statement_bytes", json!("1")),
        ("/profiles", json!(profiles(65))),
        ("/rules", json!({})),
        ("/rules", json!(rules)),
        ("/rules/0/extra", json!(1)),
        ("/rules/0/name", Value::Null),
        ("/rules/0/name", json!("")),
        ("/rules/0/name", json!("n".repeat(101))),
        ("/rules/0/name", json!("a\nb")),
        ("/rules/0/name", json!("stele.control")),
        ("/rules/0/issuers", Value::Null),
        ("/rules/0/issuers", json!([])),
        ("/rules/0/issuers", json!(["https://acme.com"])),
        ("/rules/0/issuers", json!([{ "exact": "a", "prefix": "urn:a" }])),
        ("/rules/0/issuers", json!([{ "suffix": "a" }])),
        ("/rules/0/issuers", json!([{ "exact": "" }])),
        ("/rules/0/issuers", json!([{ "exact": "https://a b" }])),
        ("/rules/0/issuers", json!([{ "prefix": "acme" }])),
        ("/rules/0/issuers", json!([{ "prefix": "https://" }])),
        ("/rules/0/issuers", json!([{ "prefix": "https:" }])),
        ("/rules/0/issuers", json!([{ "prefix": "https://u@acme.com" }])),
        ("/rules/0/issuers", json!([{ "prefix": "https://acme.com?x" }])),
        ("/rules/0/issuers", json!([{ "prefix": "https://acme.com/../x" }])),
        ("/rules/0/issuers", json!([{ "prefix": "https://acme.com/%2E%2e" }])),
        ("/rules/0/anchors", Value::Null),
        ("/rules/0/anchors", json!([])),
        ("/rules/0/anchors", json!([".a"])),
        ("/rules/0/anchors", json!(["a b"])),
        ("/rules/0/anchors", json!([""])),
        ("/rules/0/anchors", json!(["a".repeat(65)])),
        ("/rules/0/anchors", json!(many)),
        ("/rules/0/self_certified", json!(["did:web"])),
        ("/rules/0/content_types", json!([])),
        ("/rules/0/content_types", json!([""])),
        ("/rules/0/content_types", json!([-1])),
        ("/rules/0/content_types", json!([true])),
        ("/rules/0/content_type_required", json!("yes")),
        ("/rules/0/required_headers", json!([1.5])),
        ("/rules/0/required_headers", json!([""])),
        ("/rules/0/required_headers", json!(["x".repeat(256)])),
        ("/rules/0/required_claims", json!(["iat"])),
        ("/rules/0/payload", json!("detached")),
        ("/rules/0/max_statement_bytes", json!(0)),
        ("/rules/0/max_statement_bytes", json!(1_048_577)),
        ("/rules/0/not_before", json!(-1)),
        ("/rules/0/not_after", json!("2026")),
    ] {
        agree(&with(pointer, value), false);
    }
}

#[test]
fn a_document_is_written_without_what_goes_without_saying() {
    let policy = Policy::from_json(base().to_string().as_bytes()).unwrap();
    let written: Value = serde_json::from_slice(&policy.to_json().unwrap()).unwrap();
    assert_eq!(written["rules"], base()["rules"]);
    assert_eq!(written.get("profiles"), None);
    let strict = with("/rules/0/content_type_required", json!(true));
    let policy = Policy::from_json(strict.to_string().as_bytes()).unwrap();
    let written: Value = serde_json::from_slice(&policy.to_json().unwrap()).unwrap();
    assert_eq!(written["rules"], strict["rules"]);
}

#[test]
fn what_a_schema_cannot_say_is_refused_too() {
    let refused = |document: &Value| Policy::from_json(document.to_string().as_bytes()).unwrap_err();
    let rule = base()["rules"][0].clone();
    assert_eq!(
        refused(&with("/rules", json!([rule, rule]))),
        PolicyError::DuplicateRule { name: "r".into() }
    );

    let mut times = with("/rules/0/not_before", json!(10));
    times["rules"][0]["not_after"] = json!(9);
    assert_eq!(refused(&times), PolicyError::Rule { name: "r".into(), error: RuleError::Times });

    let issuers: Vec<Value> = (0..256).map(|n| json!({ "exact": n.to_string() })).collect();
    let rules: Vec<Value> =
        (0..65).map(|n| json!({ "name": n.to_string(), "issuers": issuers, "anchors": ["a"] })).collect();
    assert_eq!(refused(&with("/rules", json!(rules))), PolicyError::TooManyIssuers);

    assert_eq!(refused(&with("/profiles", json!(profiles(65)))), PolicyError::TooManyProfiles);
    let mut taken = profiles(2);
    taken[1]["content_type"] = json!("APPLICATION/x-0");
    let PolicyError::Profile { error, .. } = refused(&with("/profiles", json!(taken))) else {
        panic!("{taken:?}")
    };
    assert_eq!(error, ProfileRuleError::Taken);
    let off_curve = with("/operator/y", base()["operator"]["y"].clone());
    assert!(refused(&off_curve).to_string().contains("not a point of the curve"));

    let twice = base().to_string().replacen("{", "{\"version\":1,", 1);
    assert!(Policy::from_json(twice.as_bytes()).unwrap_err().to_string().contains("occurs twice"));
}

#[test]
fn refusals_name_the_rule_and_the_field() {
    let told = |pointer, value| {
        Policy::from_json(with(pointer, value).to_string().as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(
        told("/rules/0/content_types", json!([])),
        "rule `r` of the policy: its list `content_types` must have 1 to 256 elements"
    );
    assert!(told("/rules/0/surprise", json!(1)).contains("unknown field `surprise`"));
    assert!(told("/algorithms", json!(["RS256"])).contains("`RS256` is not a supported algorithm"));
    assert!(told("/operator/d", json!("x")).contains("private member `d`"));
}

#[test]
fn alg_03_esp256_stays_esp256_in_a_document() {
    let key = PrivateKey::generate(KeyAlgorithm::Es256).unwrap().with_algorithm(Algorithm::Esp256).unwrap();
    let policy = Policy::closed(key.public_key().clone());
    let again = Policy::from_json(&policy.to_json().unwrap()).unwrap();
    assert_eq!(again.operator.algorithm(), Some(Algorithm::Esp256));
}

#[test]
fn a_closed_policy_allows_all_algorithms_and_nobody() {
    let policy = Policy::closed(PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().clone());
    assert_eq!(policy.algorithms, Algorithm::ALL);
    assert!(policy.rules.is_empty());
    assert_eq!(policy.max_statement_bytes, 1_048_576);
    // As much as a document says that does not name them.
    let read = Policy::from_json(base().to_string().as_bytes()).unwrap();
    assert_eq!((read.algorithms, read.max_statement_bytes), (policy.algorithms, 1_048_576));
}
