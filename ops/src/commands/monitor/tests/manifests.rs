//! Collateral that folds to its manifests, or does not (D12).

use super::{Heard, World, world, world_of};
use crate::commands::monitor::event::What;
use crate::watch::{Kept, Row};
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::manifest::{CollateralManifest, Fold, MANIFEST_CT};
use proofs::{ContentType, Hash, LeafIndex, StatementBuilder};

/// The digest that every row of these logs has.
const DIGEST: Hash = Hash::new([0; 32]);

/// Statements, and manifests at 6, 12 and 18 over what came since the one before.
fn with_manifests() -> World {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let mut statements = world(20).statements;
    let mut from = 0;
    for at in [6, 12, 18] {
        let mut fold = Fold::new();
        (from..at).for_each(|_| fold.hash(DIGEST));
        let [first, to] = [from, at].map(LeafIndex::new);
        let manifest = CollateralManifest { from: first, to, root: fold.root() };
        let builder = StatementBuilder::new("https://ts.example", "urn:stele:collateral-manifest")
            .content_type(ContentType::Text(MANIFEST_CT.into()));
        statements[usize::try_from(at).unwrap()] = builder.sign(&manifest.encode(), &key).unwrap();
        from = at;
    }
    world_of(statements)
}

fn rewritten(heard: &Heard) -> Vec<u64> {
    let index = |what: &What| match what {
        What::CollateralRewritten { leaf_index, .. } => Some(*leaf_index),
        _ => None,
    };
    heard.0.iter().filter_map(|event| index(&event.what)).collect()
}

fn rewrite(rows: &mut [Row], at: u64) {
    let there = rows.iter_mut().filter(|row| row.index == at);
    there.for_each(|row| row.collateral = Kept::Digest(Hash::new([9; 32])));
}

#[test]
fn d12_attack_a_record_that_does_not_fold_to_its_manifest_is_reported_once() {
    let mut world = with_manifests();
    world.lie = Some(|rows| rewrite(rows, 8));
    // Wherever a run ends, the next one goes on folding.
    let mut found = Vec::new();
    for size in [3, 6, 7, 9, 12, 13, 20, 20] {
        world.log.shown = size;
        let (ended, heard) = world.once(&world.log);
        ended.unwrap();
        found.extend(rewritten(&heard));
    }
    assert_eq!(found, [12]);
}

#[test]
fn d12_honest_collateral_is_not_reported_and_the_first_manifest_after_a_gap_proves_nothing() {
    let world = with_manifests();
    assert_eq!(rewritten(&world.once(&world.log).1), Vec::<u64>::new());
    // A state that an older program left, which did not fold.
    let mut world = with_manifests();
    world.log.shown = 8;
    world.once(&world.log).0.unwrap();
    let path = world.folder.path().join("state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    state.as_object_mut().unwrap().remove("collateral").unwrap();
    std::fs::write(&path, state.to_string()).unwrap();
    world.log.shown = 20;
    world.lie = Some(|rows| rewrite(rows, 14));
    let (ended, heard) = world.once(&world.log);
    ended.unwrap();
    assert_eq!(
        rewritten(&heard),
        [18],
        "of the manifest at 12 nobody knows what it covers, of the next all is known"
    );
}
