//! What is counted at the HTTP edge, and the router that shows all counters on the private address.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use crate::problem::{INTERNAL, OVERLOADED, Problem, Row, TIMED_OUT};
use crate::router::ROUTES;

/// Counters of the HTTP edge. Labels come from the route table and the problem table, never from a request.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    problems: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    body_bytes_held: IntGauge,
    answer_bytes_held: IntGauge,
    body_bytes: IntCounter,
    lines: IntCounterVec,
}

/// Upper bounds of the duration buckets in seconds: an answer from memory to one request deadline.
const DURATION_BUCKETS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 60.0,
];

/// Stands for the route of a request to a path that there is not.
pub(crate) const NO_ROUTE: &str = "none";

/// Problems that alerts ask for. They are there on every route before the first of them, which would be no increase
/// otherwise.
static AWAITED: [&Row; 3] = [&INTERNAL, &OVERLOADED, &TIMED_OUT];

impl HttpMetrics {
    /// Makes the counters and registers them.
    ///
    /// # Errors
    ///
    /// When the registry already holds a metric of one of these names.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("stele_http_requests_total", "How many HTTP requests were answered, by route and status class."),
                &["route", "class"],
            )?,
            problems: IntCounterVec::new(
                Opts::new("stele_http_problems_total", "How many HTTP requests were refused or failed, by route and kind of problem."),
                &["route", "kind"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "stele_http_request_duration_seconds",
                    "How long it took from the head of a request to the head of its answer, by route, uploading included.",
                )
                .buckets(DURATION_BUCKETS.to_vec()),
                &["route"],
            )?,
            in_flight: IntGauge::new("stele_http_requests_in_flight", "How many HTTP requests are worked on now.")?,
            body_bytes_held: IntGauge::new(
                "stele_http_body_bytes_in_flight",
                "How many bytes of request bodies and of answers to batches are in memory; limits.body_bytes_in_flight bounds them.",
            )?,
            answer_bytes_held: IntGauge::new(
                "stele_http_answer_bytes_in_flight",
                "How many bytes of answers to reads, of those above 4 KiB, are in memory until their clients have taken them; limits.answer_bytes_in_flight bounds them.",
            )?,
            body_bytes: IntCounter::new(
                "stele_http_body_bytes_total",
                "How many bytes of request bodies were received, those of refused and of broken uploads included.",
            )?,
            lines: IntCounterVec::new(
                Opts::new("stele_http_lines_total", "How many records of NDJSON streams were answered, by outcome: registered, or the kind of problem."),
                &["outcome"],
            )?,
        };
        // It is there before the first stream, as the other metrics are before the first request.
        metrics.lines.with_label_values(&["registered"]);
        for route in ROUTES.iter().map(|route| route.path).chain([NO_ROUTE]) {
            for kind in AWAITED {
                metrics.problems.with_label_values(&[route, kind.kind]);
            }
        }
        registry.register(Box::new(metrics.lines.clone()))?;
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.problems.clone()))?;
        registry.register(Box::new(metrics.durations.clone()))?;
        registry.register(Box::new(metrics.in_flight.clone()))?;
        registry.register(Box::new(metrics.body_bytes_held.clone()))?;
        registry.register(Box::new(metrics.answer_bytes_held.clone()))?;
        registry.register(Box::new(metrics.body_bytes.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn began(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(crate) fn answered(&self, route: &str, class: &str, problem: Option<&str>, took: Duration) {
        self.requests.with_label_values(&[route, class]).inc();
        self.durations.with_label_values(&[route]).observe(took.as_secs_f64());
        if let Some(kind) = problem {
            self.problems.with_label_values(&[route, kind]).inc();
        }
    }

    #[cfg(test)]
    pub(crate) fn problems_counted(&self, route: &str, kind: &str) -> u64 {
        self.problems.with_label_values(&[route, kind]).get()
    }

    pub(crate) fn body_bytes_received(&self, bytes: usize) {
        self.body_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(crate) fn line_answered(&self, outcome: &str) {
        self.lines.with_label_values(&[outcome]).inc();
    }

    /// Adds to the bytes held; a negative number when they are let go.
    pub(crate) fn body_bytes_held(&self, change: i64) {
        self.body_bytes_held.add(change);
    }

    /// The same for answers to reads.
    pub(crate) fn answer_bytes_held(&self, change: i64) {
        self.answer_bytes_held.add(change);
    }
}

/// Counts one request as in flight until it is dropped, also when its client goes away.
#[derive(Debug)]
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// `GET /metrics` in the Prometheus text format, for a private address: it tells outsiders how busy the
/// service is.
pub fn metrics_router(registry: Registry) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(registry)
}

async fn metrics(State(registry): State<Registry>) -> Result<Response, Problem> {
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&registry.gather(), &mut text) {
        Ok(()) => Ok(([(CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response()),
        Err(error) => Err(Problem::of(&INTERNAL).cause(error)),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn the_private_router_shows_every_counter_with_a_sentence_of_help() {
        let registry = Registry::new();
        let metrics = HttpMetrics::register(&registry).unwrap();
        let running = metrics.began();
        metrics.answered("/entries", "2xx", None, Duration::from_millis(3));
        metrics.answered("/entries", "4xx", Some("rejected"), Duration::from_micros(300));
        metrics.line_answered("findings");
        metrics.body_bytes_received(7);
        metrics.body_bytes_held(5);
        metrics.answer_bytes_held(6);

        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = metrics_router(registry.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4");
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        for line in [
            "stele_http_requests_total{class=\"2xx\",route=\"/entries\"} 1",
            "stele_http_problems_total{kind=\"rejected\",route=\"/entries\"} 1",
            "stele_http_problems_total{kind=\"internal\",route=\"/entries\"} 0",
            "stele_http_problems_total{kind=\"overloaded\",route=\"/evidence\"} 0",
            "stele_http_problems_total{kind=\"timed-out\",route=\"none\"} 0",
            "stele_http_request_duration_seconds_count{route=\"/entries\"} 2",
            "stele_http_request_duration_seconds_bucket{route=\"/entries\",le=\"0.00025\"} 0",
            "stele_http_request_duration_seconds_bucket{route=\"/entries\",le=\"0.0005\"} 1",
            "stele_http_lines_total{outcome=\"findings\"} 1",
            "stele_http_requests_in_flight 1",
            "stele_http_body_bytes_in_flight 5",
            "stele_http_answer_bytes_in_flight 6",
            "stele_http_body_bytes_total 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing from\n{text}");
        }
        for family in registry.gather() {
            assert!(family.help().ends_with('.'), "{}: {}", family.name(), family.help());
        }
        drop(running);
        assert_eq!(metrics.in_flight.get(), 0);
    }

    #[test]
    fn one_registry_takes_them_once() {
        let registry = Registry::new();
        assert!(HttpMetrics::register(&registry).is_ok());
        assert!(HttpMetrics::register(&registry).is_err());
    }
}
