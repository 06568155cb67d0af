//! `GET /trace/{locator}`: a TRACE record by the URI that its `transparency` names; `/trace/anchors/{entry_id}`: the same
//! record in the registry anchor format v1, for TRACE's own tools.
//!
//! The locator is the lower-case hex SHA-256 of the record's RFC 8785 form without `transparency` and `signature`. So a
//! producer knows it before signing, and signs once. Records that differ in these two members alone share it: the one
//! with the lowest index is the answer, and the others are listed.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ledger::search::{MAX_PAGE, Query, QueryTerm, Wanted};
use ledger::{ReadError, ReceiptState, TraceAnchor};
use proofs::{EntryId, Hash};
use serde_json::{Value, json};

use super::answer::{FRESH, dressed, negotiated, receipt_to_come, with_location};
use super::locator::Locator;
use super::summary::told;
use crate::media::{self, JSON, LOCATED};
use crate::problem::{INTERNAL, INVALID_LOCATOR, NO_SUCH_ENTRY, Problem};
use crate::reading::Reader;
use crate::router::App;

/// The term that entries with a locator are found by.
const TERM: &str = "trace.locator";

/// What is known of the entry, for those who may read statements; or its receipt, for everybody who asks for that.
pub(crate) async fn located(
    State(app): State<App>,
    segment: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let content_type = media::negotiate(&headers, LOCATED)?;
    let summarised = content_type == JSON;
    let reader = if summarised { Reader::of_whole(&headers, &app.read)? } else { Reader::Anybody };
    let locator = segment.ok().and_then(|Path(text)| text.parse::<Hash>().ok());
    let locator = locator.ok_or_else(|| Problem::of(&INVALID_LOCATOR))?.to_string();
    let failed = |error| Problem::search(&error);
    let term =
        QueryTerm::new(TERM, Wanted::Exactly(locator.clone())).map_err(|error| failed(error.into()))?;
    let query = Query { terms: vec![term], limit: Some(MAX_PAGE), ..Query::default() };
    let page = app.ledger.search(query).await.map_err(failed)?;
    let Some((first, others)) = page.hits.split_first() else {
        return Err(Problem::of(&NO_SUCH_ENTRY).detail("No TRACE record with this locator is on the log"));
    };
    let id = first.id;
    if !summarised {
        let receipt = app.ledger.receipt(id).await.map_err(|error| Problem::read_entry(&error, &id))?;
        return Ok(match receipt {
            ReceiptState::Issued { receipt, .. } => {
                with_location(negotiated(StatusCode::OK, content_type, FRESH, receipt), &app, &id)
            }
            ReceiptState::Running => receipt_to_come(StatusCode::NO_CONTENT, &app, &id),
        });
    }
    let Some(mut body) = told(&app, id).await? else {
        return Ok(receipt_to_come(StatusCode::NO_CONTENT, &app, &id));
    };
    let others: Vec<Value> = others
        .iter()
        .map(|hit| json!({ "entry_id": hit.id.to_string(), "leaf_index": hit.index.get() }))
        .collect();
    body.insert("locator".to_owned(), json!(locator));
    body.insert("others".to_owned(), json!(others));
    body.insert("more".to_owned(), json!(page.next.is_some()));
    let response = dressed(StatusCode::OK, JSON, reader.caching(FRESH), Value::Object(body).to_string());
    Ok(with_location(response, &app, &id))
}

/// The registry entry of the batch that a record is in, and the path that proves it. For everybody, as the format
/// demands: it says nothing of the record but its digest.
pub(crate) async fn anchor(State(app): State<App>, Locator(id): Locator) -> Result<Response, Problem> {
    let anchor = app.ledger.trace_anchor(id).await.map_err(|error| match &error {
        ReadError::NotYetAnchored { .. } => {
            Problem::read(&error).retry_after(app.guards.limits.receipt_retry())
        }
        error => Problem::read_entry(error, &id),
    })?;
    let body = told_anchor(&app, &id, &anchor).ok_or_else(|| {
        Problem::of(&INTERNAL).cause(format_args!("batch {} does not hold a registry entry", anchor.batch))
    })?;
    Ok(dressed(StatusCode::OK, JSON, (FRESH, "accept"), body.to_string()))
}

fn told_anchor(app: &App, id: &EntryId, anchor: &TraceAnchor) -> Option<Value> {
    let entry: Value = serde_json::from_slice(&anchor.entry).ok()?;
    let prefixed = |hash: &Hash| json!(format!("sha256:{hash}"));
    let proof = json!({
        "leaf_index": anchor.proof.index.get(),
        "audit_path": anchor.proof.path.iter().map(prefixed).collect::<Vec<_>>(),
        "leaf_count": anchor.proof.size.get(),
        "merkle_root": prefixed(&anchor.root),
        "batch_id": entry.get("batch_id")?,
        "ts": entry.get("ts")?,
    });
    let batch = &anchor.batch;
    Some(json!({
        "entry_id": id.to_string(),
        "leaf_index": anchor.index.get(),
        "anchor_leaf": prefixed(&anchor.leaf),
        "entry": entry,
        "proof": proof,
        "batch": {
            "entry_id": batch.to_string(),
            "leaf_index": anchor.batch_index.get(),
            "receipt_uri": app.public_url.entry(batch),
            "statement_uri": format!("{}/statements/{batch}", app.public_url.as_str()),
        },
    }))
}
