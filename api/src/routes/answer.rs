//! Dressing what the ledger returned: types, caching, locations.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use proofs::EntryId;

use crate::problem::whole_seconds;
use crate::router::App;

/// For what is made anew for each request, and for what may change: ask again every time.
pub(super) const FRESH: &str = "no-cache";
/// For what must not be kept at all.
pub(super) const NEVER: &str = "no-store";
/// For what never changes as long as it exists. A day and not a year, because an erased statement has to
/// leave caches too.
pub(super) const IMMUTABLE: &str = "public, max-age=86400, immutable";

/// A body of one type, chosen by `Accept`.
pub(super) fn negotiated(
    status: StatusCode,
    content_type: &'static str,
    caching: &'static str,
    body: impl Into<Body>,
) -> Response {
    dressed(status, content_type, (caching, "accept"), body)
}

/// A body of one type, with `Cache-Control` and `Vary`.
pub(super) fn dressed(
    status: StatusCode,
    content_type: &'static str,
    (caching, vary): (&'static str, &'static str),
    body: impl Into<Body>,
) -> Response {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, caching), (VARY, vary)];
    (status, headers, body.into()).into_response()
}

/// The same with a strong entity tag, or 304 to a client that has it (RFC 9110 §13.1.2).
pub(super) fn tagged(
    asked: &HeaderMap,
    tag: &str,
    content_type: &'static str,
    caching: (&'static str, &'static str),
    body: Bytes,
) -> Response {
    // The type is part of the representation, and so of its tag.
    let tag = format!("\"{tag}:{content_type}\"");
    let mut response = if matches(asked, &tag) {
        dressed(StatusCode::NOT_MODIFIED, content_type, caching, Body::empty())
    } else {
        dressed(StatusCode::OK, content_type, caching, body)
    };
    set(&mut response, ETAG, &tag);
    response
}

/// Adds where the receipt of `id` is: the same in every answer about it (SCR-25).
pub(super) fn with_location(mut response: Response, app: &App, id: &EntryId) -> Response {
    set(&mut response, LOCATION, &app.public_url.entry(id));
    response
}

/// No body, a Location, and when to ask for the receipt that is still to come.
pub(super) fn receipt_to_come(status: StatusCode, app: &App, id: &EntryId) -> Response {
    let wait = HeaderValue::from(whole_seconds(app.guards.limits.receipt_retry()));
    let response =
        (status, [(RETRY_AFTER, wait), (CACHE_CONTROL, HeaderValue::from_static(NEVER))]).into_response();
    with_location(response, app, id)
}

/// Whether `If-None-Match` names this tag: the comparison is the weak one (RFC 9110 §13.1.2).
pub(super) fn matches(asked: &HeaderMap, tag: &str) -> bool {
    let lines = asked.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

/// Sets a header made of checked parts: a public URL, an id, a number.
pub(super) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
