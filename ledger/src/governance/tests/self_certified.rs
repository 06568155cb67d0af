//! Names that hold their own key, where a rule switches them on (D16).

use data_encoding::BASE64URL_NOPAD;
use proofs::{Label, Signer};

use super::world::{World, below, ed25519, exact, id, key_anchor, signed, statement_of};
use crate::governance::Refusal;
use crate::policy::Rule;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::trust::{SelfCertifying, UnknownKey};

fn did_key(key: &PrivateKey) -> String {
    let bytes = key.public_key().ed25519_bytes().unwrap();
    format!("did:key:z{}", bs58::encode([[0xed, 0x01].as_slice(), &bytes].concat()).into_string())
}

fn did_jwk(key: &PrivateKey) -> String {
    format!("did:jwk:{}", BASE64URL_NOPAD.encode(key.public_key().to_jwk().to_string().as_bytes()))
}

fn world(methods: &[SelfCertifying]) -> World {
    let mut world = World::new();
    world.add(vec![key_anchor("some-key", &ed25519())]);
    let mut rule = Rule::new("agents", [below("did:key"), below("did:jwk")].concat(), vec![id("some-key")]);
    rule.self_certified = methods.to_vec();
    world.set_rules(vec![rule]);
    world
}

#[test]
fn d16_agents_need_no_list_where_their_method_is_switched_on() {
    let both = world(&[SelfCertifying::DidKey, SelfCertifying::DidJwk]);
    for kind in [KeyAlgorithm::Ed25519, KeyAlgorithm::Es256, KeyAlgorithm::Es384] {
        let key = PrivateKey::generate(kind).unwrap();
        let admitted = both.judge(&signed(&did_jwk(&key), &key)).unwrap();
        assert_eq!(admitted.evidence.anchor, None);
        assert_eq!(&admitted.evidence.key, key.public_key());
    }
    let key = ed25519();
    both.judge(&signed(&did_key(&key), &key)).unwrap();

    let only_jwk = world(&[SelfCertifying::DidJwk]);
    only_jwk.judge(&signed(&did_jwk(&key), &key)).unwrap();
    assert_eq!(only_jwk.judge(&signed(&did_key(&key), &key)).unwrap_err().kind(), "unknown_issuer_key");
    let none = world(&[]);
    assert_eq!(none.judge(&signed(&did_jwk(&key), &key)).unwrap_err().kind(), "unknown_issuer_key");
}

#[test]
fn d16_a_name_speaks_with_its_own_key_only() {
    let world = world(&[SelfCertifying::DidKey, SelfCertifying::DidJwk]);
    let (key, other) = (ed25519(), ed25519());
    for issuer in [did_key(&key), did_jwk(&key)] {
        // With the kid of the signer, then with the kid of the name.
        let refusal = world.judge(&signed(&issuer, &other)).unwrap_err();
        assert!(matches!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NotTheNamedKid { .. })), "{refusal}");
        let kid = ciborium::Value::Bytes(key.public_key().thumbprint().as_bytes().to_vec());
        let forged = statement_of(&issuer).extra(Label::Int(4), kid).sign(b"payload", &other).unwrap();
        assert_eq!(world.judge(&forged).unwrap_err().kind(), "invalid_signature");
    }
}

#[test]
fn d16_kid_may_be_the_did_url() {
    let world = world(&[SelfCertifying::DidKey, SelfCertifying::DidJwk]);
    let key = ed25519();
    let (name, jwk) = (did_key(&key), did_jwk(&key));
    let fragment = name.strip_prefix("did:key:").unwrap().to_owned();
    let judge = |issuer: &str, kid: String| {
        let kid = ciborium::Value::Bytes(kid.into_bytes());
        world.judge(&statement_of(issuer).extra(Label::Int(4), kid).sign(b"payload", &key).unwrap())
    };
    judge(&name, format!("{name}#{fragment}")).unwrap();
    judge(&name, format!("#{fragment}")).unwrap();
    judge(&jwk, format!("{jwk}#0")).unwrap();
    judge(&jwk, "#0".into()).unwrap();
    judge(&jwk, "0".into()).unwrap_err();
    judge(&jwk, jwk.clone()).unwrap_err();
    judge(&name, format!("{jwk}#0")).unwrap_err();
}

#[test]
fn d16_an_anchor_does_not_lend_its_key_to_a_name_that_holds_another() {
    let mut world = World::new();
    let (own, registered) = (ed25519(), ed25519());
    world.add(vec![key_anchor("registered", &registered), key_anchor("own", &own)]);
    world.set_rules(vec![Rule::new("agent", exact(&did_key(&own)), vec![id("registered"), id("own")])]);
    let refusal = world.judge(&signed(&did_key(&own), &registered)).unwrap_err();
    assert!(matches!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NotTheNamedKey { .. })), "{refusal}");
    // Registering the key of the name itself is fine without switching the method on.
    let admitted = world.judge(&signed(&did_key(&own), &own)).unwrap();
    assert_eq!(admitted.evidence.anchor, Some(id("own")));
}

#[test]
fn d16_hostile_names_are_refused_whole() {
    let world = world(&[SelfCertifying::DidKey, SelfCertifying::DidJwk]);
    let key = ed25519();
    let name = did_key(&key);
    for issuer in [
        format!("{name}#{}", &name[8..]),
        format!("{name}?x=y"),
        format!("{name}/path"),
        format!("{name}:{}", &name[8..]),
        name.replace("did:key:z6Mk", "did:key:z6mK"),
        "did:key:".to_owned(),
        "did:jwk:e30".to_owned(),
        format!("did:jwk:{}", "A".repeat(8000)),
    ] {
        assert_eq!(world.judge(&signed(&issuer, &key)).unwrap_err().kind(), "unknown_issuer_key", "{issuer}");
    }
}
