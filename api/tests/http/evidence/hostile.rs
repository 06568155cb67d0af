//! Payloads made to hurt: each is answered, and nothing of it is logged.

use std::fmt::Write as _;

use serde_json::json;

use super::{event, ids, post, refused, send, world};
use crate::support::World;

fn with_annotations(text: &str) -> String {
    let mut event = event(1);
    event["annotations"] = json!("HERE");
    event.to_string().replace("\"HERE\"", text)
}

#[tokio::test]
async fn hostile_payloads_are_answered_and_not_logged() {
    let world = world();
    let service = world.serve();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!("[{}0]", "0,".repeat(70_000));
    for (annotations, id) in [
        (deep.as_str(), "JSON_TOO_DEEP"),
        (&wide, "JSON_TOO_MANY_VALUES"),
        ("{\"a\":1,\"\\u0061\":2}", "JSON_DUPLICATE_MEMBER"),
        ("{\"a\":\"\\ud800\"}", "JSON_LONE_SURROGATE"),
        ("{\"a\":\"\\udc00\\ud800\"}", "JSON_LONE_SURROGATE"),
        ("{\"a\":1e400}", "JSON_MALFORMED"),
        ("{\"a\":NaN}", "JSON_MALFORMED"),
        ("{\"a\":01}", "JSON_MALFORMED"),
        ("{\"a\":\"\u{0}\"}", "JSON_MALFORMED"),
        ("{} {}", "JSON_MALFORMED"),
    ] {
        let body = with_annotations(annotations);
        for content_type in ["application/json", "application/vnd.aigp.event+json"] {
            let answer = post(&service, "/evidence", content_type, body.clone()).await;
            let problem = refused(&answer, 422, "Record Refused");
            assert_eq!(ids(&problem["findings"]), [id], "{content_type} {problem}");
            assert!(answer.body.len() < 4096, "{id}: {}", answer.body.len());
        }
    }
    for body in [&b"\xff\xfe{}"[..], b"", b"\xef\xbb\xbf{}", b"null", b"\"\""] {
        refused(&send(&service, body).await, 422, "Record Refused");
    }
    assert_eq!(service.size(), 3);
}

/// As many findings as a payload likes to cause: as many as are kept are told, and that there are more.
#[tokio::test]
async fn a_million_findings_are_told_in_a_bounded_answer() {
    let world = world();
    let service = world.serve();
    let mut record = String::from("{\"eat_profile\":\"tag:agentrust-io.com,2026:trace-v0.2\"");
    for at in 0..30_000 {
        write!(record, ",\"member {at}\":1.5").unwrap();
    }
    record.push('}');
    let answer = send(&service, record).await;
    let problem = refused(&answer, 422, "Record Refused");
    let found = ids(&problem["findings"]);
    assert_eq!((found.len(), found.last()), (64, Some(&"FINDINGS_TRUNCATED")));
    assert!(answer.body.len() < 64 * 1024, "{}", answer.body.len());
    assert!(problem["detail"].as_str().unwrap().chars().count() <= 1001);
}

#[tokio::test]
async fn a_record_larger_than_a_body_may_be_is_not_read() {
    let mut world = World { evidence: world().evidence, ..World::closed() };
    world.limits.body_bytes = 2000;
    let service = world.serve();
    let answer = send(&service, with_annotations(&format!("\"{}\"", "x".repeat(2000)))).await;
    refused(&answer, 413, "Statement Too Large");
    assert_eq!(send(&service, event(1).to_string()).await.status, 201);
}
