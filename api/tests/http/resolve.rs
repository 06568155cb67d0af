//! `GET /entries/{entry_id}`.

use axum::http::{Method, StatusCode};
use proofs::{LeafIndex, Proof, Receipt, TreeSize};
use tower::ServiceExt;

use crate::support::{Answer, URL, World, id_of, location_of, request};

fn position(answer: &Answer) -> (LeafIndex, TreeSize) {
    match Receipt::parse(&answer.body).unwrap().proof() {
        Proof::Inclusion(proof) => (proof.index, proof.size),
        Proof::Consistency(_) => panic!("not an inclusion receipt"),
    }
}

#[tokio::test]
async fn scr_28_a_registered_statement_has_a_receipt_at_its_location() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    let created = service.must(statement.clone()).await;
    let answer = service.get(&created.header("location")[URL.len()..]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/cose");
    assert_eq!(answer.header("location"), location_of(&statement));
    assert_eq!(answer.header("vary"), "accept");
    assert_eq!(answer.header("cache-control"), "no-cache");
    let key = world.keys.receipts.public_key();
    Receipt::parse(&answer.body).unwrap().verify_inclusion(id_of(&statement).as_bytes(), key).unwrap();
}

#[tokio::test]
async fn scr_13_scr_32_a_later_receipt_is_fresh_and_at_the_same_position() {
    let world = World::open().await;
    let service = world.serve();
    let first = service.must(world.statement(1)).await;
    service.must(world.statement(2)).await;
    let fresh = service.get(&first.header("location")[URL.len()..]).await;
    let ((index, size), (same, newer)) = (position(&first), position(&fresh));
    assert_eq!(index, same);
    assert!(newer > size);
}

#[tokio::test]
async fn scr_29_scr_33_a_running_registration_is_204_and_is_not_cached() {
    let world = World::open().await;
    let mut service = world.serve_without_sequencer();
    let statement = world.statement(1);
    let path = location_of(&statement)[URL.len()..].to_owned();
    let router = service.router.clone();
    let post = request(Method::POST, "/entries", &[("content-type", "application/cose")], statement.into());
    let post = tokio::spawn(async move { router.oneshot(post).await.unwrap().status() });
    let running = loop {
        let answer = service.get(&path).await;
        if answer.status != StatusCode::NOT_FOUND {
            break answer;
        }
        assert!(!post.is_finished(), "answered without being committed");
    };
    assert_eq!(running.status, StatusCode::NO_CONTENT);
    assert!(running.body.is_empty());
    assert_eq!(running.header("content-type"), "");
    assert_eq!(running.header("content-length"), "", "204 has no length, not even zero");
    assert_eq!(running.header("cache-control"), "no-store");
    assert_eq!(running.header("retry-after"), "1");
    service.start();
    assert_eq!(post.await.unwrap(), StatusCode::CREATED);
    assert_eq!(service.get(&path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn scr_30_an_unknown_entry_is_404_with_the_words_of_the_draft() {
    let world = World::closed();
    let service = world.serve();
    let id = "00".repeat(32);
    let answer = service.get(&format!("/entries/{id}")).await;
    let detail = answer.refused(404, "Not Found");
    assert_eq!(detail, format!("Receipt with entry ID {id} not known to this Transparency Service"));
    // A cache must not keep it: the entry may be registered in a moment.
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn scr_31_a_registration_that_was_lost_is_404() {
    let world = World::open().await;
    let service = world.serve_without_sequencer();
    let statement = world.statement(1);
    let lost = service.past_the_deadline(service.post(statement.clone()), &statement).await;
    assert_eq!(lost.status, StatusCode::SERVICE_UNAVAILABLE);
    let path = lost.header("location")[URL.len()..].to_owned();
    service.stop().await;

    let service = world.serve();
    service.get(&path).await.refused(404, "Not Found");
    // No tombstone stands in the way of the next attempt (D9).
    service.must(statement).await;
    assert_eq!(service.get(&path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn scr_27_an_id_of_bad_form_is_an_invalid_locator() {
    let world = World::closed();
    let service = world.serve();
    let id = world.log_id.to_string();
    for bad in [
        "1".to_owned(),
        id.to_uppercase(),
        id[..63].to_owned(),
        format!("{id}0"),
        format!("{id}%20"),
        format!("0x{}", &id[2..]),
        "%ff".to_owned(),
        "%".to_owned(),
        "..%2fentries".to_owned(),
    ] {
        for path in
            [format!("/entries/{bad}"), format!("/statements/{bad}"), format!("/statements/{bad}/collateral")]
        {
            let detail = service.get(&path).await.refused(400, "Invalid locator");
            assert_eq!(detail, "Operation locator is not in a valid form", "{path}");
        }
    }
}

#[tokio::test]
async fn an_accept_that_excludes_receipts_is_406() {
    let world = World::closed();
    let service = world.serve();
    let path = format!("/entries/{}", world.log_id);
    service.get_with(&path, &[("accept", "text/html")]).await.refused(406, "Not Acceptable");
    assert_eq!(service.get_with(&path, &[("accept", "text/html, */*;q=0.1")]).await.status, StatusCode::OK);
}
