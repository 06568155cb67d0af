//! Certificates: paths, their times, and the identifiers that must agree (ARCH-05 to ARCH-07, ARCH-13, ARCH-16, X5).

pub(super) mod ca;
mod unprotected;

use ciborium::Value;
use proofs::{Label, Signer, UnixTime, sha256};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, date_time_ymd};

use self::ca::{Ca, Leaf, ca_params, kid, uri};
use super::world::{ACME, World, ed25519, exact, id, key_anchor, signed, statement_of, with_unprotected};
use crate::governance::{BadSignature, Refusal};
use crate::policy::Rule;
use crate::trust::{
    Anchor, AnchorError, LeafFault, MAX_BINDINGS, MAX_CERTIFICATE_BYTES, PathFault, RootFault, UnknownKey,
};

const X5CHAIN: i64 = 33;
const SHA_256: i64 = -16;

fn trusting(roots: &[&Ca]) -> World {
    let names = ["root-0", "root-1", "root-2"];
    let mut world = World::new();
    let anchors = roots.iter().zip(names).map(|(ca, name)| Anchor::root(id(name), ca.der(), vec![]).unwrap());
    world.add(anchors.collect());
    let ids = names.iter().take(roots.len()).map(|name| id(name)).collect();
    world.set_rules(vec![Rule::new("acme", exact(ACME), ids)]);
    world
}

fn acme_leaf(ca: &Ca) -> Leaf {
    ca.leaf(vec![uri(ACME)])
}

fn unknown(world: &World, statement: &[u8]) -> UnknownKey {
    match world.judge(statement).unwrap_err() {
        Refusal::UnknownIssuerKey(fault) => fault,
        other => panic!("{other:?}"),
    }
}

fn path_fault(world: &World, statement: &[u8]) -> PathFault {
    match world.judge(statement).unwrap_err() {
        Refusal::UnknownIssuerKey(UnknownKey::NoPath { fault, .. }) => fault,
        Refusal::InvalidSignature(BadSignature::Chain(bad)) => bad.fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn arch_05_and_16_a_chain_to_a_registered_root_admits_and_is_the_evidence() {
    let root = Ca::root("Root");
    let one = root.intermediate("One");
    let two = one.intermediate("Two");
    let world = trusting(&[&Ca::root("Other"), &root]);
    let leaf = acme_leaf(&two).through(&[&two, &one]);
    let admitted = world.judge(&leaf.sign(ACME)).unwrap();
    assert_eq!(admitted.evidence.anchor, Some(id("root-1")));
    assert_eq!(admitted.evidence.chain, [leaf.chain.clone(), vec![root.der()]].concat());
    assert_eq!(&admitted.evidence.key, leaf.key.public_key());
    assert!(admitted.evidence.unprotected_x5chain.is_empty());
    // The root may be sent along (X5-02).
    let with_root = Leaf { chain: [leaf.chain.clone(), vec![root.der()]].concat(), key: leaf.key };
    assert_eq!(world.judge(&with_root.sign(ACME)).unwrap().evidence.chain.len(), 4);
    // And a leaf directly under the root needs no array.
    world.judge(&acme_leaf(&root).sign(ACME)).unwrap();
}

#[test]
fn certificates_that_are_kept_count_against_the_mailbox() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let leaf = acme_leaf(&root);
    let admitted = world.judge(&leaf.sign(ACME)).unwrap();
    let canonical = admitted.statement.statement().canonical().len();
    assert_eq!(admitted.len(), canonical + leaf.chain[0].len() + root.der().len());
}

#[test]
fn x5_03_a_root_that_comes_with_the_statement_is_no_anchor() {
    let (ours, theirs) = (Ca::root("Root"), Ca::root("Root"));
    let world = trusting(&[&ours]);
    // Even one with the same name as ours.
    let leaf = acme_leaf(&theirs).through(&[&theirs]);
    assert!(matches!(unknown(&world, &leaf.sign(ACME)), UnknownKey::NoPath { .. }));
    let stranger = Ca::root("Stranger");
    let leaf = acme_leaf(&stranger).through(&[&stranger]);
    assert_eq!(path_fault(&world, &leaf.sign(ACME)), PathFault::NoPath);
}

#[test]
fn arch_16_a_retired_root_vouches_for_nobody() {
    let root = Ca::root("Root");
    let mut world = trusting(&[&root]);
    let statement = acme_leaf(&root).sign(ACME);
    world.judge(&statement).unwrap();
    world.retire("root-0");
    assert_eq!(unknown(&world, &statement), UnknownKey::NoRoot { rule: "acme".into() });
}

#[test]
fn arch_16_of_several_roots_the_nearest_answers() {
    let mut params = ca_params("Old");
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2026, 1, 1);
    let (old, one, two) = (Ca::root_with(params), Ca::root("One"), Ca::root("Two"));
    let statement = acme_leaf(&old).sign(ACME);
    let orders =
        [("root-0", [&old, &one, &two]), ("root-1", [&one, &old, &two]), ("root-2", [&one, &two, &old])];
    for (name, roots) in orders {
        match trusting(&roots).judge(&statement).unwrap_err() {
            Refusal::InvalidSignature(BadSignature::Chain(bad)) => assert_eq!(bad.root, id(name)),
            other => panic!("{other:?}"),
        }
    }
    // Of two as near, the first.
    let UnknownKey::NoPath { root, .. } = unknown(&trusting(&[&one, &two]), &statement) else {
        panic!("a path")
    };
    assert_eq!(root, id("root-0"));
}

#[test]
fn x5_02_missing_and_disordered_intermediates() {
    let root = Ca::root("Root");
    let one = root.intermediate("One");
    let two = one.intermediate("Two");
    let world = trusting(&[&root]);
    assert_eq!(path_fault(&world, &acme_leaf(&two).through(&[&two]).sign(ACME)), PathFault::NoPath);
    assert_eq!(path_fault(&world, &acme_leaf(&two).through(&[&one]).sign(ACME)), PathFault::NoPath);
    assert_eq!(path_fault(&world, &acme_leaf(&two).through(&[&one, &two]).sign(ACME)), PathFault::Order);
    let other = Ca::root("Other");
    assert_eq!(
        path_fault(&world, &acme_leaf(&two).through(&[&other, &two, &one]).sign(ACME)),
        PathFault::Order
    );
    // Behind the path, anything may follow.
    world.judge(&acme_leaf(&two).through(&[&two, &one, &other]).sign(ACME)).unwrap();
}

#[test]
fn d16_a_ca_used_as_leaf() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let ca = root.leaf_with(vec![uri(ACME)], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    });
    assert_eq!(unknown(&world, &ca.sign(ACME)), UnknownKey::Leaf(LeafFault::IsCa));
}

#[test]
fn d16_key_usage_without_digital_signature() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    for usages in [vec![KeyUsagePurpose::KeyAgreement], vec![KeyUsagePurpose::ContentCommitment]] {
        let leaf = root.leaf_with(vec![uri(ACME)], |params| params.key_usages = usages);
        assert_eq!(unknown(&world, &leaf.sign(ACME)), UnknownKey::Leaf(LeafFault::KeyUsage));
    }
    let without = root.leaf_with(vec![uri(ACME)], |params| params.key_usages = vec![]);
    world.judge(&without.sign(ACME)).unwrap();
}

#[test]
fn d6_certificates_count_at_the_time_of_the_decision() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let short = root.leaf_with(vec![uri(ACME)], |params| {
        params.not_before = date_time_ymd(2026, 12, 1);
        params.not_after = date_time_ymd(2027, 2, 1);
    });
    let statement = short.sign(ACME);
    let (start, end) = (1_796_083_200, 1_801_440_000);
    let at = |seconds| world.judge_at(&statement, UnixTime::from_secs(seconds));
    at(start).unwrap();
    at(end).unwrap();
    let chain_fault = |seconds| match at(seconds).unwrap_err() {
        Refusal::InvalidSignature(BadSignature::Chain(bad)) => bad.fault,
        other => panic!("{other:?}"),
    };
    let seconds = |value: u64| i64::try_from(value).unwrap();
    assert_eq!(chain_fault(start - 1), PathFault::NotYetValid { not_before: seconds(start) });
    assert_eq!(chain_fault(end + 1), PathFault::Expired { not_after: seconds(end) });
    assert_eq!(at(u64::MAX).unwrap_err().kind(), "invalid_signature");
    // The root's own validity, too.
    let mut params = ca_params("Root");
    params.not_before = date_time_ymd(2026, 12, 1);
    params.not_after = date_time_ymd(2027, 2, 1);
    let root = Ca::root_with(params);
    let (world, statement) = (trusting(&[&root]), acme_leaf(&root).sign(ACME));
    let valid = |seconds| world.judge_at(&statement, UnixTime::from_secs(seconds)).is_ok();
    assert_eq!([start - 1, start, end, end + 1].map(valid), [false, true, true, false]);
    assert_eq!(at(0).unwrap_err().kind(), "invalid_signature");
}

#[test]
fn d16_an_expired_intermediate_or_root() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let mut params = ca_params("Old");
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2026, 1, 1);
    let old = root.intermediate_with(params.clone());
    let leaf = acme_leaf(&old).through(&[&old]);
    let refusal = world.judge(&leaf.sign(ACME)).unwrap_err();
    assert_eq!(refusal.kind(), "invalid_signature");
    assert!(refusal.to_string().contains("expired"), "{refusal}");

    let old_root = Ca::root_with(params);
    let world = trusting(&[&old_root]);
    let refusal = world.judge(&acme_leaf(&old_root).sign(ACME)).unwrap_err();
    assert!(matches!(refusal, Refusal::InvalidSignature(BadSignature::Chain(_))), "{refusal}");
    let mut params = ca_params("Young");
    params.not_before = date_time_ymd(2027, 5, 1);
    let young = Ca::root_with(params);
    let world = trusting(&[&young]);
    assert!(matches!(path_fault(&world, &acme_leaf(&young).sign(ACME)), PathFault::NotYetValid { .. }));
}

#[test]
fn rfc_5280_what_intermediates_may_do() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let bound = |count: usize| {
        let binding = crate::trust::Binding::new(ACME.into(), Some("CN=x".into()), None).unwrap();
        Anchor::root(id("x"), root.der(), vec![binding; count])
    };
    bound(MAX_BINDINGS).unwrap();
    assert_eq!(bound(MAX_BINDINGS + 1), Err(AnchorError::List { list: "bindings" }));
    let mut params = ca_params("No signing");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let idle = root.intermediate_with(params);
    assert_eq!(path_fault(&world, &acme_leaf(&idle).through(&[&idle]).sign(ACME)), PathFault::CaKeyUsage);

    let mut params = ca_params("No CA");
    params.is_ca = IsCa::ExplicitNoCa;
    let none = root.intermediate_with(params);
    let fault = path_fault(&world, &acme_leaf(&none).through(&[&none]).sign(ACME));
    assert_eq!(fault, PathFault::Invalid(webpki::Error::EndEntityUsedAsCa));
    assert!(fault.to_string().contains("not a CA's"), "{fault}");

    let mut params = ca_params("Narrow root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let narrow = Ca::root_with(params);
    let world = trusting(&[&narrow]);
    world.judge(&acme_leaf(&narrow).sign(ACME)).unwrap();
    let one = narrow.intermediate("One");
    assert_eq!(path_fault(&world, &acme_leaf(&one).through(&[&one]).sign(ACME)), PathFault::PathLength);
}

#[test]
fn extended_key_usage_is_free_but_for_foreign_purposes() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let with = |purposes: Vec<ExtendedKeyUsagePurpose>| {
        root.leaf_with(vec![uri(ACME)], |params| params.extended_key_usages = purposes).sign(ACME)
    };
    use ExtendedKeyUsagePurpose::{
        Any, ClientAuth, CodeSigning, OcspSigning, Other, ServerAuth, TimeStamping,
    };
    let lifetime_signing = Other(vec![1, 3, 6, 1, 4, 1, 311, 10, 3, 13]);
    for purposes in [
        vec![],
        vec![ServerAuth],
        vec![ClientAuth, CodeSigning],
        vec![Any],
        vec![lifetime_signing],
        vec![OcspSigning, ServerAuth],
    ] {
        world.judge(&with(purposes)).unwrap();
    }
    for purposes in [vec![TimeStamping], vec![OcspSigning], vec![OcspSigning, TimeStamping]] {
        assert_eq!(path_fault(&world, &with(purposes)), PathFault::ForeignPurpose);
    }
}

#[test]
fn arch_12_a_good_chain_does_not_make_a_bad_signature_good() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let leaf = acme_leaf(&root);
    let thief = Leaf { chain: leaf.chain.clone(), key: acme_leaf(&root).key };
    let refusal = world.judge(&thief.sign(ACME)).unwrap_err();
    assert!(matches!(refusal, Refusal::InvalidSignature(BadSignature::Signature { .. })), "{refusal}");
    // Another kind of key under the chain: the algorithm does not fit.
    let statement = statement_of(ACME).x5chain(leaf.chain).sign(b"payload", &ed25519()).unwrap();
    let refusal = world.judge(&statement).unwrap_err();
    assert!(matches!(refusal, Refusal::InvalidSignature(BadSignature::Algorithm { .. })), "{refusal}");
}

#[test]
fn arch_13_kid_beside_a_chain_must_mean_its_leaf() {
    let root = Ca::root("Root");
    let mut world = trusting(&[&root]);
    let leaf = acme_leaf(&root);
    world.judge(&leaf.sign_with(ACME, kid(leaf.thumbprint()))).unwrap();
    let digest = sha256(&leaf.chain[0]).as_bytes().to_vec();
    world.judge(&leaf.sign_with(ACME, kid(digest))).unwrap();
    for wrong in [vec![], vec![0; 32], b"key-1".to_vec(), acme_leaf(&root).thumbprint()] {
        assert_eq!(unknown(&world, &leaf.sign_with(ACME, kid(wrong))), UnknownKey::KidDisagrees);
    }
    // Not even a registered key of the same rule.
    let registered = ed25519();
    world.add(vec![key_anchor("registered", &registered)]);
    world.set_rules(vec![Rule::new("acme", exact(ACME), vec![id("root-0"), id("registered")])]);
    world.judge(&signed(ACME, &registered)).unwrap();
    let other = registered.public_key().thumbprint().as_bytes().to_vec();
    assert_eq!(unknown(&world, &leaf.sign_with(ACME, kid(other.clone()))), UnknownKey::KidDisagrees);
    let both = statement_of(ACME).x5chain(leaf.chain.clone());
    let both = kid(other)(both).sign(b"payload", &registered).unwrap();
    assert_eq!(unknown(&world, &both), UnknownKey::KidDisagrees);
}

#[test]
fn arch_13_a_registered_kid_does_not_carry_a_chain_of_nobody() {
    let mut world = World::new();
    let stranger = acme_leaf(&Ca::root("Stranger"));
    // The leaf's key is registered; its chain leads nowhere. X.509 given is X.509 checked (ARCH-16).
    world.add(vec![key_anchor("leaf-key", &stranger.key)]);
    world.set_rules(vec![Rule::new("acme", exact(ACME), vec![id("leaf-key")])]);
    world.judge(&signed(ACME, &stranger.key)).unwrap();
    let both = stranger.sign_with(ACME, kid(stranger.thumbprint()));
    assert_eq!(unknown(&world, &both), UnknownKey::NoRoot { rule: "acme".into() });
    // Unprotected, the chain is no identifier, and the registered key stands.
    let chain = Value::Bytes(stranger.chain[0].clone());
    let beside = with_unprotected(&signed(ACME, &stranger.key), X5CHAIN, chain);
    let admitted = world.judge(&beside).unwrap();
    assert!(admitted.evidence.chain.is_empty() && admitted.evidence.unprotected_x5chain.is_empty());
}

#[test]
fn hostile_chains_cost_little_and_are_refused() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let leaf = acme_leaf(&root);
    let sign = |chain: Vec<Vec<u8>>| statement_of(ACME).x5chain(chain).sign(b"payload", &leaf.key).unwrap();
    let nine = vec![leaf.chain[0].clone(); 9];
    assert_eq!(unknown(&world, &sign(nine)), UnknownKey::ChainTooLong { found: 9 });
    world.judge(&sign(vec![leaf.chain[0].clone(); 8])).unwrap();
    let fat = vec![0x30; MAX_CERTIFICATE_BYTES + 1];
    let beside = |fat: Vec<u8>| sign(vec![leaf.chain[0].clone(), fat]);
    assert_eq!(unknown(&world, &beside(fat.clone())), UnknownKey::CertificateTooLarge);
    // What no path needs is not looked into, up to that size.
    world.judge(&beside(fat[1..].to_vec())).unwrap();
    for junk in [
        vec![],
        vec![0x30],
        vec![0x30, 0x82, 0xff, 0xff],
        b"no certificate".to_vec(),
        root.der()[1..].to_vec(),
    ] {
        assert!(matches!(
            unknown(&world, &sign(vec![junk.clone()])),
            UnknownKey::Leaf(LeafFault::Unreadable)
        ));
        // Behind the path it does not matter.
        let _ = world.judge(&sign(vec![leaf.chain[0].clone(), junk]));
    }
    let mut trailing = leaf.chain[0].clone();
    trailing.push(0);
    assert!(matches!(unknown(&world, &sign(vec![trailing])), UnknownKey::Leaf(LeafFault::Unreadable)));
    // Eight authorities that all certify each other by name.
    let twins: Vec<Ca> = (0..7).map(|_| Ca::root("Root")).collect();
    let mut maze = acme_leaf(&twins[0]);
    maze.chain.extend(twins.iter().map(Ca::der));
    assert!(matches!(path_fault(&world, &maze.sign(ACME)), PathFault::Invalid(_) | PathFault::NoPath));
}

#[test]
fn every_flipped_bit_of_a_leaf_is_noticed() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let leaf = acme_leaf(&root);
    for at in 0..leaf.chain[0].len() {
        let mut chain = leaf.chain.clone();
        chain[0][at] ^= 1 << (at % 8);
        let statement = statement_of(ACME).x5chain(chain).sign(b"payload", &leaf.key).unwrap();
        world.judge(&statement).unwrap_err();
    }
}

#[test]
fn what_cannot_be_a_root_is_not_registered() {
    let root = Ca::root("Root");
    let refused = |der: Vec<u8>| match Anchor::root(id("x"), der, vec![]).unwrap_err() {
        AnchorError::Root(fault) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(acme_leaf(&root).chain.remove(0)), RootFault::NotCa);
    assert_eq!(MAX_CERTIFICATE_BYTES, 16_384);
    assert_eq!(refused(vec![0x30; MAX_CERTIFICATE_BYTES + 1]), RootFault::TooLarge);
    assert_eq!(refused(vec![0x30; MAX_CERTIFICATE_BYTES]), RootFault::Unreadable);
    assert_eq!(refused(b"junk".to_vec()), RootFault::Unreadable);
    assert_eq!(refused([root.der(), vec![0]].concat()), RootFault::Unreadable);
    let mut params = ca_params("No signing");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    assert_eq!(refused(Ca::root_with(params).der()), RootFault::KeyUsage);
}
