//! Proofs about the tree, for those who have a checkpoint.

use axum::http::StatusCode;
use data_encoding::BASE64;
use proofs::note::ed25519_vkey;
use proofs::{
    Checkpoint, ConsistencyProof, Hash, InclusionProof, LeafIndex, SignedNote, TlogProof, TreeSize, leaf_hash,
};
use serde_json::Value;

use crate::support::{PROBLEM_JSON, Service, World, id_of};

/// A log of nine entries under a checkpoint, the last four of them by the issuer: these.
async fn nine(world: &World) -> (Service, Vec<Vec<u8>>) {
    let service = world.serve();
    let statements: Vec<_> = (0..4).map(|n| world.statement(n)).collect();
    for statement in &statements {
        service.must(statement.clone()).await;
    }
    service.stop().await;
    (world.serve(), statements)
}

fn hash(text: &Value) -> Hash {
    Hash::from_slice(&BASE64.decode(text.as_str().unwrap().as_bytes()).unwrap()).unwrap()
}

fn hashes(texts: &Value) -> Vec<Hash> {
    texts.as_array().unwrap().iter().map(hash).collect()
}

async fn checkpoint(service: &Service) -> Checkpoint {
    let note = service.get("/checkpoint").await;
    Checkpoint::parse(SignedNote::parse(note.text()).unwrap().text()).unwrap()
}

#[tokio::test]
async fn proof_02_proof_03_a_tlog_proof_is_verified_with_the_key_of_the_log() {
    let world = World::open().await;
    let (service, statements) = nine(&world).await;
    let key = world.keys.checkpoints.public_key().ed25519_bytes().unwrap();
    let log = ed25519_vkey("ts.example/log", &key).unwrap();
    for (n, statement) in statements.iter().enumerate() {
        let path = format!("/entries/{}/tlog-proof", id_of(statement));
        let answer = service.get(&path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (StatusCode::OK, "text/plain; charset=utf-8")
        );
        assert_eq!(answer.header("cache-control"), "no-cache", "a later one has a newer checkpoint");
        let proof = TlogProof::parse(answer.text()).unwrap();
        assert_eq!(proof.verify(id_of(statement).as_bytes(), &log), Ok(checkpoint(&service).await));
        assert_eq!(proof.index(), LeafIndex::new(5 + u64::try_from(n).unwrap()));
        assert!(answer.text().ends_with(service.get("/checkpoint").await.text()), "verbatim");
        let tag = answer.header("etag");
        assert_eq!(service.get_with(&path, &[("if-none-match", tag)]).await.status, StatusCode::NOT_MODIFIED);
    }
    service.get(&format!("/entries/{}/tlog-proof", "00".repeat(32))).await.refused(404, "Not Found");
    service.get("/entries/xyz/tlog-proof").await.refused(400, "Invalid locator");
}

#[tokio::test]
async fn tile_01_a_checkpoint_is_sent_again_only_when_there_is_a_newer_one() {
    let world = World::open().await;
    let (service, _) = nine(&world).await;
    let first = service.get("/checkpoint").await;
    assert_eq!((first.header("cache-control"), first.header("vary")), ("no-cache", ""));
    let held = [("if-none-match", first.header("etag"))];
    let same = service.get_with("/checkpoint", &held).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    service.must(world.statement(9)).await;
    service.stop().await;
    let newer = world.serve().get_with("/checkpoint", &held).await;
    assert_eq!(newer.status, StatusCode::OK);
    assert_ne!(newer.body, first.body);
}

#[tokio::test]
async fn an_entry_that_no_checkpoint_covers_yet_is_asked_for_again() {
    let mut world = World::open().await;
    world.settings.checkpoint_interval_ms = 3_600_000;
    let service = world.serve();
    // The first is published at once; the second waits for the interval.
    service.must(world.statement(1)).await;
    while service.ledger.readiness().published != service.ledger.head().tree.size {
        tokio::task::yield_now().await;
    }
    let statement = world.statement(2);
    service.must(statement.clone()).await;
    let answer = service.get(&format!("/entries/{}/tlog-proof", id_of(&statement))).await;
    answer.refused(404, "Not Yet Published");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn an_entry_is_proven_in_the_tree_of_an_older_size() {
    let world = World::open().await;
    let (service, statements) = nine(&world).await;
    let id = id_of(&statements[1]);
    for size in 7..=9 {
        let answer = service.get(&format!("/proofs/inclusion?entry={id}&size={size}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
        assert_eq!(answer.header("cache-control"), "public, max-age=86400, immutable");
        assert!(!answer.header("etag").is_empty());
        let json = answer.json();
        assert_eq!((&json["entry"], &json["leaf_index"]), (&Value::from(id.to_string()), &Value::from(6)));
        let proof = InclusionProof {
            size: TreeSize::new(json["tree_size"].as_u64().unwrap()),
            index: LeafIndex::new(6),
            path: hashes(&json["inclusion_path"]),
        };
        assert_eq!(proof.size.get(), size);
        let root = hash(&json["root_hash"]);
        assert_eq!(proof.verify(&leaf_hash(id.as_bytes()), &root), Ok(()));
        if size == 9 {
            assert_eq!(root, checkpoint(&service).await.head.root);
        }
    }
    for bad in [
        "",
        "?entry=x&size=9",
        "?size=9",
        "?entry=00",
        &format!("?entry={id}"),
        &format!("?entry={id}&size=6"),
        &format!("?entry={id}&size=10"),
        &format!("?entry={id}&size=-9"),
        &format!("?entry={id}&size=9&size=9"),
    ] {
        let answer = service.get(&format!("/proofs/inclusion{bad}")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (StatusCode::BAD_REQUEST, PROBLEM_JSON),
            "{bad}"
        );
    }
    let unknown = service.get(&format!("/proofs/inclusion?entry={}&size=9", "00".repeat(32))).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn consistency_is_told_in_json_to_those_who_ask_for_it() {
    let world = World::open().await;
    let (service, _) = nine(&world).await;
    let path = "/consistency?from=3&to=9";
    let answer = service.get_with(path, &[("accept", "application/json")]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(
        (answer.header("vary"), answer.header("cache-control")),
        ("accept", "public, max-age=86400, immutable")
    );
    let json = answer.json();
    let proof = ConsistencyProof {
        old: TreeSize::new(json["from"].as_u64().unwrap()),
        new: TreeSize::new(json["to"].as_u64().unwrap()),
        path: hashes(&json["consistency_path"]),
    };
    assert_eq!((proof.old.get(), proof.new.get()), (3, 9));
    let (old, new) = (hash(&json["from_root_hash"]), hash(&json["to_root_hash"]));
    assert_eq!(proof.verify(&old, &new), Ok(()));
    assert_eq!(new, checkpoint(&service).await.head.root);

    let receipt = service.get(path).await;
    assert_eq!(receipt.header("content-type"), "application/cose", "the receipt is still what most get");
    for (accept, answer) in [("application/json", &answer), ("*/*", &receipt)] {
        let held = [("accept", accept), ("if-none-match", answer.header("etag"))];
        let unchanged = service.get_with(path, &held).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0), "{accept}");
    }
    let bad = service.get_with("/consistency?from=3&to=10", &[("accept", "application/json")]).await;
    assert_eq!((bad.status, bad.header("content-type")), (StatusCode::BAD_REQUEST, PROBLEM_JSON));
}
