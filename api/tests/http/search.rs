//! Finding entries again, and what is known of one.

use axum::http::StatusCode;
use ledger::profile::{Kind, TERM_NAMES};
use proofs::{ContentType, EntryId, StatementBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, ISSUER, NOW, PROBLEM_JSON, Service, World, id_of};

fn event(sequence: u64) -> Vec<u8> {
    let event = json!({
        "event_id": format!("f1a2b3c4-d5e6-4890-abcd-{sequence:012}"),
        "event_type": "INJECT_SUCCESS",
        "event_category": "inject",
        "event_time": "2026-10-01T00:00:00.000Z",
        "agent_id": "agent.a b",
        "governance_hash": "0f540b499d304fad8488f778f887086fd97d83643e2f2c47178aabc97a7951c4",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "sequence_number": sequence,
    });
    event.to_string().into_bytes()
}

fn refused(answer: &Answer, status: u16, title: &str) {
    let found = (answer.status.as_u16(), answer.header("content-type"));
    assert_eq!(found, (status, PROBLEM_JSON), "{answer:?}");
    assert_eq!(answer.json()["title"], title);
}

async fn register(world: &World, service: &Service, kind: Kind, payload: &[u8]) -> EntryId {
    let subject = ledger::profile::subject_of(kind, payload).unwrap();
    let content_type = ContentType::Text(kind.content_type().into());
    let builder = StatementBuilder::new(ISSUER, subject).content_type(content_type);
    let statement = builder.sign(payload, &world.issuer).unwrap();
    service.must(statement.clone()).await;
    id_of(&statement)
}

#[tokio::test]
async fn entries_are_found_by_their_terms_a_page_at_a_time() {
    let world = World::open().await;
    let service = world.serve();
    let mut ids = Vec::new();
    for sequence in 1..=3 {
        ids.push(register(&world, &service, Kind::AigpEvent, &event(sequence)).await.to_string());
    }
    let first = service.get("/search?aigp.agent_id=agent.a%20b&limit=2").await;
    assert_eq!((first.status, first.header("content-type")), (StatusCode::OK, "application/json"));
    let first = first.json();
    let found = |page: &Value| -> Vec<String> {
        let hits = page["hits"].as_array().unwrap();
        hits.iter().map(|hit| hit["entry_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&first), ids[..2]);
    let hit = &first["hits"][0];
    assert_eq!(
        (&hit["system"], &hit["subject"], &hit["findings"]),
        (&json!("aigp"), &json!("agent.a b"), &json!(0))
    );
    assert_eq!((&hit["complete"], &hit["registered_at"]), (&json!(true), &json!(NOW)));
    let next = first["next"].as_u64().unwrap();
    let last = service.get(&format!("/search?aigp.agent_id=agent.a+b&limit=2&after={next}")).await.json();
    assert_eq!((found(&last), &last["next"]), (ids[2..].to_vec(), &Value::Null));

    for (query, count) in [
        ("aigp.agent_id.prefix=agent.", 3),
        ("aigp.sequence_number.from=2&aigp.sequence_number.to=3&system=aigp", 2),
        ("aigp.sequence_number.from=3", 1),
        ("issuer=https%3A%2F%2Fissuer.example&aigp.event_type=INJECT_SUCCESS&aigp.sequence_number=2", 1),
        ("system=aigp&system=trace", 0),
        (&format!("system=aigp&registered_at.from={NOW}&registered_at.to={NOW}"), 3),
        (&format!("system=aigp&registered_at.from={}", NOW + 1), 0),
    ] {
        assert_eq!(found(&service.get(&format!("/search?{query}")).await.json()).len(), count, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let world = World::closed();
    let service = world.serve();
    for query in [
        "nothing=x",
        "subject=",
        "limit=x",
        "limit=1&limit=2",
        "after=-1",
        "trace.iat.prefix=1",
        "subject.from=1",
        "trace.iat=x",
        "aigp.sequence_number.from=1&aigp.sequence_number.from=2",
        &format!("subject={}", "x".repeat(257)),
        &vec!["system=x"; 17].join("&"),
    ] {
        refused(&service.get(&format!("/search?{query}")).await, 400, "Invalid Search");
    }
    for query in [
        "",
        "revision=a&path=b",
        "revision=a&path=b&line=0",
        "revision=a&revision=b&path=b&line=1",
        "revision=a&path=b&line=1&after=x",
        "revision=a&path=b&line=1&after=1&after=2",
    ] {
        let answer = service.get(&format!("/search/agent-trace/lines?{query}")).await;
        refused(&answer, 400, "Invalid Search");
    }
    let terms = service.get("/search/terms").await.json();
    assert_eq!(terms["terms"].as_array().unwrap().len(), TERM_NAMES.len());
    assert_eq!(terms["most"], json!({ "terms": 16, "limit": 200 }));
}

#[tokio::test]
async fn who_wrote_a_line_is_told_and_what_is_left_out_is_said() {
    let world = World::open().await;
    let service = world.serve();
    let record = json!({
        "version": "0.1.0",
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "timestamp": "2026-01-23T14:30:00Z",
        "vcs": { "type": "git", "revision": "a".repeat(40) },
        "files": [{ "path": "src/a.rs", "conversations": [
            { "url": "https://talk.example/1", "ranges": [{ "start_line": 10, "end_line": 12 }] },
            { "url": format!("https://talk.example/{}", "x".repeat(9000)),
              "ranges": [{ "start_line": 1, "end_line": 50 }] },
        ] }],
    });
    let id = register(&world, &service, Kind::AgentTraceRecord, record.to_string().as_bytes()).await;
    let path = |line, more: &str| {
        format!("/search/agent-trace/lines?revision={}&path=src/a.rs&line={line}{more}", "a".repeat(40))
    };
    let found = service.get(&path(11, "")).await.json();
    assert_eq!((&found["complete"], &found["next"]), (&json!(true), &Value::Null));
    let answer = &found["answers"][0];
    assert_eq!(
        (&answer["entry_id"], &answer["ranges_complete"]),
        (&json!(id.to_string()), &json!(false)),
        "one text is too long"
    );
    let inner = json!({ "start_line": 10, "end_line": 12, "conversation": "https://talk.example/1" });
    assert_eq!(answer["ranges"][0], inner);
    assert_eq!(answer["ranges"][1]["conversation"].as_str().unwrap().len(), 1024);
    let index = answer["leaf_index"].as_u64().unwrap();
    for (after, count) in [(index - 1, 1), (index, 0)] {
        let found = service.get(&path(11, &format!("&after={after}"))).await.json();
        assert_eq!(found["answers"].as_array().unwrap().len(), count, "{after}");
        assert_eq!(found["complete"], true);
    }
}

#[tokio::test]
async fn an_entry_says_in_json_what_is_known_of_it() {
    let world = World::open().await;
    let service = world.serve();
    let id = register(&world, &service, Kind::AigpEvent, &event(5)).await;
    let path = format!("/entries/{id}");
    let plain = service.get(&path).await;
    assert_eq!(plain.header("content-type"), "application/cose", "SCRAPI's answer, unless JSON is named");
    let answer = service.get_with(&path, &[("accept", "application/json")]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let body = answer.json();
    assert_eq!((&body["entry_id"], &body["subject"]), (&json!(id.to_string()), &json!("agent.a b")));
    assert_eq!(body["findings"][0]["id"], "SEQUENCE_GAP");
    assert_eq!(body["findings"][0]["as_of"], body["leaf_index"]);
    let receipt = data_encoding::BASE64.decode(body["receipt"].as_str().unwrap().as_bytes()).unwrap();
    proofs::Receipt::parse(&receipt).unwrap();
    let terms = body["terms"].as_array().unwrap();
    assert!(terms.contains(&json!({ "name": "aigp.sequence_number", "value": 5 })));

    let report = service.get(&format!("/reports/aigp/{id}")).await.json();
    assert_eq!(
        (&report["result"], &report["findings"][0]["finding_id"]),
        (&json!("warning"), &json!("SEQUENCE_GAP"))
    );
    let other = world.statement(1);
    service.must(other.clone()).await;
    refused(&service.get(&format!("/reports/aigp/{}", id_of(&other))).await, 404, "Not Found");
}

/// The one documented anchoring flow of TRACE compares `subject` and `iat` of what is at `receipt_uri`.
#[tokio::test]
async fn a_trace_record_is_told_with_its_own_subject_and_iat() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../ledger/tests/data/trace/vectors/conformance/signed_root.json"
    );
    let record = std::fs::read(path).unwrap();
    let world = World::open().await;
    let service = world.serve();
    let id = register(&world, &service, Kind::TraceRecord, &record).await;
    let body = service.get_with(&format!("/entries/{id}"), &[("accept", "application/json")]).await.json();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!((&body["subject"], &body["iat"]), (&record["subject"], &record["iat"]));
    let refused: Value = {
        let mut record = record;
        record["data_class"] = json!("changed");
        record
    };
    let payload = refused.to_string().into_bytes();
    let content_type = ContentType::Text(Kind::TraceRecord.content_type().into());
    let subject = refused["subject"].as_str().unwrap();
    let builder = StatementBuilder::new(ISSUER, subject).content_type(content_type);
    let detail = service.post(builder.sign(&payload, &world.issuer).unwrap()).await.refused(400, "Rejected");
    assert!(detail.contains("TR-SIG-005"), "{detail}");
}

/// Hits and summaries repeat what statements say, so they are for those who may read statements (D20).
#[tokio::test]
async fn with_tokens_strangers_find_nothing() {
    let mut world = World::open().await;
    world.read.statements = api::StatementReaders::Token;
    world.read.token_sha256 = vec![api::TokenDigest::of("first")];
    let service = world.serve();
    let id = register(&world, &service, Kind::AigpEvent, &event(1)).await;
    let (entry, report) = (format!("/entries/{id}"), format!("/reports/aigp/{id}"));
    let lines = "/search/agent-trace/lines?revision=a&path=b&line=1";
    for path in ["/search?system=aigp", lines, &entry, &report] {
        let accept = ("accept", "application/json");
        let stranger = service.get_with(path, &[accept]).await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{path}");
        let reader = service.get_with(path, &[accept, ("authorization", "Bearer first")]).await;
        assert_eq!(reader.status, StatusCode::OK, "{path}");
    }
    assert_eq!(service.get(&entry).await.status, StatusCode::OK, "receipts are for everybody");
}
