//! What profiles found, made again from the log alone (D18): the payload's findings and the log's.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proofs::statement::{ContentType, StatementBuilder};
use proofs::{EntryId, LeafIndex, SignedStatement};
use serde_json::Value;

use super::super::{AuditPace, AuditReport, AuditState, audit_store};
use super::{PACE, audit, lie, record};
use crate::collateral::{Collateral, Examined};
use crate::control::{Erasure, erasure_statement};
use crate::profile::{Enforce, Finding, Kind, ProfileRule, Severity};
use crate::settings::Settings;
use crate::testing::tamper::LyingStore;
use crate::testing::{Bench, ISSUER, World};

const OTHER: &str = "its collateral names another log finding than the one that decides";

/// A world that examines everything and refuses nothing.
fn world() -> (World, Bench) {
    let world = World::new();
    let mut bench = world.bench(Settings { manifest_entries: 16, ..Settings::default() });
    let rules = Kind::all().map(|kind| ProfileRule { enforce: Enforce::Report, ..ProfileRule::of(kind) });
    bench.must(world.policy_with(&bench.ledger, |policy| policy.profiles = rules.collect()));
    (world, bench)
}

pub(super) fn about(world: &World, kind: Kind, subject: &str, payload: &Value) -> Vec<u8> {
    let content_type = ContentType::Text(kind.content_type().into());
    let builder = StatementBuilder::new(ISSUER, subject).content_type(content_type);
    builder.sign(payload.to_string().as_bytes(), &world.issuer).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

pub(super) fn trace(name: &str) -> Value {
    let path = folder().join(format!("trace/vectors/conformance/{name}.json"));
    let value: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    value.get("record").unwrap_or(&value).clone()
}

/// Every object of a file that may be a record: the file itself and what it has two levels down.
fn objects(value: &Value, depth: usize, found: &mut Vec<Value>) {
    if value.is_object() {
        found.push(value.clone());
    }
    let members: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => return,
    };
    if depth > 0 {
        members.into_iter().for_each(|member| objects(member, depth - 1, found));
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

pub(super) fn examined(world: &World, index: u64) -> Option<Examined> {
    let snapshot = world.store.snapshot().unwrap();
    let bytes = snapshot.collateral(LeafIndex::new(index)).unwrap()?;
    Collateral::decode(&bytes).unwrap().examined
}

fn publish(bench: &mut Bench) -> u64 {
    while bench.keep().unwrap() {}
    bench.publisher.publish_newest().unwrap();
    bench.ledger.head().tree.size.get()
}

/// Everything of the producers that lies in this repository, as each kind of its system, on one log.
#[test]
fn d18_an_audit_makes_every_finding_of_every_profile_again() {
    let (world, mut bench) = world();
    for name in ["trace", "aigp", "agent-evidence", "iatp", "agent-trace"] {
        let mut paths = Vec::new();
        files(&folder().join(name), &mut paths);
        let mut records = Vec::new();
        for path in paths {
            let Ok(value) = serde_json::from_slice(&fs::read(&path).unwrap()) else { continue };
            objects(&value, 2, &mut records);
        }
        let kinds: Vec<Kind> = Kind::all().filter(|kind| kind.system().name() == name).collect();
        // A bounded sample, spread over all files.
        let every = records.len().div_ceil(100).max(1);
        for (n, record) in records.iter().step_by(every).enumerate() {
            let kind = kinds[n % kinds.len()];
            let main = kinds[0];
            for kind in BTreeSet::from([kind, main]) {
                let answer = bench.submit(about(&world, kind, &format!("urn:example:{n}"), record));
                bench.sequencer.step().unwrap();
                bench.answer(answer).unwrap();
            }
        }
    }
    let size = publish(&mut bench);
    let (mut of_payload, mut of_log, mut profiles) = (0, BTreeSet::new(), BTreeSet::new());
    for found in (0..size).filter_map(|index| examined(&world, index)) {
        profiles.insert(found.profile.clone());
        of_payload += found.findings.iter().filter(|finding| finding.as_of.is_none()).count();
        of_log.extend(
            found.findings.iter().filter(|finding| finding.as_of.is_some()).map(|f| f.id.to_string()),
        );
    }
    assert_eq!(profiles.len(), Kind::all().count(), "{profiles:?}");
    assert!(of_payload > 100 && of_log.len() >= 3, "{of_payload} {of_log:?}");
    let report = audit(world.store.as_ref());
    assert!(report.is_clean(), "{:?}", report.discrepancies);
    assert_eq!((report.counts.judged, report.counts.cannot_evaluate), (size, 0));
    assert_eq!(report.counts.log_findings_not_checked, 0);
}

/// A child without its parent, the parent, and another child.
fn family() -> (World, Bench, [u64; 3], EntryId) {
    let (world, mut bench) = world();
    let (root, hop) = (trace("signed_root"), trace("signed_delegated_hop"));
    let (_, first, _) = bench.must(about(&world, Kind::TraceRecord, "urn:example:1", &hop));
    let (id, parent, _) = bench.must(about(&world, Kind::TraceRecord, "urn:example:2", &root));
    let (_, second, _) = bench.must(about(&world, Kind::TraceRecord, "urn:example:3", &hop));
    (world, bench, [first, parent, second], id)
}

type Change = fn(&mut Vec<Finding>);

fn orphan(finding: &Finding) -> bool {
    finding.id == "TRACE_PARENT_NOT_FOUND"
}

#[test]
fn d18_another_log_finding_than_the_log_gives_is_found() {
    let (world, mut bench, [first, _, second], _) = family();
    publish(&mut bench);
    assert!(examined(&world, first).unwrap().findings.iter().any(orphan));
    assert!(!examined(&world, second).unwrap().findings.iter().any(orphan));
    assert!(audit(world.store.as_ref()).is_clean());
    let change = |index, change: &dyn Fn(&mut Vec<Finding>)| {
        lie(&world, record(&world, index, |r| change(&mut r.examined.as_mut().unwrap().findings)))
    };
    // What was found is hushed up, moved to another place, or said as of another entry.
    let changes: [Change; 3] = [
        |found| found.retain(|finding| !orphan(finding)),
        |found| found.iter_mut().filter(|f| orphan(f)).for_each(|f| f.pointer.push('x')),
        |found| found.iter_mut().filter(|f| orphan(f)).for_each(|f| f.as_of = Some(2)),
    ];
    for one in changes {
        assert_eq!(change(first, &one), [format!("entry {first}: {OTHER}")]);
    }
    // Other words are no other finding.
    let words = |found: &mut Vec<Finding>| found.iter_mut().for_each(|finding| finding.message = "x".into());
    assert_eq!(change(first, &words), Vec::<String>::new());
    // What was not found is made up.
    let made_up = |found: &mut Vec<Finding>| {
        let mut finding = Finding::new("TRACE_PARENT_NOT_FOUND", Severity::Warning, "/x", "");
        finding.as_of = Some(second);
        found.push(finding);
    };
    assert_eq!(change(second, &made_up), [format!("entry {second}: {OTHER}")]);
}

/// Once a parent is erased nobody can tell what its child saw; whoever comes after the erasure sees no parent.
#[test]
fn d18_d20_an_erased_entry_excuses_what_was_found_before_its_erasure_and_no_more() {
    let (world, mut bench, [_, _, second], id) = family();
    let erasure = Erasure { entry: id, reason: "asked for".into() };
    bench.must(erasure_statement(&bench.ledger.identity(), &erasure, &world.operator).unwrap());
    let hop = about(&world, Kind::TraceRecord, "urn:example:4", &trace("signed_delegated_hop"));
    let (_, third, _) = bench.must(hop);
    assert!(examined(&world, third).unwrap().findings.iter().any(orphan));
    publish(&mut bench);
    let hush = |index| {
        let change = |r: &mut Collateral| r.examined.as_mut().unwrap().findings.retain(|f| !orphan(f));
        record(&world, index, change)
    };
    let report = audit(world.store.as_ref());
    assert!(report.is_clean(), "{:?}", report.discrepancies);
    let counts = &report.counts;
    assert_eq!((counts.withheld, counts.log_findings_not_checked, counts.manifests_not_checked), (1, 1, 0));
    assert_eq!(lie(&world, hush(third)), [format!("entry {third}: {OTHER}")]);
    assert!(second < third);

    // An audit that saw the parent before it was erased makes the same of it.
    let states = |report: &AuditReport| report.counts.log_findings_not_checked;
    let mut state: Option<AuditState> = None;
    let pace = AuditPace { entries: usize::try_from(third).unwrap() - 1, ..PACE };
    audit_store(world.store.as_ref(), None, &pace, &mut |auditor, _| {
        state = Some(serde_json::from_slice(&serde_json::to_vec(&auditor.state()).unwrap()).unwrap());
        false
    })
    .unwrap();
    let store = LyingStore { inner: Arc::clone(&world.store), lie: hush(third) };
    let resumed = audit_store(&store, state, &PACE, &mut |_, _| true).unwrap();
    assert_eq!((resumed.discrepancies, states(&report)), (vec![format!("entry {third}: {OTHER}")], 1));
}

/// The statement of an erased entry is not there, and what is left of its collateral folds to its manifest.
#[test]
fn d12_d20_an_erased_entry_breaks_no_audit() {
    let world = World::new();
    let mut bench = world.bench(Settings { manifest_entries: 8, ..Settings::default() });
    let ids: Vec<EntryId> = (0..12).map(|n| bench.must(world.statement(n)).0).collect();
    while bench.keep().unwrap() {}
    for entry in [ids[2], ids[7]] {
        let erasure = Erasure { entry, reason: "asked for".into() };
        bench.must(erasure_statement(&bench.ledger.identity(), &erasure, &world.operator).unwrap());
    }
    publish(&mut bench);
    let report = audit(world.store.as_ref());
    assert!(report.is_clean(), "{:?}", report.discrepancies);
    let counts = &report.counts;
    assert_eq!((counts.withheld, counts.manifests, counts.manifests_not_checked), (2, 1, 0));
    let size = world.store.head().unwrap().unwrap().tree.size.get();
    assert_eq!(report.counts.judged, size - 2);
    let snapshot = world.store.snapshot().unwrap();
    let gone = (0..size).filter(|at| snapshot.statement(LeafIndex::new(*at)).unwrap().is_none()).count();
    assert_eq!(gone, 2);
    let genesis = snapshot.statement(LeafIndex::new(0)).unwrap().unwrap();
    assert!(SignedStatement::parse(&genesis, genesis.len()).is_ok());
}
