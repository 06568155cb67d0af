use std::path::PathBuf;

use proofs::{ContentType, EntryId, Hash, LeafIndex, SignedStatement, StatementBuilder, UnixTime, leaf_hash};
use serde_json::Value;

use super::document::{TraceBatch, path, root};
use super::{BatchError, MAX_BATCH_RECORDS};
use crate::control::{ControlFault, Erasure, erasure_statement};
use crate::error::{ReadError, RegisterError};
use crate::governance::{Refusal, Rejection};
use crate::profile::Kind;
use crate::settings::Settings;
use crate::testing::{Bench, ISSUER, NOW, World};
use crate::{Fault, fsck};

const NAMES: [&str; 5] = ["00-level0", "01-level1", "02-level2", "03-nonascii", "04-delegated"];

fn data(name: &str) -> Value {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/trace/vectors")).join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn record(name: &str) -> Value {
    data(&format!("signed-local/{name}.json"))["record"].clone()
}

/// A record in a statement of the trusted issuer.
fn statement(world: &World, record: &Value) -> Vec<u8> {
    let content_type = ContentType::Text(Kind::TraceRecord.content_type().into());
    let builder =
        StatementBuilder::new(ISSUER, record["subject"].as_str().unwrap()).content_type(content_type);
    builder.sign(record.to_string().as_bytes(), &world.issuer).unwrap()
}

fn register(world: &World, bench: &mut Bench, name: &str) -> EntryId {
    bench.must(statement(world, &record(name))).0
}

fn at_once() -> Settings {
    Settings { trace_batch_interval_s: 0, manifest_entries: 0, ..Settings::default() }
}

fn size(bench: &Bench) -> u64 {
    bench.ledger.head().tree.size.get()
}

fn at(bench: &Bench, index: u64) -> SignedStatement {
    let snapshot = bench.ledger.shared.store.snapshot().unwrap();
    let bytes = snapshot.statement(LeafIndex::new(index)).unwrap().unwrap();
    SignedStatement::parse(&bytes, bytes.len()).unwrap()
}

fn anchor(bench: &Bench, id: EntryId) -> Result<super::TraceAnchor, ReadError> {
    bench.runtime.block_on(bench.ledger.trace_anchor(id))
}

fn fault_of<T: std::fmt::Debug>(outcome: Result<T, RegisterError>) -> BatchError {
    match outcome {
        Err(RegisterError::Refused(Refusal::Rejected(rejection))) => match rejection {
            Rejection::Control(ControlFault::TraceBatch(fault)) => fault,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// The published construction: roots and paths of its trees.
#[test]
fn roots_and_paths_are_those_of_the_published_vectors() {
    let hash = |value: &Value| -> Hash { value.as_str().unwrap()[7..].parse().unwrap() };
    let hashes = |value: &Value| -> Vec<Hash> { value.as_array().unwrap().iter().map(hash).collect() };
    let mut trees = 0;
    for name in [
        "01-tree-1-index-0",
        "02-tree-2-index-0",
        "03-tree-2-index-1",
        "04-tree-3-index-2",
        "05-tree-5-index-0",
        "06-tree-5-index-3",
        "07-tree-5-index-4",
        "08-tree-9-index-8",
    ] {
        let vector = data(&format!("anchor-inclusion/{name}.json"));
        let leaves = hashes(&vector["construction"]["ordered_leaf_hashes"]);
        let text = vector["construction"]["canonical_ascii"].as_str().unwrap();
        let index = usize::try_from(vector["receipt"]["leaf_index"].as_u64().unwrap()).unwrap();
        assert_eq!(leaf_hash(text.as_bytes()), leaves[index], "{name}");
        assert_eq!(root(&leaves), hash(&vector["receipt"]["merkle_root"]), "{name}");
        assert_eq!(path(&leaves, index), hashes(&vector["receipt"]["audit_path"]), "{name}");
        trees += 1;
    }
    assert_eq!(trees, 8);
}

/// RFC 9162 §2.1.3.2 accepts every path of every tree, and no other leaf under it.
#[test]
fn every_path_of_every_small_tree_verifies() {
    let leaves: Vec<Hash> = (0..70_u8).map(|n| leaf_hash(&[n])).collect();
    for count in 1..=leaves.len() {
        let (leaves, root) = (&leaves[..count], root(&leaves[..count]));
        for (index, leaf) in leaves.iter().enumerate() {
            let (position, size) = (
                LeafIndex::new(u64::try_from(index).unwrap()),
                proofs::TreeSize::new(u64::try_from(count).unwrap()),
            );
            let proof = proofs::InclusionProof { index: position, size, path: path(leaves, index) };
            proof.verify(leaf, &root).unwrap();
            assert!(proof.verify(&leaf_hash(b"other"), &root).is_err());
        }
    }
}

/// The root is the one that the reference tool computed over the same five records.
#[test]
fn a_batch_holds_the_records_of_a_minute_and_is_registered_itself() {
    let world = World::new();
    let mut bench = world.bench(Settings { manifest_entries: 0, ..Settings::default() });
    let from = size(&bench);
    let mut ids = vec![register(&world, &mut bench, NAMES[0])];
    bench.must(world.statement(1));
    assert!(!bench.batch().unwrap(), "a minute has not passed");
    assert!(
        matches!(anchor(&bench, ids[0]), Err(ReadError::NotYetAnchored { index }) if index.get() == from)
    );
    world.clock.set(UnixTime::from_secs(NOW + 59));
    assert!(!bench.batch().unwrap());
    ids.extend(NAMES[1..].iter().map(|name| register(&world, &mut bench, name)));
    world.clock.set(UnixTime::from_secs(NOW + 60));
    assert!(bench.batch().unwrap());
    assert!(!bench.batch().unwrap(), "nothing has come since");

    let registered = at(&bench, from + 6);
    registered.check_signature(world.keys.registrar.public_key()).unwrap();
    let known: Value = {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/trace/vectors/signed-local/entry.ndjson");
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    };
    for (place, (id, name)) in ids.iter().zip(NAMES).enumerate() {
        let found = anchor(&bench, *id).unwrap();
        assert_eq!(found.entry, registered.payload());
        assert_eq!((found.batch, found.batch_index.get()), (registered.entry_id(), from + 6));
        assert_eq!((found.proof.index.get(), found.proof.size.get()), (u64::try_from(place).unwrap(), 5));
        let leaf = format!("sha256:{}", found.leaf);
        assert_eq!(data(&format!("signed-local/{name}.json"))["anchor_leaf"], leaf);
        found.proof.verify(&found.leaf, &found.root).unwrap();
        let entry: Value = serde_json::from_slice(&found.entry).unwrap();
        assert_eq!(
            (&entry["merkle_root"], &entry["leaf_count"]),
            (&known["merkle_root"], &known["leaf_count"])
        );
        assert_eq!(entry["ts"], "2026-09-21T14:14:20Z");
        assert_eq!(entry["merkle_root"], format!("sha256:{}", found.root));
        let members: Vec<&String> = entry.as_object().unwrap().keys().collect();
        assert_eq!(members.len(), 5, "the registry's schema allows no others: {members:?}");
    }
    let batch = TraceBatch::of(registered.header()).unwrap();
    assert_eq!((batch.from.get(), batch.to.get()), (0, from + 6));

    let other = bench.must(world.statement(2)).0;
    assert!(matches!(anchor(&bench, other), Err(ReadError::NotFound)), "no TRACE record");
    drop(bench);
    assert_eq!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().faults, []);
}

#[test]
fn batches_follow_each_other_without_a_gap_across_restarts() {
    let world = World::new();
    let mut bench = world.bench(at_once());
    assert!(!bench.batch().unwrap(), "no record, no batch");
    let first = register(&world, &mut bench, NAMES[0]);
    assert!(bench.batch().unwrap());
    drop(bench);
    let mut bench = world.bench(at_once());
    assert!(!bench.batch().unwrap(), "what is in a batch is not put into another");
    let second = register(&world, &mut bench, NAMES[1]);
    let third = register(&world, &mut bench, NAMES[2]);
    assert!(bench.batch().unwrap());
    let (first, second, third) =
        (anchor(&bench, first).unwrap(), anchor(&bench, second).unwrap(), anchor(&bench, third).unwrap());
    assert_eq!((first.proof.size.get(), second.proof.size.get()), (1, 2));
    assert_ne!(first.batch, second.batch);
    assert_eq!(second.batch, third.batch);
    let follows =
        at(&bench, second.batch_index.get()).header().extra(&crate::control::follows_label()).cloned();
    assert_eq!(follows, Some(ciborium::Value::Bytes(first.batch.as_bytes().to_vec())));
    drop(bench);
    assert_eq!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().faults, []);
}

/// A keeper that did not hear of its batch makes another over the same records: only one of them fits.
#[test]
fn a_batch_that_does_not_continue_the_newest_is_refused() {
    let world = World::new();
    let mut bench = world.bench(at_once());
    register(&world, &mut bench, NAMES[0]);
    let identity = bench.ledger.identity();
    let leaf = leaf_hash(b"leaf");
    let signed = |from: u64, to: u64, leaves: Vec<Hash>| {
        let batch = TraceBatch { from: LeafIndex::new(from), to: LeafIndex::new(to), leaves };
        let registrar = world.keys.registrar.as_ref();
        batch.sign(identity.log_id, UnixTime::from_secs(NOW), &identity, registrar).unwrap()
    };
    let here = size(&bench);
    for (from, to) in [(1, here), (0, here + 1)] {
        let fault = fault_of(bench.register(signed(from, to, vec![leaf])));
        assert_eq!(fault, BatchError::Place { next: LeafIndex::new(0) });
    }
    // Two in one round.
    let one = bench.submit(signed(0, here, vec![leaf]));
    let two = bench.submit(signed(0, here - 1, vec![leaf]));
    while bench.sequencer.waiting() > 0 {
        bench.sequencer.step().unwrap();
    }
    bench.answer(one).unwrap();
    assert!(matches!(fault_of(bench.answer(two)), BatchError::Place { .. }));
    let fault = fault_of(bench.register(signed(0, here - 2, vec![leaf])));
    assert_eq!(fault, BatchError::Place { next: LeafIndex::new(here) });
    drop(bench);
    let faults = fsck(world.store.as_ref(), &mut |_| {}).unwrap().faults;
    assert_eq!(faults, [Fault::TraceBatch(LeafIndex::new(here))], "it does not list what is stored");
}

#[test]
fn what_is_no_batch_is_refused() {
    let world = World::new();
    let mut bench = world.bench(at_once());
    let identity = bench.ledger.identity();
    let batch = |leaves: Vec<Hash>| TraceBatch { from: LeafIndex::new(0), to: LeafIndex::new(3), leaves };
    let registrar = world.keys.registrar.as_ref();
    let sign = |batch: &TraceBatch| {
        batch.sign(identity.log_id, UnixTime::from_secs(NOW), &identity, registrar).unwrap()
    };
    let good = sign(&batch(vec![leaf_hash(b"a"), leaf_hash(b"b")]));
    let good = SignedStatement::parse(&good, good.len()).unwrap();
    // The same headers around another payload.
    let with = |payload: &str, leaves: Option<Vec<u8>>, range: Option<ciborium::Value>| {
        let mut builder = StatementBuilder::new(&identity.genesis.issuer, super::BATCH_SUBJECT)
            .content_type(ContentType::Text(super::BATCH_CT.to_owned()));
        for name in [crate::control::LOG_HEADER, crate::control::FOLLOWS_HEADER] {
            let label = proofs::Label::Text(name.to_owned());
            builder = builder.extra(label.clone(), good.header().extra(&label).unwrap().clone());
        }
        for (name, value) in
            [(super::LEAVES_HEADER, leaves.map(ciborium::Value::Bytes)), (super::RANGE_HEADER, range)]
        {
            let label = proofs::Label::Text(name.to_owned());
            let value = value.unwrap_or_else(|| good.header().extra(&label).unwrap().clone());
            builder = builder.extra(label, value);
        }
        builder.sign(payload.as_bytes(), registrar).unwrap()
    };
    let text = std::str::from_utf8(good.payload()).unwrap();
    let other_root = root(&[leaf_hash(b"x")]).to_string();
    let its_root = root(&[leaf_hash(b"a"), leaf_hash(b"b")]).to_string();
    for payload in [
        text.replace("\"leaf_count\":2", "\"leaf_count\":3"),
        text.replace(&its_root, &other_root),
        text.replace("stele/", "stele"),
        text.replace("stele/", "../"),
        text.replace("Z\",\"merkle", "+00:00\",\"merkle"),
        text.replace("{\"ts\"", "{ \"ts\""),
        text.replace("0-3\"", "0-4\""),
        text.replace("0-3\"}", "0-3\",\"more\":1}"),
        String::new(),
    ] {
        assert_ne!(payload, text);
        assert_eq!(fault_of(bench.register(with(&payload, None, None))), BatchError::Entry, "{payload}");
    }
    for leaves in [vec![], vec![0; 31], vec![0; 33], vec![0; 32 * (MAX_BATCH_RECORDS + 1)]] {
        assert_eq!(fault_of(bench.register(with(text, Some(leaves), None))), BatchError::Leaves);
    }
    let pair = |from: i64, to: i64| ciborium::Value::Array(vec![from.into(), to.into()]);
    for range in [pair(3, 3), pair(-1, 3), pair(4, 3), ciborium::Value::Null] {
        assert_eq!(fault_of(bench.register(with(text, None, Some(range)))), BatchError::Range);
    }
    bench.must(with(text, None, None));
    let full = vec![leaf_hash(b"a"); MAX_BATCH_RECORDS];
    let (from, to) = (LeafIndex::new(3), LeafIndex::new(size(&bench)));
    bench.must(sign(&TraceBatch { from, to, leaves: full }));

    // Under the issuer's own name, and as evidence for the registrar.
    let content_type = ContentType::Text(super::BATCH_CT.to_owned());
    let builder = StatementBuilder::new(ISSUER, super::BATCH_SUBJECT).content_type(content_type);
    assert!(bench.register(builder.sign(text.as_bytes(), &world.issuer).unwrap()).is_err());
}

/// A leaf stays listed when its record is erased, so that its neighbours can still be proven.
#[test]
fn neighbours_of_an_erased_record_are_still_proven() {
    let world = World::new();
    let mut bench = world.bench(at_once());
    let erased = register(&world, &mut bench, NAMES[0]);
    let kept = register(&world, &mut bench, NAMES[1]);
    let early = register(&world, &mut bench, NAMES[2]);
    let identity = bench.ledger.identity();
    let erase = |bench: &mut Bench, entry: EntryId| {
        let erasure = Erasure { entry, reason: "asked for".into() };
        bench.must(erasure_statement(&identity, &erasure, &world.operator).unwrap());
    };
    // Before its batch: it is not listed at all.
    erase(&mut bench, early);
    assert!(bench.batch().unwrap());
    let before = anchor(&bench, kept).unwrap();
    assert_eq!(before.proof.size.get(), 2);
    erase(&mut bench, erased);
    assert_eq!(anchor(&bench, kept).unwrap(), before);
    assert!(matches!(anchor(&bench, erased), Err(ReadError::Erased { .. })));
    drop(bench);
    assert_eq!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().faults, []);
}

/// The same record in two statements: two entries, one leaf, both proven.
#[test]
fn one_record_in_two_statements_is_proven_by_either() {
    let world = World::new();
    let mut bench = world.bench(at_once());
    let record = record(NAMES[3]);
    let first = bench.must(statement(&world, &record)).0;
    let content_type = ContentType::Text(Kind::TraceRecord.content_type().into());
    let builder = StatementBuilder::new(ISSUER, "urn:another:subject").content_type(content_type);
    let second = bench.must(builder.sign(record.to_string().as_bytes(), &world.issuer).unwrap()).0;
    assert!(bench.batch().unwrap());
    let (first, second) = (anchor(&bench, first).unwrap(), anchor(&bench, second).unwrap());
    assert_ne!(first.index, second.index);
    assert_eq!((first.leaf, &first.proof), (second.leaf, &second.proof));
}

/// What is TRACE's and no record makes no batch, and keeps none from being made.
#[test]
fn revocations_alone_make_no_batch() {
    let world = World::new();
    let mut bench = world.bench(at_once());
    bench.must(world.policy_with(&bench.ledger, |policy| {
        policy.profiles.iter_mut().for_each(|rule| rule.enforce = crate::profile::Enforce::Report);
    }));
    let content_type = ContentType::Text(Kind::TraceRevocation.content_type().into());
    let builder = StatementBuilder::new(ISSUER, "a key").content_type(content_type);
    let revocation = bench.must(builder.sign(b"{\"compromised_key_id\":\"k\"}", &world.issuer).unwrap()).0;
    // A record that broke TRACE's rules, where the policy only reports it.
    let mut broken = record(NAMES[0]);
    broken["data_class"] = "changed".into();
    let broken = bench.must(statement(&world, &broken)).0;
    assert!(!bench.batch().unwrap());
    assert!(!bench.batch().unwrap());
    let id = register(&world, &mut bench, NAMES[1]);
    assert!(bench.batch().unwrap());
    assert_eq!(anchor(&bench, id).unwrap().proof.size.get(), 1);
    for id in [revocation, broken] {
        assert!(matches!(anchor(&bench, id), Err(ReadError::NotFound)));
    }
    drop(bench);
    assert_eq!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().faults, []);
}

/// A leaf that no record has, beside one that a record has.
#[test]
fn a_batch_that_lists_too_much_is_found() {
    let world = World::new();
    let mut bench = world.bench(at_once());
    let id = register(&world, &mut bench, NAMES[0]);
    let identity = bench.ledger.identity();
    let leaf: Hash =
        data("signed-local/00-level0.json")["anchor_leaf"].as_str().unwrap()[7..].parse().unwrap();
    let here = size(&bench);
    for leaves in [vec![leaf, leaf_hash(b"no record")], vec![leaf_hash(b"no record"), leaf]] {
        let batch = TraceBatch { from: LeafIndex::new(0), to: LeafIndex::new(here), leaves };
        let snapshot = bench.ledger.shared.store.snapshot().unwrap();
        assert!(!super::holds(snapshot.as_ref(), &batch).unwrap());
    }
    let batch = TraceBatch { from: LeafIndex::new(0), to: LeafIndex::new(here), leaves: vec![leaf, leaf] };
    let registrar = world.keys.registrar.as_ref();
    bench.must(batch.sign(identity.log_id, UnixTime::from_secs(NOW), &identity, registrar).unwrap());
    anchor(&bench, id).unwrap().proof.verify(&leaf, &root(&[leaf, leaf])).unwrap();
    drop(bench);
    let faults = fsck(world.store.as_ref(), &mut |_| {}).unwrap().faults;
    assert_eq!(faults, [Fault::TraceBatch(LeafIndex::new(here))]);
}

/// Rounds end often: the log is looked at once a second, or when a batch may be full.
#[test]
fn a_look_in_the_same_second_is_spared() {
    let world = World::new();
    let bench = world.bench(Settings::default());
    let snapshot = bench.ledger.shared.store.snapshot().unwrap();
    let here = bench.ledger.head().tree.size;
    let mut tally = super::Tally::new(snapshot.as_ref(), here).unwrap();
    let (now, later) = (UnixTime::from_secs(NOW), UnixTime::from_secs(NOW + 1));
    assert!(!tally.may_wait(here, now, 60), "nobody has looked yet");
    assert_eq!(tally.due(snapshot.as_ref(), here, now, 60).unwrap(), None);
    let full = u64::try_from(MAX_BATCH_RECORDS).unwrap();
    let grown = |more: u64| proofs::TreeSize::new(here.get() + more);
    assert!(tally.may_wait(here, now, 60) && tally.may_wait(grown(full - 1), now, 60));
    assert!(!tally.may_wait(grown(full), now, 60), "a batch may be full");
    assert!(!tally.may_wait(here, later, 60));
    assert!(!tally.may_wait(here, now, 0), "a batch after every round");
}
