//! Whatever stands in a header, the answer is a refusal or an admission that holds.

use std::sync::LazyLock;

use ciborium::Value;
use proofs::{ContentType, Label, Signer, StatementBuilder, UnixTime};
use proptest::prelude::*;

use super::paths::ca::{Ca, uri};
use super::world::{ACME, World, below, ed25519, id, key_anchor, parse};
use crate::policy::Rule;
use crate::signer::PrivateKey;
use crate::trust::{Anchor, SelfCertifying};

struct Scene {
    world: World,
    keys: Vec<PrivateKey>,
    certificates: Vec<Vec<u8>>,
}

/// A log that trusts everything it can: keys, a root, both DID methods.
static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let root = Ca::root("Root");
    let intermediate = root.intermediate("One");
    let leaf = intermediate.leaf(vec![uri(ACME)]);
    let key = ed25519();
    let mut world = World::new();
    world.add(vec![key_anchor("key", &key), Anchor::root(id("root"), root.der(), vec![]).unwrap()]);
    let issuers =
        [ACME, "did:key", "did:jwk", "spiffe://acme.com"].iter().flat_map(|prefix| below(prefix)).collect();
    let mut rule = Rule::new("all", issuers, vec![id("key"), id("root")]);
    rule.self_certified = vec![SelfCertifying::DidKey, SelfCertifying::DidJwk];
    world.set_rules(vec![rule]);
    let certificates = vec![leaf.chain[0].clone(), intermediate.der(), root.der(), vec![0x30, 0x00]];
    Scene { world, keys: vec![key, leaf.key, ed25519()], certificates }
});

fn issuer() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(ACME.to_owned()),
        1 => "https://acme\\.com[/:.@a-z]{0,6}",
        1 => "did:(key:z6Mk|jwk:)[A-Za-z0-9#=]{0,60}",
        1 => "(spiffe://|urn:|)[a-z:/.]{1,20}",
        1 => "\\PC{1,40}",
    ]
}

fn kid() -> impl Strategy<Value = Option<Vec<u8>>> {
    let thumbprints: Vec<Vec<u8>> =
        SCENE.keys.iter().map(|key| key.public_key().thumbprint().as_bytes().to_vec()).collect();
    prop_oneof![
        2 => Just(None),
        3 => (0..thumbprints.len()).prop_map(move |n| Some(thumbprints[n].clone())),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        1 => "#?[a-z0-9]{0,10}".prop_map(|text| Some(text.into_bytes())),
    ]
}

/// Certificates in any order, some with a byte changed.
fn chain() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let certificate = (0..SCENE.certificates.len(), any::<Option<(u16, u8)>>()).prop_map(|(n, change)| {
        let mut der = SCENE.certificates[n].clone();
        if let Some((at, byte)) = change {
            let at = usize::from(at) % der.len();
            der[at] = byte;
        }
        der
    });
    prop_oneof![
        2 => Just(Vec::new()),
        1 => Just(SCENE.certificates[..2].to_vec()),
        2 => proptest::collection::vec(certificate, 1..5),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn arch_12_an_admission_always_holds(
        issuer in issuer(),
        subject in "[a-z:]{1,20}",
        content_type in proptest::option::of("(application/vnd\\.stele\\.)?[a-z+/;]{0,10}"),
        kid in kid(),
        chain in chain(),
        signer in 0usize..3,
        at in prop_oneof![3 => Just(1_800_000_000), 1 => any::<u64>()],
    ) {
        let scene = &*SCENE;
        let key = &scene.keys[signer];
        let mut builder = StatementBuilder::new(&issuer, subject);
        if let Some(content_type) = content_type {
            builder = builder.content_type(ContentType::Text(content_type));
        }
        if let Some(kid) = kid {
            builder = builder.extra(Label::Int(4), Value::Bytes(kid));
        }
        if !chain.is_empty() {
            builder = builder.x5chain(chain);
        }
        let bytes = builder.sign(b"payload", key).unwrap();
        let Ok(statement) = proofs::SignedStatement::parse(&bytes, 1 << 20) else { return Ok(()) };
        match scene.world.governance.judge(statement, UnixTime::from_secs(at)) {
            Err(refusal) => prop_assert!(!refusal.to_string().is_empty() && refusal.to_string().len() < 2_000),
            Ok(admitted) => {
                prop_assert_eq!(&admitted.evidence.key, key.public_key());
                prop_assert!(admitted.control.is_none());
                prop_assert!(issuer == ACME || issuer.starts_with("https://acme.com/") || issuer.starts_with("did:"));
                parse(&bytes).check_signature(key.public_key()).unwrap();
            }
        }
    }
}
