//! `POST /entries`: what becomes of a statement that is acceptable.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::{Method, StatusCode};
use proofs::{Receipt, Signer};
use tower::ServiceExt;

use crate::support::forge::{Forged, twin};
use crate::support::{Answer, URL, World, id_of, location_of, request, signed_by};

/// A body that nobody may ask for.
struct Unread;

impl HttpBody for Unread {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        panic!("the body was read");
    }
}

fn assert_receipt(world: &World, answer: &Answer, statement: &[u8]) {
    let receipt = Receipt::parse(&answer.body).unwrap();
    let entry = id_of(statement);
    receipt.verify_inclusion(entry.as_bytes(), world.keys.receipts.public_key()).unwrap();
    assert_eq!(receipt.claims().unwrap().issuer, URL);
}

#[tokio::test]
async fn scr_23_success_is_201_with_the_receipt_and_its_location() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    let answer = service.post_with(statement.clone(), &[("accept", "application/cose")]).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("location"), location_of(&statement));
    assert_eq!(answer.header("content-type"), "application/cose");
    assert_eq!(answer.header("vary"), "accept");
    assert!(!answer.header("x-request-id").is_empty());
    assert_receipt(&world, &answer, &statement);
    assert_eq!(service.size(), 6);
}

#[tokio::test]
async fn scr_20_every_declared_form_of_a_statement_is_read() {
    let world = World::open().await;
    let service = world.serve();
    for (n, content_type) in
        ["application/cose", "application/scitt-statement+cose", "application/cose; cose-type=\"cose-sign1\""]
            .into_iter()
            .enumerate()
    {
        let headers =
            [("content-type", content_type), ("accept", "application/cbor"), ("accept", "application/cose")];
        let answer =
            service.send(request(Method::POST, "/entries", &headers, world.statement(n).into())).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{content_type}");
        assert_eq!(answer.header("content-type"), "application/cose");
    }
}

#[tokio::test]
async fn the_registered_receipt_type_is_sent_to_those_who_prefer_it() {
    let world = World::open().await;
    let service = world.serve();
    let accept = [("accept", "application/scitt-receipt+cose, application/cose;q=0.5")];
    let answer = service.post_with(world.statement(1), &accept).await;
    assert_eq!(answer.header("content-type"), "application/scitt-receipt+cose");
    let answer = service.get_with(&answer.header("location")[URL.len()..], &accept).await;
    assert_eq!(answer.header("content-type"), "application/scitt-receipt+cose");
}

#[tokio::test]
async fn scr_24_respond_async_is_202_without_content() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    let answer = service.post_with(statement.clone(), &[("prefer", "wait=5, respond-async")]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("content-length"), "0");
    assert_eq!(answer.header("content-type"), "");
    assert_eq!(answer.header("location"), location_of(&statement));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("preference-applied"), "respond-async");
    assert!(answer.body.is_empty());
    // Acknowledged means integrated (D9): it is on the log already.
    let receipt = service.get(&answer.header("location")[URL.len()..]).await;
    assert_eq!(receipt.status, StatusCode::OK);
    assert_receipt(&world, &receipt, &statement);
}

#[tokio::test]
async fn scr_25_one_statement_has_one_location_in_every_answer() {
    let mut world = World::open().await;
    world.settings.mailbox_entries = 1;
    let mut service = world.serve_without_sequencer();
    let statement = world.statement(1);
    let location = location_of(&statement);
    let path = location[URL.len()..].to_owned();

    let router = service.router.clone();
    let first =
        request(Method::POST, "/entries", &[("content-type", "application/cose")], statement.clone().into());
    let first = tokio::spawn(async move { router.oneshot(first).await.unwrap() });
    let running = loop {
        let answer = service.get(&path).await;
        if answer.status != StatusCode::NOT_FOUND {
            break answer;
        }
        assert!(!first.is_finished(), "answered without being committed");
    };
    assert_eq!((running.status, running.header("location")), (StatusCode::NO_CONTENT, location.as_str()));
    let full = service.post(statement.clone()).await;
    assert_eq!((full.status, full.header("location")), (StatusCode::SERVICE_UNAVAILABLE, location.as_str()));

    service.start();
    let created = first.await.unwrap();
    assert_eq!(
        (created.status(), &created.headers()["location"]),
        (StatusCode::CREATED, &location.parse().unwrap())
    );
    let accepted = service.post_with(statement, &[("prefer", "respond-async")]).await;
    assert_eq!((accepted.status, accepted.header("location")), (StatusCode::ACCEPTED, location.as_str()));
    let found = service.get(&path).await;
    assert_eq!((found.status, found.header("location")), (StatusCode::OK, location.as_str()));
}

#[tokio::test]
async fn scr_26_registering_again_is_idempotent() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    let first = service.must(statement.clone()).await;
    let again = service.must(statement.clone()).await;
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(service.size(), 6);
    // A transparent statement is the same statement (ARCH-49).
    let path = format!("/statements/{}/transparent", id_of(&statement));
    let transparent = service.get(&path).await.body;
    assert_ne!(transparent, statement);
    assert_eq!(service.must(transparent).await.header("location"), first.header("location"));
    assert_eq!(service.size(), 6);
}

#[tokio::test]
async fn scr_35_no_header_of_the_request_decides_anything() {
    let world = World::open().await;
    let service = world.serve();
    let (good, bad) = (world.statement(1), signed_by(&world.operator, "urn:example:stranger"));
    let refusal = service.post(bad.clone()).await;
    for headers in [
        &[("authorization", "Bearer root"), ("x-policy", "allow")][..],
        &[("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")],
        &[("x-forwarded-for", "127.0.0.1"), ("from", "operator@ts.example"), ("user-agent", "stele")],
        &[("scitt-profile", "trace"), ("x-tenant", "a"), ("x-http-method-override", "PUT")],
    ] {
        let answer = service.post_with(good.clone(), headers).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::CREATED, location_of(&good).as_str())
        );
        let answer = service.post_with(bad.clone(), headers).await;
        assert_eq!((answer.status, &answer.body), (refusal.status, &refusal.body));
    }
    assert_eq!(service.size(), 6);
}

#[tokio::test]
async fn scr_21_what_policy_refuses_leaves_no_trace() {
    let world = World::closed();
    let service = world.serve();
    let (commits, statement) = (world.store.commits(), world.statement(1));
    let answer = service.post(statement.clone()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.header("location"), "");
    assert_eq!((world.store.commits(), service.size()), (commits, 3));
    let path = format!("/entries/{}", id_of(&statement));
    service.get(&path).await.refused(404, "Not Found");
}

/// 406 and 415 come before the body is read, and so before anything is registered.
#[tokio::test]
async fn negotiation_fails_before_anything_is_registered() {
    let world = World::open().await;
    let service = world.serve();
    for (headers, status, title) in [
        (
            &[("content-type", "application/json"), ("accept", "application/cose")][..],
            415,
            "Unsupported Media Type",
        ),
        (&[("content-type", "text/plain")], 415, "Unsupported Media Type"),
        (&[], 415, "Unsupported Media Type"),
        (
            &[("content-type", "application/cose"), ("content-encoding", "gzip")],
            415,
            "Unsupported Media Type",
        ),
        (&[("content-type", "application/cose"), ("accept", "text/html")], 406, "Not Acceptable"),
        (&[("content-type", "application/cose"), ("accept", "application/cbor")], 406, "Not Acceptable"),
    ] {
        let answer = service.send(request(Method::POST, "/entries", headers, Body::new(Unread))).await;
        let detail = answer.refused(status, title);
        assert!(detail.contains("application/cose") || detail.contains("Content-Encoding"), "{detail}");
        let accept_post =
            if status == 415 { "application/cose, application/scitt-statement+cose" } else { "" };
        assert_eq!(answer.header("accept-post"), accept_post);
    }
    assert_eq!(service.size(), 5);
}

/// On this door the request's own type decides in which form failures are told (D13).
#[tokio::test]
async fn a_json_request_is_told_in_json_that_it_should_not_be_json() {
    let world = World::closed();
    let service = world.serve();
    let answer = service
        .send(request(Method::POST, "/entries", &[("content-type", "application/json")], "{}".into()))
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/problem+json")
    );
    assert_eq!(answer.json()["title"], "Unsupported Media Type");
}

#[tokio::test]
async fn scr_33_a_passed_deadline_promises_nothing_and_names_the_location() {
    let world = World::open().await;
    let mut service = world.serve_without_sequencer();
    let statement = world.statement(1);
    let answer = service.past_the_deadline(service.post(statement.clone()), &statement).await;
    answer.refused(503, "Service Unavailable");
    assert_eq!(answer.header("location"), location_of(&statement));
    assert_eq!(answer.header("retry-after"), "1");
    // The retry is idempotent, whether or not the first attempt was committed after all.
    service.start();
    let answer = service.must(statement.clone()).await;
    assert_eq!(answer.header("location"), location_of(&statement));
    assert_eq!(service.size(), 6);
}

#[tokio::test]
async fn scr_33_a_service_that_stops_says_when_to_come_back() {
    let world = World::open().await;
    let mut service = world.serve_without_sequencer();
    service.end_sequencer();
    let answer = service.post(world.statement(1)).await;
    answer.refused(503, "Service Unavailable");
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn the_ecdsa_twin_of_an_entry_is_rejected_and_names_it() {
    let world = World::open().await;
    let service = world.serve();
    let statement = Forged::good(&world.issuer).sign(&world.issuer);
    let other = twin(&statement);
    assert_ne!(id_of(&statement), id_of(&other));
    service.must(statement.clone()).await;
    let detail = service.post(other).await.refused(400, "Rejected");
    assert!(detail.contains(&id_of(&statement).to_string()), "{detail}");
    assert_eq!(world.issuer.algorithm().name(), "ES256");
    assert_eq!(service.size(), 6);
}
