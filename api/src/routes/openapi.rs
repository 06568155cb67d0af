//! `GET /openapi.json`: every route for machines.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::media::JSON;

/// The checked-in document; a test compares it with the route table.
pub(crate) const DOCUMENT: &str = include_str!("../../openapi.json");

/// The OpenAPI 3.1 document.
pub(crate) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, "public, max-age=3600")], DOCUMENT)
}
