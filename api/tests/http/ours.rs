//! The doors that are not SCRAPI's.

use axum::http::StatusCode;
use ledger::Collateral;
use proofs::{Proof, Receipt, SignedStatement, TransparentStatement, TreeHead, UnixTime};

use crate::support::{NOW, PROBLEM_JSON, URL, World, id_of};

#[tokio::test]
async fn a_statement_is_served_as_it_was_hashed() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    service.must(statement.clone()).await;
    let path = format!("/statements/{}", id_of(&statement));
    let answer = service.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/cose"));
    assert_eq!(answer.body, statement);
    assert_eq!(proofs::sha256(&answer.body).as_bytes(), id_of(&statement).as_bytes());
    assert_eq!(answer.header("cache-control"), "public, max-age=86400, immutable");

    let tag = answer.header("etag").to_owned();
    for held in [tag.as_str(), "*", &format!("\"other\", W/{tag}")] {
        let unchanged = service.get_with(&path, &[("if-none-match", held)]).await;
        assert_eq!((unchanged.status, unchanged.header("etag")), (StatusCode::NOT_MODIFIED, tag.as_str()));
        assert!(unchanged.body.is_empty());
        assert_eq!(unchanged.header("content-length"), "");
    }
    let other = service
        .get_with(&path, &[("accept", "application/scitt-statement+cose"), ("if-none-match", &tag)])
        .await;
    assert_eq!(
        (other.status, other.header("content-type")),
        (StatusCode::OK, "application/scitt-statement+cose")
    );
    assert_ne!(other.header("etag"), tag);
}

#[tokio::test]
async fn a_transparent_statement_carries_a_fresh_receipt() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    service.must(statement.clone()).await;
    let answer = service.get(&format!("/statements/{}/transparent", id_of(&statement))).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/cose"));
    let transparent = TransparentStatement::parse(&answer.body, usize::MAX).unwrap();
    assert_eq!(transparent.statement.canonical(), statement);
    let receipt = transparent.receipts[0].as_ref().unwrap();
    receipt.verify_inclusion(id_of(&statement).as_bytes(), world.keys.receipts.public_key()).unwrap();
    assert_eq!(answer.header("etag"), "", "each is made anew");
}

#[tokio::test]
async fn collateral_says_under_what_the_statement_was_admitted() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    service.must(statement.clone()).await;
    let path = format!("/statements/{}/collateral", id_of(&statement));
    let answer = service.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/cbor"));
    let collateral = Collateral::decode(&answer.body).unwrap();
    assert_eq!(collateral.registered_at, UnixTime::from_secs(NOW));
    assert_eq!(collateral.rule.as_deref(), Some("issuers"));
    let tag = answer.header("etag");
    assert_eq!(service.get_with(&path, &[("if-none-match", tag)]).await.status, StatusCode::NOT_MODIFIED);
    service.get_with(&path, &[("accept", "application/cose")]).await.refused(406, "Not Acceptable");
}

#[tokio::test]
async fn what_is_said_about_an_unknown_entry_follows_accept() {
    let world = World::closed();
    let service = world.serve();
    let id = "ab".repeat(32);
    for path in ["", "/transparent", "/collateral"].map(|end| format!("/statements/{id}{end}")) {
        let detail = service.get(&path).await.refused(404, "Not Found");
        assert!(detail.contains(&id));
        let json = service.get_with(
            &path,
            &[("accept", "application/problem+json, application/cose, application/cbor;q=0.9")],
        );
        assert_eq!(json.await.status, StatusCode::NOT_FOUND);
    }
    // The genesis statement is an entry like any other.
    let genesis = service.get(&format!("/statements/{}", world.log_id)).await;
    assert_eq!(SignedStatement::parse(&genesis.body, usize::MAX).unwrap().entry_id(), world.log_id);
}

#[tokio::test]
async fn policy_and_anchors_in_force_are_json() {
    let world = World::open().await;
    let service = world.serve();
    let answer = service.get("/policy").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.json(), service.ledger.governance().describe());
    assert!(answer.text().contains("issuers"), "{}", answer.text());
}

#[tokio::test]
async fn the_checkpoint_is_a_signed_note() {
    let world = World::closed();
    let service = world.serve();
    let answer = service.get("/checkpoint").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/plain; charset=utf-8"));
    let key = world.keys.checkpoints.public_key().ed25519_bytes().unwrap();
    let vkey = proofs::note::ed25519_vkey("ts.example/log", &key).unwrap();
    let checkpoint = proofs::checkpoint::open_checkpoint(answer.text(), &vkey).unwrap();
    assert_eq!(checkpoint.head, service.ledger.head().tree);
}

#[tokio::test]
async fn consistency_is_proven_between_two_sizes() {
    let world = World::open().await;
    let service = world.serve();
    let old: TreeHead = service.ledger.head().tree;
    service.must(world.statement(1)).await;
    service.must(world.statement(2)).await;
    let new: TreeHead = service.ledger.head().tree;
    let answer = service.get(&format!("/consistency?from={}&to={}", old.size, new.size)).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/cose"));
    let receipt = Receipt::parse(&answer.body).unwrap();
    assert!(matches!(receipt.proof(), Proof::Consistency(_)));
    let root = receipt.verify_consistency(&old.root, world.keys.receipts.public_key()).unwrap();
    assert_eq!(root, new.root);
    assert_eq!(receipt.claims().unwrap().subject, proofs::log_subject(&world.log_id));
}

#[tokio::test]
async fn ranges_that_cannot_be_proven_are_refused() {
    let world = World::closed();
    let service = world.serve();
    for query in [
        "",
        "?from=1",
        "?to=3",
        "?from=0&to=3",
        "?from=3&to=3",
        "?from=3&to=2",
        "?from=1&to=4",
        "?from=-1&to=3",
        "?from=1&to=x",
        "?from=1&from=1&to=3",
        "?from=1&to=99999999999999999999",
    ] {
        service.get(&format!("/consistency{query}")).await.refused(400, "Invalid Range");
    }
    let json = service
        .get_with("/consistency", &[("accept", "application/problem+json, application/cose;q=0.5")])
        .await;
    assert_eq!((json.status, json.header("content-type")), (StatusCode::BAD_REQUEST, PROBLEM_JSON));
}

#[tokio::test]
async fn probes_tell_alive_from_ready() {
    let world = World::closed();
    let mut service = world.serve_without_sequencer();
    assert_eq!(service.get("/healthz").await.json()["status"], "alive");
    let ready = service.get("/readyz").await;
    assert_eq!((ready.status, ready.header("cache-control")), (StatusCode::OK, "no-store"));
    assert_eq!(ready.json()["committed_size"], 3);
    assert_eq!(ready.json()["checkpoint_size"], 3);

    service.end_sequencer();
    let answer = service.get("/readyz").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::SERVICE_UNAVAILABLE, PROBLEM_JSON)
    );
    assert_eq!(answer.json()["detail"], service.ledger.readiness().reason);
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(service.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_landing_page_says_what_this_is_and_where_to_go() {
    let world = World::closed();
    let service = world.serve();
    let page = service.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/plain; charset=utf-8"));
    for word in
        ["SCITT", &world.log_id.to_string(), "ts.example/log", "https://ts.example/entries", "/openapi.json"]
    {
        assert!(page.text().contains(word), "{word} is missing from\n{}", page.text());
    }
    assert!(page.text().lines().all(|line| line.len() <= 400));
    let json = service.get_with("/", &[("accept", "application/json")]).await.json();
    assert_eq!(json["url"], URL);
    assert_eq!(json["log_id"], world.log_id.to_string());
    let browser = service.get_with("/", &[("accept", "text/html, application/xml;q=0.9, */*;q=0.8")]).await;
    assert_eq!(browser.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(browser.header("vary"), "accept");
}
