use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use prometheus::Registry;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::*;
use crate::problem::Problem;

mod room;

/// A router with every layer and handlers that misbehave.
struct Bench {
    router: Router,
    metrics: HttpMetrics,
    registry: Registry,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        let registry = Registry::new();
        let metrics = HttpMetrics::register(&registry).unwrap();
        let guards = Guards::new(limits, metrics.clone());
        let release = Arc::new(Notify::new());
        let routes = Router::new()
            .route("/entries", post(read_body).with_state(guards.clone()))
            .route("/checkpoint", get(move || async move { release.notified().await }))
            .route("/healthz", get(async || "alive"))
            .route("/statements/{entry_id}", get(async |Path(length): Path<usize>| vec![0; length]))
            .route("/policy", get(panics))
            .route("/openapi.json", get(panics_with_a_string));
        Self { router: wrap(routes, guards), metrics, registry }
    }

    async fn send(&self, request: Request) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn upload(&self, body: Body) -> Response {
        self.send(Request::post("/entries").body(body).unwrap()).await
    }

    fn sample(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        family
            .get_metric()
            .iter()
            .map(|metric| metric.get_gauge().get_value() + metric.get_counter().get_value())
            .sum()
    }
}

async fn read_body(State(guards): State<Guards>, headers: HeaderMap, body: Body) -> Result<String, Problem> {
    Ok(guards.bodies.read(&headers, body).await?.bytes.len().to_string())
}

async fn panics() {
    panic!("a secret number: {}", 7);
}

async fn panics_with_a_string() {
    std::panic::panic_any("a secret".to_owned());
}

fn streamed() -> (Sender<Bytes>, Body) {
    let (sender, channel): (_, Channel<Bytes, Infallible>) = Channel::new(1);
    (sender, Body::new(channel))
}

/// Lets other tasks run until this holds. A stuck test is a failed one.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to hold");
}

async fn text(response: Response) -> String {
    String::from_utf8_lossy(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).into_owned()
}

#[tokio::test]
async fn scr_06_a_panic_is_a_500_that_tells_nothing() {
    let bench = Bench::new(Limits::default());
    for path in ["/policy", "/openapi.json"] {
        let response = bench.get(path).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key("x-request-id"));
        assert!(!text(response).await.contains("secret"));
    }
    assert_eq!(bench.get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn request_ids_differ_and_are_not_taken_from_the_client() {
    let bench = Bench::new(Limits::default());
    let request = || Request::get("/healthz").header("x-request-id", "mine").body(Body::empty()).unwrap();
    let first = bench.send(request()).await.headers()["x-request-id"].clone();
    let second = bench.send(request()).await.headers()["x-request-id"].clone();
    assert_ne!(first, second);
    assert_ne!(first, "mine");
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_without_reading() {
    let bench = Bench::new(Limits { body_bytes: 10, ..Limits::default() });
    for length in ["11", "18446744073709551615"] {
        let (_sender, body) = streamed();
        let request = Request::post("/entries").header("content-length", length).body(body).unwrap();
        assert_eq!(bench.send(request).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(bench.sample("stele_http_body_bytes_total"), 0.0);
}

#[tokio::test]
async fn a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit() {
    let bench = Bench::new(Limits { body_bytes: 10, ..Limits::default() });
    let (mut sender, body) = streamed();
    let writer = tokio::spawn(async move {
        let mut taken = 0;
        while taken < 1000 && sender.send_data(Bytes::from_static(b"abcd")).await.is_ok() {
            taken += 1;
        }
        taken
    });
    let response = bench.upload(body).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(response).await.contains("at most 10 bytes"));
    assert!(writer.await.unwrap() <= 5, "the rest was read");
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read_and_let_go() {
    let bench = Bench::new(Limits { body_bytes: 10, ..Limits::default() });
    assert_eq!(text(bench.upload(Body::from("0123456789")).await).await, "10");
    assert_eq!(bench.upload(Body::from("0123456789a")).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(bench.metrics_held(), 0.0);
}

impl Bench {
    fn metrics_held(&self) -> f64 {
        self.sample("stele_http_body_bytes_in_flight")
    }

    /// How many requests to this route ended in this kind of problem: what SteleOverloaded asks for.
    fn problems(&self, route: &str, kind: &str) -> u64 {
        self.metrics.problems_counted(route, kind)
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_malformed() {
    let bench = Bench::new(Limits::default());
    let (sender, channel): (Sender<Bytes, std::io::Error>, _) = Channel::new(1);
    sender.abort(std::io::Error::other("gone"));
    let response = bench.upload(Body::new(channel)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(text(response).await.contains("Malformed request"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_a_408() {
    let bench = Bench::new(Limits::default());
    let (mut sender, body) = streamed();
    sender.send_data(Bytes::from_static(b"a first byte")).await.unwrap();
    let response = bench.upload(body).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(bench.metrics_held(), 0.0);
    drop(sender);
}

/// 1,000 uploads that each send 64 KiB of a megabyte and stop: what they hold is bounded, those over the
/// budget are told to come back, a small upload still passes, and the rest is let go when time is up.
#[tokio::test(start_paused = true)]
async fn a_thousand_slow_uploads_hold_no_more_than_the_budget() {
    const BUDGET: usize = 8 << 20;
    const SENT: usize = 64 << 10;
    let limits = Limits { body_bytes_in_flight: BUDGET + 100, ..Limits::default() };
    let bench = Arc::new(Bench::new(limits));
    let mut senders = Vec::new();
    let mut answers = JoinSet::new();
    let refused = Arc::new(AtomicUsize::new(0));
    for _ in 0..1000 {
        let (mut sender, body) = streamed();
        sender.send_data(Bytes::from(vec![0; SENT])).await.unwrap();
        senders.push(sender);
        let (bench, refused) = (Arc::clone(&bench), Arc::clone(&refused));
        answers.spawn(async move {
            let response = bench.upload(body).await;
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                assert_eq!(response.headers()["retry-after"], "1");
                refused.fetch_add(1, Ordering::SeqCst);
            }
            response.status()
        });
    }
    // The clock stands still, so nothing but the uploads can have run by now.
    until(|| refused.load(Ordering::SeqCst) >= 1000 - BUDGET / SENT).await;
    assert_eq!(bench.metrics_held(), 8_388_608.0);
    let turned_away = u64::try_from(refused.load(Ordering::SeqCst)).unwrap();
    assert_eq!(bench.problems("/entries", "overloaded"), turned_away);
    assert_eq!(text(bench.upload(Body::from("small")).await).await, "5");

    let mut timed_out = 0;
    while let Some(status) = answers.join_next().await {
        timed_out += usize::from(status.unwrap() == StatusCode::REQUEST_TIMEOUT);
    }
    assert_eq!(timed_out, BUDGET / SENT);
    assert_eq!(bench.metrics_held(), 0.0);
}

#[tokio::test(start_paused = true)]
async fn an_announced_megabyte_takes_nothing_from_the_budget() {
    let bench = Bench::new(Limits { body_bytes_in_flight: 100, ..Limits::default() });
    let (_sender, body) = streamed();
    let idle = Request::post("/entries").header("content-length", "1048576").body(body).unwrap();
    let router = bench.router.clone();
    let idle = tokio::spawn(async move { router.oneshot(idle).await.unwrap() });
    tokio::task::yield_now().await;
    assert_eq!(text(bench.upload(Body::from("a hundred bytes at most")).await).await, "23");
    assert_eq!(idle.await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn registrations_and_reads_have_places_of_their_own_and_probes_need_none() {
    let bench = Bench::new(Limits { registrations_in_flight: 1, reads_in_flight: 1, ..Limits::default() });
    let (_sender, body) = streamed();
    let mut running = JoinSet::new();
    let upload = Request::post("/entries").body(body).unwrap();
    for request in [upload, Request::get("/checkpoint").body(Body::empty()).unwrap()] {
        let router = bench.router.clone();
        running.spawn(async move { router.oneshot(request).await.unwrap().status() });
    }
    until(|| bench.sample("stele_http_requests_in_flight") >= 2.0).await;
    for response in [bench.upload(Body::empty()).await, bench.get("/checkpoint").await] {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
    }
    assert_eq!(
        (bench.problems("/entries", "overloaded"), bench.problems("/checkpoint", "overloaded")),
        (1, 1)
    );
    assert_eq!(bench.get("/healthz").await.status(), StatusCode::OK);

    running.abort_all();
    while running.join_next().await.is_some() {}
    assert_eq!(
        bench.sample("stele_http_requests_in_flight"),
        0.0,
        "a client that went away still has its place"
    );
    assert_eq!(bench.upload(Body::empty()).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up() {
    let bench = Bench::new(Limits::default());
    let response = bench.get("/checkpoint").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert!(text(response).await.contains("took too long"));
    assert_eq!(bench.problems("/checkpoint", "timed-out"), 1);
}

#[tokio::test]
async fn scr_34_over_the_rate_is_a_429_that_names_it() {
    let bench = Bench::new(Limits { rate_requests: 2, rate_period_s: 3600, ..Limits::default() });
    for _ in 0..2 {
        assert_eq!(bench.upload(Body::empty()).await.status(), StatusCode::OK);
    }
    let response = bench.upload(Body::empty()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1800).contains(&wait));
    let body = text(response).await;
    assert!(
        body.contains("Too Many Requests") && body.contains("Only 2 requests per hour are allowed."),
        "{body}"
    );
    assert_eq!(bench.get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn scr_06_large_heads_are_a_414_and_a_431() {
    let bench = Bench::new(Limits { target_bytes: 20, header_bytes: 100, ..Limits::default() });
    assert_eq!(bench.get("/healthz?0123456789ab").await.status(), StatusCode::URI_TOO_LONG);
    assert_eq!(bench.get("/healthz?0123456789a").await.status(), StatusCode::OK);
    for (length, status) in [(99, StatusCode::OK), (100, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)] {
        let request = Request::get("/healthz").header("a", "b".repeat(length)).body(Body::empty()).unwrap();
        assert_eq!(bench.send(request).await.status(), status);
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_class_and_kind() {
    let bench = Bench::new(Limits::default());
    for path in ["/healthz", "/policy", "/nowhere", "/somewhere?else"] {
        bench.get(path).await;
    }
    let metrics = crate::metrics_router(bench.registry.clone());
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let shown = text(metrics.oneshot(request).await.unwrap()).await;
    for line in [
        "stele_http_requests_total{class=\"2xx\",route=\"/healthz\"} 1",
        "stele_http_requests_total{class=\"5xx\",route=\"/policy\"} 1",
        "stele_http_requests_total{class=\"4xx\",route=\"none\"} 2",
        "stele_http_problems_total{kind=\"no-such-resource\",route=\"none\"} 2",
        "stele_http_problems_total{kind=\"internal\",route=\"/policy\"} 1",
    ] {
        assert!(shown.contains(line), "{line} is missing from\n{shown}");
    }
    drop(bench.metrics);
}

#[test]
fn limits_refuse_unknown_keys_and_default_to_what_they_say() {
    let none: Limits = serde_json::from_str("{}").unwrap();
    assert_eq!(none, Limits::default());
    let some: Limits = serde_json::from_str(r#"{"body_bytes": 5}"#).unwrap();
    assert_eq!(some, Limits { body_bytes: 5, ..Limits::default() });
    assert!(serde_json::from_str::<Limits>(r#"{"body_byte": 5}"#).is_err());
    assert!(Limits::default().request() > Limits::default().body_read());
}

#[tokio::test]
async fn a_deadline_shorter_than_any_answer_still_answers() {
    let bench = Bench::new(Limits { request_ms: 0, ..Limits::default() });
    // A handler that is ready at once wins against a deadline that is due at once.
    assert_eq!(bench.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(Limits::default().request(), Duration::from_secs(60));
}

#[tokio::test]
async fn a_body_takes_its_room_until_its_last_slice_is_gone() {
    let metrics = HttpMetrics::register(&Registry::new()).unwrap();
    let guards = Guards::new(Limits { body_bytes_in_flight: 10, ..Limits::default() }, metrics);
    let read = async || guards.bodies.read(&HeaderMap::new(), Body::from("12345678")).await;
    let bytes = read().await.ok().unwrap().into_bytes();
    let slice = bytes.slice(2..4);
    drop(bytes);
    assert!(read().await.is_err(), "a slice of it is still held");
    assert_eq!(slice, "34");
    drop(slice);
    assert!(read().await.is_ok());
}
