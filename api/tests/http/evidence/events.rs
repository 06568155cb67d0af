//! `POST /events`: CloudEvents in the three modes of the HTTP binding.

use axum::http::Method;
use ciborium::Value as Cbor;
use proofs::{Label, SignedStatement};
use serde_json::{Value, json};

use super::{TOKEN, data, event, ids, post, producers, refused};
use crate::support::{Answer, PROBLEM_JSON, Service, World, request};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
const EVIDENCE: &str = "{\"schema_version\":\"0.1.0\" , \"event_id\":\"ev-1\",\"type\":\"evidence.warning\",\"timestamp\":\"2026-10-01T00:00:00Z\"}";

fn world() -> World {
    World { evidence: producers(&json!({ "doors": ["events"] })), ..World::closed() }
}

fn structured(sequence: u64) -> String {
    let event = json!({
        "specversion": "1.0",
        "id": format!("event-{sequence}"),
        "source": "aigp://default/agent.a",
        "type": "org.aigp.v1.inject_success",
        "data": event(sequence),
    });
    event.to_string()
}

async fn statement(service: &Service, entry: &Value) -> SignedStatement {
    let id = entry["entry_id"].as_str().unwrap();
    let bytes = service.get(&format!("/statements/{id}")).await.body;
    SignedStatement::parse(&bytes, bytes.len()).unwrap()
}

async fn binary(service: &Service, attributes: &[(&str, &str)], content_type: &str, body: String) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let own = [("content-type", content_type), ("authorization", &*bearer)];
    service.send(request(Method::POST, "/events", &[&own[..], attributes].concat(), body.into())).await
}

#[tokio::test]
async fn a_structured_event_is_kept_whole() {
    let world = world();
    let service = world.serve();
    let event = data("aigp/vectors/cloudevent-structured-v0.12.json");
    let answer =
        post(&service, "/events", "application/cloudevents+json; charset=UTF-8", event.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (202, "application/json"),
        "{answer:?}"
    );
    let entry = answer.json();
    assert_eq!(answer.header("location"), entry["receipt_uri"].as_str().unwrap());
    assert!(entry["receipt"].is_string() && answer.header("retry-after").is_empty(), "it is on the log");
    assert_eq!((&entry["system"], &entry["content_type"]), (&json!("aigp"), &json!(STRUCTURED)));
    assert_eq!(statement(&service, &entry).await.payload(), event);
    let found = service.get("/search?aigp.ce_id=f1a2b3c4-d5e6-4890-abcd-ef0123456789").await;
    assert_eq!(found.json()["hits"].as_array().unwrap().len(), 1, "{found:?}");
}

#[tokio::test]
async fn the_headers_of_binary_mode_stand_in_the_protected_header() {
    let world = world();
    let service = world.serve();
    let body = format!(" {} ", event(1));
    let attributes = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e%201 %E2%82%AC"),
        ("CE-Source", "\"aigp://default/agent.a\""),
        ("ce-type", "org.aigp.v1.inject_success"),
        ("ce-aigpagentid", "agent.a"),
    ];
    for content_type in ["application/json", "application/vnd.aigp.event+json"] {
        let answer = binary(&service, &attributes, content_type, body.clone()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let statement = statement(&service, &answer.json()).await;
        assert_eq!(statement.payload(), body.as_bytes());
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", "e 1 \u{20ac}"),
            ("ce-source", "aigp://default/agent.a"),
            ("ce-type", "org.aigp.v1.inject_success"),
            ("ce-aigpagentid", "agent.a"),
            ("stele.producer", "acme"),
        ] {
            let found = statement.header().extra(&Label::Text(name.to_owned()));
            assert_eq!(found, Some(&Cbor::Text(value.to_owned())), "{name}");
        }
    }
    assert_eq!(service.size(), 4, "the same event");
    let evidence = [("ce-type", "example.evidence"), attributes[0], attributes[1], attributes[2]];
    let answer = binary(&service, &evidence, "application/json", EVIDENCE.to_owned()).await;
    assert_eq!(answer.json()["content_type"], "application/vnd.agent-evidence.event+json", "{answer:?}");
}

#[tokio::test]
async fn requests_without_an_event_are_refused() {
    let world = world();
    let service = world.serve();
    let good = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "aigp://default/agent.a"),
        ("ce-type", "org.aigp.v1.inject_success"),
    ];
    let without = |name: &str| good.iter().filter(|(known, _)| *known != name).copied().collect::<Vec<_>>();
    for (attributes, content_type, status) in [
        (without("ce-specversion"), "application/json", 400),
        (without("ce-id"), "application/json", 400),
        (without("ce-source"), "application/json", 400),
        (without("ce-type"), "application/json", 400),
        ([&good[..], &[("ce-id", "2")]].concat(), "application/json", 400),
        ([&without("ce-id")[..], &[("ce-id", "%FF")]].concat(), "application/json", 400),
        ([&without("ce-type")[..], &[("ce-type", "org.aigp.v1.other")]].concat(), "application/json", 400),
        (good.to_vec(), "application/vnd.trace.record+json", 400),
        (good.to_vec(), "application/cbor", 415),
        (Vec::new(), "text/plain", 415),
    ] {
        let answer = binary(&service, &attributes, content_type, event(1).to_string()).await;
        let found = (answer.status.as_u16(), answer.header("content-type"));
        assert_eq!(found, (status, PROBLEM_JSON), "{attributes:?} {content_type} {answer:?}");
    }
    let old = structured(1).replace("\"1.0\"", "\"0.3\"");
    let problem = refused(&post(&service, "/events", STRUCTURED, old).await, 400, "Invalid CloudEvent");
    assert!(problem["detail"].as_str().unwrap().contains("specversion"), "{problem}");
    let mut broken: Value = serde_json::from_str(&structured(1)).unwrap();
    broken["data"]["governance_hash"] = json!("0f");
    let problem =
        refused(&post(&service, "/events", STRUCTURED, broken.to_string()).await, 422, "Record Refused");
    assert!(ids(&problem["findings"]).contains(&"SCHEMA_VALIDATION_FAILED"));
    assert_eq!(service.size(), 3);
}

#[tokio::test]
async fn a_batch_is_cut_into_its_events_and_told_of_each() {
    let world = world();
    let service = world.serve();
    let evidence = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"s\",\"type\":\"evidence\",\"data\":{EVIDENCE}}}"
    );
    let odd = structured(1).replacen('{', "{ \"time\" : \"2026-10-01T00:00:00Z\",\t", 1);
    let whole = format!("[ {odd} ,\n{evidence}]");
    let answer = post(&service, "/events", BATCH, whole.clone()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let results = answer.json()["results"].clone();
    assert_eq!(results[0]["status"], 202);
    assert_eq!(statement(&service, &results[0]).await.payload(), odd.as_bytes());
    assert_eq!(statement(&service, &results[1]).await.payload(), EVIDENCE.as_bytes());

    let some = format!("[{odd},7,{{\"a\":1,\"a\":2}},{}]", structured(2));
    let answer = post(&service, "/events", BATCH, some.clone()).await;
    let problem = refused(&answer, 422, "Events Refused");
    let statuses: Vec<_> =
        problem["results"].as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 422, 422, 202], "one that is refused spoils no other");
    assert_eq!(problem["results"][0]["entry_id"], results[0]["entry_id"]);
    assert_eq!(service.size(), 6);
    assert_eq!(post(&service, "/events", BATCH, "[]").await.json(), json!({ "results": [] }));
    for bad in ["", "{}", "[", "[1,]", "[1]]"] {
        refused(&post(&service, "/events", BATCH, bad).await, 400, "Malformed request");
    }
    let many = format!("[{}0]", "0,".repeat(1000));
    refused(&post(&service, "/events", BATCH, many).await, 413, "Batch Too Large");
}

/// An event with more findings than an answer about many has room for; with a hash that is none it is refused.
fn with_findings(sequence: u64, refused: bool) -> String {
    let mut event = event(sequence);
    event["causality_ref"] = json!("nowhere");
    event["severity"] = json!("high");
    event["trace_id"] = json!("none");
    event["hash_type"] = json!("merkle-sha256");
    if refused {
        event["governance_merkle_tree"] = json!({ "leaves": vec![json!({}); 40] });
        event["governance_hash"] = json!("0f");
    }
    let mut whole: Value = serde_json::from_str(&structured(sequence)).unwrap();
    (whole["data"], whole["aigpagentid"], whole["aigporgid"]) = (event, json!("other"), json!("other"));
    whole.to_string()
}

#[tokio::test]
async fn of_many_events_each_has_room_for_few_findings() {
    let world = world();
    let service = world.serve();
    let alone = post(&service, "/events", STRUCTURED, with_findings(1, false)).await;
    assert_eq!(alone.status, 202, "{alone:?}");
    assert!(alone.json()["findings"].as_array().unwrap().len() > 4, "{alone:?}");
    let alone = post(&service, "/events", STRUCTURED, with_findings(2, true)).await;
    assert!(refused(&alone, 422, "Record Refused")["findings"].as_array().unwrap().len() > 40);

    let answer = post(&service, "/events", BATCH, format!("[{}]", with_findings(1, false))).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.json()["results"][0]["findings"].as_array().unwrap().len(), 4);
    let both = format!("[{},{}]", with_findings(1, false), with_findings(2, true));
    let problem = refused(&post(&service, "/events", BATCH, both).await, 422, "Events Refused");
    for at in [0, 1] {
        assert_eq!(problem["results"][at]["findings"].as_array().unwrap().len(), 4, "{problem}");
    }
    let worst = problem["results"][1]["findings"][0]["severity"].clone();
    assert_eq!(worst, "error", "the worst first");
}

/// An answer that tells why a batch was refused counts against the budget of answers like any other, until it has left.
#[tokio::test]
async fn refusals_that_are_not_read_are_bounded_like_answers() {
    use tower::ServiceExt;
    let mut world = world();
    world.limits.body_bytes = 1024;
    world.limits.batch_bytes = 1024;
    world.limits.body_bytes_in_flight = 2 * 3 * 4096;
    let service = world.serve();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("content-type", BATCH), ("authorization", bearer.as_str())];
    let send = || {
        let sent = request(Method::POST, "/events", &headers, "[7,8]".into());
        service.router.clone().oneshot(sent)
    };
    let unread = send().await.unwrap();
    assert_eq!(unread.status(), 422);
    assert_eq!(send().await.unwrap().status(), 503);
    drop(unread);
    assert_eq!(send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn refusals_that_one_client_does_not_read_leave_room_to_others() {
    use tower::ServiceExt;
    let mut world = world();
    world.limits.body_bytes = 1024;
    world.limits.batch_bytes = 1024;
    // For answers half of it: eight batches of two events. A client has a quarter, and one more that it begins with less.
    world.limits.body_bytes_in_flight = 2 * 8 * 2 * 4096;
    let service = world.serve();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("content-type", BATCH), ("authorization", bearer.as_str())];
    let send = |address: &str| {
        let mut sent = request(Method::POST, "/events", &headers, "[7,8]".into());
        let address: std::net::SocketAddr = address.parse().unwrap();
        sent.extensions_mut().insert(axum::extract::ConnectInfo(address));
        service.router.clone().oneshot(sent)
    };
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(send("192.0.2.1:1").await.unwrap());
    }
    assert!(unread.iter().all(|answer| answer.status() == 422));
    assert_eq!(send("192.0.2.1:2").await.unwrap().status(), 503);
    assert_eq!(send("192.0.2.2:1").await.unwrap().status(), 422);
    drop(unread);
    assert_eq!(send("192.0.2.1:1").await.unwrap().status(), 422);
}

#[tokio::test]
async fn a_token_is_for_its_doors() {
    let world = world();
    let service = world.serve();
    let answer = post(&service, "/evidence", "application/json", event(1).to_string()).await;
    let problem = refused(&answer, 403, "Forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("not for the door `evidence`"), "{problem}");
    let answer = post(&service, "/entries", "application/json", event(1).to_string()).await;
    refused(&answer, 403, "Forbidden");
    let lines = post(&service, "/evidence", "application/x-ndjson", event(1).to_string()).await;
    refused(&lines, 403, "Forbidden");
    let stranger = request(Method::POST, "/events", &[("content-type", STRUCTURED)], structured(1).into());
    refused(&service.send(stranger).await, 401, "Unauthorized");
    let trace_only = json!({ "doors": ["events"], "systems": ["trace"] });
    let other = World { evidence: producers(&trace_only), ..World::closed() };
    let other = other.serve();
    refused(&post(&other, "/events", STRUCTURED, structured(1)).await, 403, "Forbidden");
    assert_eq!((service.size(), other.size()), (3, 3));
}
