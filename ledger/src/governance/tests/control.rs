//! Control statements: this log, this place, this operator, a usable document (D4).

mod lockout;
mod opening;

use ciborium::Value;
use proofs::{ContentType, EntryId, KeyId, Label, LeafIndex, PublicKey, Signer, StatementBuilder};
use serde_json::json;

use super::world::{
    ACME, NOW, SERVICE, World, ed25519, exact, id, key_anchor, open, parse, signed, with_unprotected,
};
use crate::control::{
    self, ANCHORS_CT, ControlFault, ControlKind, GENESIS_CT, LogRef, MakeError, POLICY_CT, POLICY_SUBJECT,
    acceptance_label, acceptance_message, follows_label, log_label,
};
use crate::governance::{BadSignature, CONTROL_RULE, GovernanceError, Refusal, Rejection};
use crate::policy::{MAX_STATEMENT_BYTES, Policy, Rule};
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::trust::{AnchorsError, MAX_ANCHORS, MAX_INCREMENT, UnknownKey};

fn rejected(world: &World, statement: &[u8]) -> ControlFault {
    match world.judge(statement).unwrap_err() {
        Refusal::Rejected(Rejection::Control(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

fn hash32(id: &EntryId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

/// A policy statement made by hand, for everything that the maker would not do.
fn policy_by_hand(world: &World) -> StatementBuilder {
    StatementBuilder::new(SERVICE, POLICY_SUBJECT)
        .content_type(ContentType::Text(POLICY_CT.into()))
        .extra(log_label(), hash32(&world.governance.identity().log_id))
        .extra(follows_label(), hash32(&world.governance.policy_id()))
}

fn payload(world: &World) -> Vec<u8> {
    world.closed_policy().to_json().unwrap()
}

#[test]
fn d4_a_policy_takes_effect_with_its_entry() {
    let (mut world, key) = World::with_rule(|_| {});
    let before = world.governance.clone();
    assert_eq!((before.anchors_index().get(), before.policy_index().get()), (3, 4));
    world.judge(&signed(ACME, &key)).unwrap();
    let closed = world.policy_statement(&world.closed_policy());
    let admitted = world.judge(&closed).unwrap();
    assert_eq!(admitted.evidence.rule, CONTROL_RULE);
    assert_eq!(admitted.evidence.anchor, None);
    assert_eq!(&admitted.evidence.key, world.operator.public_key());
    assert_eq!(admitted.control.as_ref().unwrap().kind(), ControlKind::Policy);
    assert_eq!(world.register(&closed).unwrap(), 5);
    assert_eq!(world.governance.policy_index().get(), 5);
    assert_eq!(world.governance.policy_id(), parse(&closed).entry_id());
    // What was admitted under the old policy is not under the new one; the old governance has not changed.
    let refusal = world.judge(&signed(ACME, &key)).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NoRule { issuer: ACME.into(), policy: 5 }));
    before.judge(parse(&signed(ACME, &key)), NOW).unwrap();
}

#[test]
fn d4_policy_a_then_b_then_a_leaves_a_in_force_as_a_new_entry() {
    let (mut world, key) = World::with_rule(|_| {});
    let a = Policy { rules: world.governance.policy().rules.clone(), ..world.closed_policy() };
    let first = world.policy_statement(&a);
    world.register(&first).unwrap();
    let second = world.policy_statement(&world.closed_policy());
    world.register(&second).unwrap();
    let in_force = parse(&second).entry_id();
    // The old statement itself cannot come back …
    assert!(
        matches!(rejected(&world, &first), ControlFault::Superseded { in_force: found, .. } if found == in_force)
    );
    // … its content can.
    let third = world.policy_statement(&a);
    assert_ne!(third, first);
    assert_eq!(world.register(&third).unwrap(), 7);
    assert_eq!(world.governance.policy(), &a);
    world.judge(&signed(ACME, &key)).unwrap();
}

#[test]
fn d4_two_statements_for_one_place_do_not_both_fit() {
    let (mut world, _) = World::with_rule(|_| {});
    let mut policy = world.closed_policy();
    let one = world.policy_statement(&policy);
    policy.max_statement_bytes = 1000;
    let two = world.policy_statement(&policy);
    world.register(&one).unwrap();
    assert!(matches!(rejected(&world, &two), ControlFault::Superseded { .. }));
    assert!(matches!(rejected(&world, &one), ControlFault::Superseded { .. }));
    // Anchors and policies follow each their own kind.
    world.add(vec![key_anchor("other", &ed25519())]);
    let three = world.policy_statement(&policy);
    world.register(&three).unwrap();
}

#[test]
fn d4_a_policy_of_another_log_is_rejected() {
    let operator = || PrivateKey::from_pem(&PEM).unwrap();
    static PEM: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| ed25519().to_pem().unwrap().to_string());
    // The same operator runs both; only the log id tells them apart.
    let here = World::operated_by(operator());
    let there = World::operated_by(operator());
    let statement = there.policy_statement(&there.closed_policy());
    there.judge(&statement).unwrap();
    let fault = rejected(&here, &statement);
    let found = there.governance.identity().log_id;
    assert_eq!(fault, ControlFault::AnotherLog { found, expected: here.governance.identity().log_id });
    assert!(fault.to_string().contains("for another log"), "{fault}");
    let anchors = there.anchors_statement(vec![], vec![]);
    assert!(matches!(rejected(&here, &anchors), ControlFault::AnotherLog { .. }));
}

#[test]
fn only_the_operator_governs() {
    let (mut world, key) = World::with_rule(|_| {});
    // Even a trusted issuer, even under the service's name.
    let statement = policy_by_hand(&world).sign(&payload(&world), &key).unwrap();
    let expected = world.operator.public_key().thumbprint().to_string();
    assert_eq!(rejected(&world, &statement), ControlFault::NotTheOperator { expected });
    // Naming the operator's kid does not help.
    let kid: KeyId = world.operator.public_key().thumbprint();
    let forged = policy_by_hand(&world)
        .extra(Label::Int(4), Value::Bytes(kid.as_bytes().to_vec()))
        .sign(&payload(&world), &key)
        .unwrap();
    let expected = BadSignature::Signature { rule: CONTROL_RULE.into(), kid: kid.to_string() };
    assert_eq!(world.judge(&forged).unwrap_err(), Refusal::InvalidSignature(expected));
    // Nor does a rule for the service's own name.
    world.set_rules(vec![Rule::new("service", exact(SERVICE), vec![id("acme-key")])]);
    let statement = policy_by_hand(&world).sign(&payload(&world), &key).unwrap();
    assert!(matches!(rejected(&world, &statement), ControlFault::NotTheOperator { .. }));
    // An x5chain beside the right kid would be a second identifier that nobody registered (ARCH-13).
    let chain = policy_by_hand(&world)
        .x5chain(vec![vec![1, 2, 3]])
        .extra(Label::Int(4), Value::Bytes(kid.as_bytes().to_vec()))
        .sign(&payload(&world), &world.operator)
        .unwrap();
    assert!(matches!(rejected(&world, &chain), ControlFault::NotTheOperator { .. }));
}

#[test]
fn arch_13_an_unprotected_chain_names_nobody() {
    let world = World::new();
    let pair = rcgen::KeyPair::from_pem(&world.operator.to_pem().unwrap()).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    let chain = Value::Bytes(certificate.der().to_vec());
    let statement = world.policy_statement(&world.closed_policy());
    world.judge(&with_unprotected(&statement, 33, chain)).unwrap();
}

#[test]
fn each_header_of_a_control_statement_counts() {
    let world = World::new();
    let good = || policy_by_hand(&world);
    let made = |builder: StatementBuilder| builder.sign(&payload(&world), &world.operator).unwrap();
    world.judge(&made(good())).unwrap();

    let short = Value::Bytes(vec![0; 31]);
    for value in [short.clone(), Value::Text("x".repeat(32))] {
        assert_eq!(rejected(&world, &made(good().extra(log_label(), value.clone()))), ControlFault::NoLog);
        assert_eq!(rejected(&world, &made(good().extra(follows_label(), value))), ControlFault::NoFollows);
    }
    let found = EntryId::from_bytes([7; 32]);
    let in_force = world.governance.policy_id();
    let elsewhere = made(good().extra(follows_label(), hash32(&found)));
    assert_eq!(rejected(&world, &elsewhere), ControlFault::Superseded { found, in_force });

    let claim = |number: i64, text: &str| made(good().claim(number, Value::Text(text.into())));
    assert_eq!(rejected(&world, &claim(1, ACME)), ControlFault::Issuer { expected: SERVICE.into() });
    assert_eq!(
        rejected(&world, &claim(2, "urn:stele:other")),
        ControlFault::Subject { expected: POLICY_SUBJECT }
    );
    assert_eq!(
        rejected(&world, &claim(2, "urn:stele:trust-anchors")),
        ControlFault::Subject { expected: POLICY_SUBJECT }
    );

    let typed = |name: &str| made(good().content_type(ContentType::Text(name.into())));
    for name in [
        "Application/vnd.stele.Policy+json",
        "application/vnd.stele.policy+json; v=1",
        " application/vnd.stele.policy+json",
    ] {
        assert_eq!(rejected(&world, &typed(name)), ControlFault::Type { expected: POLICY_CT });
    }
    let unknown = "application/vnd.stele.revocation+json";
    assert_eq!(rejected(&world, &typed(unknown)), ControlFault::UnknownType { content_type: unknown.into() });

    // The unprotected header is no place for any of it (ARCH-21): unsigned, and stripped.
    let bare =
        StatementBuilder::new(SERVICE, POLICY_SUBJECT).content_type(ContentType::Text(POLICY_CT.into()));
    let bare = with_unprotected(&made(bare), 33_000, hash32(&world.governance.identity().log_id));
    assert_eq!(rejected(&world, &bare), ControlFault::NoLog);
}

#[test]
fn a_hash_envelope_governs_nothing() {
    let (world, key) = World::with_rule(|_| {});
    for name in [POLICY_CT, ANCHORS_CT] {
        let statement = StatementBuilder::new(SERVICE, POLICY_SUBJECT)
            .hash_envelope(-16, Some(ContentType::Text(name.into())), None)
            .extra(log_label(), hash32(&world.governance.identity().log_id))
            .sign(&[0; 32], &world.operator)
            .unwrap();
        assert_eq!(rejected(&world, &statement), ControlFault::NotAttached);
    }
    // Not from an issuer either: nobody could tell it from a control statement that was withheld.
    let statement = StatementBuilder::new(ACME, "urn:example:x")
        .hash_envelope(-16, Some(ContentType::Text(POLICY_CT.into())), None)
        .sign(&[0; 32], &key)
        .unwrap();
    assert_eq!(rejected(&world, &statement), ControlFault::NoLog);
}

#[test]
fn d3_a_later_genesis_is_rejected() {
    let world = World::new();
    assert_eq!(rejected(&world, &world.statements[0]), ControlFault::LaterGenesis);
    let other = World::new();
    assert_eq!(rejected(&world, &other.statements[0]), ControlFault::LaterGenesis);
}

#[test]
fn bad_documents_are_rejected_only_once_the_operator_has_signed() {
    let world = World::new();
    let bad = br#"{"version":1}"#;
    let signed = policy_by_hand(&world).sign(bad, &world.operator).unwrap();
    assert!(matches!(rejected(&world, &signed), ControlFault::Policy(_)));
    assert!(world.judge(&signed).unwrap_err().to_string().contains("missing field `operator`"));
    let forged = policy_by_hand(&world).sign(bad, &ed25519()).unwrap();
    assert!(matches!(rejected(&world, &forged), ControlFault::NotTheOperator { .. }));
}

#[test]
fn control_statements_are_bounded() {
    let world = World::new();
    let statement = |padding: usize| {
        let payload = [vec![b' '; padding], payload(&world)].concat();
        let statement = policy_by_hand(&world).sign(&payload, &world.operator).unwrap();
        proofs::SignedStatement::parse(&statement, 2 * MAX_STATEMENT_BYTES).unwrap()
    };
    let room = MAX_STATEMENT_BYTES / 2;
    let fits = room + MAX_STATEMENT_BYTES - statement(room).canonical().len();
    assert_eq!(statement(fits).canonical().len(), MAX_STATEMENT_BYTES);
    world.governance.judge(statement(fits), NOW).unwrap();
    let refusal = world.governance.judge(statement(fits + 1), NOW).unwrap_err();
    assert_eq!(refusal, Refusal::TooLarge { limit: MAX_STATEMENT_BYTES });
}

#[test]
fn a_log_has_a_bounded_number_of_anchors() {
    let mut world = World::new();
    let key = ed25519();
    let batch =
        |start: usize| (start..start + MAX_INCREMENT).map(|n| key_anchor(&format!("k{n}"), &key)).collect();
    for start in (0..MAX_ANCHORS).step_by(MAX_INCREMENT) {
        world.add(batch(start));
    }
    let more = world.anchors_statement(vec![key_anchor("more", &key)], vec![]);
    assert_eq!(rejected(&world, &more), ControlFault::Anchors(AnchorsError::Full));
    let instead = world.anchors_statement(vec![key_anchor("more", &key)], vec![id("k0")]);
    world.register(&instead).unwrap();
}

#[test]
fn a_rule_may_name_registered_anchors_only() {
    let mut world = World::new();
    let policy =
        Policy { rules: vec![Rule::new("acme", exact(ACME), vec![id("nobody")])], ..world.closed_policy() };
    let expected = ControlFault::UnknownAnchor { rule: "acme".into(), anchor: id("nobody") };
    assert_eq!(rejected(&world, &world.policy_statement(&policy)), expected);
    world.add(vec![key_anchor("nobody", &ed25519())]);
    world.judge(&world.policy_statement(&policy)).unwrap();
    // A retired anchor may stand in a rule, where it counts for nothing.
    world.retire("nobody");
    world.judge(&world.policy_statement(&policy)).unwrap();
}

#[test]
fn d4_anchors_are_valid_from_their_increment_until_retired_and_ids_are_used_once() {
    let (mut world, key) = World::with_rule(|_| {});
    let statement = signed(ACME, &key);
    let before = world.governance.clone();
    world.judge(&statement).unwrap();
    assert_eq!(world.retire("acme-key"), 5);
    assert_eq!(world.judge(&statement).unwrap_err().kind(), "unknown_issuer_key");
    before.judge(parse(&statement), NOW).unwrap();

    let registered = world.governance.anchors().get(&id("acme-key")).unwrap();
    assert_eq!((registered.added.get(), registered.retired.map(|at| at.get())), (3, Some(5)));
    assert!(world.governance.anchors().in_force(&id("acme-key")).is_none());

    let again = world.anchors_statement(vec![key_anchor("acme-key", &key)], vec![]);
    let taken = AnchorsError::Taken { id: id("acme-key") };
    assert_eq!(rejected(&world, &again), ControlFault::Anchors(taken));
    let twice = world.anchors_statement(vec![], vec![id("acme-key")]);
    let gone = AnchorsError::NotInForce { id: id("acme-key") };
    assert_eq!(rejected(&world, &twice), ControlFault::Anchors(gone));
    let never = world.anchors_statement(vec![], vec![id("x")]);
    assert_eq!(rejected(&world, &never), ControlFault::Anchors(AnchorsError::NotInForce { id: id("x") }));
    // Adding and retiring one id at once would leave an anchor that never counted.
    let both = world.anchors_statement(vec![key_anchor("y", &key)], vec![id("y")]);
    assert_eq!(rejected(&world, &both), ControlFault::Anchors(AnchorsError::NotInForce { id: id("y") }));

    let described = before.describe();
    assert_eq!(described["anchors"]["in_force"][0]["from"], 4, "the statement before has the anchor");
    assert_eq!(described["anchors"]["in_force"][0]["anchor"]["id"], "acme-key");
    assert_eq!(described["anchors"]["retired"], json!([]));
    let described = world.governance.describe();
    assert_eq!(described["anchors"]["retired"], json!([{ "from": 4, "to": 5, "id": "acme-key" }]));
    assert_eq!(described["anchors"]["in_force"], json!([]));
    assert_eq!(described["anchors"]["index"], 5);
    assert_eq!(described["policy"]["index"], 4);
    assert_eq!(described["policy"]["document"]["rules"][0]["name"], "acme");
    assert_eq!(described["log_id"], world.governance.identity().log_id.to_string());
}
