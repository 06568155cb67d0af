//! Registered keys: kid, signature, whose key it is.

use proofs::{Algorithm, ContentType, Label, Signer, StatementBuilder};
use serde_json::json;

use super::world::{
    ACME, SERVICE, World, ed25519, exact, id, key_anchor, parse, signed, statement_of, with_unprotected,
};
use crate::governance::{BadSignature, Refusal, Rejection};
use crate::policy::Rule;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::trust::{Anchor, AnchorIncrement, UnknownKey};

fn anchor(document: serde_json::Value) -> Anchor {
    let increment = json!({ "version": 1, "add": [document] }).to_string();
    AnchorIncrement::from_json(increment.as_bytes()).unwrap().add.remove(0)
}

#[test]
fn arch_12_a_registered_key_admits_and_is_the_evidence() {
    let (world, key) = World::with_rule(|_| {});
    let statement = signed(ACME, &key);
    let admitted = world.judge(&statement).unwrap();
    assert_eq!(admitted.statement.statement().entry_id(), parse(&statement).entry_id());
    assert_eq!(&admitted.evidence.key, key.public_key());
    assert!(admitted.evidence.chain.is_empty());
    assert!(admitted.evidence.unprotected_x5chain.is_empty());
}

#[test]
fn d3_the_first_policy_admits_nobody() {
    let world = World::new();
    let refusal = world.judge(&signed(ACME, &ed25519())).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NoRule { issuer: ACME.into(), policy: 1 }));
    assert_eq!(refusal.kind(), "unknown_issuer_key");
}

#[test]
fn an_unknown_kid_is_an_unknown_key() {
    let (world, _) = World::with_rule(|_| {});
    let stranger = ed25519();
    let refusal = world.judge(&signed(ACME, &stranger)).unwrap_err();
    let kid = stranger.public_key().thumbprint().to_string();
    assert_eq!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NotRegistered { rule: "acme".into(), kid }));
}

#[test]
fn arch_12_a_bad_signature_is_refused_with_the_key_it_was_checked_with() {
    let (world, key) = World::with_rule(|_| {});
    let kid = key.public_key().thumbprint();
    // Somebody else signs and names the registered key.
    let forged = statement_of(ACME)
        .extra(Label::Int(4), ciborium::Value::Bytes(kid.as_bytes().to_vec()))
        .sign(b"payload", &ed25519())
        .unwrap();
    let expected = BadSignature::Signature { rule: "acme".into(), kid: kid.to_string() };
    assert_eq!(world.judge(&forged).unwrap_err(), Refusal::InvalidSignature(expected));

    // Any flipped bit of the signature.
    let good = signed(ACME, &key);
    for back in [1, 32, 64] {
        let mut bytes = good.clone();
        let at = bytes.len() - back;
        bytes[at] ^= 1;
        assert_eq!(world.judge(&bytes).unwrap_err().kind(), "invalid_signature");
    }
}

#[test]
fn cose_10_the_algorithm_must_be_one_of_the_key() {
    let (world, key) = World::with_rule(|_| {});
    let kid = key.public_key().thumbprint();
    let other = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let statement = statement_of(ACME)
        .extra(Label::Int(4), ciborium::Value::Bytes(kid.as_bytes().to_vec()))
        .sign(b"payload", &other)
        .unwrap();
    let rule = "acme".into();
    let expected = BadSignature::Algorithm { rule, kid: kid.to_string(), algorithm: Algorithm::Es256 };
    assert_eq!(world.judge(&statement).unwrap_err(), Refusal::InvalidSignature(expected));
}

#[test]
fn one_issuers_key_does_not_sign_for_another() {
    let (mut world, acme) = World::with_rule(|_| {});
    let beta = ed25519();
    world.add(vec![key_anchor("beta-key", &beta)]);
    world.set_rules(vec![
        Rule::new("acme", exact(ACME), vec![id("acme-key")]),
        Rule::new("beta", exact("https://beta.org"), vec![id("beta-key")]),
    ]);
    world.judge(&signed("https://beta.org", &beta)).unwrap();
    assert_eq!(world.judge(&signed("https://beta.org", &acme)).unwrap_err().kind(), "unknown_issuer_key");
    assert_eq!(world.judge(&signed(ACME, &beta)).unwrap_err().kind(), "unknown_issuer_key");
}

#[test]
fn an_anchor_can_be_narrower_than_its_rule() {
    let mut world = World::new();
    let key = ed25519();
    let only = crate::policy::IssuerMatch::exact("https://acme.com/a").unwrap();
    let anchor = Anchor::key(id("narrow"), key.public_key().clone(), Some(vec![only])).unwrap();
    world.add(vec![anchor]);
    world.set_rules(vec![Rule::new("acme", super::world::below(ACME), vec![id("narrow")])]);
    world.judge(&signed("https://acme.com/a", &key)).unwrap();
    assert_eq!(world.judge(&signed("https://acme.com/b", &key)).unwrap_err().kind(), "unknown_issuer_key");
}

#[test]
fn d4_an_anchor_for_payloads_vouches_for_no_statement() {
    let mut world = World::new();
    let key = ed25519();
    let inside = crate::profile::System::Trace;
    let anchor = Anchor::embedded_key(id("inside"), key.public_key().clone(), None, vec![inside]).unwrap();
    world.add(vec![anchor]);
    world.set_rules(vec![Rule::new("acme", exact(ACME), vec![id("inside")])]);
    assert_eq!(world.judge(&signed(ACME, &key)).unwrap_err().kind(), "unknown_issuer_key");
}

#[test]
fn kid_may_be_the_kid_of_the_jwk() {
    let mut world = World::new();
    let key = ed25519();
    let mut jwk = key.public_key().to_jwk();
    jwk["kid"] = json!("acme-2026");
    world.add(vec![anchor(json!({ "id": "k", "key": jwk }))]);
    world.set_rules(vec![Rule::new("acme", exact(ACME), vec![id("k")])]);
    let with_kid = |kid: &[u8]| {
        let kid = ciborium::Value::Bytes(kid.to_vec());
        world.judge(&statement_of(ACME).extra(Label::Int(4), kid).sign(b"payload", &key).unwrap())
    };
    with_kid(b"acme-2026").unwrap();
    with_kid(key.public_key().thumbprint().as_bytes()).unwrap();
    for kid in [b"acme-2027".as_slice(), b"acme-202", b"", &[0; 32]] {
        assert_eq!(with_kid(kid).unwrap_err().kind(), "unknown_issuer_key");
    }
}

#[test]
fn cose_08_every_key_with_the_kid_is_tried() {
    let mut world = World::new();
    let keys = [ed25519(), ed25519(), ed25519()];
    let anchors = keys.iter().zip(["a", "b", "c"]).map(|(key, name)| {
        let mut jwk = key.public_key().to_jwk();
        jwk["kid"] = json!("shared");
        anchor(json!({ "id": name, "key": jwk }))
    });
    world.add(anchors.collect());
    world.set_rules(vec![Rule::new("acme", exact(ACME), vec![id("a"), id("b"), id("c")])]);
    for (key, name) in keys.iter().zip(["a", "b", "c"]) {
        let kid = ciborium::Value::Bytes(b"shared".to_vec());
        let statement = statement_of(ACME).extra(Label::Int(4), kid).sign(b"payload", key).unwrap();
        assert_eq!(world.judge(&statement).unwrap().evidence.anchor, Some(id(name)));
    }
}

#[test]
fn arch_49_receipts_in_the_unprotected_header_change_nothing() {
    let (world, key) = World::with_rule(|_| {});
    let statement = signed(ACME, &key);
    let receipts = ciborium::Value::Array(vec![ciborium::Value::Bytes(vec![1, 2, 3])]);
    let again = with_unprotected(&statement, 394, receipts);
    let admitted = world.judge(&again).unwrap();
    assert_eq!(admitted.statement.statement().entry_id(), parse(&statement).entry_id());
}

#[test]
fn d2_subjects_of_the_log_are_reserved() {
    let (world, key) = World::with_rule(|_| {});
    for subject in ["urn:stele:policy", "urn:stele:", "URN:Stele:anything"] {
        let statement = StatementBuilder::new(ACME, subject).sign(b"payload", &key).unwrap();
        let expected = Rejection::ReservedSubject { subject: subject.into() };
        assert_eq!(world.judge(&statement).unwrap_err(), Refusal::Rejected(expected));
    }
    for subject in ["urn:stele", "urn:steles:x", "x urn:stele:x", "urn:example:urn:stele:x"] {
        let statement = StatementBuilder::new(ACME, subject).sign(b"payload", &key).unwrap();
        world.judge(&statement).unwrap();
    }
}

#[test]
fn d17_the_services_own_name_is_reserved_even_where_a_rule_allows_it() {
    let mut world = World::new();
    let key = ed25519();
    world.add(vec![key_anchor("k", &key)]);
    world.set_rules(vec![Rule::new("everything", super::world::below(SERVICE), vec![id("k")])]);
    world.judge(&signed("https://ts.example/agent", &key)).unwrap();
    let refusal = world.judge(&signed(SERVICE, &key)).unwrap_err();
    assert_eq!(refusal, Refusal::Rejected(Rejection::ReservedIssuer { issuer: SERVICE.into() }));
}

#[test]
fn a_hostile_name_is_shown_short_and_without_control_characters() {
    let (world, key) = World::with_rule(|_| {});
    let issuer = format!("evil\n`\u{1b}[31m{}", "x".repeat(5000));
    let told = world.judge(&signed(&issuer, &key)).unwrap_err().to_string();
    assert!(told.chars().count() < 500 && !told.chars().any(char::is_control), "{told}");
}

#[test]
fn unused_content_type_ids_are_no_control_statements() {
    let (world, key) = World::with_rule(|_| {});
    let statement =
        StatementBuilder::new(ACME, "urn:x:y").content_type(ContentType::Id(18)).sign(b"p", &key).unwrap();
    world.judge(&statement).unwrap();
}
