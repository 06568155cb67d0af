use std::sync::Arc;

use proofs::tile::TileId;
use proofs::{Hash, LeafIndex, TreeHead, TreeSize, UnixTime};
use storage::Head;

use super::{Fault, fsck};
use crate::collateral::Collateral;
use crate::rows;
use crate::settings::Settings;
use crate::testing::World;
use crate::testing::tamper::{Lie, LyingStore};

fn world_of_300() -> World {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let answers: Vec<_> = (0..295).map(|n| bench.submit(world.statement(n))).collect();
    while bench.ledger.head().tree.size.get() < 300 {
        bench.sequencer.step().unwrap();
    }
    answers.into_iter().for_each(|answer| assert!(bench.answer(answer).is_ok()));
    bench.publisher.publish_newest().unwrap();
    world
}

fn faults(world: &World, lie: Lie) -> Vec<Fault> {
    let lying = LyingStore { inner: Arc::clone(&world.store), lie };
    fsck(&lying, &mut |_| {}).unwrap().faults
}

fn record(world: &World, index: u64, change: impl FnOnce(&mut Collateral)) -> Lie {
    let stored = world.store.snapshot().unwrap().collateral(LeafIndex::new(index)).unwrap().unwrap();
    let mut record = Collateral::decode(&stored).unwrap();
    change(&mut record);
    Lie::Collateral(index, Some(record.encode()))
}

#[test]
fn a_whole_log_is_clean_and_everything_was_looked_at() {
    let world = world_of_300();
    let mut seen = Vec::new();
    let report = fsck(world.store.as_ref(), &mut |done| seen.push(done)).unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
    assert_eq!((report.entries, report.checkpoint), (300, TreeSize::new(300)));
    assert_eq!(seen, [256, 300]);
    let heads = world.store.snapshot().unwrap().heads(TreeSize::new(0), 1000).unwrap().len();
    assert_eq!(report.heads, u64::try_from(heads).unwrap());
}

#[test]
fn each_lie_of_the_store_is_the_fault_that_names_it() {
    let world = world_of_300();
    let at = LeafIndex::new;
    let snapshot = world.store.snapshot().unwrap();
    let other = snapshot.statement(at(101)).unwrap().unwrap().to_vec();
    assert_eq!(faults(&world, Lie::Statement(100, Some(other))), [Fault::Statement(at(100))]);
    assert_eq!(faults(&world, Lie::Statement(100, None)), [Fault::Missing(at(100), "statement")]);
    assert_eq!(faults(&world, Lie::Collateral(100, None)), [Fault::Missing(at(100), "collateral")]);
    assert_eq!(faults(&world, Lie::Collateral(100, Some(vec![0xa0]))), [Fault::Collateral(at(100))]);
    let missing = Lie::Tile(TileId { level: 0, index: 1 }, None);
    assert!(fsck(&LyingStore { inner: Arc::clone(&world.store), lie: missing }, &mut |_| {}).is_err());
    assert_eq!(faults(&world, Lie::Lookup(rows::ENTRY, None)).len(), super::MAX_FAULTS);
    assert_eq!(
        faults(&world, Lie::Lookup(rows::CONTROL, Some(7))).first(),
        Some(&Fault::Index(at(0), "control"))
    );
    let entry = faults(&world, Lie::Entry(100, [1; 32]));
    assert_eq!(entry.first(), Some(&Fault::Statement(at(100))));
    assert!(entry.contains(&Fault::Head(TreeSize::new(300))), "{entry:?}");
    assert!(entry.contains(&Fault::Checkpoint(TreeSize::new(300))), "{entry:?}");
    assert!(entry.contains(&Fault::Tile(0, 0)), "{entry:?}");
}

#[test]
fn a_tile_with_one_flipped_bit_is_found() {
    let world = world_of_300();
    for (level, index) in [(0, 0), (0, 1), (1, 0)] {
        let id = TileId { level, index };
        let mut tile = world.store.snapshot().unwrap().tiles(&[id]).unwrap().remove(0).unwrap();
        // Full tiles below the edge are not read when a log is opened: this is where only fsck looks.
        let bit = tile.len() / 2;
        tile[bit] ^= 0x10;
        let lying = LyingStore { inner: Arc::clone(&world.store), lie: Lie::Tile(id, Some(tile)) };
        match fsck(&lying, &mut |_| {}) {
            Ok(report) => assert_eq!(report.faults, [Fault::Tile(level, index)]),
            Err(error) => assert!(error.to_string().contains("control statement"), "{error}"),
        }
    }
}

#[test]
fn d5_d6_a_decision_out_of_order_is_found() {
    let world = world_of_300();
    let at = LeafIndex::new;
    let later = UnixTime::from_secs(crate::testing::NOW + 1);
    let earlier = UnixTime::from_secs(crate::testing::NOW - 31);
    assert_eq!(faults(&world, record(&world, 100, |r| r.policy = Some(at(1)))), [Fault::Judged(at(100))]);
    assert_eq!(faults(&world, record(&world, 100, |r| r.anchors = None)), [Fault::Judged(at(100))]);
    assert_eq!(faults(&world, record(&world, 2, |r| r.policy = None)), [Fault::Judged(at(2))]);
    assert_eq!(faults(&world, record(&world, 100, |r| r.evaluated_at = later)), [Fault::Time(at(100))]);
    assert_eq!(faults(&world, record(&world, 100, |r| r.evaluated_at = earlier)), [Fault::Time(at(100))]);
    assert_eq!(faults(&world, record(&world, 100, |r| r.registered_at = later)), [Fault::Time(at(100))]);
}

#[test]
fn a_committed_head_that_its_entries_do_not_have_is_found() {
    let world = world_of_300();
    let size = TreeSize::new(4);
    let head = Head {
        tree: TreeHead { size, root: Hash::new([3; 32]) },
        time: UnixTime::from_secs(crate::testing::NOW),
    };
    assert_eq!(faults(&world, Lie::Heads(head)), [Fault::Head(size)]);
}
