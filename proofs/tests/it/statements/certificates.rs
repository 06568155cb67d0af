//! x5chain and x5t: what binds a certificate to the statement.

use ciborium::Value;
use proofs::cose::DigestAlgorithm;
use proofs::statement::{MAX_CHAIN, kid_names_certificate};
use proofs::{CertificateHash, MalformedStatement, PublicKey, StatementError, sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Draft, array, bstr};

fn leaf() -> Vec<u8> {
    pem::parse(include_str!("../../data/pyscitt/leaf.pem")).unwrap().into_contents()
}

fn ca() -> Vec<u8> {
    pem::parse(include_str!("../../data/pyscitt/ca.pem")).unwrap().into_contents()
}

fn chain() -> Value {
    array([bstr(leaf()), bstr(ca())])
}

fn x5t(algorithm: DigestAlgorithm, der: &[u8]) -> Value {
    array([Value::from(algorithm.cose()), bstr(algorithm.digest(der))])
}

fn leaf_thumbprint() -> Vec<u8> {
    let der = leaf();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    PublicKey::from_spki_der(certificate.public_key().raw).unwrap().thumbprint().as_bytes().to_vec()
}

const HASHES: [DigestAlgorithm; 4] =
    [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];

#[test]
fn arch_05_protected_chain_or_hash_names_the_key() {
    let read = Draft::good().without(4).with(33, chain()).parse().unwrap();
    assert_eq!(read.header().x5chain, [leaf(), ca()]);
    assert!(read.header().x5chain_protected);
    let read = Draft::good().without(4).with(34, x5t(DigestAlgorithm::Sha256, &leaf())).parse().unwrap();
    assert!(read.header().x5chain.is_empty() && !read.header().x5chain_protected);
    let hash = sha256(&leaf()).as_bytes().to_vec();
    assert_eq!(read.header().x5t, Some(CertificateHash { algorithm: DigestAlgorithm::Sha256, hash }));
}

#[test]
fn arch_06_unprotected_chain_under_a_protected_hash() {
    for algorithm in HASHES {
        let draft = Draft::good().without(4).with(34, x5t(algorithm, &leaf()));
        let read = draft.clone().unprotected(33, chain()).parse().unwrap();
        assert_eq!(read.header().x5chain, [leaf(), ca()]);
        assert!(!read.header().x5chain_protected);
        // It is collateral, not part of the entry.
        assert_eq!(read.entry_id(), draft.parse().unwrap().entry_id());
        let wrong = Draft::good().with(34, x5t(algorithm, &ca())).unprotected(33, chain());
        assert_eq!(wrong.malformed(), MalformedStatement::CertificateMismatch);
    }
}

#[test]
fn arch_14_a_chain_that_was_stripped_is_put_back_for_a_replay() {
    let hash = x5t(DigestAlgorithm::Sha256, &leaf());
    let read = Draft::good().without(4).with(34, hash).unprotected(33, chain()).parse().unwrap();
    let kept = proofs::SignedStatement::parse(read.canonical(), 1 << 20).unwrap();
    assert!(kept.header().x5chain.is_empty(), "the entry does not hold it");
    for chain in [vec![leaf(), ca()], vec![leaf()]] {
        let again = kept.with_x5chain(&chain).unwrap();
        assert_eq!((again.header().x5chain.clone(), again.entry_id()), (chain, kept.entry_id()));
    }
    let other = kept.with_x5chain(&[ca()]).unwrap_err();
    assert_eq!(other, StatementError::from(MalformedStatement::CertificateMismatch));
}

#[test]
fn arch_13_protected_chain_and_hash_agree() {
    let good = Draft::good().with(33, chain()).with(34, x5t(DigestAlgorithm::Sha384, &leaf()));
    assert!(good.parse().is_ok());
    let bad = Draft::good().with(33, chain()).with(34, x5t(DigestAlgorithm::Sha384, &ca()));
    assert_eq!(bad.malformed(), MalformedStatement::CertificateMismatch);
}

#[test]
fn arch_07_unprotected_chain_needs_something_signed() {
    for kid in [leaf_thumbprint(), sha256(&leaf()).as_bytes().to_vec()] {
        assert!(kid_names_certificate(&kid, &leaf()));
        assert!(!kid_names_certificate(&kid, &ca()));
        let read = Draft::good().with(4, bstr(kid)).unprotected(33, chain()).parse().unwrap();
        assert_eq!(read.header().x5chain, [leaf(), ca()]);
        assert!(!read.header().x5chain_protected);
    }
    let unbound = Draft::good().unprotected(33, chain());
    assert_eq!(unbound.malformed(), MalformedStatement::UnboundChain);
    assert_eq!(unbound.without(4).malformed(), MalformedStatement::UnboundChain);
    let of_the_ca = Draft::good().with(4, bstr(*sha256(&ca()).as_bytes())).unprotected(33, chain());
    assert_eq!(of_the_ca.malformed(), MalformedStatement::UnboundChain);
    // What is no certificate is named by its hash alone.
    let junk = sha256(b"junk").as_bytes().to_vec();
    assert!(kid_names_certificate(&junk, b"junk"));
    assert!(!kid_names_certificate(&leaf_thumbprint(), b"junk"));
}

#[test]
fn x5_01_one_certificate_is_a_bare_byte_string() {
    let read = |value: Value| Draft::good().with(33, value).parse().map(|read| read.header().x5chain.clone());
    assert_eq!(read(bstr(leaf())), Ok(vec![leaf()]));
    for bad in [array([]), array([bstr(leaf())])] {
        let error = read(bad).unwrap_err();
        assert!(error.to_string().contains("bare byte string"), "{error}");
    }
    for bad in [Value::Null, Value::from("pem"), array([bstr(leaf()), Value::Null])] {
        let error = read(bad).unwrap_err();
        assert!(
            matches!(error, StatementError::Malformed(MalformedStatement::LabelType { .. })),
            "{error:?}"
        );
    }
    assert_eq!(read(array(vec![bstr(b"c".to_vec()); MAX_CHAIN])).unwrap().len(), MAX_CHAIN);
    let long = read(array(vec![bstr(b"c".to_vec()); MAX_CHAIN + 1]));
    assert_eq!(long, Err(StatementError::Malformed(MalformedStatement::ChainTooLong)));
}

#[test]
fn x5_04_x5t_forms() {
    let error = |value: Value| Draft::good().with(34, value).malformed();
    let digest = || bstr(*sha256(&leaf()).as_bytes());
    for bad in [
        Value::Null,
        array([]),
        digest(),
        array([Value::from(-16)]),
        array([Value::from(-16), digest(), Value::Null]),
        array([digest(), Value::from(-16)]),
        array([Value::from(-16), Value::from("x")]),
    ] {
        assert!(matches!(error(bad.clone()), MalformedStatement::LabelType { .. }), "{bad:?}");
    }
    for algorithm in [Value::from(-14), Value::from(-15), Value::from("SHA-256")] {
        let value = array([algorithm, digest()]);
        assert_eq!(error(value), MalformedStatement::CertificateHashAlgorithm);
    }
    let short = array([Value::from(-16), bstr(vec![0; 31])]);
    assert_eq!(error(short), MalformedStatement::CertificateHashLength { expected: 32, found: 31 });
}

#[test]
fn cose_05_chain_in_both_headers() {
    let draft = Draft::good().with(33, chain()).unprotected(33, chain());
    assert!(draft.malformed().to_string().starts_with("label 33 (x5chain) stands in both"));
}

#[test]
fn arch_03_the_issuer_of_a_certificate_is_a_uri_or_has_no_colon() {
    let named = |issuer: &str| {
        let claims =
            Value::Map(vec![(Value::from(1), Value::from(issuer)), (Value::from(2), Value::from("subject"))]);
        Draft::good().with(15, claims)
    };
    for good in ["https://acme.example", "spiffe://acme/agent", "did:x509:0:sha256:x::eku:1.2", "Acme Corp"] {
        assert!(named(good).with(33, chain()).parse().is_ok(), "{good}");
    }
    for bad in ["not a uri: x", ":", "https://a b", "1:2"] {
        assert_eq!(named(bad).with(33, chain()).malformed(), MalformedStatement::IssuerNotUri, "{bad}");
        let hash = named(bad).with(34, x5t(DigestAlgorithm::Sha256, &leaf()));
        assert_eq!(hash.malformed(), MalformedStatement::IssuerNotUri, "{bad}");
        // The rule is one of X.509 statements.
        assert!(named(bad).parse().is_ok());
    }
}
