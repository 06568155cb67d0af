//! Batches of TRACE records, against the records of the log.

use proofs::{EntryId, LeafIndex, UnixTime, leaf_hash};

use super::super::{AuditPace, AuditReport, AuditState, audit_store};
use super::findings::{about, examined, trace};
use super::{PACE, audit};
use crate::Fault;
use crate::control::{Erasure, erasure_statement};
use crate::profile::{Kind, anchor_leaf};
use crate::settings::Settings;
use crate::testing::{Bench, NOW, World};
use crate::trace_batch::TraceBatch;

/// Records that their own rules accept.
const RECORDS: [&str; 2] = ["signed_root", "signed_delegated_hop"];

fn world() -> (World, Bench) {
    let world = World::new();
    let bench =
        world.bench(Settings { trace_batch_interval_s: 0, manifest_entries: 0, ..Settings::default() });
    (world, bench)
}

fn register(world: &World, bench: &mut Bench, n: usize) -> EntryId {
    let record = trace(RECORDS[n % RECORDS.len()]);
    bench.must(about(world, Kind::TraceRecord, &format!("urn:example:{n}"), &record)).0
}

fn erase(world: &World, bench: &mut Bench, entry: EntryId) {
    let erasure = Erasure { entry, reason: "asked for".into() };
    bench.must(erasure_statement(&bench.ledger.identity(), &erasure, &world.operator).unwrap());
}

/// Clean or not, batches that hold, and batches that were not checked.
fn found(report: &AuditReport) -> (bool, u64, u64) {
    (report.is_clean(), report.counts.batches, report.counts.batches_not_checked)
}

#[test]
fn batches_that_list_the_records_hold_wherever_the_audit_stops() {
    let (world, mut bench) = world();
    for n in 0..7 {
        register(&world, &mut bench, n);
        bench.must(world.statement(n));
        if n % 2 == 1 {
            assert!(bench.batch().unwrap());
        }
    }
    bench.publisher.publish_newest().unwrap();
    let whole = audit(world.store.as_ref());
    assert_eq!(found(&whole), (true, 3, 0), "{:?}", whole.discrepancies);
    let mut state: Option<AuditState> = None;
    let pace = AuditPace { entries: 3, ..PACE };
    loop {
        let mut next = None;
        let report = audit_store(world.store.as_ref(), state.take(), &pace, &mut |auditor, _| {
            next = Some(serde_json::from_slice(&serde_json::to_vec(&auditor.state()).unwrap()).unwrap());
            false
        })
        .unwrap();
        match next {
            Some(next) => state = Some(next),
            None => {
                assert_eq!(report, whole);
                break;
            }
        }
    }
}

/// What the sequencer cannot tell, and the registrar's key signs all the same: a batch of other leaves, or of more.
#[test]
fn attack_a_batch_that_lists_other_records_is_found() {
    for more in [false, true] {
        let (world, mut bench) = world();
        let (_, record, _) =
            bench.must(about(&world, Kind::TraceRecord, "urn:example:0", &trace(RECORDS[0])));
        let own = examined(&world, record).as_ref().and_then(anchor_leaf).unwrap();
        let leaves = if more { vec![own, leaf_hash(b"more")] } else { vec![leaf_hash(b"other")] };
        let identity = bench.ledger.identity();
        let to = LeafIndex::new(bench.ledger.head().tree.size.get());
        let batch = TraceBatch { from: LeafIndex::new(0), to, leaves };
        let registrar = world.keys.registrar.as_ref();
        let signed = batch.sign(identity.log_id, UnixTime::from_secs(NOW), &identity, registrar).unwrap();
        let (_, index, _) = bench.must(signed);
        bench.publisher.publish_newest().unwrap();
        let report = audit(world.store.as_ref());
        let fault = Fault::TraceBatch(LeafIndex::new(index)).to_string();
        assert_eq!((report.counts.batches, report.discrepancies), (0, vec![fault]));
    }
}

/// Before its batch an erased record is not listed, after it it is: neither is a lie.
#[test]
fn d20_what_was_erased_around_its_batch_is_no_discrepancy() {
    let (world, mut bench) = world();
    let ids: Vec<EntryId> = (0..3).map(|n| register(&world, &mut bench, n)).collect();
    let state_before = state_of(&world, &mut bench);
    erase(&world, &mut bench, ids[2]);
    assert!(bench.batch().unwrap());
    let before = audit_of(&world, &mut bench, None);
    assert_eq!(found(&before), (true, 1, 0), "{:?}", before.discrepancies);
    erase(&world, &mut bench, ids[0]);
    let after = audit_of(&world, &mut bench, None);
    assert_eq!(found(&after), (true, 0, 1), "{:?}", after.discrepancies);
    // An audit that saw all three before any was erased.
    let resumed = audit_of(&world, &mut bench, Some(state_before));
    assert_eq!(found(&resumed), (true, 1, 0), "{:?}", resumed.discrepancies);
}

fn audit_of(world: &World, bench: &mut Bench, state: Option<AuditState>) -> AuditReport {
    bench.publisher.publish_newest().unwrap();
    audit_store(world.store.as_ref(), state, &PACE, &mut |_, _| true).unwrap()
}

fn state_of(world: &World, bench: &mut Bench) -> AuditState {
    bench.publisher.publish_newest().unwrap();
    let mut state = None;
    audit_store(world.store.as_ref(), None, &PACE, &mut |auditor, _| {
        state = Some(auditor.state());
        true
    })
    .unwrap();
    state.unwrap()
}
