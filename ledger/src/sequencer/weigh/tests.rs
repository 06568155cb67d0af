use std::sync::Arc;

use proofs::{EntryId, Hash, LeafIndex, Receipt, TreeHead, TreeSize, UnixTime};
use storage::memory::{Fault as StoreFault, MemoryStore};
use storage::{Commit, LogStore};

use crate::audit::{AuditPace, audit_store};
use crate::control::{
    ControlFault, Erasure, Incident, NoticeError, erasure_statement, follows_label, incident_statement,
};
use crate::error::{ReadError, RegisterError};
use crate::governance::{Refusal, Rejection};
use crate::registration::Registration;
use crate::settings::Settings;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::testing::meddling::Meddling;
use crate::testing::{Bench, NOW, World, id_of};
use crate::{Fault, Submission, fsck};

fn erasure(world: &World, bench: &Bench, entry: EntryId) -> Vec<u8> {
    let document = Erasure { entry, reason: "asked for by the person".into() };
    erasure_statement(&bench.ledger.identity(), &document, &world.operator).unwrap()
}

fn refused(answer: Result<Registration, RegisterError>) -> ControlFault {
    match answer {
        Err(RegisterError::Refused(Refusal::Rejected(Rejection::Control(fault)))) => fault,
        other => panic!("{other:?}"),
    }
}

fn assert_whole(store: &dyn LogStore) {
    let report = fsck(store, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
    let audited = audit_store(store, None, &AuditPace::default(), &mut |_, _| true).unwrap();
    assert!(audited.is_clean(), "{audited:?}");
}

#[test]
fn d20_what_is_erased_is_gone_and_the_log_stays_whole() {
    let world = World::new();
    let mut bench = world.bench(Settings { manifest_entries: 4, ..Settings::default() });
    let (id, index, receipt) = bench.must(world.statement(1));
    while bench.keep().unwrap() {}
    let (by, ..) = bench.must(erasure(&world, &bench, id));
    bench.must(world.statement(2));
    while bench.keep().unwrap() {}

    let gone = |error: ReadError| matches!(error, ReadError::Erased { by: found } if found == by);
    let runtime = &bench.runtime;
    assert!(gone(runtime.block_on(bench.ledger.statement(id)).unwrap_err()));
    assert!(gone(runtime.block_on(bench.ledger.collateral(id)).unwrap_err()));
    assert!(gone(runtime.block_on(bench.ledger.transparent(id)).unwrap_err()));
    assert!(gone(runtime.block_on(bench.ledger.receipt(id)).unwrap_err()));
    let kept = Receipt::parse(&receipt).unwrap();
    kept.verify_inclusion(id.as_bytes(), world.keys.receipts.public_key()).unwrap();

    let snapshot = world.store.snapshot().unwrap();
    let row = snapshot.entry(LeafIndex::new(index)).unwrap().unwrap();
    assert_eq!(row.entry, *id.as_bytes());
    let subject = b"urn:example:artifact:1";
    let rows = (0..=255).flat_map(|name| snapshot.scan(storage::IndexName(name), &[], 10_000).unwrap());
    let told: Vec<_> =
        rows.filter(|(key, _)| key.windows(subject.len()).any(|window| window == subject)).collect();
    assert_eq!(told, vec![], "no index tells of the subject");
    drop(snapshot);
    drop(bench);
    assert_whole(world.store.as_ref());
    // And it opens, with everything in place.
    let bench = world.bench(Settings::default());
    assert!(gone(bench.runtime.block_on(bench.ledger.statement(id)).unwrap_err()));
}

#[test]
fn d20_sending_it_again_does_not_bring_it_back() {
    let mut world = World::new();
    world.issuer = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let mut bench = world.bench(Settings::default());
    let original = world.statement(1);
    let (id, ..) = bench.must(original.clone());
    let (by, ..) = bench.must(erasure(&world, &bench, id));
    let size = bench.ledger.head().tree.size;
    for _ in 0..2 {
        let again = bench.register(original.clone());
        assert!(
            matches!(again, Err(RegisterError::Erased { id: i, by: b }) if i == id && b == by),
            "{again:?}"
        );
    }
    let twin = crate::testing::twin_of(&original);
    let again = bench.register(twin);
    assert!(matches!(again, Err(RegisterError::Twin { of }) if of == id), "{again:?}");
    assert_eq!(bench.ledger.head().tree.size, size);
}

#[test]
fn d20_evidence_is_erased_with_what_it_was_known_by() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let evidence = Submission {
        content_type: "application/json".into(),
        subject: "urn:example:1".into(),
        producer: Some("tenant".into()),
        payload: "{}".into(),
        headers: Vec::new(),
        envelope: false,
    };
    let answer = bench.submit_evidence(evidence.clone());
    let Registration::Issued { id, .. } = bench.drive(answer).unwrap() else { panic!() };
    let known = |bench: &Bench| {
        let snapshot = bench.ledger.shared.store.snapshot().unwrap();
        snapshot.lookup(crate::rows::EVIDENCE, &evidence.key()).unwrap()
    };
    assert!(known(&bench).is_some());
    bench.must(erasure(&world, &bench, id));
    assert_eq!(known(&bench), None);
    let answer = bench.submit_evidence(evidence.clone());
    assert!(matches!(bench.drive(answer), Err(RegisterError::Erased { .. })));
    drop(bench);
    assert_whole(world.store.as_ref());
}

#[test]
fn d20_the_logs_own_statements_cannot_be_erased_and_nothing_twice() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (id, ..) = bench.must(world.statement(1));
    world.clock.set(UnixTime::from_secs(NOW + 600));
    assert!(bench.keep().unwrap());
    let own = |bench: &Bench, index: u64| {
        let snapshot = bench.ledger.shared.store.snapshot().unwrap();
        EntryId::from_bytes(snapshot.entry(LeafIndex::new(index)).unwrap().unwrap().entry)
    };
    // Genesis, policies, anchors, a manifest.
    for index in [0, 1, 2, 3, 4, 6] {
        let entry = own(&bench, index);
        let fault = refused(bench.register(erasure(&world, &bench, entry)));
        assert_eq!(fault, ControlFault::NotErasable { entry }, "{index}");
    }
    let unknown = EntryId::from_bytes([9; 32]);
    let fault = refused(bench.register(erasure(&world, &bench, unknown)));
    assert_eq!(fault, ControlFault::NoSuchEntry { entry: unknown });

    let first = erasure(&world, &bench, id);
    let (by, ..) = bench.must(first.clone());
    assert_eq!(bench.must(first).0, by, "the same erasure again is the same entry");
    let document = Erasure { entry: id, reason: "another reason".into() };
    let again = erasure_statement(&bench.ledger.identity(), &document, &world.operator).unwrap();
    assert_eq!(refused(bench.register(again)), ControlFault::ErasedAlready { entry: id, by });
    let fault = refused(bench.register(erasure(&world, &bench, by)));
    assert_eq!(fault, ControlFault::NotErasable { entry: by });
}

#[test]
fn d20_only_the_operator_erases_and_says_twice_what() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (id, ..) = bench.must(world.statement(1));
    let identity = bench.ledger.identity();
    let document = Erasure { entry: id, reason: "r".into() };
    let strangers = erasure_statement(&identity, &document, &world.issuer).unwrap();
    assert!(matches!(refused(bench.register(strangers)), ControlFault::NotTheOperator { .. }));
    let empty = Erasure { reason: String::new(), ..document.clone() };
    assert!(erasure_statement(&identity, &empty, &world.operator).is_err());
    let bytes = |id: EntryId| ciborium::Value::Bytes(id.as_bytes().to_vec());
    let by_hand = |follows: EntryId, payload: &[u8]| {
        proofs::StatementBuilder::new(&identity.genesis.issuer, crate::control::ERASURE_SUBJECT)
            .content_type(proofs::ContentType::Text(crate::control::ERASURE_CT.into()))
            .extra(crate::control::log_label(), bytes(identity.log_id))
            .extra(follows_label(), bytes(follows))
            .sign(payload, &world.operator)
            .unwrap()
    };
    let other = by_hand(world.log_id, &document.to_json().unwrap());
    assert_eq!(refused(bench.register(other)), ControlFault::ErasureTarget);
    let malformed = by_hand(id, b"{}");
    assert!(matches!(refused(bench.register(malformed)), ControlFault::Notice(NoticeError::Json(_))));
    assert!(bench.runtime.block_on(bench.ledger.statement(id)).is_ok());
}

/// Killed in the middle: all of it or nothing.
#[test]
fn d20_a_kill_leaves_the_whole_erasure_or_nothing_of_it() {
    for fault in [StoreFault::Lost, StoreFault::Persisted] {
        let store = Arc::new(MemoryStore::new());
        let world = World::on(Arc::<MemoryStore>::clone(&store));
        let mut bench = world.bench(Settings::default());
        let (id, ..) = bench.must(world.statement(1));
        store.fail_commit(store.commits() + 1, fault);
        let answer = bench.submit(erasure(&world, &bench, id));
        assert!(bench.sequencer.step().is_err());
        drop(answer);
        drop(bench);
        store.reopen();
        let mut bench = world.bench(Settings::default());
        let there = bench.runtime.block_on(bench.ledger.statement(id)).is_ok();
        assert_eq!(there, fault == StoreFault::Lost);
        bench.must(erasure(&world, &bench, id));
        drop(bench);
        assert_whole(store.as_ref());
    }
}

#[test]
fn d20_fsck_finds_an_erasure_without_effect_and_an_effect_without_erasure() {
    type Meddle = fn(&mut Commit);
    let forget: Meddle = |commit| commit.erasures.clear();
    let misdirect: Meddle = |commit| {
        for erasure in &mut commit.erasures {
            erasure.leaf = LeafIndex::new(5);
            erasure.rows.clear();
        }
    };
    let at = LeafIndex::new;
    for (meddle, expected) in [
        (forget, vec![Fault::NotErased(at(7))]),
        (misdirect, vec![Fault::Erased(at(5)), Fault::NotErased(at(7))]),
    ] {
        let world = World::on(Arc::new(Meddling { inner: MemoryStore::new(), meddle: Box::new(meddle) }));
        let mut bench = world.bench(Settings::default());
        bench.must(world.statement(1));
        let (id, ..) = bench.must(world.statement(2));
        bench.must(erasure(&world, &bench, id));
        drop(bench);
        let report = fsck(world.store.as_ref(), &mut |_| {}).unwrap();
        let faults: Vec<_> =
            report.faults.into_iter().filter(|fault| !matches!(fault, Fault::Index(..))).collect();
        assert_eq!(faults, expected);
        let audited = audit_store(world.store.as_ref(), None, &AuditPace::default(), &mut |_, _| true);
        assert!(!audited.unwrap().is_clean());
    }
}

#[test]
fn d11_an_incident_statement_resumes_from_the_newest_head_and_no_other() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    bench.must(world.statement(1));
    let head = bench.ledger.head().tree;
    let last = id_of(&world.statement(1));
    let incident = |bench: &Bench, last: EntryId, head: TreeHead| {
        let document = Incident { head, reason: "restored after a fire".into() };
        incident_statement(&bench.ledger.identity(), last, &document, &world.operator).unwrap()
    };
    for (last, found) in [
        (last, TreeHead { size: TreeSize::new(5), ..head }),
        (last, TreeHead { root: Hash::new([1; 32]), ..head }),
    ] {
        let fault = refused(bench.register(incident(&bench, last, found)));
        assert_eq!(fault, ControlFault::NotTheHead { found, held: head });
    }
    let fault = refused(bench.register(incident(&bench, world.log_id, head)));
    assert_eq!(fault, ControlFault::NotTheHead { found: head, held: head });
    let statement = incident(&bench, last, head);
    let (_, index, _) = bench.must(statement.clone());
    assert_eq!(index, head.size.get());
    bench.must(world.statement(2));
    assert_eq!(bench.must(statement).1, index);
    drop(bench);
    assert_whole(world.store.as_ref());
}
