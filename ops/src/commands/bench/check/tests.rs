use super::*;
use crate::commands::bench::statements::{Algorithm, Issuers};
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::receipt::{ReceiptClaims, issue_inclusion};
use proofs::{CompactRange, InclusionProof, LeafIndex, Signer, leaf_hash};

const SERVICE: &str = "https://ts.example";

/// A service of two entries.
struct Service {
    key: PrivateKey,
    statements: Vec<Vec<u8>>,
}

impl Service {
    fn new() -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        Self { key, statements: Issuers::generate(1, Algorithm::Ed25519, 50).unwrap().sign(0, 2).unwrap() }
    }

    /// A receipt for the entry at `index`, made out to the statement `of` and signed as `issuer`.
    fn receipt(&self, index: usize, of: usize, issuer: &str) -> Vec<u8> {
        let parsed: Vec<_> =
            self.statements.iter().map(|bytes| SignedStatement::parse(bytes, bytes.len()).unwrap()).collect();
        let leaves: Vec<_> =
            parsed.iter().map(|statement| leaf_hash(statement.entry_id().as_bytes())).collect();
        let mut range = CompactRange::empty();
        for leaf in &leaves {
            range.append(*leaf, &mut |_, _| {}).unwrap();
        }
        let proof = InclusionProof {
            index: LeafIndex::new(u64::try_from(index).unwrap()),
            size: range.size(),
            path: vec![leaves[1 - index]],
        };
        let claims = ReceiptClaims {
            issuer: issuer.to_owned(),
            subject: parsed[of].header().subject.clone(),
            issued_at: None,
        };
        issue_inclusion(&claims, &proof, &leaves[index], &range.root(), &self.key).unwrap()
    }

    fn check(&self, receipts: &[(u64, Vec<u8>)]) -> Checked {
        let keys = KeySet::new(vec![self.key.public_key().clone()]);
        Verifier { keys, service: SERVICE.to_owned() }.receipts(&self.statements, receipts).unwrap()
    }
}

#[test]
fn receipts_of_the_statements_are_counted() {
    let service = Service::new();
    let receipts = [(0, service.receipt(0, 0, SERVICE)), (1, service.receipt(1, 1, SERVICE))];
    assert_eq!(service.check(&receipts), Checked { verified: 2, wrong: 0, first: None });
    assert_eq!(service.check(&[]), Checked::default());
}

#[test]
fn a_receipt_of_another_statement_is_wrong() {
    let service = Service::new();
    let found = service.check(&[(0, service.receipt(1, 1, SERVICE)), (1, service.receipt(1, 1, SERVICE))]);
    assert_eq!((found.verified, found.wrong), (1, 1));
    assert!(found.first.is_some());
    let found = service.check(&[(0, service.receipt(1, 0, SERVICE))]);
    assert_eq!((found.verified, found.wrong), (0, 1), "its subject alone does not make it right");
}

#[test]
fn a_receipt_of_another_service_or_none_at_all_is_wrong() {
    let service = Service::new();
    let other = Service { key: PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap(), ..Service::new() };
    for receipt in [
        service.receipt(0, 0, "https://elsewhere.example"),
        Service { statements: service.statements.clone(), ..other }.receipt(0, 0, SERVICE),
        b"no receipt".to_vec(),
        Vec::new(),
    ] {
        let found = service.check(&[(0, receipt)]);
        assert_eq!((found.verified, found.wrong), (0, 1));
    }
    let stray = service.check(&[(2, service.receipt(0, 0, SERVICE))]);
    assert_eq!((stray.verified, stray.first.as_deref()), (0, Some("an answer to nothing")));
}

#[test]
fn one_index_for_two_statements_is_wrong() {
    let mut service = Service::new();
    let receipt = service.receipt(0, 0, SERVICE);
    let again = [(0, receipt.clone()), (0, receipt.clone())];
    assert_eq!(service.check(&again).verified, 2, "the same receipt twice is the same receipt");
    service.statements[1] = service.statements[0].clone();
    let found = service.check(&[(0, receipt.clone()), (1, receipt)]);
    assert_eq!((found.verified, found.wrong), (1, 1));
    assert_eq!(found.first.as_deref(), Some("two statements have a receipt for index 0"));
}
