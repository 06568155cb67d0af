//! What stops signing, and what does not (D11).

use std::sync::Arc;

use proofs::checkpoint::{Checkpoint, Origin, open_checkpoint, sign_checkpoint};
use proofs::{TreeHead, TreeSize, leaf_hash};

use super::witnesses::{Manner, drive, vkey, world};
use crate::error::{Fatal, OpenError};
use crate::fork::{Compared, compare};
use crate::settings::Settings;
use crate::testing::{ORIGIN, World};
use crate::witness::{WithoutQuorum, WitnessReply};

/// A checkpoint by the key of a log over any head.
fn signed(world: &World, size: u64, root: proofs::Hash) -> Vec<u8> {
    let head = TreeHead { size: TreeSize::new(size), root };
    let checkpoint = Checkpoint { origin: Origin::new(ORIGIN).unwrap(), head };
    sign_checkpoint(&checkpoint, world.keys.checkpoints.as_ref()).unwrap().into_bytes()
}

/// The witness refuses, and shows `evidence`.
fn confronted(reply: WitnessReply, evidence: impl Fn(&World) -> Option<Vec<u8>>) -> Result<(), Fatal> {
    let (world, fakes) = world("quorum W2", WithoutQuorum::Hold);
    let mut bench = world.bench(Settings::default());
    fakes[0].is(Manner::Says(reply));
    fakes[1].is(Manner::Silent);
    *fakes[0].shows.lock().unwrap() = evidence(&world);
    drive(&mut bench.publisher, |publisher| publisher.shared.metrics.witness.unwitnessed("held") >= 1)
}

fn ahead() -> WitnessReply {
    WitnessReply::Conflict(Some(TreeSize::new(99)))
}

#[test]
fn d11_a_checkpoint_under_our_own_key_that_contradicts_us_stops_signing() {
    let root = leaf_hash(b"another history");
    for (reply, size) in [(ahead(), 99), (WitnessReply::Inconsistent, 5), (WitnessReply::Inconsistent, 4)] {
        let stopped = confronted(reply, |world| Some(signed(world, size, root)));
        assert!(matches!(stopped, Err(Fatal::Contradicted(_))), "{size}: {stopped:?}");
    }
}

#[test]
fn d11_no_liar_can_stop_us() {
    confronted(ahead(), |_| None).unwrap();
    confronted(ahead(), |_| Some(b"noise".to_vec())).unwrap();
    let stranger = World::new();
    confronted(ahead(), |_| Some(signed(&stranger, 99, leaf_hash(b"x")))).unwrap();
    confronted(WitnessReply::Inconsistent, |world| world.store.published().unwrap()).unwrap();
}

#[test]
fn d11_a_log_behind_what_it_announced_does_not_open() {
    let (mut world, fakes) = world("quorum W1", WithoutQuorum::Hold);
    let memory = Arc::new(storage::memory::MemoryStore::new());
    world.store = Arc::<storage::memory::MemoryStore>::clone(&memory);
    let fresh = World::on(Arc::<storage::memory::MemoryStore>::clone(&memory));
    world.keys = fresh.keys.clone();
    world.operator = fresh.operator;
    fakes[0].is(Manner::Silent);
    let old = memory.copy();
    let mut bench = world.bench(Settings::default());
    drive(&mut bench.publisher, |publisher| publisher.shared.metrics.witness.unwitnessed("held") >= 1)
        .unwrap();
    let announced = memory.announced().unwrap().unwrap();
    assert_eq!(open_checkpoint(&announced, &vkey(&world)).unwrap().head.size, TreeSize::new(5));
    drop(bench);
    use storage::LogStore as _;
    old.announce(&announced).unwrap();
    world.store = Arc::new(old);
    let error = world.try_open(Settings::default()).err().unwrap();
    assert!(matches!(error, OpenError::Behind { .. }), "{error}");
}

#[test]
fn d11_a_stored_log_is_compared_with_what_others_kept() {
    let world = World::new();
    let bench = world.bench(Settings::default());
    let head = bench.ledger.head().tree;
    let both = |note: &[u8]| {
        let stored = compare(world.store.as_ref(), note).unwrap();
        assert_eq!(bench.ledger.compare(note).unwrap(), stored, "open or not, the answer is one");
        stored
    };
    let now = signed(&world, head.size.get(), head.root);
    assert_eq!(both(&now), Compared::Continues(head));
    assert_eq!(both(&now).stops(), None);
    let genesis = world.store.published().unwrap().unwrap();
    assert!(matches!(both(&genesis), Compared::Continues(old) if old.size == TreeSize::new(3)));
    let ahead = both(&signed(&world, 6, head.root));
    assert_eq!(ahead, Compared::Behind { stored: head.size, known: TreeSize::new(6) });
    assert!(ahead.stops().unwrap().contains("old copy"));
    let other = both(&signed(&world, 5, leaf_hash(b"x")));
    assert!(matches!(other, Compared::Contradicts { .. }), "{other:?}");
    assert!(other.stops().unwrap().contains("another history"));
    for foreign in [&b"noise"[..], &signed(&World::new(), 5, head.root)] {
        let compared = both(foreign);
        assert!(matches!(compared, Compared::Foreign(_)) && compared.stops().is_none());
    }
}
