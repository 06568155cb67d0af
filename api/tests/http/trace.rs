//! TRACE records by their content-addressed locator.

use axum::http::StatusCode;
use data_encoding::BASE64URL_NOPAD;
use ledger::profile::{Kind, trace_locator};
use ledger::signer::{KeyAlgorithm, PrivateKey};
use proofs::{ContentType, EntryId, Receipt, Signer, StatementBuilder};
use serde_json::{Value, json};

use crate::support::{ISSUER, PROBLEM_JSON, Service, URL, World, id_of};

/// The RFC 8785 form of a value that is plain ASCII and has no fractions: members sorted, no white space.
fn jcs(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            let members = sorted.iter().map(|(name, value)| format!("{}:{}", json!(name), jcs(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(jcs).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

fn without(record: &Value, members: &[&str]) -> Value {
    let mut record = record.clone();
    members.iter().for_each(|member| drop(record.as_object_mut().unwrap().remove(*member)));
    record
}

fn locator_of(record: &Value) -> String {
    proofs::sha256(jcs(&without(record, &["transparency", "signature"])).as_bytes()).to_string()
}

/// A record of the published package, about `subject`, with a key of ours.
fn unsigned(key: &PrivateKey, subject: &str) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../ledger/tests/data/trace/vectors/signed-local/02-level2.json"
    );
    let vector: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut record = without(&vector["record"], &["signature", "transparency"]);
    record["subject"] = json!(subject);
    record["cnf"] = json!({ "jwk": key.public_key().to_jwk() });
    record
}

fn signed(record: &Value, transparency: &str, key: &PrivateKey) -> Value {
    let mut record = without(record, &["signature"]);
    record["transparency"] = json!(transparency);
    let signature = key.sign(jcs(&record).as_bytes()).unwrap();
    record["signature"] = json!(BASE64URL_NOPAD.encode(&signature));
    record
}

async fn register(world: &World, service: &Service, record: &Value) -> EntryId {
    let content_type = ContentType::Text(Kind::TraceRecord.content_type().into());
    let builder =
        StatementBuilder::new(ISSUER, record["subject"].as_str().unwrap()).content_type(content_type);
    let statement = builder.sign(record.to_string().as_bytes(), &world.issuer).unwrap();
    service.must(statement.clone()).await;
    id_of(&statement)
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

#[tokio::test]
async fn a_record_is_found_where_its_transparency_points() {
    let (world, key) = (World::open().await, key());
    let service = world.serve();
    let record = unsigned(&key, "spiffe://acme.example/agent/1");
    let locator = locator_of(&record);
    let path = format!("/trace/{locator}");
    let absent = service.get(&path).await;
    assert_eq!((absent.status, absent.header("content-type")), (StatusCode::NOT_FOUND, PROBLEM_JSON));

    // Signed once: the locator was known before.
    let record = signed(&record, &format!("{URL}{path}"), &key);
    assert_eq!(trace_locator(record.to_string().as_bytes()).as_deref(), Some(&*locator));
    let id = register(&world, &service, &record).await;
    let found = service.get(&path).await;
    assert_eq!((found.status, found.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(found.header("location"), format!("{URL}/entries/{id}"));
    let body = found.json();
    assert_eq!((&body["entry_id"], &body["locator"]), (&json!(id.to_string()), &json!(locator)));
    assert_eq!((&body["subject"], &body["iat"]), (&record["subject"], &record["iat"]));
    assert_eq!((&body["others"], &body["more"]), (&json!([]), &json!(false)));
    let mismatch = |body: &Value| body["findings"].to_string().contains("TRACE_LOCATOR_MISMATCH");
    assert!(!mismatch(&body), "{body}");

    let receipt = service.get_with(&path, &[("accept", "application/cose")]).await;
    assert_eq!(receipt.header("content-type"), "application/cose");
    Receipt::parse(&receipt.body).unwrap();

    // The same content with another locator in it: an entry of its own under the same locator, with a finding.
    let elsewhere = signed(&record, &format!("{URL}/trace/{}", "00".repeat(32)), &key);
    let second = register(&world, &service, &elsewhere).await;
    let body = service.get(&path).await.json();
    assert_eq!(body["entry_id"], id.to_string(), "the lowest index");
    assert_eq!(
        body["others"],
        json!([{ "entry_id": second.to_string(), "leaf_index": body["leaf_index"].as_u64().unwrap() + 1 }])
    );
    let second = service.get_with(&format!("/entries/{second}"), &[("accept", "application/json")]).await;
    assert!(mismatch(&second.json()), "{second:?}");
}

#[tokio::test]
async fn what_is_no_locator_is_said() {
    let world = World::closed();
    let service = world.serve();
    for bad in ["x", &"0".repeat(63), &"A".repeat(64), "%ff"] {
        let answer = service.get(&format!("/trace/{bad}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["title"]),
            (400, &json!("Invalid locator")),
            "{bad}"
        );
    }
    let text = service.get_with(&format!("/trace/{}", "0".repeat(64)), &[("accept", "text/plain")]).await;
    assert_eq!(text.status, StatusCode::NOT_ACCEPTABLE);
}

/// Erasing a record takes what it was found by with it; the next one with the locator answers then.
#[tokio::test]
async fn an_erased_record_is_not_found() {
    let (world, key) = (World::open().await, key());
    let service = world.serve();
    let record = unsigned(&key, "spiffe://acme.example/agent/1");
    let path = format!("/trace/{}", locator_of(&record));
    let first = register(&world, &service, &signed(&record, "https://one.example/a", &key)).await;
    let second = register(&world, &service, &signed(&record, "https://two.example/b", &key)).await;
    let erasure = ledger::control::Erasure { entry: first, reason: "asked for".into() };
    let identity = service.ledger.identity();
    service.must(ledger::control::erasure_statement(&identity, &erasure, &world.operator).unwrap()).await;
    let body = service.get(&path).await.json();
    assert_eq!((&body["entry_id"], &body["others"]), (&json!(second.to_string()), &json!([])));
}

/// What is known of an entry repeats its statement, so it is for those who may read statements; a receipt is not.
#[tokio::test]
async fn with_tokens_strangers_get_the_receipt_alone() {
    let (mut world, key) = (World::open().await, key());
    world.read.statements = api::StatementReaders::Token;
    world.read.token_sha256 = vec![api::TokenDigest::of("first")];
    let service = world.serve();
    let record = unsigned(&key, "spiffe://acme.example/agent/1");
    let path = format!("/trace/{}", locator_of(&record));
    register(&world, &service, &signed(&record, "https://one.example/a", &key)).await;
    assert_eq!(service.get(&path).await.status, StatusCode::UNAUTHORIZED);
    let reader = service.get_with(&path, &[("authorization", "Bearer first")]).await;
    assert_eq!(reader.status, StatusCode::OK);
    let receipt = service.get_with(&path, &[("accept", "application/scitt-receipt+cose")]).await;
    assert_eq!(receipt.status, StatusCode::OK);
}

/// The leaf and root that the format defines, recomputed here.
#[tokio::test]
async fn a_record_is_anchored_in_a_batch_that_is_itself_on_the_log() {
    let (mut world, key) = (World::open().await, key());
    world.settings.trace_batch_interval_s = 0;
    let mut service = world.serve();
    let record = signed(&unsigned(&key, "spiffe://acme.example/agent/1"), "https://one.example/a", &key);
    let id = register(&world, &service, &record).await;
    let path = format!("/trace/anchors/{id}");
    let early = service.get(&path).await;
    assert_eq!((early.status, early.header("retry-after")), (StatusCode::NOT_FOUND, "1"));
    assert_eq!(early.json()["title"], "Not Yet Anchored");
    let second = signed(&unsigned(&key, "spiffe://acme.example/agent/2"), "https://one.example/b", &key);
    let second = register(&world, &service, &second).await;

    service.start_keeper();
    let anchor = loop {
        let answer = service.get(&path).await;
        if answer.status == StatusCode::OK {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    let anchor = anchor.json();
    // For plain ASCII without fractions, sorted-key JSON and RFC 8785 are the same text.
    let leaf = proofs::leaf_hash(jcs(&record).as_bytes());
    assert_eq!(anchor["anchor_leaf"], format!("sha256:{leaf}"));
    let (entry, proof) = (&anchor["entry"], &anchor["proof"]);
    for member in ["merkle_root", "leaf_count", "batch_id", "ts"] {
        assert_eq!(entry[member], proof[member], "{member}");
    }
    assert_eq!((&proof["leaf_index"], &proof["leaf_count"]), (&json!(0), &json!(2)));
    let sibling = service.get(&format!("/trace/anchors/{second}")).await.json();
    let other: proofs::Hash = sibling["anchor_leaf"].as_str().unwrap()[7..].parse().unwrap();
    assert_eq!(proof["audit_path"], json!([format!("sha256:{other}")]));
    assert_eq!(entry["merkle_root"], format!("sha256:{}", proofs::node_hash(&leaf, &other)));
    assert_eq!(sibling["entry"], *entry);

    let batch = service.get(&anchor["batch"]["statement_uri"].as_str().unwrap()[URL.len()..]).await;
    let batch = proofs::SignedStatement::parse(&batch.body, 1 << 20).unwrap();
    let payload: Value = serde_json::from_slice(batch.payload()).unwrap();
    assert_eq!(payload, *entry, "what is handed out is what was registered");
    let receipt = service.get(&anchor["batch"]["receipt_uri"].as_str().unwrap()[URL.len()..]).await;
    Receipt::parse(&receipt.body).unwrap();

    for (id, status, title) in [
        ("x".to_owned(), 400, "Invalid locator"),
        ("00".repeat(32), 404, "Not Found"),
        (world.log_id.to_string(), 404, "Not Found"),
    ] {
        let answer = service.get(&format!("/trace/anchors/{id}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["title"]), (status, &json!(title)));
    }
}
