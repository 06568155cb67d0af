//! `POST /evidence` with NDJSON: a result a line, in order, as they come.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{TOKEN, event, ids, post, producers, refused, trace, world};
use crate::support::{Answer, Service, World, request};

const NDJSON: &str = "application/x-ndjson";

async fn send(service: &Service, body: impl Into<Body>) -> Answer {
    post(service, "/evidence", NDJSON, body).await
}

fn results(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, NDJSON), "{answer:?}");
    assert!(answer.body.is_empty() || answer.body.ends_with(b"\n"));
    let lines = answer.text().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(results: &[Value]) -> Vec<(u64, u64)> {
    let of = |result: &Value, name: &str| result[name].as_u64().unwrap();
    results.iter().map(|result| (of(result, "line"), of(result, "status"))).collect()
}

#[tokio::test]
async fn every_record_has_its_result_in_order_and_a_bad_one_spoils_no_other() {
    let mut world = world();
    world.limits.body_bytes = 4000;
    let service = world.serve();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(4000));
    let mut broken = event(3);
    broken.as_object_mut().unwrap().remove("event_time");
    let lines = [
        event(1).to_string(),
        String::new(),
        "{\"a\":".to_owned(),
        event(2).to_string() + "\r",
        long,
        broken.to_string(),
        "{\"a\":1}".to_owned(),
        String::from_utf8(trace()).unwrap(),
        event(1).to_string(),
        "  ".to_owned(),
        event(3).to_string(),
    ];
    let content = lines.join("\n");
    let found = results(&send(&service, content.clone()).await);
    let expected =
        [(1, 201), (3, 422), (4, 201), (5, 413), (6, 422), (7, 422), (8, 201), (9, 201), (11, 201)];
    assert_eq!(numbers(&found), expected);
    let places: Vec<_> = found.iter().filter_map(|result| result["leaf_index"].as_u64()).collect();
    assert_eq!(places, [3, 4, 5, 3, 6], "in the order of the lines, and a repeated one where it is");
    assert_eq!(ids(&found[1]["findings"]), ["JSON_MALFORMED"]);
    assert_eq!(found[4]["type"], "urn:stele:problem:findings");
    assert_eq!(found[5]["title"], "Unrecognised Record");
    assert!(found[0]["receipt"].is_string() && found[0]["findings"].is_array());
    let id = found[2]["entry_id"].as_str().unwrap();
    let statement = service.get(&format!("/statements/{id}")).await.body;
    let payload = proofs::SignedStatement::parse(&statement, usize::MAX).unwrap().payload().to_vec();
    assert_eq!(payload, event(2).to_string().into_bytes(), "the end of the line is not the record's");
    // The same again, one byte a frame.
    let bytes = content.into_bytes().into_iter().map(|byte| Bytes::from(vec![byte]));
    let again = results(&send(&service, arriving(bytes.collect())).await);
    assert_eq!(numbers(&again), expected);
    assert_eq!(service.size(), 7, "nothing was registered twice");
}

/// A body of unknown length.
fn arriving(frames: Vec<Bytes>) -> Body {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        for frame in frames {
            if sender.send_data(frame).await.is_err() {
                break;
            }
        }
    });
    Body::new(body)
}

fn stream(body: Body, headers: &[(&str, &str)]) -> Request<Body> {
    let bearer = format!("Bearer {TOKEN}");
    let own = [("content-type", NDJSON), ("authorization", &*bearer)];
    request(Method::POST, "/evidence", &[&own[..], headers].concat(), body)
}

async fn next(body: &mut Body) -> Value {
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    serde_json::from_slice(&frame).unwrap()
}

fn line(sequence: u64) -> Bytes {
    format!("{}\n", event(sequence)).into()
}

fn open() -> (Sender<Bytes, &'static str>, Body) {
    let (sender, body) = Channel::new(4);
    (sender, Body::new(body))
}

/// Results come while records are still sent; what nobody takes results of is not read.
#[tokio::test]
async fn records_are_answered_as_they_come() {
    let world = world();
    let service = world.serve();
    let (mut sender, body) = open();
    sender.send_data(line(1)).await.unwrap();
    let mut answer = service.router.clone().oneshot(stream(body, &[])).await.unwrap().into_body();
    for n in 2..=4 {
        assert_eq!(next(&mut answer).await["line"], n - 1);
        let half = line(n).len() / 2;
        sender.send_data(line(n).slice(..half)).await.unwrap();
        sender.send_data(line(n).slice(half..)).await.unwrap();
    }
    assert_eq!(next(&mut answer).await["line"], 4);
    assert_eq!(service.size(), 7);
    sender.send_data(line(5)).await.unwrap();
    sender.send_data(line(6)).await.unwrap();
    assert_eq!(service.size(), 7, "nobody has asked for results yet");
    drop(sender);
    assert_eq!(answer.collect().await.unwrap().to_bytes().iter().filter(|byte| **byte == b'\n').count(), 2);
    assert_eq!(service.size(), 9);
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_told_where() {
    let world = world();
    let service = world.serve();
    let (mut sender, body) = open();
    sender.send_data(line(1)).await.unwrap();
    sender.send_data(line(2).slice(..20)).await.unwrap();
    sender.abort("the line was cut");
    let answer = service.send(stream(body, &[])).await;
    let found = results(&answer);
    assert_eq!(numbers(&found), [(1, 201), (2, 400)]);
    assert!(found[1]["detail"].as_str().unwrap().contains("broke off"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_no_line_in_time_loses_the_stream() {
    let world = world();
    let service = world.serve();
    for start in ["", "{\"a\":"] {
        let (mut sender, body) = open();
        let began = tokio::time::Instant::now();
        let drip = async {
            loop {
                tokio::time::sleep(std::time::Duration::from_secs(7)).await;
                let gone = sender.send_data(Bytes::from_static(b" ")).await.is_err();
                if start.is_empty() || gone {
                    std::future::pending::<()>().await;
                }
            }
        };
        let answer = tokio::select! {
            answer = service.send(stream(body, &[])) => answer,
            () = drip => unreachable!("it waits for ever"),
        };
        assert_eq!(numbers(&results(&answer)), [(1, 408)]);
        assert!(began.elapsed().as_secs() <= 60, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn as_many_streams_as_there_are_places() {
    let mut world = world();
    world.evidence.streams = 1;
    let service = world.serve();
    let (mut sender, body) = open();
    sender.send_data(line(1)).await.unwrap();
    let answer = service.router.clone().oneshot(stream(body, &[])).await.unwrap();
    let busy = send(&service, line(2)).await;
    refused(&busy, 503, "Service Unavailable");
    assert_eq!(busy.header("retry-after"), "1");
    drop(answer);
    assert_eq!(numbers(&results(&send(&service, line(2)).await)), [(1, 201)], "the place is free again");
}

#[tokio::test]
async fn streams_are_for_producers_and_as_they_ask() {
    let world = World { evidence: producers(&json!({ "systems": ["trace"] })), ..World::closed() };
    let service = world.serve();
    let both = format!("{}\n{}\n", event(1), String::from_utf8(trace()).unwrap());
    let found = results(&send(&service, both.clone()).await);
    assert_eq!(numbers(&found), [(1, 403), (2, 201)], "what a token does not reach spoils no other");
    let answer = service.send(stream(both.clone().into(), &[("prefer", "respond-async")])).await;
    let found = results(&answer);
    assert_eq!(
        (numbers(&found), answer.header("preference-applied")),
        (vec![(1, 403), (2, 202)], "respond-async")
    );
    assert!(found[1]["receipt"].is_null() && found[1]["receipt_uri"].is_string());
    let stranger = request(Method::POST, "/evidence", &[("content-type", NDJSON)], both.clone().into());
    refused(&service.send(stranger).await, 401, "Unauthorized");
    for (header, status, title) in [
        (("accept", "text/html"), 406, "Not Acceptable"),
        (("content-encoding", "gzip"), 415, "Unsupported Media Type"),
    ] {
        refused(&service.send(stream(both.clone().into(), &[header])).await, status, title);
    }
    assert!(results(&send(&service, "").await).is_empty());
    assert!(results(&send(&service, "\n\r\n").await).is_empty());
}
