//! What every request passes, from the edge inwards: request id and span, panics, sizes of the head, rate,
//! bounds in count, deadline, room for the answer. The bounds in body bytes are met where a body is read ([`bodies`]).

mod admission;
mod answers;
mod bodies;
mod edge;
mod nothing;
mod rate;
mod shares;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::from_fn_with_state;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::limits::Limits;
use crate::metrics::HttpMetrics;
use crate::router::Route;
pub(crate) use admission::{Client, rate_of_batch, rate_of_lines};
use answers::Answers;
use bodies::Bodies;
pub(crate) use bodies::Charge;
use rate::Rate;

/// The bounds of one service, shared by all its requests.
#[derive(Clone)]
pub(crate) struct Guards(Arc<State>);

/// See [`Guards`].
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) metrics: HttpMetrics,
    pub(crate) bodies: Bodies,
    answers: Answers,
    rate: Option<Rate>,
    registrations: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

impl Guards {
    /// Bounds as `limits` sets them.
    pub(crate) fn new(limits: Limits, metrics: HttpMetrics) -> Self {
        Self(Arc::new(State {
            bodies: Bodies::new(&limits, metrics.clone()),
            answers: Answers::new(&limits, metrics.clone()),
            rate: Rate::new(&limits),
            registrations: places(limits.registrations_in_flight),
            reads: places(limits.reads_in_flight),
            limits,
            metrics,
        }))
    }
}

impl Deref for Guards {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

fn places(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)))
}

/// Puts every layer around the routes and around the answer to unknown paths.
pub(crate) fn wrap(routes: Router, guards: Guards) -> Router {
    routes.layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(guards.clone(), edge::answer))
            .layer(CatchPanicLayer::custom(edge::panicked))
            .layer(from_fn_with_state(guards, admission::admit)),
    )
}

/// The line of the route table a request was matched to.
fn route_of(request: &Request) -> Option<&'static Route> {
    request.extensions().get::<MatchedPath>().and_then(|path| Route::find(path.as_str()))
}

#[cfg(test)]
mod tests;
