//! `POST /entries/batch`: many statements, each answered by itself.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use ciborium::Value;
use proofs::Receipt;

use crate::support::forge::{Forged, claims, twin};
use crate::support::{Answer, Service, URL, World, id_of, location_of, request, signed_by};

const SEQUENCE: &str = "application/cbor-seq";

async fn post(service: &Service, statements: &[Vec<u8>], headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("content-type", SEQUENCE)];
    all.extend_from_slice(headers);
    service.send(request(Method::POST, "/entries/batch", &all, Body::from(statements.concat()))).await
}

/// The items of a sequence, by a decoder that shares nothing with ours.
fn items(bytes: &[u8]) -> Vec<(Value, Vec<u8>)> {
    let mut rest = bytes;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let before = rest;
        let item: Value = ciborium::from_reader(&mut rest).unwrap();
        items.push((item, before[..before.len() - rest.len()].to_vec()));
    }
    items
}

fn answers(answer: &Answer) -> Vec<(Value, Vec<u8>)> {
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, SEQUENCE), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    items(&answer.body)
}

/// Title, detail and the facts for machines.
fn problem((value, bytes): &(Value, Vec<u8>)) -> (String, String, BTreeMap<String, Value>) {
    assert_eq!(&proofs::cbor::encode(value), bytes, "deterministic");
    let [(one, Value::Text(title)), (two, Value::Text(detail)), (key, Value::Map(facts))] =
        value.as_map().unwrap().as_slice()
    else {
        panic!("{value:?}")
    };
    assert_eq!((one, two, key), (&Value::from(-1), &Value::from(-2), &Value::from("urn:stele:batch")));
    let facts = facts.iter().map(|(name, fact)| (name.as_text().unwrap().to_owned(), fact.clone()));
    (title.clone(), detail.clone(), facts.collect())
}

fn assert_receipt(world: &World, (_, bytes): &(Value, Vec<u8>), statement: &[u8]) {
    let receipt = Receipt::parse(bytes).unwrap();
    receipt.verify_inclusion(id_of(statement).as_bytes(), world.keys.receipts.public_key()).unwrap();
}

#[tokio::test]
async fn each_statement_is_answered_in_order_and_a_bad_one_spoils_no_other() {
    let world = World::open().await;
    let service = world.serve();
    let stranger = signed_by(&world.operator, "urn:example:stranger");
    let original = Forged::good(&world.issuer).sign(&world.issuer);
    service.must(original.clone()).await;
    let first = world.statement(1);
    let batch = vec![
        first.clone(),
        stranger.clone(),
        vec![0x9f, 0x01, 0xff],
        world.statement(2),
        vec![0xa2, 0x01, 0x02, 0x01, 0x03],
        first,
        twin(&original),
        world.statement(3),
    ];
    let answer = post(&service, &batch, &[]).await;
    let found = answers(&answer);
    assert_eq!(found.len(), batch.len());
    for at in [0, 3, 5, 7] {
        assert_receipt(&world, &found[at], &batch[at]);
    }
    // Each of the others is told what it is told alone.
    for (at, kind) in
        [(1, "unknown-issuer-key"), (2, "malformed-request"), (4, "malformed-request"), (6, "rejected")]
    {
        let (title, detail, facts) = problem(&found[at]);
        let alone = service.post(batch[at].clone()).await;
        assert_eq!((title, detail), alone.concise(), "{at}");
        assert_eq!(facts["status"], Value::from(alone.status.as_u16()));
        assert_eq!(facts["kind"], Value::from(kind));
        assert!(!facts.contains_key("location") && !facts.contains_key("retry-after"));
    }
    assert_eq!(service.size(), 9);
}

#[tokio::test]
async fn a_place_that_is_no_item_ends_the_batch_and_everything_before_it_is_answered() {
    let world = World::open().await;
    let service = world.serve();
    let behind = world.statement(8);
    for (n, broken) in [
        [&b"\x1c"[..], behind.as_slice()].concat(),
        [&b"\xff"[..], behind.as_slice()].concat(),
        [&b"\x5a\xff\xff\xff\xff"[..], behind.as_slice()].concat(),
        behind[..40].to_vec(),
    ]
    .into_iter()
    .enumerate()
    {
        let batch = vec![world.statement(2 * n), world.statement(2 * n + 1), broken];
        let answer = post(&service, &batch, &[]).await;
        let found = answers(&answer);
        let (title, detail, facts) = problem(found.last().unwrap());
        assert_receipt(&world, &found[0], &batch[0]);
        assert_receipt(&world, &found[1], &batch[1]);
        assert_eq!((found.len(), title.as_str()), (3, "Malformed request"), "{detail}");
        assert!(detail.contains("was not looked at"), "{detail}");
        assert_eq!(facts["status"], Value::from(400));
    }
    service.get(&location_of(&behind)[URL.len()..]).await.refused(404, "Not Found");
    assert_eq!(service.size(), 13);
}

#[tokio::test]
async fn what_is_wrong_with_the_whole_is_told_before_anything_is_registered() {
    let mut world = World::open().await;
    world.limits.batch_entries = 2;
    world.limits.batch_bytes = 4096;
    let service = world.serve();
    let three: Vec<_> = (0..3).map(|n| world.statement(n)).collect();
    let detail = post(&service, &three, &[]).await.refused(413, "Batch Too Large");
    assert!(detail.contains("at most 2 statements"), "{detail}");
    let detail = post(&service, &[vec![0; 4097]], &[]).await.refused(413, "Batch Too Large");
    assert!(detail.contains("at most 4096 bytes"), "{detail}");
    for empty in [vec![], vec![vec![0xff]], vec![vec![0x82, 0x01]]] {
        post(&service, &empty, &[]).await.refused(400, "Malformed request");
    }
    for headers in [
        &[("content-type", "application/cose")][..],
        &[],
        &[("content-type", SEQUENCE), ("content-encoding", "gzip")],
    ] {
        let sent = request(Method::POST, "/entries/batch", headers, Body::from(world.statement(1)));
        let answer = service.send(sent).await;
        answer.refused(415, "Unsupported Media Type");
        assert_eq!(answer.header("accept-post"), SEQUENCE);
    }
    post(&service, &three[..1], &[("accept", "application/cose")]).await.refused(406, "Not Acceptable");
    assert_eq!(service.size(), 5);
}

#[tokio::test]
async fn scr_24_respond_async_answers_with_locations() {
    let world = World::open().await;
    let service = world.serve();
    let batch = vec![world.statement(1), b"\xf6".to_vec(), world.statement(2)];
    let answer = post(&service, &batch, &[("prefer", "respond-async")]).await;
    assert_eq!(answer.header("preference-applied"), "respond-async");
    let found = answers(&answer);
    assert_eq!(found[0].0, Value::from(location_of(&batch[0])));
    assert_eq!(problem(&found[1]).0, "Malformed request");
    assert_eq!(found[2].0, Value::from(location_of(&batch[2])));
    let receipt = service.get(&location_of(&batch[2])[URL.len()..]).await;
    assert_eq!(receipt.status, StatusCode::OK);
}

#[tokio::test]
async fn scr_33_what_was_not_committed_in_time_is_told_apart_and_the_retry_is_idempotent() {
    let mut world = World::open().await;
    // One place for batches: the others find no room before the deadline.
    world.settings.mailbox_entries = 2;
    let mut service = world.serve_without_sequencer();
    let batch: Vec<_> = (0..3).map(|n| world.statement(n)).collect();
    let answer = service.past_the_deadline(post(&service, &batch, &[]), &batch[0]).await;
    let found = answers(&answer);
    for (at, kind) in [(0, "not-committed-in-time"), (1, "overloaded"), (2, "overloaded")] {
        let (title, _, facts) = problem(&found[at]);
        assert_eq!(title, "Service Unavailable");
        assert_eq!(facts["kind"], Value::from(kind));
        assert_eq!(facts["status"], Value::from(503));
        assert_eq!(facts["retry-after"], Value::from(1));
        assert_eq!(facts["location"], Value::from(location_of(&batch[at])));
    }
    service.start();
    let answer = post(&service, &batch, &[]).await;
    for (item, statement) in answers(&answer).iter().zip(&batch) {
        assert_receipt(&world, item, statement);
    }
    assert_eq!(service.size(), 8);
}

#[tokio::test]
async fn scr_34_the_statements_of_a_batch_count_for_the_rate() {
    let mut world = World::open().await;
    world.limits.rate_requests = 6;
    let service = world.serve();
    let statements: Vec<_> = (0..8).map(|n| world.statement(n)).collect();
    let never = post(&service, &statements, &[]).await;
    let detail = never.refused(429, "Too Many Requests");
    assert!(
        detail.ends_with("Each statement of a batch counts as a request. Send smaller batches."),
        "{detail}"
    );
    assert_eq!(never.header("retry-after"), "");
    let later = post(&service, &statements[..7], &[]).await;
    let detail = later.refused(429, "Too Many Requests");
    assert!(detail.ends_with("Each statement of a batch counts as a request."), "{detail}");
    assert_ne!(later.header("retry-after"), "");
    assert_eq!(service.size(), 5);
    assert_eq!(answers(&post(&service, &statements[..3], &[]).await).len(), 3);
    let spent = post(&service, &statements[..2], &[]).await;
    assert_eq!(spent.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(service.size(), 8);
}

/// Answers that nobody takes count against a budget of their own, until they have left.
#[tokio::test]
async fn answers_that_are_not_read_are_bounded_like_bodies() {
    use tower::ServiceExt;
    let mut world = World::open().await;
    let length = world.statement(0).len() * 4;
    world.limits.body_bytes = 1024;
    world.limits.batch_bytes = length;
    world.limits.body_bytes_in_flight = 2 * 5 * 1280;
    let service = world.serve();
    let batch: Vec<u8> = (0..4).flat_map(|n| world.statement(n)).collect();
    let send = || {
        let headers = [("content-type", SEQUENCE)];
        let sent = request(Method::POST, "/entries/batch", &headers, Body::from(batch.clone()));
        service.router.clone().oneshot(sent)
    };
    let mut unread = Vec::new();
    let refused = loop {
        let answer = send().await.unwrap();
        if answer.status() != StatusCode::OK {
            break answer;
        }
        unread.push(answer);
        assert!(unread.len() < 10, "four receipts take more than a tenth of it");
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!unread.is_empty());
    service.must(world.statement(4)).await;
    drop(unread);
    assert_eq!(send().await.unwrap().status(), StatusCode::OK);
}

/// What one client may send in a minute takes little of the room for answers, though it takes none of them: a byte that
/// is no statement reserves as much as a receipt needs, and then keeps only what its problem takes.
#[tokio::test]
async fn batches_of_nothing_do_not_keep_the_room_of_receipts() {
    use tower::ServiceExt;
    let world = World::open().await;
    let service = world.serve();
    let mut unread = Vec::new();
    for _ in 0..60 {
        let headers = [("content-type", SEQUENCE)];
        let sent = request(Method::POST, "/entries/batch", &headers, Body::from(vec![0; 1000]));
        unread.push(service.router.clone().oneshot(sent).await.unwrap());
    }
    assert!(unread.iter().all(|answer| answer.status() == StatusCode::OK));
}

/// Whoever takes nothing is turned away when a quarter of the room holds what he was answered; the others are not.
#[tokio::test]
async fn one_client_does_not_keep_the_room_for_answers_from_others() {
    use tower::ServiceExt;
    let mut world = World::open().await;
    world.limits.body_bytes_in_flight = 64 << 20;
    world.limits.rate_requests = 1_000_000;
    let service = world.serve();
    let name = Value::from("\u{1f3db}".repeat(1000));
    let stranger = claims(&[(1, name.clone()), (2, name)]);
    let batch = Forged::good(&world.issuer).with(15, stranger).sign(&world.issuer).repeat(200);
    let send = async |address: &str| {
        let headers = [("content-type", SEQUENCE)];
        let mut sent = request(Method::POST, "/entries/batch", &headers, Body::from(batch.clone()));
        let address: std::net::SocketAddr = address.parse().unwrap();
        sent.extensions_mut().insert(axum::extract::ConnectInfo(address));
        service.router.clone().oneshot(sent).await.unwrap()
    };
    let mut unread = Vec::new();
    let refused = loop {
        let answer = send("192.0.2.1:1").await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        unread.push(answer);
        assert!(unread.len() <= 1000);
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(send("192.0.2.2:1").await.status(), StatusCode::OK);
    let mut bytes = 0;
    for answer in unread {
        bytes += axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap().len();
    }
    assert!((8 << 20..9 << 20).contains(&bytes), "{bytes}");
    assert_eq!(send("192.0.2.1:2").await.status(), StatusCode::OK, "its answers are gone");
}

#[tokio::test]
async fn a_control_statement_counts_for_those_behind_it() {
    let world = World::closed();
    let service = world.serve();
    let id = ledger::trust::AnchorId::new("issuer").unwrap();
    let anchor =
        ledger::trust::Anchor::key(id, proofs::Signer::public_key(&world.issuer).clone(), None).unwrap();
    let batch = vec![
        world.statement(1),
        world.trust(&service.ledger, anchor),
        world.policy(&service.ledger, vec![crate::support::issuer_rule()]),
        world.statement(1),
    ];
    let found = answers(&post(&service, &batch, &[]).await);
    assert_eq!(problem(&found[0]).0, "Unknown Issuer Key");
    for at in 1..4 {
        assert_receipt(&world, &found[at], &batch[at]);
    }
    assert_eq!(service.size(), 6);
}
