//! What the client's library asks about the service itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use ciborium::Value;
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::super::answer::{FRESH, dressed};
use super::call::base;
use crate::media::CBOR;
use crate::router::App;

/// `GET /.well-known/transparency-configuration`: who issues receipts, and where the keys are as JWKs.
pub(crate) async fn configuration(State(app): State<App>) -> Response {
    let text = |text: String| Value::Text(text);
    let map = Value::Map(vec![
        (text("issuer".to_owned()), text(app.ledger.identity().genesis.issuer)),
        (text("jwks_uri".to_owned()), text(format!("{}/jwks", base(&app)))),
    ]);
    dressed(StatusCode::OK, CBOR, (FRESH, "accept"), proofs::cbor::encode(&map))
}

/// `GET /jwks`: the keys of receipts as a JWK set (RFC 7517 §5); `kid` is the kid of receipts in base64url.
pub(crate) async fn jwks(State(app): State<App>) -> Response {
    let key = app.ledger.identity().genesis.receipts;
    let mut jwk = key.to_jwk();
    if let Some(members) = jwk.as_object_mut() {
        members.insert("kid".to_owned(), json!(BASE64URL_NOPAD.encode(key.thumbprint().as_bytes())));
    }
    ([(CACHE_CONTROL, FRESH)], Json(json!({ "keys": [jwk] }))).into_response()
}

/// `GET /version`.
pub(crate) async fn version() -> Response {
    let version = concat!("stele ", env!("CARGO_PKG_VERSION"));
    ([(CACHE_CONTROL, FRESH)], Json(json!({ "version": version }))).into_response()
}
