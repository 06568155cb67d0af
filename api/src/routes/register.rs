//! `POST /entries` (SCRAPI §2.1.3).

use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger::{Registration, Wait};
use proofs::{EntryId, LeafIndex};
use tracing::{Span, field::display};

use super::answer::{NEVER, negotiated, receipt_to_come, set, with_location};
use super::evidence;
use crate::media::{self, RECEIPTS};
use crate::problem::Problem;
use crate::router::App;

/// Registers one signed statement: 201 with its receipt, or 202 when the client asked not to wait for one. A record in
/// JSON goes to the registrar, where producers may hand in such; its Content-Type alone tells it from a statement.
///
/// What could fail because of the client's headers fails before the body is read, so that a completed
/// registration is never reported as a failure.
pub(crate) async fn register(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if app.producers.are_any() && media::is_record(request.headers()) {
        return evidence::one(app, request).await;
    }
    let (Parts { headers, .. }, body) = request.into_parts();
    media::require_statement(&headers)?;
    let content_type = media::negotiate(&headers, RECEIPTS)?;
    let hurried = media::prefers_async(&headers);
    let body = app.guards.bodies.read(&headers, body).await?.into_bytes();
    let wait = if hurried { Wait::ForCommit } else { Wait::ForReceipt };
    match app.ledger.register(body.clone(), wait).await {
        Ok(Registration::Issued { id, index, receipt }) => {
            trace(&id, index);
            Ok(with_location(negotiated(StatusCode::CREATED, content_type, NEVER, receipt), &app, &id))
        }
        Ok(Registration::Committed { id, index }) => {
            trace(&id, index);
            Ok(accepted(&app, &id, hurried))
        }
        Err(error) => Err(Problem::register(&error, &app.public_url)),
    }
}

fn accepted(app: &App, id: &EntryId, asked_for: bool) -> Response {
    let mut response = receipt_to_come(StatusCode::ACCEPTED, app, id);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    if asked_for {
        set(&mut response, axum::http::HeaderName::from_static("preference-applied"), "respond-async");
    }
    response
}

fn trace(id: &EntryId, index: LeafIndex) {
    Span::current().record("entry_id", display(id)).record("leaf_index", display(index));
}
