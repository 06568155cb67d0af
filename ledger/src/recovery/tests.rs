mod reads;

use std::sync::Arc;

use proofs::checkpoint::Origin;
use proofs::tile::TileId;
use proofs::{Hash, Signer, TreeHead, TreeSize, UnixTime};
use storage::Head;
use storage::LogStore;
use storage::memory::MemoryStore;

use crate::error::OpenError;
use crate::ledger::{Keys, Ledger, Parts};
use crate::metrics::Metrics;
use crate::publisher::sign_and_persist;
use crate::settings::Settings;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::testing::World;
use crate::testing::tamper::{Lie, LyingStore};

/// A log of eight entries, and what opening it through a lie says.
fn open_with(lie: impl FnOnce(&World) -> Lie) -> OpenError {
    let mut world = World::new();
    let mut bench = world.bench(Settings::default());
    for n in 0..3 {
        bench.must(world.statement(n));
    }
    drop(bench);
    let lie = lie(&world);
    world.store = Arc::new(LyingStore { inner: Arc::clone(&world.store), lie });
    world.try_open(Settings::default()).err().expect("it must not open")
}

fn note(size: u64, root: Hash, keys: &Keys) -> Vec<u8> {
    let head = TreeHead { size: TreeSize::new(size), root };
    let origin = Origin::new("ts.example/log").unwrap();
    let scratch = MemoryStore::new();
    let head = storage::Head { tree: head, time: proofs::UnixTime::from_secs(1) };
    sign_and_persist(origin, &head, keys, &scratch).unwrap();
    scratch.published().unwrap().unwrap()
}

#[test]
fn d11_a_store_behind_its_checkpoint_does_not_open() {
    let error = open_with(|world| Lie::Published(Some(note(9, Hash::new([1; 32]), &world.keys))));
    assert!(matches!(error, OpenError::Behind { .. }));
    assert!(error.to_string().contains("ends at 8 entries"), "{error}");
}

#[test]
fn d11_another_history_does_not_open() {
    let error = open_with(|world| Lie::Published(Some(note(8, Hash::new([1; 32]), &world.keys))));
    assert!(matches!(error, OpenError::Fork { .. }));
    let error = open_with(|world| Lie::Published(Some(note(4, Hash::new([1; 32]), &world.keys))));
    assert!(matches!(error, OpenError::Fork { .. }));
}

#[test]
fn d11_without_its_checkpoint_a_log_does_not_open() {
    assert!(matches!(open_with(|_| Lie::Published(None)), OpenError::CheckpointMissing));
    assert!(matches!(open_with(|_| Lie::Published(Some(vec![0xff]))), OpenError::CheckpointInvalid(_)));
}

#[test]
fn d11_a_checkpoint_by_another_key_does_not_open() {
    let error = open_with(|world| {
        let other = Arc::new(PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap());
        let keys = Keys { checkpoints: other, ..world.keys.clone() };
        Lie::Published(Some(note(3, world.store.head().unwrap().unwrap().tree.root, &keys)))
    });
    assert!(matches!(error, OpenError::CheckpointInvalid(_)));
}

#[test]
fn a_damaged_edge_does_not_open() {
    let id = TileId { level: 0, index: 0 };
    let damage = |change: fn(Vec<u8>) -> Option<Vec<u8>>| {
        open_with(|world| {
            Lie::Tile(id, change(world.store.snapshot().unwrap().tiles(&[id]).unwrap().remove(0).unwrap()))
        })
    };
    assert!(matches!(damage(|_| None), OpenError::Tree(_)));
    assert!(matches!(
        damage(|mut tile| {
            tile.truncate(7 * 32);
            Some(tile)
        }),
        OpenError::Tree(_)
    ));
    assert!(matches!(
        damage(|mut tile| {
            tile[0] ^= 1;
            Some(tile)
        }),
        OpenError::Tree(_) | OpenError::Control(_)
    ));
    assert!(matches!(
        damage(|mut tile| {
            tile[7 * 32] ^= 1;
            Some(tile)
        }),
        OpenError::Tree(_) | OpenError::Control(_)
    ));
}

#[test]
fn a_head_that_the_tree_does_not_have_does_not_open() {
    let error = open_with(|world| {
        let head = world.store.head().unwrap().unwrap();
        Lie::Head(Head { tree: TreeHead { root: Hash::new([9; 32]), ..head.tree }, ..head })
    });
    assert!(matches!(error, OpenError::Tree(_) | OpenError::Control(_)));
}

#[test]
fn a_changed_control_statement_does_not_open() {
    assert!(matches!(open_with(|_| Lie::Statement(1, None)), OpenError::Control(_)));
    let swapped = open_with(|world| {
        let other = world.store.snapshot().unwrap().statement(proofs::LeafIndex::new(4)).unwrap().unwrap();
        Lie::Statement(1, Some(other.to_vec()))
    });
    assert!(matches!(swapped, OpenError::Control(_)));
}

#[test]
fn d19_a_log_opens_only_with_its_own_keys() {
    let world = World::new();
    let other = || -> Arc<dyn Signer> { Arc::new(PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap()) };
    for (role, keys) in [
        ("receipts", Keys { receipts: other(), ..world.keys.clone() }),
        ("checkpoints", Keys { checkpoints: other(), ..world.keys.clone() }),
        ("registrar", Keys { registrar: other(), ..world.keys.clone() }),
    ] {
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let clock = Arc::clone(&world.clock);
        let parts = Parts { store: Arc::clone(&world.store), keys, clock, metrics, witnessing: None };
        let error = Ledger::open(parts, Settings::default()).err().unwrap();
        assert!(matches!(error, OpenError::WrongKey { role: named } if named == role), "{error}");
    }
}

#[test]
fn an_empty_store_holds_no_log() {
    let mut world = World::new();
    world.store = Arc::new(MemoryStore::new());
    assert!(matches!(world.try_open(Settings::default()).err(), Some(OpenError::Empty)));
}

#[test]
fn d3_genesis_policy_and_anchors_are_the_first_three_entries() {
    let world = World::new();
    let opened = world.try_open(Settings::default()).unwrap();
    assert_eq!(opened.ledger.head().tree.size, TreeSize::new(3));
    assert_eq!(opened.ledger.head().time, UnixTime::from_secs(crate::testing::NOW));
    assert_eq!(opened.ledger.identity().log_id, world.log_id);
    let first = world.store.snapshot().unwrap().entry(proofs::LeafIndex::new(0)).unwrap().unwrap();
    assert_eq!(&first.entry, world.log_id.as_bytes());
}
