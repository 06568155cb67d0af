//! Chains in the unprotected header, and what may carry them.

use super::*;

fn chain_value(leaf: &Leaf) -> Value {
    match leaf.chain.as_slice() {
        [one] => Value::Bytes(one.clone()),
        many => Value::Array(many.iter().cloned().map(Value::Bytes).collect()),
    }
}

fn x5t(der: &[u8]) -> Value {
    Value::Array(vec![Value::from(SHA_256), Value::Bytes(sha256(der).as_bytes().to_vec())])
}

fn signed_with_x5t(leaf: &Leaf, der: &[u8]) -> Vec<u8> {
    // The maker writes a kid of its own; it means the leaf's key.
    statement_of(ACME).extra(Label::Int(34), x5t(der)).sign(b"payload", &leaf.key).unwrap()
}

#[test]
fn arch_06_a_protected_x5t_carries_an_unprotected_chain() {
    let root = Ca::root("Root");
    let one = root.intermediate("One");
    let world = trusting(&[&root]);
    let leaf = acme_leaf(&one).through(&[&one]);
    let statement = signed_with_x5t(&leaf, &leaf.chain[0]);
    let admitted = world.judge(&with_unprotected(&statement, X5CHAIN, chain_value(&leaf))).unwrap();
    assert_eq!(admitted.evidence.unprotected_x5chain, leaf.chain);
    assert_eq!(admitted.evidence.chain.len(), 3);
    // Without the chain there is nothing to go by.
    assert_eq!(unknown(&world, &statement), UnknownKey::NoChain);
}

#[test]
fn arch_06_x5t_of_another_certificate_is_refused_where_the_statement_is_read() {
    let root = Ca::root("Root");
    let (leaf, other) = (acme_leaf(&root), acme_leaf(&root));
    let statement = signed_with_x5t(&leaf, &other.chain[0]);
    let bytes = with_unprotected(&statement, X5CHAIN, chain_value(&leaf));
    proofs::SignedStatement::parse(&bytes, 1 << 20).unwrap_err();
    let both = leaf.sign_with(ACME, |builder| builder.extra(Label::Int(34), x5t(&other.chain[0])));
    proofs::SignedStatement::parse(&both, 1 << 20).unwrap_err();
    let fine = leaf.sign_with(ACME, |builder| builder.extra(Label::Int(34), x5t(&leaf.chain[0])));
    trusting(&[&root]).judge(&fine).unwrap();
}

#[test]
fn arch_13_x5t_and_kid_must_mean_one_key() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let (leaf, other) = (acme_leaf(&root), acme_leaf(&root));
    let builder = statement_of(ACME).extra(Label::Int(34), x5t(&leaf.chain[0]));
    let statement = kid(other.thumbprint())(builder).sign(b"payload", &leaf.key).unwrap();
    let bytes = with_unprotected(&statement, X5CHAIN, chain_value(&leaf));
    assert_eq!(unknown(&world, &bytes), UnknownKey::KidDisagrees);
}

#[test]
fn arch_07_and_x5_05_a_kid_that_is_a_hash_of_the_leaf_carries_an_unprotected_chain() {
    let root = Ca::root("Root");
    let world = trusting(&[&root]);
    let leaf = acme_leaf(&root);
    let statement = signed(ACME, &leaf.key);
    let admitted = world.judge(&with_unprotected(&statement, X5CHAIN, chain_value(&leaf))).unwrap();
    assert_eq!(admitted.evidence.unprotected_x5chain, leaf.chain);
    assert!(matches!(unknown(&world, &statement), UnknownKey::NotRegistered { .. }));
    // A kid that is only a label protects nothing, so anybody could have put the chain there.
    let labelled = kid(b"key-1".to_vec())(statement_of(ACME)).sign(b"payload", &leaf.key).unwrap();
    let bytes = with_unprotected(&labelled, X5CHAIN, chain_value(&leaf));
    assert!(proofs::SignedStatement::parse(&bytes, 1 << 20).is_err());
}
