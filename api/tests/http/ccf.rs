//! `/compat/ccf`: the calls of `pyscitt` 0.10.1 and 0.15.0, as they were recorded from the packages. `ops/interop/microsoft.py`
//! has the packages themselves make them.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use ciborium::Value;
use proofs::{Receipt, TransparentStatement};
use serde_json::json;

use crate::support::{Answer, Service, URL, World, request};

const NEWER: &str = "?api-version=2026-03-26";

async fn post(service: &Service, query: &str, statement: &[u8]) -> Answer {
    let headers = [("content-type", "application/cose"), ("accept", "*/*")];
    let path = format!("/compat/ccf/entries{query}");
    service.send(request(Method::POST, &path, &headers, statement.to_vec().into())).await
}

async fn get(service: &Service, path: &str) -> Answer {
    service.get_with(&format!("/compat/ccf{path}"), &[("accept", "*/*")]).await
}

fn map(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.header("content-type"), "application/cbor", "{answer:?}");
    let value = proofs::cbor::decode(&answer.body).unwrap();
    let text = |value: &Value| value.as_text().unwrap().to_owned();
    value.as_map().unwrap().iter().map(|(key, value)| (text(key), text(value))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> =
        expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    // Deterministic CBOR sorts keys by length first.
    pairs.sort_by_key(|(key, _)| (key.len(), key.clone()));
    pairs
}

#[tokio::test]
async fn the_older_generation_is_given_an_operation() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    let index = service.size();
    let id = format!("1.{index}");
    let answer = post(&service, "", &statement).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let done = pairs(&[("OperationId", &id), ("Status", "succeeded"), ("EntryId", &id)]);
    assert_eq!(map(&answer), done);
    let operation = get(&service, &format!("/operations/{id}")).await;
    assert_eq!((operation.status, map(&operation)), (StatusCode::OK, done));
    let receipt = get(&service, &format!("/entries/{id}")).await;
    assert_eq!((receipt.status, receipt.header("content-type")), (StatusCode::OK, "application/cose"));
    Receipt::parse(&receipt.body).unwrap();
    let transparent = get(&service, &format!("/entries/{id}/statement")).await;
    assert_eq!(transparent.header("content-type"), "application/cose");
    assert_eq!(transparent.header("x-ms-ccf-transaction-id"), id);
    assert_eq!(TransparentStatement::parse(&transparent.body, 1 << 20).unwrap().receipts.len(), 1);

    let again = post(&service, "", &statement).await;
    assert_eq!((map(&again), service.size()), (map(&answer), index + 1), "a retry is success");
}

#[tokio::test]
async fn the_newer_generation_is_sent_on_or_waits() {
    let world = World::open().await;
    let service = world.serve();
    let index = service.size();
    let id = format!("1.{index}");
    let location = format!("{URL}/compat/ccf/entries/{id}");
    let answer = post(&service, NEWER, &world.statement(1)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, &*location));
    assert_eq!((answer.header("x-ms-ccf-transaction-id"), answer.body.len()), (&*id, 0));
    let receipt = get(&service, &format!("/entries/{id}{NEWER}")).await;
    assert_eq!(receipt.header("content-type"), "application/scitt-receipt+cose");
    Receipt::parse(&receipt.body).unwrap();
    let statement = get(&service, &format!("/entries/{id}/statement{NEWER}")).await;
    assert_eq!(statement.header("content-type"), "application/scitt-statement+cose");

    let waited = post(&service, &format!("{NEWER}&waitForCommit=true"), &world.statement(2)).await;
    assert_eq!(waited.status, StatusCode::CREATED);
    assert_eq!(waited.header("x-ms-ccf-transaction-id"), format!("1.{}", index + 1));
    assert_eq!(waited.header("content-type"), "application/scitt-receipt+cose");
    Receipt::parse(&waited.body).unwrap();
    let older = post(&service, "?waitForCommit=true", &world.statement(3)).await;
    assert_eq!((older.status, older.header("content-type")), (StatusCode::CREATED, "application/cose"));
}

/// The client crashes on any failure that is not concise problem details or CCF's own JSON.
#[tokio::test]
async fn failures_are_told_in_the_one_form_that_both_generations_read() {
    let world = World::open().await;
    let service = world.serve();
    let json = [("accept", "application/json"), ("content-type", "application/cose")];
    let at = |path: &str| format!("/compat/ccf{path}");
    for query in ["", NEWER] {
        post(&service, query, b"not cbor").await.refused(400, "Malformed request");
        let with = |path: &str| at(&format!("{path}{query}"));
        service.get_with(&with("/entries/x"), &json).await.refused(400, "Invalid locator");
        service.get_with(&with("/entries/1.99"), &json).await.refused(404, "Not Found");
        service.get_with(&with("/entries/2.1"), &json).await.refused(404, "Not Found");
        service.get_with(&with("/entries/1.99/statement"), &json).await.refused(404, "Not Found");
    }
    service.get_with(&at("/operations/1.99"), &json).await.refused(404, "Not Found");
    post(&service, "?waitForCommit=maybe", &world.statement(1)).await.refused(400, "Malformed request");
    let plain = request(Method::POST, &at("/entries"), &[("content-type", "text/plain")], Body::empty());
    service.send(plain).await.refused(415, "Unsupported Media Type");
    for query in ["from=3&to=1", "to=99", "from=x", "from=1&from=2", "after=-1"] {
        get(&service, &format!("/entries/txIds?{query}")).await.refused(400, "Invalid Range");
    }
}

/// `scitt sign` without `--uses-cwt`: issuer and feed in labels 391 and 392.
#[tokio::test]
async fn statements_with_the_old_labels_get_missing_claims() {
    let world = World::open().await;
    let service = world.serve();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../proofs/tests/data/pyscitt/statement-legacy-391-392-x5c-es256.cose"
    );
    let legacy = std::fs::read(path).unwrap();
    let detail = post(&service, NEWER, &legacy).await.refused(400, "Missing Claims");
    assert!(detail.contains("391"), "{detail}");
}

#[tokio::test]
async fn transaction_ids_are_listed_page_by_page() {
    let world = World::open().await;
    let service = world.serve();
    let size = service.size();
    let all = get(&service, "/entries/txIds").await.json();
    let ids: Vec<String> = (0..size).map(|index| format!("1.{index}")).collect();
    assert_eq!(all, json!({ "transactionIds": ids }));
    let some = get(&service, "/entries/txIds?from=1&to=2").await.json();
    assert_eq!(some, json!({ "transactionIds": ["1.1", "1.2"] }));

    for n in 0..1000 {
        service.must(world.statement(n)).await;
    }
    // The client repeats `from` and `to` on every page, so only `after` can tell how far it came.
    let first = get(&service, "/entries/txIds?from=2").await.json();
    let (found, link) = (first["transactionIds"].as_array().unwrap(), first["nextLink"].as_str().unwrap());
    assert_eq!((found.len(), found[999].as_str()), (1000, Some("1.1001")));
    assert_eq!(link, format!("{URL}/compat/ccf/entries/txIds?from=2&to={}&after=1001", size + 999));
    let last = service.get(&link[URL.len()..]).await.json();
    let found = last["transactionIds"].as_array().unwrap();
    assert_eq!(
        (u64::try_from(found.len()).unwrap(), &last["nextLink"]),
        (size - 2, &serde_json::Value::Null)
    );
    assert_eq!(found[0], "1.1002");
}

/// Receipts that wait for witnesses: the newer generation polls with 302, the older one with 202 and 503.
#[tokio::test]
async fn what_waits_for_witnesses_is_polled() {
    let mut world = World::open().await;
    world.wait_for_nobody();
    let service = world.serve();
    let id = format!("1.{}", service.size());
    let statement = world.statement(1);
    let answer = post(&service, &format!("{NEWER}&waitForCommit=true"), &statement).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let location = answer.header("location");
    for path in [format!("/entries/{id}{NEWER}"), format!("/entries/{id}/statement{NEWER}")] {
        let polled = get(&service, &path).await;
        assert_eq!((polled.status, polled.header("location")), (StatusCode::FOUND, location));
        assert_eq!((polled.header("retry-after"), polled.header("x-ms-ccf-transaction-id")), ("1", &*id));
    }
    let running = pairs(&[("OperationId", &id), ("Status", "running")]);
    for answer in [post(&service, "", &statement).await, get(&service, &format!("/operations/{id}")).await] {
        assert_eq!(
            (answer.status, map(&answer), answer.header("retry-after")),
            (StatusCode::ACCEPTED, running.clone(), "1")
        );
    }
    for path in [format!("/entries/{id}"), format!("/entries/{id}/statement")] {
        let answer = get(&service, &path).await;
        answer.refused(503, "TransactionNotCached");
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[tokio::test]
async fn the_service_tells_its_keys() {
    let world = World::open().await;
    let service = world.serve();
    let set = get(&service, "/.well-known/scitt-keys").await;
    assert_eq!(set.body, service.get("/.well-known/scitt-keys").await.body);
    let kid = world.keys.receipts.public_key().thumbprint();
    let kid = data_encoding::BASE64URL_NOPAD.encode(kid.as_bytes());
    assert_eq!(get(&service, &format!("/.well-known/scitt-keys/{kid}")).await.status, StatusCode::OK);
    let configuration = map(&get(&service, "/.well-known/transparency-configuration").await);
    let jwks = format!("{URL}/compat/ccf/jwks");
    assert_eq!(configuration, pairs(&[("issuer", URL), ("jwks_uri", &jwks)]));
    let keys = service.get(&jwks[URL.len()..]).await.json();
    assert_eq!((&keys["keys"][0]["kid"], &keys["keys"][0]["crv"]), (&json!(kid), &json!("Ed25519")));
    assert!(get(&service, "/version").await.json()["version"].as_str().unwrap().starts_with("stele "));
}

/// With tokens, statements are for those who have one; the client sends it with `--auth-token`.
#[tokio::test]
async fn statements_are_for_those_who_may_read_them() {
    let mut world = World::open().await;
    world.read.statements = api::StatementReaders::Token;
    world.read.token_sha256 = vec![api::TokenDigest::of("first")];
    let service = world.serve();
    assert_eq!(get(&service, "/entries/1.1").await.status, StatusCode::OK);
    let path = "/compat/ccf/entries/1.1/statement";
    service.get(path).await.refused(401, "Unauthorized");
    let reader = service.get_with(path, &[("authorization", "Bearer first")]).await;
    assert_eq!(reader.status, StatusCode::OK);
}
