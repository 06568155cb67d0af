//! What is known of one entry, in JSON: `GET /entries/{entry_id}` with `Accept: application/json`, and AIGP's own
//! report about an event.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use data_encoding::BASE64;
use ledger::profile::{IndexTerm, TermKind, TermName};
use ledger::search::EntrySummary;
use ledger::{ReadError, ReceiptState};
use proofs::EntryId;
use serde_json::{Map, Value, json};

use super::answer::{FRESH, dressed, receipt_to_come, with_location};
use super::locator::Locator;
use super::search::hit;
use crate::media::JSON;
use crate::problem::Problem;
use crate::reading::Reader;
use crate::router::App;

/// The term that holds `iat` of a TRACE record.
const IAT: &str = "trace.iat";

/// The entry with its findings, terms and a fresh receipt; `subject` and `iat` of a TRACE record are the record's.
pub(super) async fn summary(app: &App, id: EntryId, headers: &HeaderMap) -> Result<Response, Problem> {
    let reader = Reader::of_whole(headers, &app.read)?;
    let Some(body) = told(app, id).await? else {
        return Ok(receipt_to_come(StatusCode::NO_CONTENT, app, &id));
    };
    let response = dressed(StatusCode::OK, JSON, reader.caching(FRESH), Value::Object(body).to_string());
    Ok(with_location(response, app, &id))
}

/// What is told of an entry; `None` while its receipt is to come.
pub(super) async fn told(app: &App, id: EntryId) -> Result<Option<Map<String, Value>>, Problem> {
    let failed = |error: ReadError| Problem::read_entry(&error, &id);
    let receipt = match app.ledger.receipt(id).await.map_err(failed)? {
        ReceiptState::Issued { receipt, .. } => receipt,
        ReceiptState::Running => return Ok(None),
    };
    let summary = app.ledger.summary(id).await.map_err(failed)?;
    let mut members = hit(&summary.hit).as_object().cloned().unwrap_or_default();
    let found = summary.examined.as_ref().map(|examined| json!(examined.findings));
    members.insert("findings".to_owned(), found.unwrap_or_else(|| json!([])));
    members.insert("terms".to_owned(), terms(&summary));
    members.insert("receipt".to_owned(), json!(BASE64.encode(&receipt)));
    members.insert("receipt_uri".to_owned(), json!(app.public_url.entry(&id)));
    if let Some(iat) = iat(&summary) {
        members.insert("iat".to_owned(), iat);
    }
    Ok(Some(members))
}

/// `GET /reports/aigp/{entry_id}`: the findings about an AIGP event in AIGP's verifier-report format.
pub(crate) async fn aigp(
    State(app): State<App>,
    Locator(id): Locator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let failed = |error: ReadError| Problem::read_entry(&error, &id);
    let report = app.ledger.aigp_report(id).await.map_err(failed)?;
    Ok(dressed(StatusCode::OK, JSON, reader.caching(FRESH), report))
}

fn terms(summary: &EntrySummary) -> Value {
    let terms = summary.terms.iter().filter_map(|term| {
        let (name, value) = told_term(term)?;
        Some(json!({ "name": name, "value": value }))
    });
    terms.collect()
}

fn told_term(term: &IndexTerm) -> Option<(&'static str, Value)> {
    let name = TermName::of_code(term.code)?;
    let number = u64::from_str_radix(&term.value, 16).ok().filter(|_| name.kind == TermKind::Number);
    Some((name.name, number.map_or_else(|| json!(term.value), |number| json!(number))))
}

/// Of a TRACE record only: what a client of the withdrawn tutorial compares. The record itself is not read again for it.
fn iat(summary: &EntrySummary) -> Option<Value> {
    summary.terms.iter().filter_map(told_term).find(|(name, _)| *name == IAT).map(|(_, value)| value)
}
