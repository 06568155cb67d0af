//! The doors of a witness (C2SP tlog-witness): `add-checkpoint`, `sign-subtree` and the monitoring endpoint.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ledger::CheckpointWitness;
use prometheus::{IntCounterVec, Opts, Registry};
use proofs::witness::MAX_REQUEST_LEN;
use tokio::sync::Semaphore;

use crate::problem::witness::Refused;

const TEXT: &str = "text/plain; charset=utf-8";

/// What the HTTP side of a witness bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WitnessLimits {
    /// Requests worked on at once; a request is at most [`MAX_REQUEST_LEN`] bytes.
    pub requests_in_flight: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
}

#[derive(Clone)]
struct App {
    witness: CheckpointWitness,
    places: Arc<Semaphore>,
    body_timeout: Duration,
    requests: IntCounterVec,
}

/// The doors of a witness, at the root: it is the submission and the monitoring prefix.
///
/// # Errors
/// Fails if `registry` has metrics of these names already.
pub fn witness_router(
    witness: CheckpointWitness,
    limits: WitnessLimits,
    registry: &Registry,
) -> Result<Router, prometheus::Error> {
    let options = Opts::new(
        "stele_witness_requests_total",
        "How many requests to cosign ended in each way: cosigned, or the reason of refusal.",
    );
    let requests = IntCounterVec::new(options, &["request", "outcome"])?;
    registry.register(Box::new(requests.clone()))?;
    let places = Arc::new(Semaphore::new(limits.requests_in_flight.min(Semaphore::MAX_PERMITS)));
    let app = App { witness, places, body_timeout: limits.body_timeout, requests };
    Ok(Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/sign-subtree", post(sign_subtree))
        .route("/{origin_hash}/checkpoint", get(newest))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(app))
}

impl App {
    async fn body(&self, body: Body) -> Result<Bytes, Refused> {
        let read = tokio::time::timeout(self.body_timeout, to_bytes(body, MAX_REQUEST_LEN)).await;
        read.map_err(|_| Refused::Slow)?.map_err(|_| Refused::TooLarge)
    }

    fn count(&self, request: &str, outcome: &Result<String, Refused>) {
        let outcome = outcome.as_ref().err().map_or("cosigned", Refused::kind);
        self.requests.with_label_values(&[request, outcome]).inc();
    }
}

async fn add_checkpoint(State(app): State<App>, body: Body) -> Response {
    let outcome = async {
        let _place = app.places.try_acquire().map_err(|_| Refused::Busy)?;
        let body = app.body(body).await?;
        Ok(app.witness.add_checkpoint(&body).await?)
    }
    .await;
    app.count("add-checkpoint", &outcome);
    answer(outcome)
}

async fn sign_subtree(State(app): State<App>, body: Body) -> Response {
    let outcome = async {
        let _place = app.places.try_acquire().map_err(|_| Refused::Busy)?;
        let body = app.body(body).await?;
        Ok(app.witness.sign_subtree(&body)?)
    }
    .await;
    app.count("sign-subtree", &outcome);
    answer(outcome)
}

fn answer(outcome: Result<String, Refused>) -> Response {
    match outcome {
        Ok(lines) => {
            (StatusCode::OK, [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "no-store")], lines).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

async fn newest(State(app): State<App>, Path(origin_hash): Path<String>) -> Response {
    match app.witness.newest(&origin_hash) {
        // A few seconds, so that many monitors can share one look (WIT-06).
        Some(note) => {
            let headers = [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "public, max-age=5")];
            (StatusCode::OK, headers, note.to_string()).into_response()
        }
        None => Refused::NeverCosigned.into_response(),
    }
}
