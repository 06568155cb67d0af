//! Who gets in: sizes of the head, the rate of each client, bounds in count, and the time a request may take.
//!
//! Probes are exempt from rate and count: a busy service must not look dead to whoever would restart it.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use std::time::Duration;

use super::{Guards, door_of, route_of};
use crate::problem::{HEADERS_TOO_LARGE, OVERLOADED, Problem, TARGET_TOO_LONG, TIMED_OUT, TOO_MANY_REQUESTS};
use crate::router::Door;

/// 414 and 431. Heads larger than the HTTP library reads never get here; it answers those itself, without a
/// body.
pub(super) async fn head(
    State(guards): State<Guards>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > guards.limits.target_bytes {
        return Err(Problem::of(&TARGET_TOO_LONG));
    }
    let sizes = request.headers().iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    if sizes.sum::<usize>() > guards.limits.header_bytes {
        return Err(Problem::of(&HEADERS_TOO_LARGE));
    }
    Ok(next.run(request).await)
}

/// 429, with the words of SCR-34.
pub(super) async fn rate(
    State(guards): State<Guards>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(rate) = guards.rate.as_ref().filter(|_| door_of(&request) != Door::Probe) {
        rate.check(&request).map_err(|wait| {
            Problem::of(&TOO_MANY_REQUESTS).detail(rate.text().to_owned()).retry_after(wait)
        })?;
    }
    Ok(next.run(request).await)
}

/// The same for the statements of a batch beyond the first, which came with the request itself.
pub(crate) fn rate_of_batch(guards: &Guards, parts: &Parts, statements: usize) -> Result<(), Problem> {
    let Some(rate) = &guards.rate else { return Ok(()) };
    rate.check_more(parts, statements.saturating_sub(1)).map_err(|wait| {
        let problem = Problem::of(&TOO_MANY_REQUESTS);
        let detail = format!("{} Each statement of a batch counts as a request.", rate.text());
        match wait {
            Duration::MAX => problem.detail(format!("{detail} Send smaller batches.")),
            wait => problem.detail(detail).retry_after(wait),
        }
    })
}

/// 503 when every place is taken. Registrations have places of their own, so that slow uploads do not stop
/// readers.
pub(super) async fn places(
    State(guards): State<Guards>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if door_of(&request) == Door::Probe {
        return Ok(next.run(request).await);
    }
    let registers = request.method() == Method::POST && route_of(&request).is_some();
    let places = if registers { &guards.registrations } else { &guards.reads };
    let _place =
        places.try_acquire().map_err(|_| Problem::of(&OVERLOADED).retry_after(guards.limits.busy_retry()))?;
    Ok(next.run(request).await)
}

/// 503 when a request takes longer than any request should.
pub(super) async fn deadline(
    State(guards): State<Guards>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let answer = tokio::time::timeout(guards.limits.request(), next.run(request)).await;
    answer.map_err(|_| Problem::of(&TIMED_OUT).retry_after(guards.limits.busy_retry()))
}
