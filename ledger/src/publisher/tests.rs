mod guard;
mod witnesses;

use std::sync::Arc;

use proofs::TreeSize;
use proofs::checkpoint::open_checkpoint;
use proofs::note::ed25519_vkey;

use crate::error::Fatal;
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::testing::World;
use crate::testing::tamper::{Lie, LyingStore};

fn checkpoint_size(world: &World, ledger: &Ledger) -> TreeSize {
    let key = world.keys.checkpoints.public_key().ed25519_bytes().unwrap();
    let key = ed25519_vkey("ts.example/log", &key).unwrap();
    open_checkpoint(ledger.checkpoint().as_bytes(), &key).unwrap().head.size
}

#[test]
fn d10_a_checkpoint_follows_the_commit_and_is_durable_before_it_is_seen() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    assert_eq!(checkpoint_size(&world, &bench.ledger), TreeSize::new(3));
    bench.must(world.statement(1));
    assert_eq!(checkpoint_size(&world, &bench.ledger), TreeSize::new(3), "nobody published yet");
    bench.publisher.publish_newest().unwrap();
    assert_eq!(checkpoint_size(&world, &bench.ledger), TreeSize::new(6));
    assert_eq!(world.store.published().unwrap().unwrap(), bench.ledger.checkpoint().as_bytes());
}

#[test]
fn d11_a_checkpoint_that_cannot_be_written_is_not_shown_and_ends_the_process() {
    let mut world = World::new();
    let mut bench = world.bench(Settings::default());
    bench.must(world.statement(1));
    drop(bench);
    world.store = Arc::new(LyingStore { inner: Arc::clone(&world.store), lie: Lie::PublishFails });
    let mut bench = world.bare_bench(Settings::default());
    assert!(matches!(bench.publisher.publish_newest(), Err(Fatal::Publish(_))));
    assert_eq!(checkpoint_size(&world, &bench.ledger), TreeSize::new(3));
}

#[test]
fn the_last_head_is_published_when_the_log_is_closed() {
    let world = World::new();
    let mut bench = world.bench(Settings { checkpoint_interval_ms: 3_600_000, ..Settings::default() });
    bench.must(world.statement(1));
    let crate::testing::Bench { ledger, sequencer, publisher, runtime, .. } = bench;
    let publishing = std::thread::spawn(move || publisher.run());
    drop((ledger, runtime));
    sequencer.run().unwrap();
    publishing.join().unwrap().unwrap();
    let again = world.try_open(Settings::default()).unwrap();
    assert_eq!(checkpoint_size(&world, &again.ledger), TreeSize::new(6));
}

#[test]
fn readiness_names_sizes_and_says_why_not() {
    let world = World::new();
    let mut bench = world.bench(Settings { ready_lag_ms: 0, ..Settings::default() });
    bench.must(world.statement(1));
    let late = bench.ledger.readiness();
    assert!(!late.ready && late.reason.contains("checkpoint"), "{late:?}");
    assert_eq!((late.committed, late.published), (TreeSize::new(6), TreeSize::new(3)));
    bench.publisher.publish_newest().unwrap();
    assert!(bench.ledger.readiness().ready);
    drop(bench.sequencer);
    assert_eq!(bench.ledger.readiness().reason, "the sequencer has ended");
}
