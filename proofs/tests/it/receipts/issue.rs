//! What is signed, and what never is.

use proofs::{
    Algorithm, Curve, Hash, InclusionProof, IssueError, KeySet, PublicKey, Receipt, SignFailed, Signer,
    issue_consistency, issue_inclusion, sha256,
};

use super::Log;
use crate::it::support::TestSigner;
use crate::it::trees::{index, size};

/// A signer that must not be asked.
struct Never(PublicKey, Algorithm);

impl Signer for Never {
    fn algorithm(&self) -> Algorithm {
        self.1
    }

    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignFailed> {
        panic!("asked to sign")
    }
}

fn never() -> Never {
    Never(TestSigner::new(Algorithm::EdDsa, [1; 32]).public_key().clone(), Algorithm::EdDsa)
}

#[test]
fn d2_every_receipt_algorithm_and_position() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Ed25519, Algorithm::Esp256] {
        let log = Log::under(12, algorithm);
        for of in 2..=12 {
            for leaf in 0..of {
                let receipt = Receipt::parse(&log.receipt(leaf, of)).unwrap();
                assert_eq!(receipt.algorithm(), algorithm);
                let kid = log.service.public_key().thumbprint();
                assert_eq!(receipt.kid(), Some(kid.as_bytes().as_slice()));
                let root = receipt.verify_inclusion(log.id(leaf).as_bytes(), log.service.public_key());
                assert_eq!(root, Ok(log.root(of)));
            }
        }
        for new in 2..=12 {
            for old in 1..new {
                let proof = log.consistency(old, new);
                let (one, two) = (log.root(old), log.root(new));
                let issued = issue_consistency(&log.claims(0), &proof, &one, &two, &log.service).unwrap();
                let receipt = Receipt::parse(&issued).unwrap();
                assert_eq!(receipt.verify_consistency(&one, log.service.public_key()), Ok(two));
            }
        }
    }
}

#[test]
fn receipts_are_deterministic_under_ed25519() {
    let log = Log::new(7);
    assert_eq!(log.receipt(3, 7), log.receipt(3, 7));
    let keys = KeySet::new([log.service.public_key().clone()]);
    assert!(keys.get(Receipt::parse(&log.receipt(3, 7)).unwrap().kid().unwrap()).is_some());
}

#[test]
fn rcpt_16_no_receipt_without_a_path() {
    let log = Log::new(5);
    let alone = log.inclusion(0, 1);
    assert!(alone.path.is_empty());
    let refused = issue_inclusion(&log.claims(0), &alone, &log.leaves[0], &log.root(1), &never());
    assert_eq!(refused, Err(IssueError::EmptyPath));
    let mut same = log.consistency(3, 5);
    (same.old, same.path) = (size(5), Vec::new());
    let refused = issue_consistency(&log.claims(0), &same, &log.root(5), &log.root(5), &never());
    assert_eq!(refused, Err(IssueError::EmptyPath));
}

/// Invariant 5: a path is folded back to the root before anything is signed.
#[test]
fn invariant_5_nothing_false_is_signed() {
    let log = Log::new(9);
    let (leaf, root, claims) = (&log.leaves[4], log.root(9), log.claims(4));
    let proof = log.inclusion(4, 9);
    let refused = |proof: &InclusionProof, leaf: &Hash, root: Hash| {
        issue_inclusion(&claims, proof, leaf, &root, &never()).unwrap_err()
    };
    assert!(matches!(refused(&proof, &log.leaves[5], root), IssueError::Inclusion(_)));
    assert!(matches!(refused(&proof, leaf, log.root(8)), IssueError::Inclusion(_)));
    let mut moved = proof.clone();
    moved.index = index(5);
    assert!(matches!(refused(&moved, leaf, root), IssueError::Inclusion(_)));
    let mut broken = proof.clone();
    broken.path[1] = sha256(b"x");
    assert!(matches!(refused(&broken, leaf, root), IssueError::Inclusion(_)));
    let mut short = proof;
    short.path.pop();
    assert!(matches!(refused(&short, leaf, root), IssueError::Inclusion(_)));

    let proof = log.consistency(4, 9);
    let refused =
        |old: Hash, new: Hash| issue_consistency(&claims, &proof, &old, &new, &never()).unwrap_err();
    assert!(matches!(refused(log.root(3), root), IssueError::Consistency(_)));
    assert!(matches!(refused(log.root(4), log.root(8)), IssueError::Consistency(_)));
}

#[test]
fn the_receipt_key_has_to_serve_the_algorithm() {
    let log = Log::new(5);
    let wrong = Never(log.service.public_key().clone(), Algorithm::Es256);
    let refused = issue_inclusion(&log.claims(2), &log.inclusion(2, 5), &log.leaves[2], &log.root(5), &wrong);
    assert_eq!(refused, Err(IssueError::KeyDoesNotFit));
    assert_eq!(wrong.public_key().key_type_name(), "Ed25519");
    assert_eq!(Curve::P256.name(), "P-256");
}

#[test]
fn a_failing_signer_fails() {
    struct Broken(PublicKey);
    impl Signer for Broken {
        fn algorithm(&self) -> Algorithm {
            Algorithm::EdDsa
        }
        fn public_key(&self) -> &PublicKey {
            &self.0
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignFailed> {
            Err(SignFailed)
        }
    }
    let log = Log::new(5);
    let broken = Broken(log.service.public_key().clone());
    let refused =
        issue_inclusion(&log.claims(2), &log.inclusion(2, 5), &log.leaves[2], &log.root(5), &broken);
    assert_eq!(refused, Err(IssueError::Sign(SignFailed)));
}
