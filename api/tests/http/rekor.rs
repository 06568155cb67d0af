//! `/compat/rekor`: the calls of `agent-manifest` 0.15.0, as they were recorded. `ops/interop/trace_tools.py` has the package
//! itself make them.

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use ledger::{DigestSubmission, Wait};
use proofs::{Checkpoint, EntryId, InclusionProof, LeafIndex, Receipt, SignedNote, TreeSize, leaf_hash};
use serde_json::{Value, json};

use crate::support::{Answer, PROBLEM_JSON, Service, URL, World, request};

const TOKEN: &str = "a token of acme";
const PATH: &str = "/compat/rekor/api/v1/log/entries";
const DIGEST: &str = "f3076d82fdee3c0d4c34fb7c1c9bb2ed82aad86bf527c074d4597265785f82f5";

fn sent() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ledger/tests/data/rekor/agent-manifest-0.15.0.json");
    std::fs::read(path).unwrap()
}

fn world(doors: &Value, more: &Value) -> World {
    let token = HEXLOWER.encode(proofs::sha256(TOKEN.as_bytes()).as_bytes());
    let mut producer = json!({ "id": "acme", "token_sha256": [token], "doors": doors });
    producer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let evidence = serde_json::from_value(json!({ "producers": [producer] })).unwrap();
    World { evidence, ..World::closed() }
}

fn open() -> World {
    world(&json!(["rekor"]), &json!({}))
}

async fn post_as(service: &Service, authorization: &str, body: Vec<u8>) -> Answer {
    let headers = [("content-type", "application/json"), ("accept", "*/*"), ("authorization", authorization)];
    service.send(request(Method::POST, PATH, &headers, body.into())).await
}

async fn post(service: &Service, body: Vec<u8>) -> Answer {
    post_as(service, &format!("Bearer {TOKEN}"), body).await
}

/// The only entry of an answer, and its uuid.
fn only(answer: &Answer) -> (String, Value) {
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    let body = answer.json();
    let (uuid, entry) = body.as_object().unwrap().iter().next().unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1);
    (uuid.clone(), entry.clone())
}

fn refused(answer: &Answer, status: u16, title: &str) -> String {
    let found = (answer.status.as_u16(), answer.header("content-type"));
    assert_eq!(found, (status, PROBLEM_JSON), "{answer:?}");
    assert_eq!(answer.json()["title"], title);
    answer.json()["detail"].as_str().unwrap().to_owned()
}

/// As a C2SP client folds it: the leaf is the entry id.
fn verify(uuid: &str, proof: &Value) {
    let id: EntryId = uuid.parse().unwrap();
    let note = SignedNote::parse(proof["checkpoint"].as_str().unwrap().as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let hashes = proof["hashes"].as_array().unwrap().iter();
    let path = InclusionProof {
        index: LeafIndex::new(proof["logIndex"].as_u64().unwrap()),
        size: TreeSize::new(proof["treeSize"].as_u64().unwrap()),
        path: hashes.map(|hash| hash.as_str().unwrap().parse().unwrap()).collect(),
    };
    assert_eq!(proof["rootHash"], checkpoint.head.root.to_string());
    assert_eq!(path.size, checkpoint.head.size);
    path.verify(&leaf_hash(id.as_bytes()), &checkpoint.head.root).unwrap();
}

#[tokio::test]
async fn a_hashed_record_is_registered_and_fetched_by_its_uuid() {
    let world = open();
    let service = world.serve();
    let index = service.size();
    let answer = post(&service, sent()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let (uuid, entry) = only(&answer);
    assert_eq!(answer.header("location"), format!("{URL}{PATH}/{uuid}"));
    assert_eq!(BASE64.decode(entry["body"].as_str().unwrap().as_bytes()).unwrap(), sent(), "byte for byte");
    assert_eq!((&entry["logID"], &entry["logIndex"]), (&json!(world.log_id.to_string()), &json!(index)));
    assert!(entry["integratedTime"].is_u64());
    // Rekor's place, and that where agent-manifest looks.
    assert_eq!(entry["inclusionProof"], entry["verification"]["inclusionProof"]);
    assert_eq!(entry["checkpoint"], entry["inclusionProof"]["checkpoint"]);
    verify(&uuid, &entry["inclusionProof"]);
    let receipt = BASE64.decode(entry["verification"]["receipt"].as_str().unwrap().as_bytes()).unwrap();
    let id: EntryId = uuid.parse().unwrap();
    let receipts = world.keys.receipts.public_key();
    Receipt::parse(&receipt).unwrap().verify_inclusion(id.as_bytes(), receipts).unwrap();

    let fetched = service.get(&format!("{PATH}/{uuid}")).await;
    let (again, fetched) = only(&fetched);
    assert_eq!((again, &fetched["body"]), (uuid.clone(), &entry["body"]));
    verify(&uuid, &fetched["inclusionProof"]);

    // It is a hash envelope of the registrar, from the producer whose token it was.
    let statement = service.get(&format!("/statements/{uuid}")).await;
    let statement = proofs::SignedStatement::parse(&statement.body, 1 << 20).unwrap();
    assert_eq!(HEXLOWER.encode(statement.payload()), DIGEST);
    let header = statement.header();
    assert!(header.envelope.is_some());
    assert_eq!((header.issuer.as_str(), header.subject.clone()), (URL, format!("urn:sha256:{DIGEST}")));
    assert_eq!(ledger::registrar::producer(header, &service.ledger.identity()), Some("acme"));

    let retried = post(&service, sent()).await;
    assert_eq!((retried.status, only(&retried).0), (StatusCode::CREATED, uuid), "a retry is success");
    assert_eq!(service.size(), index + 1);
}

/// `agent-manifest` takes a URL and nothing else, so its token stands in the URL, as a password.
#[tokio::test]
async fn the_token_may_come_as_the_password_of_the_url() {
    let world = open();
    let service = world.serve();
    let basic = format!("Basic {}", BASE64.encode(format!("agent-manifest:{TOKEN}").as_bytes()));
    assert_eq!(post_as(&service, &basic, sent()).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_door_is_closed_unless_it_is_configured() {
    refused(&post(&World::closed().serve(), sent()).await, 403, "Forbidden");
    let service = open().serve();
    refused(&post_as(&service, "Bearer other", sent()).await, 401, "Unauthorized");
    let elsewhere = world(&json!(["evidence"]), &json!({})).serve();
    let detail = refused(&post(&elsewhere, sent()).await, 403, "Forbidden");
    assert!(detail.contains("rekor"), "{detail}");
    let others = json!({ "subjects": ["spiffe://acme.example/"] });
    let service = world(&json!(["rekor"]), &others).serve();
    refused(&post(&service, sent()).await, 403, "Forbidden");
    let own = json!({ "subjects": [format!("urn:sha256:{DIGEST}")], "systems": ["trace"] });
    let service = world(&json!(["rekor"]), &own).serve();
    assert_eq!(post(&service, sent()).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_is_no_hashed_record_is_refused_and_nothing_is_registered() {
    let world = open();
    let service = world.serve();
    let size = service.size();
    let text = String::from_utf8(sent()).unwrap();
    for (body, detail) in [
        (text.replace("hashedrekord", "intoto"), "hashedrekord"),
        (text.replace("sha256", "sha512"), "sha256"),
        (text[1..].to_owned(), "JSON"),
        (format!("{text}{}", " ".repeat(16 * 1024)), "16384 bytes"),
    ] {
        let told = refused(&post(&service, body.into_bytes()).await, 400, "Malformed request");
        assert!(told.contains(detail), "{told}");
    }
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("content-type", "text/plain"), ("authorization", bearer.as_str())];
    let plain = service.send(request(Method::POST, PATH, &headers, sent().into())).await;
    refused(&plain, 415, "Unsupported Media Type");
    assert_eq!(plain.header("accept-post"), "application/json");
    assert_eq!(service.size(), size);
}

#[tokio::test]
async fn only_what_came_through_the_door_is_there() {
    let mut world = World { evidence: open().evidence, ..World::open().await };
    let service = world.serve();
    refused(&service.get(&format!("{PATH}/{}", world.log_id)).await, 404, "Not Found");
    refused(&service.get(&format!("{PATH}/{}", "00".repeat(32))).await, 404, "Not Found");
    refused(&service.get(&format!("{PATH}/24296fb2")).await, 400, "Invalid locator");
    let (uuid, _) = only(&post(&service, sent()).await);
    service.stop().await;

    world.read.statements = api::StatementReaders::Token;
    world.read.token_sha256 = vec![api::TokenDigest::of("first")];
    let service = world.serve();
    let path = format!("{PATH}/{uuid}");
    refused(&service.get(&path).await, 401, "Unauthorized");
    let reader = service.get_with(&path, &[("authorization", "Bearer first")]).await;
    assert_eq!(reader.status, StatusCode::OK);
}

/// While no checkpoint covers it and its receipt waits, the entry is told without either.
#[tokio::test]
async fn what_waits_for_witnesses_has_no_proof_yet() {
    let mut world = open();
    world.wait_for_nobody();
    let service = world.serve();
    let digest = DigestSubmission {
        content_type: "application/octet-stream".into(),
        subject: "urn:x".into(),
        producer: None,
        digest: proofs::sha256(b"x"),
        record: Bytes::from(sent()),
    };
    let registered = service.ledger.register_digest(digest, Wait::ForCommit).await.unwrap();
    let ledger::Registration::Committed { id, .. } = registered else { panic!("{registered:?}") };
    let (_, entry) = only(&service.get(&format!("{PATH}/{id}")).await);
    assert_eq!((entry.get("inclusionProof"), entry.get("checkpoint")), (None, None));
    assert_eq!(entry["verification"], json!({}));
}
