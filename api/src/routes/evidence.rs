//! `POST /evidence`, and `POST /entries` with a record in JSON: evidence that nobody signed.
//!
//! One record is one JSON object, registered byte for byte in a statement of the service's own (D17). What an HTTP
//! header says decides who is let in and how the answer looks, never what becomes of a record (SCR-35); who was let in
//! stands in the protected header of the statement.

mod answer;
mod stream;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use ledger::Wait;
use ledger::evidence::{Form, Record};
use tracing::{Span, field::display};

use super::query;
use crate::evidence::{EvidenceDoor, Sender};
use crate::media::{self, JSONS};
use crate::problem::{INVALID_ENVELOPE, Problem};
use crate::router::App;
pub(super) use answer::{members, registered};

/// Registers one record: 201 with its entry and receipt, or 202 without the receipt when the client asked not to wait
/// or witnesses have to see the entry first.
///
/// Of many records, a line each, it tells line by line what became of them.
pub(crate) async fn register(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if media::is_lines(request.headers()) {
        return stream::register(app, request).await;
    }
    one(app, request).await
}

/// See [`register`].
pub(crate) async fn one(app: App, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let sender = app.producers.sender(&parts.headers, &parts.extensions, EvidenceDoor::Evidence)?;
    let form = media::require_record(&parts.headers)?.map_or(Form::Content, Form::Named);
    media::negotiate(&parts.headers, JSONS)?;
    let envelope = envelope(&parts.uri)?;
    let wait = if media::prefers_async(&parts.headers) { Wait::ForCommit } else { Wait::ForReceipt };
    let payload = app.guards.bodies.read(&parts.headers, body).await?.into_bytes();
    let Sender { id, scope } = sender.clone();
    let record = Record { form, payload, producer: Some(id), headers: Vec::new(), envelope, scope };
    let entry = app.ledger.register_record(record, wait).await;
    let entry = entry.map_err(|error| Problem::record(&error, &app.public_url))?;
    Span::current().record("entry_id", display(entry.id())).record("leaf_index", display(entry.index()));
    Ok(registered(&app, &entry, StatusCode::CREATED, wait))
}

/// `?envelope=sha-256`: only the digest of the record is to be logged.
fn envelope(uri: &Uri) -> Result<bool, Problem> {
    match query::values(uri.query(), ["envelope"]) {
        Some([None]) => Ok(false),
        Some([Some("sha-256")]) => Ok(true),
        _ => Err(Problem::of(&INVALID_ENVELOPE)),
    }
}
