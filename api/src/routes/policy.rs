//! `GET /policy`: by what rules statements are admitted now.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;

use super::answer::FRESH;
use crate::router::App;

/// Registration policy and trust anchors in force, with the indices at which they stand on the log.
pub(crate) async fn policy(State(app): State<App>) -> impl IntoResponse {
    ([(CACHE_CONTROL, FRESH)], Json(app.ledger.governance().describe()))
}
