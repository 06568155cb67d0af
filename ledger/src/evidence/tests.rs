use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::{CloudEventError, Form, Record, RecordEntry, RecordError, Scope, SubjectPrefix};
use crate::governance::{Refusal, Rejection};
use crate::profile::{Kind, MAX_FINDINGS, ProfileRule, Severity, Switch, System};
use crate::registration::{Registration, Wait};
use crate::settings::Settings;
use crate::testing::{Bench, World};
use crate::{RegisterError, fsck};

fn event(sequence: u64) -> serde_json::Value {
    json!({
        "event_id": format!("f1a2b3c4-d5e6-4890-abcd-{sequence:012}"),
        "event_type": "INJECT_SUCCESS",
        "event_category": "inject",
        "event_time": "2026-10-01T00:00:00.000Z",
        "agent_id": "agent.a",
        "governance_hash": "0f540b499d304fad8488f778f887086fd97d83643e2f2c47178aabc97a7951c4",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "sequence_number": sequence,
    })
}

fn record(payload: impl Into<Bytes>) -> Record {
    Record {
        form: Form::Content,
        payload: payload.into(),
        producer: Some("acme".into()),
        headers: Vec::new(),
        envelope: false,
        scope: Arc::default(),
    }
}

/// Registers records at the same time, with rounds of their own.
fn register(bench: &mut Bench, records: Vec<Record>) -> Vec<Result<RecordEntry, RecordError>> {
    register_with(bench, records, MAX_FINDINGS)
}

fn register_with(
    bench: &mut Bench,
    records: Vec<Record>,
    findings: usize,
) -> Vec<Result<RecordEntry, RecordError>> {
    let ledger = bench.ledger.clone();
    let answer = bench
        .runtime
        .spawn(async move { ledger.register_records(records, Wait::ForReceipt, findings).await });
    bench.finish(&answer);
    bench.runtime.block_on(answer).unwrap()
}

fn one(bench: &mut Bench, record: Record) -> Result<RecordEntry, RecordError> {
    register(bench, vec![record]).remove(0)
}

fn is_issued(entry: &RecordEntry) -> bool {
    matches!(&entry.registration, Registration::Issued { receipt, .. } if !receipt.is_empty())
}

#[test]
fn d17_many_records_are_answered_in_order_and_a_bad_one_spoils_no_other() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let mut broken = event(3);
    broken.as_object_mut().unwrap().remove("event_time");
    let mut records: Vec<Record> = (1..=150).map(|n| record(event(n).to_string())).collect();
    records[70] = record("{\"a\":1}");
    records[71] = record("{\"a\":");
    records[72] = record(broken.to_string());
    records[73] = record(event(1).to_string());
    let outcomes = register(&mut bench, records.clone());
    assert_eq!(outcomes.len(), 150);
    let first = outcomes[0].as_ref().unwrap().index();
    for (at, outcome) in outcomes.iter().enumerate() {
        match (at, outcome) {
            (70, Err(RecordError::Unrecognised)) => {}
            (71, Err(RecordError::Unreadable(finding))) => assert_eq!(finding.id, "JSON_MALFORMED"),
            (72, Err(RecordError::Register(RegisterError::Refused(Refusal::Rejected(why))))) => {
                assert!(matches!(why, Rejection::Profile { profile: "aigp@1", .. }), "{why}");
            }
            (73, Ok(entry)) => assert_eq!(entry.index(), first),
            (_, Ok(entry)) => assert!(entry.kind == Kind::AigpEvent && is_issued(entry), "{at}"),
            (at, other) => panic!("{at}: {other:?}"),
        }
    }
    let size = bench.ledger.head().tree.size;
    let again = register(&mut bench, records);
    assert_eq!(bench.ledger.head().tree.size, size, "all of them were known");
    for (one, two) in outcomes.iter().flatten().zip(again.iter().flatten()) {
        assert_eq!((one.index(), &one.findings), (two.index(), &two.findings));
    }
    drop(bench);
    assert!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().is_clean());
}

/// Of many records no more findings are held than are told, whatever became of each: the worst, and how many there were.
#[test]
fn of_many_records_few_findings_are_kept() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let named = |kind, text: &str| Record { form: Form::Named(kind), ..record(text.to_owned()) };
    let mut odd = event(9);
    odd["severity"] = "critical".into();
    odd["trace_id"] = "none".into();
    odd["hash_type"] = "merkle-sha256".into();
    let refused = named(
        Kind::TraceRecord,
        "{\"subject\":\"s\",\"eat_profile\":\"tag:agentrust-io.com,2026:trace-v0.2\"}",
    );
    let unsaid = json!({ "status": "partial", "missing_facts": [] });
    let nameless = json!({ "schema_version": "0.1.0", "completeness": { "a": unsaid, "b": unsaid } });
    let nameless = named(Kind::EvidenceVerification, &nameless.to_string());
    let kept = record(odd.to_string());
    let hidden = Record { envelope: true, ..record(odd.to_string()) };
    let records = vec![refused, nameless, kept, hidden];
    let found = |outcome: Result<RecordEntry, RecordError>| match outcome {
        Ok(entry) => (entry.findings, 0),
        Err(RecordError::NoSubject { findings, .. }) => (findings, 0),
        Err(RecordError::Register(RegisterError::Refused(Refusal::Rejected(why)))) => {
            let text = why.to_string();
            let Rejection::Profile { findings, left_out, .. } = why else { panic!("{text}") };
            let untold = findings.len() + left_out - findings.len().min(3);
            assert!(text.ends_with(&format!("(and {untold} more)")), "{text}");
            (findings, left_out)
        }
        Err(other) => panic!("{other:?}"),
    };
    let whole: Vec<_> = register(&mut bench, records.clone()).into_iter().map(found).collect();
    let few: Vec<_> = register_with(&mut bench, records, 1).into_iter().map(found).collect();
    for (at, ((whole, none), (few, left_out))) in whole.iter().zip(&few).enumerate() {
        let worst = whole.iter().map(|finding| finding.severity).max();
        // The statement around an envelope has a finding of its own.
        let most = if at == 3 { 2 } else { 1 };
        assert_eq!((few.len(), few.iter().map(|finding| finding.severity).max()), (most, worst), "{at}");
        assert!(whole.len() > most && *none == 0, "{at}: {whole:?}");
        assert_eq!(*left_out, if at == 0 { whole.len() - 1 } else { 0 });
    }
}

#[test]
fn the_findings_are_those_that_were_registered() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let entry = one(&mut bench, record(event(7).to_string())).unwrap();
    let found: Vec<_> = entry.findings.iter().map(|finding| (&*finding.id, finding.as_of)).collect();
    assert_eq!(found, [("SEQUENCE_GAP", Some(entry.index().get()))], "of the log");
    // The gap is closed later; what was said then stays what was said.
    one(&mut bench, record(event(6).to_string())).unwrap();
    assert_eq!(one(&mut bench, record(event(7).to_string())).unwrap().findings, entry.findings);
}

#[test]
fn confidential_bytes_are_examined_and_only_their_digest_is_kept() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let mut odd = event(0);
    odd["trace_id"] = json!("");
    let bytes = odd.to_string();
    let entry = one(&mut bench, Record { envelope: true, ..record(bytes.clone()) }).unwrap();
    let ids: Vec<_> = entry.findings.iter().map(|finding| &*finding.id).collect();
    assert_eq!(ids.last(), Some(&"PAYLOAD_NOT_LOGGED"));
    assert!(ids.len() > 1, "what was found in the bytes, too: {ids:?}");
    let Registration::Issued { id, .. } = entry.registration else { panic!() };
    let statement = bench.runtime.block_on(bench.ledger.statement(id)).unwrap();
    let holds = |part: &[u8]| statement.windows(part.len()).any(|window| window == part);
    assert!(holds(proofs::sha256(bytes.as_bytes()).as_bytes()) && !holds(b"INJECT_SUCCESS"));

    let mut broken = event(1);
    broken.as_object_mut().unwrap().remove("event_time");
    let size = bench.ledger.head().tree.size;
    let refused = one(&mut bench, Record { envelope: true, ..record(broken.to_string()) }).unwrap_err();
    assert!(refused.to_string().contains("SCHEMA_VALIDATION_FAILED"), "{refused}");
    assert_eq!(bench.ledger.head().tree.size, size);
}

#[test]
fn what_the_policy_switches_on_counts_for_confidential_bytes_too() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let mut lifecycle = event(1);
    lifecycle["spec_version"] = json!("0.12");
    lifecycle["event_type"] = json!("AGENT_REGISTERED");
    lifecycle["governance_hash"] = json!("");
    for (switches, admitted) in [(vec![], false), (vec![Switch::AigpEmptyLifecycleHash], true)] {
        let rule = ProfileRule { switches, ..ProfileRule::of(Kind::AigpEvent) };
        let policy = world.policy_with(&bench.ledger, |policy| policy.profiles = vec![rule]);
        bench.must(policy);
        let confidential = Record { envelope: true, ..record(lifecycle.to_string()) };
        let answer = one(&mut bench, confidential);
        assert_eq!(answer.is_ok(), admitted, "{answer:?}");
    }
}

#[test]
fn a_producer_writes_within_its_scope_only() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let with = |systems: Option<Vec<System>>, subjects: Option<&str>| {
        let prefix = |text: &str| vec![SubjectPrefix::try_from(text.to_owned()).unwrap()];
        let scope = Arc::new(Scope { systems, subjects: subjects.map(prefix) });
        Record { scope, ..record(event(1).to_string()) }
    };
    let size = bench.ledger.head().tree.size;
    let trace = Some(vec![System::Trace]);
    for form in [Form::Content, Form::Named(Kind::AigpEvent)] {
        let refused = one(&mut bench, Record { form, ..with(trace.clone(), None) });
        assert!(matches!(refused, Err(RecordError::System(Kind::AigpEvent))), "{refused:?}");
    }
    for prefix in ["agent.b", "agent", "agent.a."] {
        let refused = one(&mut bench, with(None, Some(prefix)));
        assert!(matches!(refused, Err(RecordError::Subject)), "{prefix}: {refused:?}");
    }
    assert_eq!(bench.ledger.head().tree.size, size, "nothing was logged");
    one(&mut bench, with(Some(vec![System::Trace, System::Aigp]), Some("agent."))).unwrap();
}

#[test]
fn prefixes_of_subjects_end_with_a_component() {
    let admits =
        |prefix: &str, subject: &str| SubjectPrefix::try_from(prefix.to_owned()).unwrap().admits(subject);
    for (prefix, subject) in [
        ("spiffe://acme.example", "spiffe://acme.example"),
        ("spiffe://acme.example", "spiffe://acme.example/agent"),
        ("spiffe://acme.example/", "spiffe://acme.example/agent"),
        ("did:web:acme.example", "did:web:acme.example#key"),
        ("did:web:", "did:web:acme.example"),
        ("agent.", "agent.trading"),
    ] {
        assert!(admits(prefix, subject), "{prefix} {subject}");
    }
    for (prefix, subject) in [
        ("spiffe://acme.example", "spiffe://acme.example.evil/agent"),
        ("spiffe://acme.example", "spiffe://acme.example@evil/agent"),
        ("https://acme.example", "https://acme.example:8443/agent"),
        ("spiffe://acme.example/a/", "spiffe://acme.example/a/../b"),
        ("spiffe://acme.example/a", "spiffe://acme.example/a/%2E./b"),
        ("spiffe://acme.example/a", "spiffe://acme.example/ab"),
        ("agent.", "Agent.trading"),
        ("agent", "agents"),
    ] {
        assert!(!admits(prefix, subject), "{prefix} {subject}");
    }
    for text in ["", "a\nb", &"x".repeat(1025)] {
        assert!(SubjectPrefix::try_from(text.to_owned()).is_err(), "{text:?}");
    }
}

#[test]
fn a_record_without_subject_is_told_all_that_is_wrong_with_it() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    // A hard rule refuses first, and names everything.
    let refused =
        one(&mut bench, Record { form: Form::Named(Kind::TraceRecord), ..record("{}") }).unwrap_err();
    let RecordError::Register(RegisterError::Refused(Refusal::Rejected(Rejection::Profile {
        findings, ..
    }))) = refused
    else {
        panic!("{refused:?}")
    };
    assert!(findings.iter().all(|finding| finding.severity == Severity::Error), "{findings:?}");
    // What cannot be read is a finding of the profile that was named.
    let refused =
        one(&mut bench, Record { form: Form::Named(Kind::TraceRecord), ..record("{") }).unwrap_err();
    assert!(refused.to_string().contains("JSON_MALFORMED"), "{refused}");
    // Agent Evidence lets a verification be about no pack; there is nothing that it could be found by.
    let bare = json!({ "schema_version": "0.1.0" }).to_string();
    let refused = one(&mut bench, Record { form: Form::Named(Kind::EvidenceVerification), ..record(bare) });
    assert!(matches!(refused, Err(RecordError::NoSubject { .. })), "{refused:?}");
}

fn envelope(data: &str, kind: &str) -> String {
    format!(
        "{{ \"specversion\":\"1.0\", \"id\":\"e-1\", \"source\":\"aigp://default/agent.a\",\"type\":\"{kind}\",\n \
         \"n\":7,\"is\":true,\"nothing\":null, \"data\" : {data} }}"
    )
}

/// Bytes that no writer of JSON would write: kept, wherever they stand.
const EVIDENCE: &str = "{ \"schema_version\":\"0.1.0\",\"event_id\":\"ev-1\", \"type\":\"evidence.warning\",\t\"timestamp\":\"2026-10-01T00:00:00Z\" }";

#[test]
fn events_of_agent_evidence_leave_their_envelope_and_those_of_aigp_keep_it() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let event_of = |payload: String| Record { form: Form::CloudEvent, ..record(payload) };
    let aigp = envelope(&event(1).to_string(), "org.aigp.v1.inject_success");
    let evidence = envelope(EVIDENCE, "example.evidence");
    for (payload, kind, kept) in
        [(aigp.clone(), Kind::AigpCloudEvent, aigp.as_str()), (evidence, Kind::EvidenceEvent, EVIDENCE)]
    {
        let entry = one(&mut bench, event_of(payload)).unwrap();
        assert_eq!(entry.kind, kind);
        let statement = bench.runtime.block_on(bench.ledger.statement(entry.id())).unwrap();
        let statement = proofs::SignedStatement::parse(&statement, statement.len()).unwrap();
        assert_eq!(statement.payload(), kept.as_bytes());
        let label = |name: &str| proofs::Label::Text(format!("ce-{name}"));
        let attribute = |name| statement.header().extra(&label(name)).cloned();
        let around = (kind == Kind::EvidenceEvent).then_some(());
        assert_eq!(attribute("id"), around.map(|()| ciborium::Value::Text("e-1".into())));
        assert_eq!(attribute("n"), around.map(|()| ciborium::Value::from(7)));
        assert_eq!(attribute("is"), around.map(|()| ciborium::Value::Bool(true)));
        assert_eq!((attribute("nothing"), attribute("data")), (None, None));
    }
}

#[test]
fn what_is_no_event_of_either_system_is_not_taken() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let aigp = envelope(&event(1).to_string(), "org.aigp.v1.inject_success");
    for (payload, expected) in [
        (aigp.replace("\"1.0\"", "\"0.3\""), CloudEventError::Version),
        (aigp.replace("\"1.0\"", "1.0"), CloudEventError::Version),
        (aigp.replace("\"e-1\"", "\"\""), CloudEventError::Attributes),
        (aigp.replace("org.aigp.v1.inject_success", ""), CloudEventError::Attributes),
        (aigp.replace("org.aigp.v1.", "org.aigp.v2."), CloudEventError::System),
        (envelope("[]", "example"), CloudEventError::System),
        (envelope("{}", "example"), CloudEventError::System),
    ] {
        match one(&mut bench, Record { form: Form::CloudEvent, ..record(payload.clone()) }) {
            Err(RecordError::CloudEvent(found)) => assert_eq!(found, expected, "{payload}"),
            other => panic!("{payload}: {other:?}"),
        }
    }
    let twice = aigp.replace("\"n\":7", "\"data\":7");
    let refused = one(&mut bench, Record { form: Form::CloudEvent, ..record(twice) }).unwrap_err();
    assert!(
        matches!(&refused, RecordError::Unreadable(found) if found.id == "JSON_DUPLICATE_MEMBER"),
        "{refused}"
    );
    let headers = |kind: &str| {
        let all = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "s"), ("ce-type", kind)];
        all.map(|(name, value)| (name.to_owned(), ciborium::Value::Text(value.to_owned()))).to_vec()
    };
    let data = |kind: &str| Record {
        form: Form::CloudEventData,
        headers: headers(kind),
        ..record(event(1).to_string())
    };
    let refused = one(&mut bench, data("org.aigp.v1.inject_denied")).unwrap_err();
    assert!(matches!(refused, RecordError::CloudEvent(CloudEventError::Type)), "{refused}");
    let entry = one(&mut bench, data("org.aigp.v1.inject_success")).unwrap();
    assert_eq!(entry.kind, Kind::AigpEvent);
}
