//! Is the leaf the issuer? Impersonation by way of a trusted root (D16).

use data_encoding::HEXLOWER;
use proofs::{Signer, sha256};

use super::paths::ca::{Ca, Leaf, dns, uri};
use super::world::{ACME, NOW, World, below, exact, id, parse};
use crate::governance::Refusal;
use crate::policy::Rule;
use crate::trust::{Anchor, Binding, UnknownKey};

/// A log that trusts one root for everything below some prefixes.
fn trusting(ca: &Ca, prefixes: &[&str], bindings: Vec<Binding>) -> World {
    let mut world = World::new();
    world.add(vec![Anchor::root(id("root"), ca.der(), bindings).unwrap()]);
    let issuers = prefixes.iter().flat_map(|prefix| below(prefix)).collect();
    world.set_rules(vec![Rule::new("by-root", issuers, vec![id("root")])]);
    world
}

fn speaks(world: &World, issuer: &str, leaf: &Leaf) -> bool {
    match world.judge(&leaf.sign(issuer)) {
        Ok(admitted) => {
            assert_eq!(admitted.evidence.anchor, Some(id("root")));
            true
        }
        Err(Refusal::UnknownIssuerKey(UnknownKey::NotBound { .. })) => false,
        Err(other) => panic!("{issuer}: {other}"),
    }
}

#[test]
fn d16_a_leaf_of_a_trusted_root_without_a_name_speaks_for_nobody() {
    let ca = Ca::root("Root");
    let world = trusting(&ca, &[ACME], vec![]);
    assert!(!speaks(&world, ACME, &ca.leaf(vec![])));
    // A common name is no name.
    assert!(!speaks(
        &world,
        ACME,
        &ca.leaf_with(vec![], |params| {
            params.distinguished_name.push(rcgen::DnType::CommonName, "acme.com");
        })
    ));
    assert!(!speaks(
        &world,
        ACME,
        &ca.leaf_with(vec![], |params| {
            params.distinguished_name.push(rcgen::DnType::CommonName, ACME);
        })
    ));
    let email = rcgen::SanType::Rfc822Name("agent@acme.com".try_into().unwrap());
    assert!(!speaks(&world, ACME, &ca.leaf(vec![email])));
}

#[test]
fn d16_uri_names_are_compared_whole() {
    let ca = Ca::root("Root");
    let world = trusting(&ca, &[ACME, "urn:acme"], vec![]);
    let leaf = ca.leaf(vec![uri("https://acme.com/agents/7"), uri("urn:acme:agent:7")]);
    assert!(speaks(&world, "https://acme.com/agents/7", &leaf));
    assert!(speaks(&world, "urn:acme:agent:7", &leaf));
    for issuer in
        ["https://acme.com/agents", "https://acme.com/agents/77", "https://acme.com/agents/7/", "urn:acme"]
    {
        assert!(!speaks(&world, issuer, &leaf), "{issuer}");
    }
}

#[test]
fn d16_dns_names_are_hosts_of_https_issuers() {
    let ca = Ca::root("Root");
    let world = trusting(
        &ca,
        &[
            ACME,
            "https://www.acme.com",
            "https://acme.com:8443",
            "http://acme.com",
            "urn:acme.com",
            "https://ACME.com",
        ],
        vec![],
    );
    let leaf = ca.leaf(vec![dns("Acme.COM")]);
    for issuer in [ACME, "https://acme.com/agents/7", "https://acme.com:8443/x", "https://ACME.com"] {
        assert!(speaks(&world, issuer, &leaf), "{issuer}");
    }
    for issuer in ["http://acme.com", "urn:acme.com", "https://www.acme.com"] {
        assert!(!speaks(&world, issuer, &leaf), "{issuer}");
    }
    let wildcard = ca.leaf(vec![dns("*.acme.com")]);
    assert!(!speaks(&world, "https://www.acme.com", &wildcard));
    // Not even for an issuer that calls itself by the wildcard, which a URI may.
    let literal = trusting(&ca, &["https://*.acme.com"], vec![]);
    assert!(!speaks(&literal, "https://*.acme.com", &wildcard));
    assert!(!speaks(&world, ACME, &ca.leaf(vec![dns("*.com")])));
    assert!(!speaks(&world, ACME, &ca.leaf(vec![dns("acme.com.evil.org"), dns("evil.org")])));
}

#[test]
fn d16_user_information_does_not_make_another_host() {
    let ca = Ca::root("Root");
    // The rule itself names what it should not, so that only the binding is left to refuse it.
    let mut world = World::new();
    world.add(vec![Anchor::root(id("root"), ca.der(), vec![]).unwrap()]);
    let issuer = "https://acme.com@evil.org";
    world.set_rules(vec![Rule::new("by-root", exact(issuer), vec![id("root")])]);
    assert!(!speaks(&world, issuer, &ca.leaf(vec![dns("acme.com")])));
    assert!(!speaks(&world, issuer, &ca.leaf(vec![dns("evil.org")])));
}

#[test]
fn d16_acme_com_evil_org_is_not_acme_com() {
    let ca = Ca::root("Public root");
    let evil = ca.leaf(vec![
        dns("acme.com.evil.org"),
        uri("https://acme.com.evil.org"),
        uri("https://acme.com@evil.org"),
    ]);
    let by_prefix = trusting(&ca, &[ACME], vec![]);
    let mut by_name = World::new();
    by_name.add(vec![Anchor::root(id("root"), ca.der(), vec![]).unwrap()]);
    by_name.set_rules(vec![Rule::new("by-root", exact(ACME), vec![id("root")])]);
    for world in [&by_prefix, &by_name] {
        for issuer in
            ["https://acme.com.evil.org", "https://acme.com@evil.org", "https://acme.com.evil.org/acme.com"]
        {
            let refusal = world.judge(&evil.sign(issuer)).unwrap_err();
            assert!(matches!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NoRule { .. })), "{refusal}");
        }
        // And under the name that the rule is about, the certificate does not serve.
        assert!(!speaks(world, ACME, &evil));
    }
}

#[test]
fn d16_spiffe_trust_domains_keep_to_their_roots() {
    let (acme, evil) = (Ca::root("acme"), Ca::root("evil"));
    let mut world = World::new();
    world.add(vec![
        Anchor::root(id("acme"), acme.der(), vec![]).unwrap(),
        Anchor::root(id("evil"), evil.der(), vec![]).unwrap(),
    ]);
    world.set_rules(vec![
        Rule::new("acme", below("spiffe://acme.org"), vec![id("acme")]),
        Rule::new("evil", below("spiffe://evil.org"), vec![id("evil")]),
    ]);
    let agent = "spiffe://acme.org/ns/prod/sa/agent";
    let admitted = world.judge(&acme.leaf(vec![uri(agent)]).sign(agent)).unwrap();
    assert_eq!(admitted.evidence.rule, "acme");
    // The other domain's root signs the same name.
    let refusal = world.judge(&evil.leaf(vec![uri(agent)]).sign(agent)).unwrap_err();
    assert!(matches!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NoPath { .. })), "{refusal}");
    // Another workload of the domain, and the trust domain's name as a DNS name.
    let other = "spiffe://acme.org/ns/prod/sa/other";
    let refusal = world.judge(&acme.leaf(vec![uri(other)]).sign(agent)).unwrap_err();
    assert!(matches!(refusal, Refusal::UnknownIssuerKey(UnknownKey::NotBound { .. })), "{refusal}");
    assert!(world.judge(&acme.leaf(vec![dns("acme.org")]).sign(agent)).is_err());
    // An SVID has one URI, else one certificate would be two workloads.
    let two = acme.leaf(vec![uri(agent), uri(other)]);
    assert!(world.judge(&two.sign(agent)).is_err());
    world.judge(&acme.leaf(vec![uri(agent), dns("agent.acme.org")]).sign(agent)).unwrap();
}

#[test]
fn d16_an_anchor_binds_leaves_to_an_issuer_by_subject_and_key() {
    let ca = Ca::root("Root");
    let named = |name: &str| {
        let name = name.to_owned();
        ca.leaf_with(vec![], move |params| {
            params.distinguished_name.push(rcgen::DnType::OrganizationName, "Acme");
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
        })
    };
    let subject = |text: &str| Binding::new(ACME.into(), Some(text.into()), None).unwrap();
    let leaf = named("Agent 7");
    let world = trusting(&ca, &[ACME, "https://beta.org"], vec![subject("CN=Agent 7,O=Acme")]);
    assert!(speaks(&world, ACME, &leaf));
    assert!(!speaks(&world, "https://beta.org", &leaf));
    assert!(!speaks(&world, "https://acme.com/", &leaf));
    assert!(!speaks(&world, ACME, &named("Agent 77")));
    // A name that only looks the same once written without escapes.
    let forged = ca.leaf_with(vec![], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "Agent 7,O=Acme");
    });
    assert!(!speaks(&world, ACME, &forged));
    let escaped =
        trusting(&ca, &[ACME], vec![subject("CN=Agent 7\\,O\\=Acme"), subject("CN=Agent 7\\,O=Acme")]);
    assert!(speaks(&escaped, ACME, &forged));
    assert!(!speaks(&escaped, ACME, &leaf));

    // RFC 4514 §2.4: what begins or ends a value, and what would end it.
    for (name, written) in [
        (" Agent ", "CN=\\ Agent\\ ,O=Acme"),
        ("#7", "CN=\\#7,O=Acme"),
        ("a+b\"c\\d<e>f;g=h", "CN=a\\+b\\\"c\\\\d\\<e\\>f\\;g=h,O=Acme"),
        ("Zürich", "CN=Zürich,O=Acme"),
        ("a\nb", "CN=a\\0Ab,O=Acme"),
    ] {
        assert!(speaks(&trusting(&ca, &[ACME], vec![subject(written)]), ACME, &named(name)), "{written}");
    }

    let spki = |leaf: &Leaf| HEXLOWER.encode(sha256(&leaf.key.public_key().to_spki_der()).as_bytes());
    let by_key = Binding::new(ACME.into(), None, Some(spki(&leaf))).unwrap();
    let world = trusting(&ca, &[ACME], vec![by_key]);
    assert!(speaks(&world, ACME, &leaf));
    assert!(!speaks(&world, ACME, &named("Agent 7")));
    let both = Binding::new(ACME.into(), Some("CN=Agent 8,O=Acme".into()), Some(spki(&leaf))).unwrap();
    assert!(!speaks(&trusting(&ca, &[ACME], vec![both]), ACME, &leaf));
}

/// The sample of pyscitt 0.10.1 (see `testdata/pyscitt`): its leaf has no names at all, so the anchor must bind it.
#[test]
fn arch_16_pyscitt_sample_needs_a_binding() {
    const STATEMENT: &[u8] = include_bytes!("testdata/pyscitt/statement-cwt-x5c-es256.cose");
    let root = pem::parse(include_str!("testdata/pyscitt/ca.pem")).unwrap().into_contents();
    let issuer = "https://issuer.example";
    let world = |bindings: Vec<Binding>| {
        let mut world = World::new();
        world.add(vec![Anchor::root(id("pyscitt"), root.clone(), bindings).unwrap()]);
        world.set_rules(vec![Rule::new("pyscitt", exact(issuer), vec![id("pyscitt")])]);
        world
    };
    let refusal = world(vec![]).judge(STATEMENT).unwrap_err();
    assert!(refusal.to_string().contains("no URI or DNS name, only the subject CN=Test Issuer"), "{refusal}");
    let binding = Binding::new(issuer.into(), Some("CN=Test Issuer".into()), None).unwrap();
    let world = world(vec![binding]);
    let admitted = world.judge(STATEMENT).unwrap();
    assert_eq!(admitted.evidence.chain.len(), 2);
    assert_eq!(admitted.evidence.chain[1], root);
    assert_eq!(admitted.statement.statement().entry_id(), parse(STATEMENT).entry_id());
    // The leaf is valid from 20 November 2026 on.
    let early = proofs::UnixTime::from_secs(1_790_000_000);
    assert_eq!(world.judge_at(STATEMENT, early).unwrap_err().kind(), "invalid_signature");
    assert!(early < NOW);
}
