//! `GET /checkpoint`: the signed head of the log (C2SP tlog-checkpoint).

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use super::answer::FRESH;
use crate::media::TEXT;
use crate::router::App;

/// The newest checkpoint, a signed note.
pub(crate) async fn checkpoint(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, FRESH)], app.ledger.checkpoint().to_string())
}
