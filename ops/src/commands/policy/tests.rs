use super::in_force::InForce;
use super::trust::{New, rule_name, with_rule};
use ledger::PrivateKey;
use ledger::policy::{IssuerMatch, MAX_RULE_NAME, Policy};
use ledger::signer::KeyAlgorithm;
use ledger::trust::AnchorId;
use proofs::{PublicKey, Signer};
use serde_json::json;

fn key() -> PublicKey {
    PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().clone()
}

fn issuer(name: &str) -> IssuerMatch {
    IssuerMatch::exact(name).unwrap()
}

fn anchor(name: &str) -> AnchorId {
    AnchorId::new(name).unwrap()
}

/// What `GET /policy` answers, with a member that a later version might add.
fn in_force(policy: &Policy, key: &PublicKey, retired: bool) -> InForce {
    let entry = if retired {
        json!({ "id": "acme", "from": 3, "to": 9 })
    } else {
        json!({ "anchor": { "id": "acme", "key": key.to_jwk() }, "from": 3 })
    };
    let (in_force, retired) = if retired { (vec![], vec![entry]) } else { (vec![entry], vec![]) };
    let answer = json!({
        "log_id": "ab".repeat(32), "iss": "https://ts.example", "origin": "ts.example", "later": true,
        "policy": { "index": 4, "entry_id": "cd".repeat(32), "document": policy },
        "anchors": { "index": 3, "entry_id": "ef".repeat(32), "in_force": in_force, "retired": retired },
    });
    InForce::parse(answer.to_string().as_bytes()).unwrap()
}

#[test]
fn a_new_issuer_gets_a_rule_of_its_own() {
    let policy = Policy::closed(key());
    let changed = with_rule(&policy, "acme", issuer("https://acme.example"), anchor("a")).unwrap().unwrap();
    assert_eq!(changed.rules.len(), 1);
    assert!(changed.to_json().is_ok());
    let again = with_rule(&changed, "acme", issuer("https://acme.example"), anchor("a")).unwrap();
    assert_eq!(again, None, "what is in force is not repeated");
}

#[test]
fn a_second_key_of_an_issuer_joins_its_rule() {
    let policy = Policy::closed(key());
    let first = with_rule(&policy, "acme", issuer("https://acme.example"), anchor("a")).unwrap().unwrap();
    let second = with_rule(&first, "acme", issuer("https://acme.example"), anchor("b")).unwrap().unwrap();
    assert_eq!(second.rules.len(), 1);
    assert_eq!(second.rules[0].anchors, [anchor("a"), anchor("b")]);
}

#[test]
fn strangers_never_share_a_rule() {
    let policy = Policy::closed(key());
    let first = with_rule(&policy, "team", issuer("https://acme.example"), anchor("a")).unwrap().unwrap();
    let failure = with_rule(&first, "team", issuer("https://other.example"), anchor("b")).unwrap_err();
    assert!(failure.hint.unwrap().contains("--rule"));
    let below = IssuerMatch::prefix("https://acme.example").unwrap();
    assert!(with_rule(&first, "team", below, anchor("b")).is_err(), "a prefix is another issuer");
}

#[test]
fn an_anchor_that_is_in_force_is_found_by_its_key() {
    let key = key();
    let policy = Policy::closed(self::key());
    assert_eq!(New::Key(key.clone()).registered(&in_force(&policy, &key, false)), Some(anchor("acme")));
    assert_eq!(
        New::Key(key.clone()).registered(&in_force(&policy, &key, true)),
        None,
        "retired is not in force"
    );
    assert_eq!(New::Key(self::key()).registered(&in_force(&policy, &key, false)), None);
}

#[test]
fn an_anchor_id_is_never_used_twice() {
    let key = key();
    let policy = Policy::closed(self::key());
    let new = New::Key(key.clone());
    let mut state = in_force(&policy, &key, true);
    let id = new.id(None, &state).unwrap();
    assert!(id.to_string().starts_with("key-"));
    state.anchors.retired[0].id = id.clone();
    assert_eq!(new.id(None, &state).unwrap().to_string(), format!("{id}-2"));
    assert_eq!(new.id(Some("mine"), &state).unwrap(), anchor("mine"));
    assert!(new.id(Some("not an id"), &state).is_err());
}

#[test]
fn rule_names_fit_whatever_the_issuer_is() {
    assert_eq!(rule_name("https://acme.example"), "https://acme.example");
    let long = format!("https://acme.example/{}", "x".repeat(500));
    let other = format!("https://acme.example/{}y", "x".repeat(500));
    for name in [&long, &other, "stele.x", "a\nb"] {
        let rule = rule_name(name);
        assert!(
            rule.chars().count() <= MAX_RULE_NAME && !rule.starts_with("stele.") && !rule.contains('\n'),
            "{rule}"
        );
        let policy = Policy::closed(key());
        assert!(
            with_rule(&policy, &rule, issuer("x"), anchor("a")).unwrap().unwrap().to_json().is_ok(),
            "{rule}"
        );
    }
    assert_ne!(rule_name(&long), rule_name(&other));
}

#[test]
fn what_is_in_force_reads_well() {
    let key = key();
    let policy =
        with_rule(&Policy::closed(key.clone()), "acme", issuer("https://acme.example"), anchor("acme"));
    let mut policy = policy.unwrap().unwrap();
    policy.rules[0].required_claims = vec![6];
    let text = super::show::text(&in_force(&policy, &key, false));
    let kid = key.thumbprint();
    let log_id = "ab".repeat(32);
    for line in [
        format!("log id      {log_id}"),
        format!("  operator    {kid} (kid)"),
        "  rule        acme".to_owned(),
        "    issuer      https://acme.example".to_owned(),
        "    anchor      acme".to_owned(),
        "    required_claims  [6]".to_owned(),
        format!("  acme  key {kid}, from index 3"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing from\n{text}");
    }
    let closed = super::show::text(&in_force(&Policy::closed(key.clone()), &key, true));
    assert!(closed.contains("\n  no rules: nobody but the operator may register\n"), "{closed}");
    assert!(closed.contains("\n  acme  from index 3, retired: to index 9"), "{closed}");
}

#[test]
fn an_answer_of_something_else_is_refused() {
    assert!(InForce::parse(b"{}").unwrap_err().hint.unwrap().contains("Stele"));
}
