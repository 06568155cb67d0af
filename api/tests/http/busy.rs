//! What still answers while the workers have their hands full.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use proofs::cose::{Algorithm, PublicKey, SignFailed, Signer};
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::support::{Answer, Service, World, id_of, request};

/// How many workers the services here have.
const WORKERS: usize = 4;
/// Longer than anything here takes on any machine: it only makes of a test that would wait for ever one that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A signer that makes nobody a receipt while it is shut.
struct Gate {
    inner: Arc<dyn Signer>,
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    shut: bool,
    /// How many stand before it.
    waiting: usize,
}

impl Signer for Gate {
    fn algorithm(&self) -> Algorithm {
        self.inner.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.inner.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        state = self.opened.wait_while(state, |state| state.shut).unwrap();
        state.waiting -= 1;
        drop(state);
        self.inner.sign(message)
    }
}

impl Gate {
    fn set(&self, shut: bool) {
        self.state.lock().unwrap().shut = shut;
        self.opened.notify_all();
    }

    fn waiting(&self) -> usize {
        self.state.lock().unwrap().waiting
    }

    /// Returns once so many workers stand before it.
    async fn until(&self, waiting: usize) {
        soon(async {
            while self.waiting() < waiting {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it waits for ever")
}

/// A service whose receipts have to pass a gate, and where that of an entry is.
async fn gated(workers: usize) -> (World, Service, Arc<Gate>, String) {
    let mut world = World::open().await;
    world.settings.workers = workers;
    world.read.searches_in_flight = 1;
    let inner = Arc::clone(&world.keys.receipts);
    let gate = Arc::new(Gate { inner, state: Mutex::default(), opened: Condvar::new() });
    world.keys.receipts = gate.clone();
    let service = world.serve();
    let statement = world.statement(1);
    let path = format!("/entries/{}", id_of(&statement));
    service.must(statement).await;
    gate.set(true);
    (world, service, gate, path)
}

fn begin(service: &Service, method: Method, path: &str, body: impl Into<Body>) -> JoinHandle<Answer> {
    let request = request(method, path, &[("content-type", "application/cose")], body.into());
    let router = service.router.clone();
    tokio::spawn(async move { Answer::of(router.oneshot(request).await.unwrap()).await })
}

#[tokio::test]
async fn probes_answer_while_every_worker_is_busy() {
    let (world, service, gate, _) = gated(WORKERS).await;
    let begun: Vec<_> =
        (10..10 + WORKERS).map(|n| begin(&service, Method::POST, "/entries", world.statement(n))).collect();
    gate.until(WORKERS).await;
    for path in ["/healthz", "/readyz", "/checkpoint", "/openapi.json"] {
        assert_eq!(soon(service.get(path)).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(gate.waiting(), WORKERS, "all of them, all the time");
    gate.set(false);
    for answer in begun {
        assert_eq!(soon(answer).await.unwrap().status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn reads_do_not_take_all_workers_from_registrations() {
    let (world, service, gate, path) = gated(WORKERS).await;
    let reads: Vec<_> =
        (0..3 * WORKERS).map(|_| begin(&service, Method::GET, &path, Body::empty())).collect();
    gate.until(WORKERS - 1).await;
    for n in 10..14 {
        let answer = soon(service.post_with(world.statement(n), &[("prefer", "respond-async")])).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    }
    assert_eq!(gate.waiting(), WORKERS - 1, "one is left to registrations");
    gate.set(false);
    for answer in reads {
        assert_eq!(soon(answer).await.unwrap().status, StatusCode::OK);
    }
}

/// Searches that wait for their turn hold no places that other reads could have.
#[tokio::test]
async fn searches_in_flight_are_bounded() {
    let (_world, service, gate, path) = gated(1).await;
    let read = begin(&service, Method::GET, &path, Body::empty());
    gate.until(1).await;
    let search = begin(&service, Method::GET, "/search?issuer=x", Body::empty());
    tokio::task::yield_now().await;
    for path in ["/search?issuer=x", "/search/agent-trace/lines?revision=a&path=b&line=1"] {
        let answer = soon(service.get(path)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    gate.set(false);
    for answer in [read, search] {
        assert_eq!(soon(answer).await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(soon(service.get("/search?issuer=x")).await.status, StatusCode::OK, "its place is free again");
}
