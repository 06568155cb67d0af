//! What a producer reads of its record.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use data_encoding::BASE64;
use ledger::evidence::RecordEntry;
use ledger::profile::rfc3339;
use ledger::{Registration, Wait};
use serde_json::{Map, Value, json};

use super::super::answer::{NEVER, negotiated, set, with_location};
use crate::media::JSON;
use crate::problem::whole_seconds;
use crate::router::App;

/// The `whole` status with everything, or 202 without the receipt that is still to come.
pub(in crate::routes) fn registered(
    app: &App,
    entry: &RecordEntry,
    whole: StatusCode,
    wait: Wait,
) -> Response {
    let body = Value::Object(members(app, entry)).to_string();
    let status = match &entry.registration {
        Registration::Issued { .. } => whole,
        Registration::Committed { .. } => StatusCode::ACCEPTED,
    };
    let mut response = with_location(negotiated(status, JSON, NEVER, body), app, &entry.id());
    if matches!(entry.registration, Registration::Committed { .. }) {
        let seconds = HeaderValue::from(whole_seconds(app.guards.limits.receipt_retry()));
        response.headers_mut().insert(RETRY_AFTER, seconds);
        if wait == Wait::ForCommit {
            set(&mut response, HeaderName::from_static("preference-applied"), "respond-async");
        }
    }
    response
}

/// The members of an answer about one record.
pub(in crate::routes) fn members(app: &App, entry: &RecordEntry) -> Map<String, Value> {
    let (id, index, receipt) = match &entry.registration {
        Registration::Issued { id, index, receipt } => (id, index, Some(receipt)),
        Registration::Committed { id, index } => (id, index, None),
    };
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("entry_id", json!(id.to_string()));
    put("leaf_index", json!(index.get()));
    put("system", json!(entry.kind.system().name()));
    put("content_type", json!(entry.kind.content_type()));
    put("receipt_uri", json!(app.public_url.entry(id)));
    put("statement_uri", json!(app.public_url.statement(id)));
    put("registered_at", json!(rfc3339(entry.registered_at.secs())));
    if let Some(receipt) = receipt {
        put("receipt", json!(BASE64.encode(receipt)));
    }
    put("findings", json!(entry.findings));
    members
}
