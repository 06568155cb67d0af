use std::sync::Arc;

use bytes::Bytes;
use ciborium::Value;
use proofs::manifest::{CollateralManifest, MANIFEST_CT, ManifestError};
use proofs::{ContentType, EntryId, Hash, LeafIndex, SignedStatement, StatementBuilder, TreeSize, UnixTime};
use storage::LogStore;
use storage::memory::{Fault as StoreFault, MemoryStore, Tamper};

use super::{Covered, Tally, covered, fold};
use crate::control::{ControlFault, MANIFEST_SUBJECT, follows_label, log_label};
use crate::error::RegisterError;
use crate::governance::{REGISTRAR_RULE, Refusal, Rejection};
use crate::settings::Settings;
use crate::testing::tamper::{Lie, LyingStore};
use crate::testing::{Bench, NOW, World};
use crate::{Collateral, Fault, fsck};

fn settings(entries: u64) -> Settings {
    Settings { manifest_entries: entries, ..Settings::default() }
}

fn size(bench: &Bench) -> u64 {
    bench.ledger.head().tree.size.get()
}

fn manifest_at(bench: &Bench, index: u64) -> (SignedStatement, CollateralManifest) {
    let snapshot = bench.ledger.shared.store.snapshot().unwrap();
    let bytes = snapshot.statement(LeafIndex::new(index)).unwrap().unwrap();
    let statement = SignedStatement::parse(&bytes, bytes.len()).unwrap();
    let manifest = CollateralManifest::decode(statement.payload()).unwrap();
    (statement, manifest)
}

/// The definition of RFC 9162 §2.1.1, written down once more.
fn mth(records: &[Vec<u8>]) -> Hash {
    match records {
        [] => proofs::empty_root(),
        [one] => proofs::sha256(&[&[0u8][..], proofs::sha256(one).as_bytes()].concat()),
        _ => {
            let half = records.len().next_power_of_two() / 2;
            let (left, right) = (mth(&records[..half]), mth(&records[half..]));
            proofs::sha256(&[&[1u8][..], left.as_bytes(), right.as_bytes()].concat())
        }
    }
}

fn root_over(store: &dyn LogStore, from: u64, to: u64) -> Hash {
    let snapshot = store.snapshot().unwrap();
    let records: Vec<Vec<u8>> =
        (from..to).map(|at| snapshot.collateral(LeafIndex::new(at)).unwrap().unwrap().to_vec()).collect();
    mth(&records)
}

#[test]
fn d12_a_manifest_is_due_after_so_many_entries_and_not_before() {
    let world = World::new();
    let mut bench = world.bench(settings(7));
    assert_eq!(size(&bench), 5);
    bench.must(world.statement(1));
    assert!(!bench.keep().unwrap());
    bench.must(world.statement(2));
    assert!(bench.keep().unwrap());
    assert!(!bench.keep().unwrap());
    let (statement, manifest) = manifest_at(&bench, 7);
    assert_eq!((manifest.from.get(), manifest.to.get()), (0, 7));
    assert_eq!(manifest.root, root_over(world.store.as_ref(), 0, 7));
    let header = statement.header();
    assert_eq!((header.issuer.as_str(), header.subject.as_str()), ("https://ts.example", MANIFEST_SUBJECT));
    assert_eq!(header.content_type, Some(ContentType::Text(MANIFEST_CT.into())));
    statement.check_signature(world.keys.registrar.public_key()).unwrap();
    let record = bench.runtime.block_on(bench.ledger.collateral(statement.entry_id())).unwrap();
    assert_eq!(Collateral::decode(&record).unwrap().rule.as_deref(), Some(REGISTRAR_RULE));
}

#[test]
fn d12_a_manifest_is_due_after_ten_minutes_and_never_about_manifests_alone() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let at = |seconds: u64| world.clock.set(UnixTime::from_secs(NOW + seconds));
    at(599);
    assert!(!bench.keep().unwrap());
    at(600);
    assert!(bench.keep().unwrap());
    assert_eq!(manifest_at(&bench, 5).1.to.get(), 5);
    at(1_000_000);
    assert!(!bench.keep().unwrap(), "nothing has come but the manifest itself");
    bench.must(world.statement(1));
    at(1_000_599);
    assert!(!bench.keep().unwrap());
    at(1_000_600);
    assert!(bench.keep().unwrap());
    let (second, manifest) = manifest_at(&bench, 7);
    assert_eq!(
        (manifest.from.get(), manifest.to.get()),
        (5, 7),
        "the first manifest is covered by the second"
    );
    assert_eq!(manifest.root, root_over(world.store.as_ref(), 5, 7));
    let first = manifest_at(&bench, 5).0.entry_id();
    let follows = second.header().extra(&follows_label()).cloned();
    assert_eq!(follows, Some(Value::Bytes(first.as_bytes().to_vec())));
    drop(bench);
    assert!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().is_clean());
}

#[test]
fn manifests_can_be_switched_off() {
    let world = World::new();
    let mut bench = world.bench(settings(0));
    world.clock.set(UnixTime::from_secs(NOW + 1_000_000));
    assert!(!bench.keep().unwrap());
}

/// After a kill in the middle of a manifest's commit, the next one covers the gap exactly once.
#[test]
fn d12_a_kill_neither_loses_nor_repeats_a_range() {
    for fault in [StoreFault::Lost, StoreFault::Persisted] {
        let store = Arc::new(MemoryStore::new());
        let world = World::on(Arc::<MemoryStore>::clone(&store));
        let bench = world.bench(settings(5));
        store.fail_commit(store.commits() + 1, fault);
        assert!(bench.keep_until_fatal());
        store.reopen();
        let mut bench = world.bench(settings(5));
        bench.must(world.statement(1));
        while bench.keep().unwrap() {}
        for n in 2..7 {
            bench.must(world.statement(n));
        }
        while bench.keep().unwrap() {}
        let snapshot = store.snapshot().unwrap();
        let rows = snapshot.scan(crate::rows::MANIFEST, &[], 100).unwrap();
        let mut next = 0;
        for (_, index) in &rows {
            let (_, manifest) = manifest_at(&bench, index.get());
            assert_eq!(manifest.from.get(), next, "{fault:?}");
            next = manifest.to.get();
        }
        assert_eq!(rows.len(), 2, "{fault:?}");
        drop(bench);
        assert!(fsck(store.as_ref(), &mut |_| {}).unwrap().is_clean());
    }
}

#[test]
fn the_newest_of_many_manifests_is_found() {
    let world = World::new();
    let mut bench = world.bench(settings(1));
    let mut expected = Covered { to: LeafIndex::new(0), by: world.log_id };
    for n in 0..150 {
        let snapshot = world.store.snapshot().unwrap();
        assert_eq!(covered(snapshot.as_ref(), snapshot.head().unwrap().tree.size).unwrap(), expected);
        bench.must(world.statement(n));
        let index = size(&bench);
        assert!(bench.keep().unwrap());
        expected = Covered { to: LeafIndex::new(index), by: manifest_at(&bench, index).0.entry_id() };
    }
    assert!(size(&bench) > 256, "more than one byte of the key differs");
}

#[test]
fn entries_are_counted_without_a_search_for_each() {
    let world = World::new();
    let mut bench = world.bench(settings(3));
    for n in 0..3 {
        bench.must(world.statement(n));
    }
    assert!(bench.keep().unwrap());
    bench.must(world.statement(3));
    // Asked for any single leaf, this store would say that it holds a manifest.
    let lie = Lie::Lookup(crate::rows::MANIFEST, Some(0));
    let store = LyingStore { inner: Arc::clone(&world.store), lie };
    let snapshot = store.snapshot().unwrap();
    let size = TreeSize::new(size(&bench));
    let mut tally = Tally::new(Covered { to: LeafIndex::new(0), by: world.log_id });
    tally.count(snapshot.as_ref(), size, u64::MAX).unwrap();
    assert_eq!(tally.pending, size.get() - 1, "all but the manifest");
    assert_eq!(tally.next, size.next_index());
}

#[test]
fn one_manifest_covers_no_more_than_it_may() {
    let world = World::new();
    let bench = world.bench(Settings::default());
    let snapshot = world.store.snapshot().unwrap();
    let size = TreeSize::new(size(&bench));
    let manifest = fold(snapshot.as_ref(), LeafIndex::new(1), size, 3).unwrap();
    assert_eq!((manifest.from.get(), manifest.to.get()), (1, 4));
    assert_eq!(manifest.root, root_over(world.store.as_ref(), 1, 4));
}

fn by_hand(world: &World, follows: EntryId) -> StatementBuilder {
    let bytes = |id: EntryId| Value::Bytes(id.as_bytes().to_vec());
    StatementBuilder::new("https://ts.example", MANIFEST_SUBJECT)
        .content_type(ContentType::Text(MANIFEST_CT.into()))
        .extra(log_label(), bytes(world.log_id))
        .extra(follows_label(), bytes(follows))
}

fn payload(from: u64, to: u64) -> Vec<u8> {
    CollateralManifest { from: LeafIndex::new(from), to: LeafIndex::new(to), root: Hash::new([7; 32]) }
        .encode()
}

fn fault_of(answer: Result<crate::Registration, RegisterError>) -> ControlFault {
    match answer {
        Err(RegisterError::Refused(Refusal::Rejected(Rejection::Control(fault)))) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn d12_a_manifest_that_leaves_a_gap_or_overlaps_is_refused() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let registrar = world.keys.registrar.as_ref();
    for (from, to) in [(1, 5), (0, 6)] {
        let manifest = by_hand(&world, world.log_id).sign(&payload(from, to), registrar).unwrap();
        assert_eq!(fault_of(bench.register(manifest)), ControlFault::Uncovered { next: LeafIndex::new(0) });
    }
    world.clock.set(UnixTime::from_secs(NOW + 600));
    assert!(bench.keep().unwrap());
    let again = by_hand(&world, world.log_id).sign(&payload(0, 5), registrar).unwrap();
    assert_eq!(fault_of(bench.register(again)), ControlFault::Uncovered { next: LeafIndex::new(5) });
    assert_eq!(size(&bench), 6);
}

#[test]
fn d12_a_manifest_is_the_registrars_and_this_logs() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let registrar = world.keys.registrar.as_ref();
    let good = || by_hand(&world, world.log_id);
    let bytes = |byte: u8| Value::Bytes(vec![byte; 32]);
    let other = EntryId::from_bytes([1; 32]);
    let text = |name: &str| ContentType::Text(name.into());
    for (statement, fault) in [
        (good().extra(log_label(), Value::Null), ControlFault::NoLog),
        (
            good().extra(log_label(), bytes(1)),
            ControlFault::AnotherLog { found: other, expected: world.log_id },
        ),
        (good().extra(follows_label(), Value::Null), ControlFault::NoFollows),
        (
            good().content_type(text("application/vnd.stele.Collateral-Manifest+cbor")),
            ControlFault::Type { expected: MANIFEST_CT },
        ),
    ] {
        let statement = statement.sign(&payload(0, 5), registrar).unwrap();
        assert_eq!(fault_of(bench.register(statement)), fault);
    }
    let malformed = good().sign(b"\xa0", registrar).unwrap();
    assert_eq!(fault_of(bench.register(malformed)), ControlFault::Manifest(ManifestError::Form));
    let operators = good().sign(&payload(0, 5), &world.operator).unwrap();
    assert!(matches!(
        bench.register(operators),
        Err(RegisterError::Refused(Refusal::Rejected(Rejection::ReservedIssuer { .. })))
    ));
    assert_eq!(size(&bench), 5);
}

#[test]
fn d12_collateral_that_was_rewritten_is_found() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(Arc::<MemoryStore>::clone(&store));
    let mut bench = world.bench(settings(6));
    let (id, index, _) = bench.must(world.statement(1));
    assert!(bench.keep().unwrap());
    let mut record =
        Collateral::decode(&bench.runtime.block_on(bench.ledger.collateral(id)).unwrap()).unwrap();
    drop(bench);
    assert!(fsck(store.as_ref(), &mut |_| {}).unwrap().is_clean());
    record.rule = Some("a rule that never was".into());
    store.tamper(Tamper::Collateral(LeafIndex::new(index), Bytes::from(record.encode())));
    let report = fsck(store.as_ref(), &mut |_| {}).unwrap();
    assert_eq!(report.faults, vec![Fault::Manifest(LeafIndex::new(6))]);
}
