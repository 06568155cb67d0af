//! Each field of a rule, and of the policy around the rules: a statement that only this field refuses.

use ciborium::Value;
use proofs::{Algorithm, ContentType, Label, UnixTime};

use super::world::{ACME, NOW, World, ed25519, exact, id, key_anchor, signed, statement_of};
use crate::governance::{Refusal, Rejection};
use crate::policy::{ContentTypeName, HeaderName, PayloadForm, Policy, Rule, Unmet};
use crate::profile::{Finding, Severity};
use crate::signer::{KeyAlgorithm, PrivateKey};

const SHA_256: i64 = -16;

/// Checks that the rule refuses one statement for this reason, and that without the field it would be admitted.
fn refused_by(change: impl Fn(&mut Rule), statement: impl Fn(&PrivateKey) -> Vec<u8>, expected: &Unmet) {
    let (world, key) = World::with_rule(&change);
    let refusal = world.judge(&statement(&key)).unwrap_err();
    let rejection = Rejection::Rule { rule: "acme".into(), unmet: expected.clone() };
    assert_eq!(refusal, Refusal::Rejected(rejection));
    assert_eq!(refusal.kind(), "rejected");
    assert!(refusal.to_string().starts_with("rule `acme` of the registration policy: "), "{refusal}");
    let (world, key) = World::with_rule(|_| {});
    world.judge(&statement(&key)).unwrap();
}

fn admitted_by(change: impl FnOnce(&mut Rule), statement: impl FnOnce(&PrivateKey) -> Vec<u8>) {
    let (world, key) = World::with_rule(change);
    let admitted = world.judge(&statement(&key)).unwrap();
    assert_eq!(admitted.evidence.rule, "acme");
    assert_eq!(admitted.evidence.anchor, Some(id("acme-key")));
    assert!(admitted.control.is_none());
}

fn plain(key: &PrivateKey) -> Vec<u8> {
    signed(ACME, key)
}

fn untyped(key: &PrivateKey) -> Vec<u8> {
    proofs::StatementBuilder::new(ACME, "urn:example:x").sign(b"payload", key).unwrap()
}

fn envelope(content_type: Option<&str>) -> impl Fn(&PrivateKey) -> Vec<u8> {
    let content_type = content_type.map(|name| ContentType::Text(name.into()));
    move |key| {
        proofs::StatementBuilder::new(ACME, "urn:example:x")
            .hash_envelope(SHA_256, content_type.clone(), None)
            .sign(&[7; 32], key)
            .unwrap()
    }
}

#[test]
fn content_types() {
    let only = |name: &str| {
        let name = ContentTypeName::Text(name.to_owned());
        move |rule: &mut Rule| rule.content_types = Some(vec![name.clone(), ContentTypeName::Id(60)])
    };
    let unmet = |found: &str, admitted: &str| Unmet::ContentType {
        found: found.into(),
        admitted: format!("{admitted}, 60"),
    };
    refused_by(only("application/json"), plain, &unmet("text/plain", "application/json"));
    refused_by(only("text/plain; x=y"), plain, &unmet("text/plain", "text/plain; x=y"));
    refused_by(only("text/plain"), untyped, &Unmet::ContentTypeMissing);
    refused_by(only("text/plain"), envelope(Some("text/html")), &unmet("text/html", "text/plain"));
    refused_by(only("text/plain"), envelope(None), &Unmet::ContentTypeMissing);
    let number = |id| {
        move |key: &PrivateKey| {
            let builder =
                proofs::StatementBuilder::new(ACME, "urn:example:x").content_type(ContentType::Id(id));
            builder.sign(b"payload", key).unwrap()
        }
    };
    refused_by(only("60"), number(61), &unmet("61", "60"));
    admitted_by(only("TEXT/Plain"), plain);
    admitted_by(only("text/plain"), envelope(Some("text/plain")));
    admitted_by(only("text/plain"), number(60));
}

#[test]
fn arch_08_content_type_required() {
    refused_by(|rule| rule.content_type_required = true, untyped, &Unmet::ContentTypeMissing);
    refused_by(|rule| rule.content_type_required = true, envelope(None), &Unmet::ContentTypeMissing);
    admitted_by(|rule| rule.content_type_required = true, plain);
    admitted_by(|rule| rule.content_type_required = true, envelope(Some("text/plain")));
}

#[test]
fn arch_21_required_headers_are_looked_for_in_the_protected_header() {
    let wants = |label: HeaderName| move |rule: &mut Rule| rule.required_headers = vec![label.clone()];
    let text = HeaderName::Text("batch".into());
    let number = HeaderName::Int(-70_000);
    refused_by(wants(text.clone()), plain, &Unmet::Header { label: text.clone() });
    refused_by(wants(number.clone()), plain, &Unmet::Header { label: number.clone() });
    let told = |label: &HeaderName| Unmet::Header { label: label.clone() }.to_string();
    assert_eq!(told(&text), "the protected header must have label `batch`");
    assert_eq!(told(&number), "the protected header must have label -70000");
    refused_by(
        wants(number.clone()),
        |key| super::world::with_unprotected(&plain(key), -70_000, Value::from(1)),
        &Unmet::Header { label: number.clone() },
    );
    admitted_by(wants(number), |key| {
        statement_of(ACME).extra(Label::Int(-70_000), Value::from(1)).sign(b"payload", key).unwrap()
    });
    admitted_by(wants(text), |key| {
        statement_of(ACME).extra(Label::Text("batch".into()), Value::from(1)).sign(b"payload", key).unwrap()
    });
}

#[test]
fn required_claims() {
    refused_by(|rule| rule.required_claims = vec![1, 6], plain, &Unmet::Claim { claim: 6 });
    admitted_by(
        |rule| rule.required_claims = vec![1, 6],
        |key| statement_of(ACME).claim(6, Value::from(1_700_000_000)).sign(b"payload", key).unwrap(),
    );
}

#[test]
fn payload_forms() {
    refused_by(|rule| rule.payload = PayloadForm::HashEnvelope, plain, &Unmet::NotHashEnvelope);
    refused_by(|rule| rule.payload = PayloadForm::Attached, envelope(None), &Unmet::HashEnvelope);
    admitted_by(|rule| rule.payload = PayloadForm::HashEnvelope, envelope(None));
    admitted_by(|rule| rule.payload = PayloadForm::Attached, plain);
}

#[test]
fn rule_max_statement_bytes() {
    let size = plain(&ed25519()).len();
    let limit = size - 1;
    let unmet = Unmet::Size { size, limit };
    refused_by(|rule| rule.max_statement_bytes = Some(limit), plain, &unmet);
    admitted_by(|rule| rule.max_statement_bytes = Some(size), plain);
    // What the unprotected header holds is not part of the statement.
    admitted_by(
        |rule| rule.max_statement_bytes = Some(size),
        |key| super::world::with_unprotected(&plain(key), -70_000, Value::Bytes(vec![0; 500])),
    );
}

#[test]
fn not_before_and_not_after() {
    let now = NOW.secs();
    let (early, late) = (Unmet::TooEarly { not_before: now + 1 }, Unmet::TooLate { not_after: now - 1 });
    refused_by(|rule| rule.not_before = Some(now + 1), plain, &early);
    refused_by(|rule| rule.not_after = Some(now - 1), plain, &late);
    admitted_by(
        |rule| {
            rule.not_before = Some(now);
            rule.not_after = Some(now);
        },
        plain,
    );
}

#[test]
fn d6_the_time_of_the_decision_counts_and_no_other() {
    let (world, key) = World::with_rule(|rule| rule.not_after = Some(100));
    world.judge_at(&plain(&key), UnixTime::from_secs(100)).unwrap();
    world.judge_at(&plain(&key), UnixTime::from_secs(101)).unwrap_err();
}

#[test]
fn policy_algorithms() {
    let (mut world, _) = World::with_rule(|_| {});
    let key = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    world.add(vec![key_anchor("es256", &key)]);
    let rules = vec![Rule::new("acme", exact(ACME), vec![id("es256")])];
    let policy =
        Policy { algorithms: vec![Algorithm::Es256, Algorithm::EdDsa], rules, ..world.closed_policy() };
    world.set_policy(&policy);
    world.judge(&signed(ACME, &key)).unwrap();
    let specified = key.with_algorithm(Algorithm::Esp256).unwrap();
    let refusal = world.judge(&signed(ACME, &specified)).unwrap_err();
    let allowed = "ES256, EdDSA".to_owned();
    assert_eq!(refusal, Refusal::AlgorithmNotAllowed { algorithm: Algorithm::Esp256, allowed });
    assert_eq!(refusal.kind(), "algorithm_not_allowed");
}

#[test]
fn policy_max_statement_bytes() {
    let (mut world, key) = World::with_rule(|_| {});
    let statement = signed(ACME, &key);
    let limit = statement.len();
    let rules = world.governance.policy().rules.clone();
    let policy = Policy { max_statement_bytes: limit, rules, ..world.closed_policy() };
    world.set_policy(&policy);
    world.judge(&statement).unwrap();
    let policy = Policy { max_statement_bytes: limit - 1, ..policy };
    // A control statement is larger than that and still goes through, else the operator would be locked out.
    world.set_policy(&policy);
    assert_eq!(world.judge(&statement).unwrap_err(), Refusal::TooLarge { limit: limit - 1 });
    let reopened = Policy { max_statement_bytes: limit, ..policy };
    world.set_policy(&reopened);
    world.judge(&statement).unwrap();
}

#[test]
fn the_first_rule_that_admits_counts_and_the_farthest_refusal_is_told() {
    let (mut world, key) = World::with_rule(|_| {});
    let other = ed25519();
    world.add(vec![key_anchor("other", &other)]);
    let strange = Rule::new("strange", exact(ACME), vec![id("other")]);
    let mut strict = Rule::new("strict", exact(ACME), vec![id("acme-key")]);
    strict.required_claims = vec![6];
    let mut loose = Rule::new("loose", exact(ACME), vec![id("acme-key")]);
    loose.payload = PayloadForm::Attached;
    world.set_rules(vec![strange.clone(), strict.clone(), loose]);
    assert_eq!(world.judge(&plain(&key)).unwrap().evidence.rule, "loose");
    assert_eq!(world.judge(&plain(&other)).unwrap().evidence.rule, "strange");

    let mut as_strict = strict.clone();
    as_strict.name = "as-strict".into();
    for rules in [[strange.clone(), strict.clone()], [strict.clone(), strange], [strict, as_strict]] {
        world.set_rules(rules.to_vec());
        let refusal = world.judge(&plain(&key)).unwrap_err();
        let unmet = Unmet::Claim { claim: 6 };
        assert_eq!(refusal, Refusal::Rejected(Rejection::Rule { rule: "strict".into(), unmet }));
    }
}

#[test]
fn d18_a_refusal_tells_the_three_worst_findings_and_counts_the_rest() {
    let told = |count: usize| {
        let found = |n: usize| {
            let severity = if n == 3 { Severity::Error } else { Severity::Info };
            Finding::new("F", severity, format!("/{n}"), "text")
        };
        let findings = (0..count).map(found).collect();
        Rejection::Profile { profile: "trace@1", findings, left_out: 0 }.to_string()
    };
    let text = "profile trace@1 of the payload: ";
    assert_eq!(told(2), format!("{text}F at /0: text; F at /1: text"));
    assert_eq!(told(3), format!("{text}F at /0: text; F at /1: text; F at /2: text"));
    assert_eq!(told(5), format!("{text}F at /3: text; F at /0: text; F at /1: text (and 2 more)"));
}
