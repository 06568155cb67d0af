//! `GET /healthz` and `/readyz`: for whoever starts, stops and balances.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::NEVER;
use crate::problem::{NOT_READY, Problem};
use crate::router::App;

/// The process answers.
pub(crate) async fn alive() -> impl IntoResponse {
    ([(CACHE_CONTROL, NEVER)], Json(json!({ "status": "alive" })))
}

/// Rounds are committed and checkpoints follow; 503 with the reason otherwise.
pub(crate) async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    let readiness = app.ledger.readiness();
    if !readiness.ready {
        return Err(Problem::of(&NOT_READY)
            .detail(readiness.reason)
            .retry_after(app.guards.limits.busy_retry()));
    }
    let state = json!({
        "status": "ready",
        "reason": readiness.reason,
        "committed_size": readiness.committed.get(),
        "checkpoint_size": readiness.published.get(),
    });
    Ok(([(CACHE_CONTROL, NEVER)], Json(state)).into_response())
}
