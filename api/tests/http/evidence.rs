//! Records that nobody signed: `POST /evidence`, and `POST /entries` with a record in JSON.

mod events;
mod hostile;
mod lines;
mod producers;

use api::{EvidenceSettings, TokenDigest};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use ciborium::Value as Cbor;
use proofs::{ContentType, EntryId, Label, Receipt, SignedStatement};
use serde_json::{Value, json};

use crate::support::{Answer, PROBLEM_JSON, Service, URL, World, request};

const TOKEN: &str = "a token of acme";

/// What a producer of all systems may do.
pub(crate) fn producers(more: &Value) -> EvidenceSettings {
    let digest = data_encoding::HEXLOWER.encode(proofs::sha256(TOKEN.as_bytes()).as_bytes());
    assert_eq!(TokenDigest::try_from(digest.clone()).unwrap(), TokenDigest::of(TOKEN));
    let mut producer = json!({ "id": "acme", "token_sha256": [digest], "doors": ["evidence"] });
    producer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let settings: EvidenceSettings = serde_json::from_value(json!({ "producers": [producer] })).unwrap();
    settings.check().unwrap();
    settings
}

fn world() -> World {
    World { evidence: producers(&json!({})), ..World::closed() }
}

fn data(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../ledger/tests/data/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A record that the published TRACE client signed, as the withdrawn tutorial sent it.
fn trace() -> Vec<u8> {
    data("trace/tutorial-body.json")
}

fn event(sequence: u64) -> Value {
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

async fn post(service: &Service, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("content-type", content_type), ("authorization", bearer.as_str())];
    service.send(request(Method::POST, path, &headers, body.into())).await
}

async fn send(service: &Service, body: impl Into<Body>) -> Answer {
    post(service, "/evidence", "application/json", body).await
}

/// What a record became, after checking that everything an answer promises is there.
async fn entry(service: &Service, world: &World, answer: &Answer) -> (Value, SignedStatement) {
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::CREATED, "application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let entry = answer.json();
    let id: EntryId = entry["entry_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(entry["receipt_uri"], format!("{URL}/entries/{id}"));
    assert_eq!(answer.header("location"), entry["receipt_uri"].as_str().unwrap());
    assert_eq!(entry["statement_uri"], format!("{URL}/statements/{id}"));
    assert_eq!(entry["registered_at"], "2026-09-21T14:13:20Z");
    let receipt = data_encoding::BASE64.decode(entry["receipt"].as_str().unwrap().as_bytes()).unwrap();
    let receipt = Receipt::parse(&receipt).unwrap();
    receipt.verify_inclusion(id.as_bytes(), world.keys.receipts.public_key()).unwrap();
    let statement = service.get(&format!("/statements/{id}")).await.body;
    let statement = SignedStatement::parse(&statement, statement.len()).unwrap();
    assert_eq!(statement.entry_id(), id);
    statement.check_signature(world.keys.registrar.public_key()).unwrap();
    (entry, statement)
}

fn refused(answer: &Answer, status: u16, title: &str) -> Value {
    let found = (answer.status.as_u16(), answer.header("content-type"));
    assert_eq!(found, (status, PROBLEM_JSON), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["title"], title, "{problem}");
    problem
}

fn ids(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn scr_35_d17_a_record_is_wrapped_byte_for_byte_and_names_its_producer() {
    let world = world();
    let service = world.serve();
    for (path, content_type) in [
        ("/evidence", "application/json"),
        ("/evidence", "application/vnd.trace.record+json; charset=utf-8"),
        ("/entries", "application/json"),
        ("/entries", "Application/Vnd.Trace.Record+JSON"),
    ] {
        let answer = post(&service, path, content_type, trace()).await;
        let (entry, statement) = entry(&service, &world, &answer).await;
        assert_eq!((&entry["leaf_index"], &entry["system"]), (&json!(3), &json!("trace")), "{path}");
        assert_eq!(statement.payload(), trace(), "not a byte is changed");
        let header = statement.header();
        assert_eq!(header.subject, "spiffe://example.org/agent/seed-research");
        let content_type = ContentType::Text("application/vnd.trace.record+json".into());
        assert_eq!(header.content_type, Some(content_type));
        assert_eq!(header.extra(&Label::Text("stele.producer".into())), Some(&Cbor::Text("acme".into())));
    }
    assert_eq!(service.size(), 4, "retried bytes are one entry");
}

/// What the client of the withdrawn tutorial compares, and the receipt.
#[tokio::test]
async fn the_receipt_uri_tells_subject_and_iat_of_the_record() {
    let world = world();
    let service = world.serve();
    let answer = send(&service, trace()).await.json();
    let path = &answer["receipt_uri"].as_str().unwrap()[URL.len()..];
    let read = service.get_with(path, &[("accept", "application/json")]).await.json();
    let record: Value = serde_json::from_slice(&trace()).unwrap();
    assert_eq!((&read["subject"], &read["iat"]), (&record["subject"], &record["iat"]));
    assert_eq!((&read["receipt"], &read["findings"]), (&answer["receipt"], &answer["findings"]));
}

/// One rule a system for what the statement is about.
#[tokio::test]
async fn records_of_all_systems_are_recognised_and_named_by_their_own_subject() {
    let world = world();
    let service = world.serve();
    let vectors: Value = serde_json::from_slice(&data("iatp/vectors/attestation-vectors.json")).unwrap();
    let cases: Value = serde_json::from_slice(&data("agent-evidence/samples/cases.json")).unwrap();
    let pack = cases["pack_bytes_for_manifest"].as_str().unwrap();
    let mut all = vec![
        (trace(), "application/vnd.trace.record+json", "spiffe://example.org/agent/seed-research"),
        (event(1).to_string().into_bytes(), "application/vnd.aigp.event+json", "agent.a"),
        (
            data("aigp/vectors/cloudevent-structured-v0.12.json"),
            "application/cloudevents+json",
            "agent.trading-bot-v2",
        ),
        (
            vectors["signed"]["attestation"].to_string().into_bytes(),
            "application/vnd.iatp.attestation+json",
            "secure-bank-agent",
        ),
        (pack.into(), "application/vnd.agent-evidence.pack+json", "pack-0001"),
    ];
    let line = data("agent-trace/reference-output/traces.jsonl");
    let line = line.split(|byte| *byte == b'\n').next().unwrap().to_vec();
    let record: Value = serde_json::from_slice(&line).unwrap();
    let revision = record["vcs"]["revision"].as_str().or(record["id"].as_str()).unwrap();
    all.push((line, "application/vnd.agent-trace.record+json", revision));
    for (bytes, content_type, subject) in all {
        let answer = send(&service, bytes.clone()).await;
        let (entry, statement) = entry(&service, &world, &answer).await;
        assert_eq!(entry["content_type"], content_type);
        assert_eq!((statement.header().subject.as_str(), statement.payload()), (subject, &bytes[..]));
        let named = post(&service, "/evidence", content_type, bytes).await.json();
        assert_eq!(
            named["entry_id"], entry["entry_id"],
            "{content_type}: named or recognised, it is one entry"
        );
    }
}

#[tokio::test]
async fn a_record_that_breaks_rules_is_refused_with_all_findings_and_nothing_is_logged() {
    let world = world();
    let service = world.serve();
    let mut broken = event(0);
    broken.as_object_mut().unwrap().remove("event_time");
    broken["severity"] = json!("critical");
    let problem = refused(&send(&service, broken.to_string()).await, 422, "Record Refused");
    assert_eq!(problem["type"], "urn:stele:problem:findings");
    let severities: Vec<&str> =
        problem["findings"].as_array().unwrap().iter().map(|one| one["severity"].as_str().unwrap()).collect();
    assert!(severities.contains(&"error") && severities.contains(&"warning"), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    let of = |severity: &str| -> Vec<usize> {
        let all = problem["findings"].as_array().unwrap().iter().filter(|one| one["severity"] == severity);
        all.filter_map(|one| detail.find(one["message"].as_str().unwrap())).collect()
    };
    let (errors, warnings) = (of("error"), of("warning"));
    assert!(
        !errors.is_empty() && errors.iter().max() < warnings.iter().min().or(Some(&usize::MAX)),
        "{detail}"
    );
    for (body, id) in [("{\"a\":1,\"a\":2}", "JSON_DUPLICATE_MEMBER"), ("[]", "JSON_NOT_AN_OBJECT")] {
        let problem = refused(&send(&service, body).await, 422, "Record Refused");
        assert_eq!(ids(&problem["findings"]), [id]);
        let answer = post(&service, "/entries", "application/vnd.aigp.event+json", body).await;
        assert_eq!(ids(&refused(&answer, 422, "Record Refused")["findings"]), [id]);
    }
    refused(&send(&service, "{\"a\":1}").await, 422, "Unrecognised Record");
    let bare = json!({ "schema_version": "0.1.0" }).to_string();
    let answer = post(&service, "/evidence", "application/vnd.agent-evidence.verification+json", bare).await;
    refused(&answer, 422, "No Subject");
    assert_eq!(service.size(), 3);
}

#[tokio::test]
async fn a_confidential_record_is_examined_and_only_its_digest_is_logged() {
    let world = world();
    let service = world.serve();
    let path = "/evidence?envelope=sha-256";
    let answer = post(&service, path, "application/json", trace()).await;
    let (known, statement) = entry(&service, &world, &answer).await;
    assert_eq!(statement.payload(), proofs::sha256(&trace()).as_bytes());
    let envelope = statement.header().envelope.as_ref().unwrap();
    let content_type = ContentType::Text("application/vnd.trace.record+json".into());
    assert_eq!(envelope.preimage_content_type, Some(content_type));
    assert!(ids(&known["findings"]).contains(&"PAYLOAD_NOT_LOGGED"), "{known}");
    let again = post(&service, path, "application/json", trace()).await.json();
    assert_eq!((&again["entry_id"], &again["findings"]), (&known["entry_id"], &known["findings"]));
    let open = send(&service, trace()).await.json();
    assert_ne!(open["entry_id"], known["entry_id"], "open and confidential are two entries");

    let size = service.size();
    let changed = String::from_utf8(trace()).unwrap().replace("internal", "Internal");
    refused(&post(&service, path, "application/json", changed).await, 422, "Record Refused");
    for query in ["envelope=", "envelope=md5", "envelope=sha-256&envelope=sha-256"] {
        let answer = post(&service, &format!("/evidence?{query}"), "application/json", trace()).await;
        refused(&answer, 400, "Invalid Envelope");
    }
    assert_eq!(service.size(), size);
}

/// Doors and headers are not mixed up: a statement stays a statement, whoever sends it, and JSON is no statement.
#[tokio::test]
async fn the_content_type_alone_tells_records_from_statements() {
    let world = World { evidence: producers(&json!({})), ..World::open().await };
    let service = world.serve();
    service.must(world.statement(1)).await;
    let answer = post(&service, "/entries", "application/cose", trace()).await;
    answer.refused(400, "Malformed request");
    let answer = post(&service, "/entries", "application/json", world.statement(2)).await;
    assert_eq!(ids(&refused(&answer, 422, "Record Refused")["findings"]), ["JSON_NOT_UTF8"]);
    let answer = post(&service, "/evidence", "application/cose", world.statement(2)).await;
    refused(&answer, 415, "Unsupported Media Type");
    let accepted = answer.header("accept-post");
    assert!(
        accepted.starts_with("application/json, application/x-ndjson, application/vnd.trace.record+json"),
        "{accepted}"
    );
}

#[tokio::test]
async fn whoever_asks_not_to_wait_gets_no_receipt_yet() {
    let world = world();
    let service = world.serve();
    let bearer = format!("Bearer {TOKEN}");
    let headers =
        [("content-type", "application/json"), ("authorization", &*bearer), ("prefer", "respond-async")];
    let answer = service.send(request(Method::POST, "/evidence", &headers, trace().into())).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!((answer.header("preference-applied"), answer.header("retry-after")), ("respond-async", "1"));
    let entry = answer.json();
    assert_eq!(answer.header("location"), entry["receipt_uri"].as_str().unwrap());
    assert!(entry["receipt"].is_null() && entry["leaf_index"] == 3, "{entry}");
    let id = entry["entry_id"].as_str().unwrap().parse().unwrap();
    assert!(service.ledger.receipt(id).await.is_ok());
}
