//! From a statement to its entry: what refuses, what is kept, what a replay gives.

use proofs::statement::{ContentType, StatementBuilder};
use proofs::{LeafIndex, SignedStatement};
use serde_json::{Value, json};

use super::super::{Enforce, Kind, ProfileRule, log_findings};
use super::data;
use super::trace::Rows;
use crate::collateral::Collateral;
use crate::error::RegisterError;
use crate::governance::{Refusal, Rejection};
use crate::rows;
use crate::settings::Settings;
use crate::testing::{Bench, ISSUER, World};

pub(super) fn about(world: &World, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let content_type = ContentType::Text(kind.content_type().into());
    let subject = super::super::subject_of(kind, payload).unwrap_or_else(|| "urn:example:x".into());
    StatementBuilder::new(ISSUER, subject).content_type(content_type).sign(payload, &world.issuer).unwrap()
}

fn bench(world: &World) -> Bench {
    let bench = world.bench(Settings::default());
    // The vectors' `iat` is around the world's time already.
    assert!(!bench.ledger.governance().policy().profiles.is_empty(), "a new log examines");
    bench
}

pub(super) fn collateral(world: &World, index: u64) -> Collateral {
    let snapshot = world.store.snapshot().unwrap();
    Collateral::decode(&snapshot.collateral(LeafIndex::new(index)).unwrap().unwrap()).unwrap()
}

fn record(name: &str) -> Vec<u8> {
    let value: Value = data(&format!("trace/vectors/{name}.json"));
    value.get("record").unwrap_or(&value).to_string().into_bytes()
}

#[test]
fn d18_an_examined_entry_keeps_what_its_profile_said_and_is_found_by_it() {
    let world = World::new();
    let mut bench = bench(&world);
    let (_, parent, _) = bench.must(about(&world, Kind::TraceRecord, &record("conformance/signed_root")));
    let (_, index, _) =
        bench.must(about(&world, Kind::TraceRecord, &record("conformance/signed_delegated_hop")));
    let examined = collateral(&world, index).examined.unwrap();
    assert_eq!(examined.profile, "trace@1");
    assert!(examined.findings.iter().any(|finding| finding.id == "TRACE_KEY_NOT_TRUSTED"));
    assert!(
        !examined.findings.iter().any(|finding| finding.id == "TRACE_PARENT_NOT_FOUND"),
        "it is at {parent}"
    );
    let snapshot = world.store.snapshot().unwrap();
    let statement = snapshot.statement(LeafIndex::new(index)).unwrap().unwrap();
    let statement = SignedStatement::parse(&statement, 1 << 20).unwrap();
    let rows = rows::of_entry(&statement, LeafIndex::new(index), &bench.ledger.identity(), Some(&examined));
    assert!(rows.len() > 10);
    for row in rows {
        assert_eq!(snapshot.lookup(row.index, &row.key).unwrap(), Some(row.leaf), "{row:?}");
    }
    let report = crate::fsck(world.store.as_ref(), &mut |_| {}).unwrap();
    assert_eq!(report.faults, []);
}

/// What an auditor does: the statement, the rules in force, the recorded time and the smaller entries give the same.
#[test]
fn d18_a_replay_gives_the_same_findings() {
    let world = World::new();
    let mut bench = bench(&world);
    let (_, index, _) =
        bench.must(about(&world, Kind::TraceRecord, &record("conformance/signed_delegated_hop")));
    let kept = collateral(&world, index);
    let snapshot = world.store.snapshot().unwrap();
    let bytes = snapshot.statement(LeafIndex::new(index)).unwrap().unwrap();
    let statement = SignedStatement::parse(&bytes, 1 << 20).unwrap();
    let governance = bench.ledger.governance();
    let key = proofs::Signer::public_key(&world.issuer);
    let again = governance.examine(&statement, key, kept.evaluated_at).unwrap().unwrap();
    let log = log_findings(&again.probes, &Rows(vec![]), LeafIndex::new(index)).unwrap();
    let examined = kept.examined.unwrap();
    assert_eq!(examined, crate::collateral::Examined::new(&again, log));
    assert!(examined.findings.iter().any(|f| f.id == "TRACE_PARENT_NOT_FOUND" && f.as_of == Some(index)));
}

/// `stele audit` compares ids and pointers, never messages; another finding is a discrepancy.
#[test]
fn d18_an_audit_replays_findings_and_compares_no_messages() {
    use super::super::Severity;
    let world = World::new();
    let mut bench = bench(&world);
    let (_, index, _) = bench.must(about(&world, Kind::TraceRecord, &record("conformance/signed_root")));
    let examined = collateral(&world, index).examined.unwrap();
    let snapshot = world.store.snapshot().unwrap();
    let bytes = snapshot.statement(LeafIndex::new(index)).unwrap().unwrap();
    let statement = SignedStatement::parse(&bytes, 1 << 20).unwrap();
    let key = proofs::Signer::public_key(&world.issuer);
    let again = bench.ledger.governance().examine(&statement, key, collateral(&world, index).evaluated_at);
    let again = again.unwrap().unwrap();
    assert!(examined.says(&again));
    let mut other = examined.clone();
    other.findings[0].message = "other words".into();
    assert!(other.says(&again), "texts may change between versions of the code");
    other.findings[0].severity = Severity::Error;
    assert!(!other.says(&again));
    let mut other = examined.clone();
    other.findings[0].pointer.push('x');
    assert!(!other.says(&again));
    let mut other = examined;
    other.terms.pop();
    assert!(!other.says(&again));
}

#[test]
fn d18_log_findings_see_the_entries_of_their_own_round() {
    let world = World::new();
    let mut bench = bench(&world);
    let parent = bench.submit(about(&world, Kind::TraceRecord, &record("conformance/signed_root")));
    let child = bench.submit(about(&world, Kind::TraceRecord, &record("conformance/signed_delegated_hop")));
    bench.sequencer.step().unwrap();
    for answer in [parent, child] {
        bench.answer(answer).unwrap();
    }
    let size = bench.ledger.head().tree.size.get();
    let last = collateral(&world, size - 1).examined.unwrap();
    assert!(!last.findings.iter().any(|finding| finding.id == "TRACE_PARENT_NOT_FOUND"), "{last:?}");
}

#[test]
fn d18_hard_errors_refuse_and_the_findings_are_told() {
    let world = World::new();
    let mut bench = bench(&world);
    let size = bench.ledger.head().tree.size;
    let refused = bench.register(about(&world, Kind::TraceRecord, &record("conformance/valid_level0")));
    let Err(RegisterError::Refused(Refusal::Rejected(Rejection::Profile { profile, findings, .. }))) =
        refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(profile, "trace@1");
    assert!(findings.iter().any(|finding| finding.id == "TR-SIG-001"));
    assert_eq!(bench.ledger.head().tree.size, size, "nothing is on the log");
}

fn with_profiles(world: &World, bench: &mut Bench, profiles: Vec<ProfileRule>) {
    bench.must(world.policy_with(&bench.ledger, |policy| policy.profiles = profiles));
}

#[test]
fn d18_the_policy_says_what_refuses() {
    let world = World::new();
    let mut bench = bench(&world);
    let unsigned = || about(&world, Kind::TraceRecord, &record("conformance/valid_level0"));
    let untrusted = || about(&world, Kind::TraceRecord, &record("conformance/signed_root"));
    let rule = |enforce| ProfileRule { enforce, ..ProfileRule::of(Kind::TraceRecord) };
    with_profiles(&world, &mut bench, vec![rule(Enforce::Warnings)]);
    assert!(bench.register(untrusted()).is_err(), "warnings refuse too");
    with_profiles(&world, &mut bench, vec![rule(Enforce::Report)]);
    let (_, index, _) = bench.must(unsigned());
    assert!(collateral(&world, index).examined.is_some());
    with_profiles(&world, &mut bench, vec![]);
    let (_, index, _) = bench.must(untrusted());
    assert_eq!(collateral(&world, index).examined, None, "a policy without profiles examines nothing");
    let other = ProfileRule { content_type: Some("text/plain".into()), ..rule(Enforce::Errors) };
    with_profiles(&world, &mut bench, vec![other]);
    assert!(bench.register(world.statement(1)).is_err(), "another content type, the same profile");
}

#[test]
fn d18_of_a_hash_envelope_there_is_nothing_to_examine() {
    let world = World::new();
    let mut bench = bench(&world);
    let preimage = ContentType::Text(Kind::TraceRecord.content_type().into());
    let builder = StatementBuilder::new(ISSUER, "urn:example:x").hash_envelope(-16, Some(preimage), None);
    let statement = builder.sign(&[7; 32], &world.issuer).unwrap();
    let (_, index, _) = bench.must(statement);
    let examined = collateral(&world, index).examined.unwrap();
    let ids: Vec<&str> = examined.findings.iter().map(|finding| finding.id.as_ref()).collect();
    assert_eq!(ids, ["PAYLOAD_NOT_LOGGED"]);
}

#[test]
fn statements_without_a_profile_are_found_by_issuer_subject_and_content_type() {
    let world = World::new();
    let mut bench = bench(&world);
    let (_, index, _) = bench.must(world.statement(1));
    assert_eq!(collateral(&world, index).examined, None);
    let snapshot = world.store.snapshot().unwrap();
    let terms = [(1, ISSUER), (2, "urn:example:artifact:1"), (3, "text/plain")];
    for (code, value) in terms {
        let prefix = [&[code], value.as_bytes(), &[0]].concat();
        let found = snapshot.scan(rows::TERM, &prefix, 10).unwrap();
        assert_eq!(found.iter().map(|(_, leaf)| leaf.get()).collect::<Vec<_>>(), [index], "{value}");
    }
}

#[test]
fn the_policy_names_profiles_that_exist_once_each() {
    let world = World::new();
    let bench = bench(&world);
    let policy = |profiles: Value| {
        let mut document: Value =
            serde_json::from_slice(&bench.ledger.governance().policy().to_json().unwrap()).unwrap();
        document["profiles"] = profiles;
        let schema: Value =
            serde_json::from_str(include_str!("../../../schemas/policy.schema.json")).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let read = crate::policy::Policy::from_json(document.to_string().as_bytes());
        (read.map(|_| ()).map_err(|error| error.to_string()), schema.is_valid(&document))
    };
    assert_eq!(
        policy(json!([{ "profile": "trace@1", "enforce": "warnings", "switches": ["trace-v0.1"] }])),
        (Ok(()), true)
    );
    assert_eq!(policy(json!([])), (Ok(()), true));
    for bad in [
        json!([{ "profile": "trace@9" }]),
        json!([{ "profile": "trace@1", "enforce": "never" }]),
        json!([{ "profile": "trace@1", "content_type": "text" }]),
    ] {
        let (read, valid) = policy(bad.clone());
        assert!(read.is_err() && !valid, "{bad}");
    }
    // What the schema cannot say.
    let (twice, _) = policy(
        json!([{ "profile": "trace@1" }, { "profile": "trace-revocation@1", "content_type": "application/VND.trace.record+json" }]),
    );
    assert!(twice.unwrap_err().contains("another profile has this content type"));
    let all: Vec<&str> = Kind::all().map(Kind::profile).collect();
    let schema: Value = serde_json::from_str(include_str!("../../../schemas/policy.schema.json")).unwrap();
    assert_eq!(schema["$defs"]["profile"]["properties"]["profile"]["enum"], json!(all));
}

/// An issuer's key is compared with the record's; the registrar signs for everybody.
#[test]
fn d17_the_registrars_key_says_nothing_about_the_record() {
    let world = World::new();
    let mut bench = bench(&world);
    let payload = record("conformance/signed_root");
    let subject = super::super::subject_of(Kind::TraceRecord, &payload).unwrap();
    let compared = |index: u64| {
        let examined = collateral(&world, index).examined.unwrap();
        examined.findings.iter().any(|finding| finding.id == "TRACE_WRAPPER_KEY_OTHER")
    };
    let (_, index, _) = bench.must(about(&world, Kind::TraceRecord, &payload));
    assert!(compared(index));
    let answer = bench.submit_evidence(crate::registrar::Submission {
        content_type: Kind::TraceRecord.content_type().into(),
        subject,
        producer: None,
        payload: payload.into(),
        headers: Vec::new(),
        envelope: false,
    });
    let crate::registration::Registration::Issued { index, .. } = bench.drive(answer).unwrap() else {
        panic!()
    };
    assert!(!compared(index.get()));
}
