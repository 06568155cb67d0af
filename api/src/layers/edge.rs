//! The outermost layer: request id, span, metrics, and the body of every failure.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;

use super::nothing::Nothing;
use super::{Guards, route_of};
use crate::metrics::NO_ROUTE;
use crate::problem::{Form, INTERNAL, Problem, render};
use crate::router::Door;

/// The header that names a request in answers and logs. One that a client sends is not read.
const REQUEST_ID: &str = "x-request-id";

/// Answers one request: opens its span, runs it, gives a failure its body, counts it.
///
/// The span names the route and not the path, so that nothing a client wrote stands in it.
pub(crate) async fn answer(State(guards): State<Guards>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let _in_flight = guards.metrics.began();
    let request_id = fresh_request_id();
    let route = route_of(&request);
    let door = route.map_or(Door::Unknown, |route| route.door);
    let form = Form::at(door, request.method(), request.headers());
    let bodiless = request.method() == Method::HEAD;
    let route = route.map_or(NO_ROUTE, |route| route.path);
    let span = tracing::info_span!("request", request_id, route, entry_id = Empty, leaf_index = Empty);

    let response = next.run(request).instrument(span.clone()).await;
    let _entered = span.entered();
    let (mut response, problem) = render(response, form, &request_id);
    match response.status() {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => *response.body_mut() = Body::new(Nothing),
        _ if bodiless && problem.is_some() => *response.body_mut() = Body::empty(),
        _ => {}
    }
    // What a stranger registered must never run as a page of ours.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = began.elapsed();
    let status = response.status();
    guards.metrics.answered(route, class(status.as_u16()), problem, took);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(status = status.as_u16(), problem, took_ms, "answered");
    response
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Unique among the requests of this process and, by a number drawn at its start, unlikely to repeat in
/// another.
fn fresh_request_id() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("process"));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:08x}-{:x}", *PROCESS >> 32, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What a panic becomes. Its message goes to the log, where it names our code and no client's bytes.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&'static str>().copied()).unwrap_or("no message");
    Problem::of(&INTERNAL).cause(format_args!("panic: {message}")).into_response()
}
