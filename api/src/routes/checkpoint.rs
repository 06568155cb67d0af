//! `GET /checkpoint`: the signed head of the log (C2SP tlog-checkpoint).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::VARY;
use axum::response::Response;
use bytes::Bytes;
use proofs::sha256;

use super::answer::{FRESH, tagged};
use crate::media::TEXT;
use crate::router::App;

/// The newest checkpoint, a signed note. Whoever asks again with its tag gets it only when there is a newer one.
pub(crate) async fn checkpoint(State(app): State<App>, headers: HeaderMap) -> Response {
    let note = app.ledger.checkpoint();
    let tag = sha256(note.as_bytes()).to_string();
    let body = Bytes::copy_from_slice(note.as_bytes());
    let mut response = tagged(&headers, &tag, TEXT, (FRESH, "accept"), body);
    // One form for everybody: Accept is not looked at.
    response.headers_mut().remove(VARY);
    response
}
