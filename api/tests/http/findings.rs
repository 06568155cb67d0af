//! What a profile found wrong with the payload of a signed statement, told to whoever sent it.

use axum::body::Body;
use axum::http::Method;
use ciborium::Value;
use proofs::{ContentType, StatementBuilder};

use crate::support::{CONCISE, ISSUER, World, request};

const CONTENT_TYPE: &str = "application/vnd.agent-trace.record+json";
const KEY: &str = "urn:stele:findings";

/// A statement over something that calls itself a record of Agent Trace, with as many findings as it has members.
fn statement(world: &World, files: usize) -> Vec<u8> {
    let files: Vec<String> = (0..files).map(|n| format!(r#"{{"path": {n}}}"#)).collect();
    let payload = format!(r#"{{"version": "1.0", "files": [{}]}}"#, files.join(","));
    let builder =
        StatementBuilder::new(ISSUER, "urn:example:1").content_type(ContentType::Text(CONTENT_TYPE.into()));
    builder.sign(payload.as_bytes(), &world.issuer).unwrap()
}

fn member<'a>(map: &'a Value, key: &Value) -> Option<&'a Value> {
    map.as_map().unwrap().iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// Every finding has exactly the members that problem details in JSON give it.
fn findings(problem: &Value) -> Vec<(String, String)> {
    let list = member(problem, &Value::from(KEY)).unwrap().as_array().unwrap();
    let read = list.iter().map(|finding| {
        let text = |name: &str| member(finding, &Value::from(name)).unwrap().as_text().unwrap().to_owned();
        assert_eq!(finding.as_map().unwrap().len(), 4);
        assert!(!text("message").is_empty() && text("pointer").len() <= ledger::profile::MAX_POINTER_BYTES);
        (text("id"), text("severity"))
    });
    read.collect()
}

/// RFC 9290 §3.2: a key of ours beside title and detail, and nothing else.
#[tokio::test]
async fn scr_02_findings_that_refuse_stand_in_the_problem() {
    let world = World::open().await;
    let service = world.serve();
    let answer = service.post(statement(&world, 9)).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (400, CONCISE));
    let problem = proofs::cbor::decode(&answer.body).unwrap();
    assert_eq!(proofs::cbor::encode(&problem), answer.body, "deterministic");
    assert_eq!(problem.as_map().unwrap().len(), 3);
    assert_eq!(member(&problem, &Value::from(-1)), Some(&Value::from("Rejected")));
    let found = findings(&problem);
    assert!(found.len() > 4 && found.len() <= ledger::profile::MAX_FINDINGS, "{found:?}");
    assert_eq!(found[0].1, "error", "the worst first");
}

#[tokio::test]
async fn of_many_problems_each_has_room_for_few_findings() {
    let world = World::open().await;
    let service = world.serve();
    let batch = [statement(&world, 9), world.statement(1), statement(&world, 40)].concat();
    let headers = [("content-type", "application/cbor-seq")];
    let answer = service.send(request(Method::POST, "/entries/batch", &headers, Body::from(batch))).await;
    let mut rest: &[u8] = answer.body.as_ref();
    let mut items = Vec::new();
    while !rest.is_empty() {
        items.push(ciborium::from_reader::<Value, _>(&mut rest).unwrap());
    }
    for at in [0, 2] {
        assert_eq!(findings(&items[at]).len(), 4);
        assert_eq!(items[at].as_map().unwrap().len(), 4);
    }
    assert!(matches!(items[1], Value::Tag(18, _)));
}
