//! The doors of a witness (C2SP tlog-witness): every answer, and what it is said in.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use api::{WitnessLimits, witness_router};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use ledger::signer::{KeyAlgorithm, PrivateKey};
use ledger::{CheckpointWitness, CosigningKey, JournalError, ManualClock, WitnessJournal, WitnessParts};
use prometheus::Registry;
use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use proofs::note::{ed25519_vkey, parse_signatures};
use proofs::tree::{CompactRange, Subtree};
use proofs::witness::{AddCheckpoint, MAX_REQUEST_LEN, SIZE_MEDIA_TYPE, SignSubtree, monitoring_path};
use proofs::{
    CosignatureKind, Cosigner, Hash, LogKey, SignedNote, Signer, TreeHead, TreeSize, UnixTime, leaf_hash,
    node_hash,
};
use tower::ServiceExt;

use crate::support::{Answer, NOW, request};

const ORIGIN: &str = "log.example/one";
const NAME: &str = "witness.example/w";
const TEXT: &str = "text/plain; charset=utf-8";

/// Keeps what it was told; fails when it is told to.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<bool>>);

impl WitnessJournal for Journal {
    fn append(&mut self, _: &[Arc<str>]) -> Result<(), JournalError> {
        if *self.0.lock().unwrap() { Err(JournalError("no space left".into())) } else { Ok(()) }
    }
}

struct World {
    router: Router,
    log: PrivateKey,
    keys: Vec<Arc<CosigningKey>>,
    journal: Journal,
    registry: Registry,
    writer: JoinHandle<Result<(), JournalError>>,
}

impl World {
    fn new() -> Self {
        Self::with(&[CosignatureKind::Ed25519, CosignatureKind::MlDsa44], 8)
    }

    fn with(kinds: &[CosignatureKind], requests_in_flight: usize) -> Self {
        let log = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let keys: Vec<_> =
            kinds.iter().map(|kind| Arc::new(CosigningKey::generate(*kind, NAME).unwrap())).collect();
        let journal = Journal::default();
        let parts = WitnessParts {
            cosigners: keys.iter().map(cosigner).collect(),
            logs: vec![LogKey::Ed25519(
                ed25519_vkey(ORIGIN, &log.public_key().ed25519_bytes().unwrap()).unwrap(),
            )],
            kept: Vec::new(),
            journal: Box::new(journal.clone()),
            clock: Arc::new(ManualClock::at(UnixTime::from_secs(NOW))),
        };
        let (witness, writer) = CheckpointWitness::open(parts).unwrap();
        let writer = std::thread::spawn(move || writer.run());
        let registry = Registry::new();
        let limits = WitnessLimits { requests_in_flight, body_timeout: Duration::from_secs(5) };
        let router = witness_router(witness, limits, &registry).unwrap();
        Self { router, log, keys, journal, registry, writer }
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request(method, path, &[], body.into())).await.unwrap()).await
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Method::POST, path, body).await
    }

    async fn add(&self, old: u64, proof: Vec<Hash>, note: SignedNote) -> Answer {
        let body = AddCheckpoint { old: TreeSize::new(old), proof, note }.to_string();
        self.post("/add-checkpoint", body).await
    }

    fn note(&self, origin: &str, key: &PrivateKey, head: TreeHead) -> SignedNote {
        let checkpoint = Checkpoint { origin: Origin::new(origin).unwrap(), head };
        SignedNote::parse(sign_checkpoint(&checkpoint, key).unwrap()).unwrap()
    }

    /// The checkpoint of the log at a size up to 2.
    fn own(&self, size: u64) -> SignedNote {
        self.note(ORIGIN, &self.log, head(size))
    }

    /// How many requests the metrics say ended so.
    fn counted(&self, door: &str, outcome: &str) -> f64 {
        let found = self.registry.gather();
        let metrics = found.iter().flat_map(|family| family.get_metric());
        let labelled = |metric: &&prometheus::proto::Metric| {
            let has = |name, value| {
                metric.get_label().iter().any(|label| label.name() == name && label.value() == value)
            };
            has("request", door) && has("outcome", outcome)
        };
        metrics.filter(labelled).map(|metric| metric.get_counter().get_value()).sum()
    }
}

fn cosigner(key: &Arc<CosigningKey>) -> Arc<dyn Cosigner> {
    key.clone()
}

fn leaf(n: u64) -> Hash {
    leaf_hash(&n.to_be_bytes())
}

fn head(size: u64) -> TreeHead {
    let mut range = CompactRange::empty();
    (0..size).for_each(|n| range.append(leaf(n), &mut |_, _| {}).unwrap());
    range.head()
}

/// One line for people, and nothing that a cache would keep.
fn refused(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.header("content-type"), TEXT);
    assert!(answer.text().contains(says) && answer.text().ends_with('\n'), "{:?}", answer.text());
}

#[tokio::test]
async fn wit_01_wit_03_wit_04_every_answer_of_add_checkpoint_in_the_order_of_the_text() {
    let world = World::new();
    let stranger = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let first = world.add(0, vec![], world.own(1)).await;
    assert_eq!((first.status, first.header("content-type")), (StatusCode::OK, TEXT));
    assert_eq!(first.header("cache-control"), "no-store");
    let note = world.own(1);
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let lines = parse_signatures(&first.body).unwrap();
    assert_eq!(lines.len(), 2);
    for key in &world.keys {
        let time = lines.iter().find_map(|line| key.key().verify(note.text(), &checkpoint, line).ok());
        assert_eq!(time, Some(UnixTime::from_secs(NOW)));
    }

    // Of several reasons the first in the text counts.
    let unknown = world.note("log.example/other", &stranger, head(1));
    refused(&world.add(9, vec![], unknown).await, 404, "does not know the log");
    let forged = world.note(ORIGIN, &stranger, head(1));
    refused(&world.add(9, vec![], forged).await, 403, "");
    refused(&world.add(9, vec![], world.own(2)).await, 400, "old size is above");
    for old in [0, 2] {
        let conflict = world.add(old, vec![], world.own(2)).await;
        assert_eq!(
            (conflict.status, conflict.header("content-type")),
            (StatusCode::CONFLICT, SIZE_MEDIA_TYPE)
        );
        assert_eq!(conflict.text(), "1\n", "the size that it knows");
    }
    refused(&world.add(1, vec![leaf(7)], world.own(2)).await, 422, "");
    let other = TreeHead { size: TreeSize::new(1), root: leaf(9) };
    refused(&world.add(1, vec![], world.note(ORIGIN, &world.log, other)).await, 422, "");
    assert_eq!(world.add(1, vec![leaf(1)], world.own(2)).await.status, StatusCode::OK);

    for (outcome, count) in [
        ("cosigned", 2.0),
        ("unknown_log", 1.0),
        ("signature", 1.0),
        ("malformed", 1.0),
        ("conflict", 2.0),
        ("inconsistent", 2.0),
    ] {
        assert_eq!(world.counted("add-checkpoint", outcome), count, "{outcome}");
    }
}

#[tokio::test]
async fn wit_01_what_is_no_request_is_malformed() {
    let world = World::new();
    let good = AddCheckpoint { old: TreeSize::EMPTY, proof: vec![], note: world.own(1) }.to_string();
    let many =
        format!("old 0\n{}\n{}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(64), world.own(1));
    for bad in [
        String::new(),
        "old 0\n".to_owned(),
        good.replacen("old 0", "old 00", 1),
        good.replacen("old 0", "old -1", 1),
        good.replacen("old 0\n", "old 0\nnot base64\n", 1),
        good.replacen("old 0", "OLD 0", 1),
        good.replace('\u{2014}', "-"),
        many,
    ] {
        refused(&world.post("/add-checkpoint", bad).await, 400, "");
    }
    refused(&world.post("/add-checkpoint", vec![0xff, 0xfe]).await, 400, "UTF-8");
    assert_eq!(world.post("/add-checkpoint", good).await.status, StatusCode::OK);
}

#[tokio::test]
async fn wit_06_the_newest_checkpoint_is_shown_to_monitors() {
    let world = World::new();
    let path = format!("/{}", monitoring_path(ORIGIN));
    refused(&world.send(Method::GET, &path, "").await, 404, "cosigned no checkpoint");
    for size in [1, 2] {
        let proof = if size == 1 { vec![] } else { vec![leaf(1)] };
        assert_eq!(world.add(size - 1, proof, world.own(size)).await.status, StatusCode::OK);
        let shown = world.send(Method::GET, &path, "").await;
        assert_eq!((shown.status, shown.header("content-type")), (StatusCode::OK, TEXT));
        assert_eq!(shown.header("cache-control"), "public, max-age=5");
        let note = SignedNote::parse(&shown.body).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        assert_eq!(
            (checkpoint.head, note.signatures().len()),
            (head(size), 3),
            "the log and both of its keys"
        );
    }
    let digits = path[1..65].to_owned();
    for wrong in [
        format!("/{}/checkpoint", digits.to_uppercase()),
        format!("/{}/checkpoint", "0".repeat(64)),
        format!("/{digits}0/checkpoint"),
        format!("/{digits}/"),
        "/checkpoint".to_owned(),
    ] {
        assert_eq!(world.send(Method::GET, &wrong, "").await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}

#[tokio::test]
async fn wit_08_every_answer_of_sign_subtree() {
    let world = World::new();
    let cosigned = world.add(0, vec![], world.own(2)).await;
    assert_eq!(cosigned.status, StatusCode::OK);
    let with = |lines: &[u8]| {
        let lines = parse_signatures(lines).unwrap().into_iter();
        lines.fold(world.own(2), |note, line| note.with_signature(line).unwrap())
    };
    let ask = |start, end, hash, proof, note: &SignedNote| {
        let subtree = Subtree::new(start, end).unwrap();
        SignSubtree { subtree, hash, proof, note: note.clone() }.to_string()
    };
    let note = with(&cosigned.body);
    let signed = world.post("/sign-subtree", ask(0, 1, leaf(0), vec![leaf(1)], &note)).await;
    assert_eq!((signed.status, signed.header("content-type")), (StatusCode::OK, TEXT));
    let lines = parse_signatures(&signed.body).unwrap();
    let key = world.keys.iter().find(|key| key.key().kind() == CosignatureKind::MlDsa44).unwrap();
    key.key().verify_subtree(ORIGIN, Subtree::new(0, 1).unwrap(), &leaf(0), &lines[0]).unwrap();
    assert_eq!(lines.len(), 1);

    let root = node_hash(&leaf(0), &leaf(1));
    let whole = |note: &SignedNote| ask(0, 2, root, vec![], note);
    assert_eq!(world.post("/sign-subtree", whole(&note)).await.status, StatusCode::OK);
    refused(&world.post("/sign-subtree", ask(0, 1, leaf(5), vec![leaf(1)], &note)).await, 422, "");
    refused(&world.post("/sign-subtree", ask(2, 4, root, vec![], &note)).await, 400, "behind the tree");
    refused(&world.post("/sign-subtree", whole(&note).replacen("0 2", "1 2 3", 1)).await, 400, "");
    refused(&world.post("/sign-subtree", whole(&world.own(2))).await, 403, "no valid cosignature");
    // Its cosignature, under another tree.
    let other = world.note(ORIGIN, &world.log, TreeHead { size: TreeSize::new(2), root: leaf(9) });
    let lines = parse_signatures(&cosigned.body).unwrap().into_iter();
    let moved = lines.fold(other, |note, line| note.with_signature(line).unwrap());
    refused(&world.post("/sign-subtree", ask(0, 2, leaf(9), vec![], &moved)).await, 403, "");
    let stranger = world.note("log.example/other", &world.log, head(2));
    refused(&world.post("/sign-subtree", whole(&stranger)).await, 404, "does not know the log");

    // Ed25519 does not cosign subtrees, and the door is optional.
    let ed25519 = World::with(&[CosignatureKind::Ed25519], 8);
    let lines = ed25519.add(0, vec![], ed25519.own(2)).await.body;
    let line = parse_signatures(&lines).unwrap().remove(0);
    let note = ed25519.own(2).with_signature(line).unwrap();
    refused(&ed25519.post("/sign-subtree", whole(&note)).await, 404, "no ML-DSA-44 key");
}

#[tokio::test]
async fn a_witness_has_bounds_and_says_when_they_are_met() {
    let world = World::new();
    for door in ["/add-checkpoint", "/sign-subtree"] {
        let long = vec![b'a'; MAX_REQUEST_LEN + 1];
        refused(&world.post(door, long).await, 413, "longer than a request");
        assert_eq!(world.post(door, vec![b'a'; MAX_REQUEST_LEN]).await.status, StatusCode::BAD_REQUEST);
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let wrong = world.send(method.clone(), door, "").await;
            assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {door}");
            assert_eq!(wrong.header("allow"), "POST");
        }
    }
    let path = format!("/{}", monitoring_path(ORIGIN));
    let wrong = world.post(&path, "").await;
    assert_eq!((wrong.status, wrong.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
    assert_eq!(world.post("/other", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.send(Method::GET, "/healthz", "").await.text(), "ok\n");

    let full = World::with(&[CosignatureKind::Ed25519], 0);
    let busy = full.add(0, vec![], full.own(1)).await;
    refused(&busy, 503, "too many requests");
    assert_eq!(busy.header("retry-after"), "1");
    assert_eq!(full.counted("add-checkpoint", "busy"), 1.0);
}

/// Nothing but timers is left once the body does not come, so the clock jumps.
#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::new();
    let (_sender, body) = http_body_util::channel::Channel::<bytes::Bytes, std::convert::Infallible>::new(1);
    refused(&world.post("/add-checkpoint", Body::new(body)).await, 408, "did not arrive in time");
    assert_eq!(world.counted("add-checkpoint", "slow"), 1.0);
}

#[tokio::test]
async fn wit_02_what_was_not_written_down_is_not_cosigned() {
    let world = World::new();
    *world.journal.0.lock().unwrap() = true;
    let refusal = world.add(0, vec![], world.own(1)).await;
    refused(&refusal, 503, "stopping");
    assert_eq!(refusal.header("retry-after"), "1");
    let World { router, writer, .. } = world;
    drop(router);
    assert!(writer.join().unwrap().is_err());
}
