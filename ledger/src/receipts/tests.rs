//! What receipts say beyond their proof (D2), and how registrations are counted.

use proofs::Receipt;

use super::*;
use crate::error::RegisterError;
use crate::settings::Settings;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::testing::{World, statement};

const SERVICE: &str = "https://ts.example";

#[test]
fn d2_an_inclusion_receipt_is_the_services_and_about_the_subject() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (id, _, receipt) = bench.must(world.statement(7));
    let receipt = Receipt::parse(&receipt).unwrap();
    let claims = receipt.claims().unwrap();
    assert_eq!((claims.issuer.as_str(), claims.subject.as_str()), (SERVICE, "urn:example:artifact:7"));
    let root = receipt.verify_inclusion(id.as_bytes(), world.keys.receipts.public_key()).unwrap();
    assert_eq!(root, bench.ledger.head().tree.root);
}

#[test]
fn d2_a_consistency_receipt_is_the_services_and_about_the_log() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    bench.must(world.statement(1));
    let old = bench.ledger.head().tree;
    for n in 2..5 {
        bench.must(world.statement(n));
    }
    let new = bench.ledger.head();
    let receipt = bench.runtime.block_on(bench.ledger.consistency(old.size, new.tree.size)).unwrap();
    let receipt = Receipt::parse(&receipt).unwrap();
    let claims = ReceiptClaims {
        issuer: SERVICE.to_owned(),
        subject: log_subject(&bench.ledger.identity().log_id),
        issued_at: Some(new.time),
    };
    assert_eq!(receipt.claims(), Some(&claims));
    assert_eq!(receipt.verify_consistency(&old.root, world.keys.receipts.public_key()), Ok(new.tree.root));
    let beyond = TreeSize::new(new.tree.size.get() + 1);
    bench.runtime.block_on(bench.ledger.consistency(old.size, beyond)).unwrap_err();
}

#[test]
fn each_registration_is_counted_by_how_it_ended() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let ended = |bench: &crate::testing::Bench, how: &str| {
        bench.ledger.shared.metrics.registrations.with_label_values(&[how]).get()
    };
    let before = ended(&bench, "registered");
    bench.must(world.statement(1));
    bench.must(world.statement(1));
    let stranger = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let Err(error) = bench.register(statement(&stranger, 2)) else { panic!("nobody knows the key") };
    assert!(matches!(error, RegisterError::Refused(_)));
    assert_eq!((ended(&bench, "registered") - before, ended(&bench, "known")), (1, 1));
    assert_eq!(ended(&bench, error.kind()), 1);
}
