//! Who gets in: sizes of the head, the rate of each client, bounds in count, and the time a request may take.
//!
//! Probes are exempt from rate and count: a busy service must not look dead to whoever would restart it.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::SemaphorePermit;

use std::net::IpAddr;
use std::time::Duration;

use super::rate::client;
use super::{Guards, route_of};
use crate::problem::{HEADERS_TOO_LARGE, OVERLOADED, Problem, TARGET_TOO_LONG, TIMED_OUT, TOO_MANY_REQUESTS};
use crate::router::Door;

/// Lets a request in, or says why not. One layer and not four: each costs a request several allocations.
pub(super) async fn admit(
    State(guards): State<Guards>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let route = route_of(&request);
    let probe = route.is_some_and(|route| route.door == Door::Probe);
    check_head(&guards, &request)?;
    if !probe {
        check_rate(&guards, &request)?;
    }
    let registers = request.method() == Method::POST && route.is_some();
    let _place = if probe { None } else { Some(place(&guards, registers)?) };
    let client = client(request.extensions(), request.headers(), guards.limits.trust_forwarded_for);
    // 503 when a request takes longer than any request should.
    let answer = tokio::time::timeout(guards.limits.request(), next.run(request)).await;
    let answer = answer.map_err(|_| Problem::of(&TIMED_OUT).retry_after(guards.limits.busy_retry()))?;
    // What was registered is told in any case: a batch took the room for its answer before, other answers are small.
    if registers { Ok(answer) } else { guards.answers.count(client, answer).await }
}

/// 414 and 431. Heads larger than the HTTP library reads never get here; it answers those itself, without a
/// body.
fn check_head(guards: &Guards, request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > guards.limits.target_bytes {
        return Err(Problem::of(&TARGET_TOO_LONG));
    }
    let sizes = request.headers().iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    if sizes.sum::<usize>() > guards.limits.header_bytes {
        return Err(Problem::of(&HEADERS_TOO_LARGE));
    }
    Ok(())
}

/// 429, with the words of SCR-34.
fn check_rate(guards: &Guards, request: &Request) -> Result<(), Problem> {
    let Some(rate) = &guards.rate else { return Ok(()) };
    rate.check(request)
        .map_err(|wait| Problem::of(&TOO_MANY_REQUESTS).detail(rate.text().to_owned()).retry_after(wait))
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

/// Who sends a stream of records, as far as the rate tells clients apart.
pub(crate) struct Client {
    address: Option<IpAddr>,
    at_once: usize,
}

impl Client {
    pub(crate) fn of(guards: &Guards, parts: &Parts) -> Self {
        let Some(rate) = &guards.rate else { return Self { address: None, at_once: usize::MAX } };
        Self { address: rate.client_of(parts), at_once: rate.at_once() }
    }

    /// How many records the rate could ever let pass at once.
    pub(crate) fn at_once(&self) -> usize {
        self.at_once
    }
}

/// Waits until as many records of a stream are within the rate: each counts as a request.
pub(crate) async fn rate_of_lines(guards: &Guards, client: &Client, lines: usize) {
    let Some(rate) = &guards.rate else { return };
    while let Err(wait) = rate.check_many(client.address, lines) {
        tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
    }
}

/// After so long the rate is asked again, whatever it said.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// 503 when every place is taken. Registrations have places of their own, so that slow uploads do not stop
/// readers.
fn place(guards: &Guards, registers: bool) -> Result<SemaphorePermit<'_>, Problem> {
    let places = if registers { &guards.registrations } else { &guards.reads };
    places.try_acquire().map_err(|_| Problem::of(&OVERLOADED).retry_after(guards.limits.busy_retry()))
}
