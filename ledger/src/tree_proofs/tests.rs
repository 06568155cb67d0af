use proofs::note::ed25519_vkey;
use proofs::{Checkpoint, EntryId, SignedNote, TlogProof, TreeSize, leaf_hash};

use crate::error::ReadError;
use crate::settings::Settings;
use crate::testing::{Bench, World};

/// A log of eleven entries, six of them registered here; the newest checkpoint covers `published`.
fn grown(world: &World, published: u64) -> (Bench, Vec<EntryId>) {
    let mut bench = world.bench(Settings::default());
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(bench.must(world.statement(n)).0);
        if bench.ledger.head().tree.size.get() == published {
            bench.publisher.publish_newest().unwrap();
        }
    }
    (bench, ids)
}

fn checkpoint(bench: &Bench) -> Checkpoint {
    Checkpoint::parse(SignedNote::parse(bench.ledger.checkpoint().as_bytes()).unwrap().text()).unwrap()
}

#[test]
fn proof_03_a_tlog_proof_carries_the_newest_checkpoint_that_covers_the_entry() {
    let world = World::new();
    let (mut bench, ids) = grown(&world, 9);
    let genesis = bench.ledger.identity().genesis;
    let key = genesis.checkpoints.ed25519_bytes().unwrap();
    let log = ed25519_vkey(&genesis.origin, &key).unwrap();
    let ask = |bench: &Bench, id| bench.runtime.block_on(bench.ledger.tlog_proof(id));
    for (n, id) in ids.iter().enumerate().take(4) {
        let text = ask(&bench, *id).unwrap().to_string();
        let proof = TlogProof::parse(text).unwrap();
        assert_eq!(proof.verify(id.as_bytes(), &log), Ok(checkpoint(&bench)));
        assert_eq!(
            (proof.index().get(), proof.checkpoint().to_string()),
            (5 + u64::try_from(n).unwrap(), bench.ledger.checkpoint().to_string())
        );
    }
    assert!(matches!(ask(&bench, ids[4]), Err(ReadError::NotYetPublished { index }) if index.get() == 9));
    assert!(matches!(ask(&bench, EntryId::from_bytes([7; 32])), Err(ReadError::NotFound)));
    bench.publisher.publish_newest().unwrap();
    assert_eq!(ask(&bench, ids[4]).unwrap().verify(ids[4].as_bytes(), &log).unwrap().head.size.get(), 11);
}

#[test]
fn an_entry_is_proven_at_every_size_from_its_own_to_the_newest_checkpoint() {
    let world = World::new();
    let (bench, ids) = grown(&world, 10);
    let at = |n: usize, size| bench.runtime.block_on(bench.ledger.inclusion_at(ids[n], TreeSize::new(size)));
    for size in 7..=10 {
        let proven = at(1, size).unwrap();
        assert_eq!((proven.proof.index.get(), proven.proof.size.get()), (6, size));
        assert_eq!(proven.proof.root(&leaf_hash(ids[1].as_bytes())), Ok(proven.root));
    }
    assert_eq!(at(1, 10).unwrap().root, checkpoint(&bench).head.root);
    for size in [0, 6, 11, u64::MAX] {
        assert!(matches!(at(1, size), Err(ReadError::BadSize { .. })), "{size}");
    }
}

#[test]
fn consistency_is_proven_between_any_two_sizes() {
    let world = World::new();
    let (bench, _) = grown(&world, 11);
    let between = |from, to| {
        let proof = bench.ledger.consistency_proof(TreeSize::new(from), TreeSize::new(to));
        bench.runtime.block_on(proof)
    };
    for from in 1..11 {
        let proven = between(from, 11).unwrap();
        assert_eq!(proven.proof.verify(&proven.old_root, &proven.new_root), Ok(()));
        assert_eq!(proven.new_root, checkpoint(&bench).head.root);
    }
    for (from, to) in [(0, 3), (3, 3), (4, 3), (3, 12)] {
        assert!(matches!(between(from, to), Err(ReadError::BadRange { .. })), "{from} {to}");
    }
}
