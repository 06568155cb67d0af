//! `/compat/ccf`: the calls that Microsoft's SCITT client makes, `pyscitt`, in both its generations.
//!
//! The older one (0.10.1) gets an operation to ask about; the newer one (0.15.0), which says so with
//! `?api-version=2026-03-26`, is sent on with 303 and polls with 302, or waits with `?waitForCommit=true`. Both call an
//! entry by a transaction id, `<view>.<seqno>`: the view is always 1, the seqno is the leaf index. Statements are
//! judged, and receipts made, as everywhere: these are other words for `POST /entries` and `GET /entries/{entry_id}`.
//! Failures are concise problem details whatever `Accept` says, which is the only form both read.

mod call;
mod service;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ciborium::Value;
use ledger::{ReceiptState, Registration, Wait};
use proofs::{EntryId, LeafIndex};
use serde_json::json;

use super::answer::{FRESH, NEVER, dressed, set};
use super::query;
use crate::media::{self, CBOR, RECEIPT, STATEMENT};
use crate::problem::{INVALID_PAGE, NOT_CACHED, Problem, whole_seconds};
use crate::reading::Reader;
use crate::router::App;
use call::{Call, Transaction};

pub(crate) use service::{configuration, jwks, version};

/// The header with the transaction id.
const TRANSACTION: HeaderName = HeaderName::from_static("x-ms-ccf-transaction-id");
/// The most transaction ids of one page.
const PAGE: usize = 1000;

/// `POST /entries`: 202 with an operation, 303 to the receipt, or 201 with it for whoever waits.
pub(crate) async fn register(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    media::require_statement(&headers)?;
    let call = Call::read(query.as_deref())?;
    let body = app.guards.bodies.read(&headers, body).await?.into_bytes();
    let wait = if call.waits { Wait::ForReceipt } else { Wait::ForCommit };
    let registered = app.ledger.register(body, wait).await;
    match registered.map_err(|error| Problem::register(&error, &app.public_url))? {
        Registration::Issued { index, receipt, .. } => {
            let transaction = Transaction(index);
            let answer = dressed(StatusCode::CREATED, call.type_of(RECEIPT), (NEVER, "accept"), receipt);
            Ok(named(answer, transaction, Some(&call::location(&app, transaction))))
        }
        Registration::Committed { index, .. } if call.scrapi() || call.waits => {
            let transaction = Transaction(index);
            let answer = (StatusCode::SEE_OTHER, [(CACHE_CONTROL, NEVER)]).into_response();
            Ok(named(answer, transaction, Some(&call::location(&app, transaction))))
        }
        Registration::Committed { index, .. } => {
            Ok(operation_of(&app, Transaction(index), StatusCode::ACCEPTED))
        }
    }
}

/// `GET /operations/{id}`: what became of a registration. The older generation asks until it succeeded.
pub(crate) async fn operation(State(app): State<App>, transaction: Transaction) -> Result<Response, Problem> {
    entry(&app, transaction).await?;
    let done = app.ledger.is_issuable(transaction.0);
    Ok(operation_of(&app, transaction, if done { StatusCode::OK } else { StatusCode::ACCEPTED }))
}

/// `GET /entries/{id}`: a fresh receipt.
pub(crate) async fn resolve(
    State(app): State<App>,
    transaction: Transaction,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let call = Call::read(query.as_deref())?;
    let id = entry(&app, transaction).await?;
    match app.ledger.receipt(id).await.map_err(|error| Problem::read_entry(&error, &id))? {
        ReceiptState::Issued { receipt, .. } => {
            let answer = dressed(StatusCode::OK, call.type_of(RECEIPT), (FRESH, "accept"), receipt);
            Ok(named(answer, transaction, None))
        }
        ReceiptState::Running => pending(&app, &call, transaction),
    }
}

/// `GET /entries/{id}/statement`: the statement with a fresh receipt inside, for those who may read statements.
pub(crate) async fn statement(
    State(app): State<App>,
    transaction: Transaction,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let call = Call::read(query.as_deref())?;
    let id = entry(&app, transaction).await?;
    let bytes = app.ledger.transparent(id).await.map_err(|error| Problem::read_entry(&error, &id))?;
    let Some(bytes) = bytes else { return pending(&app, &call, transaction) };
    let answer = dressed(StatusCode::OK, call.type_of(STATEMENT), reader.caching(FRESH), bytes);
    Ok(named(answer, transaction, None))
}

/// `GET /entries/txIds?from=&to=`: the ids of the entries between two seqnos, both included. `nextLink` leads to the
/// next page by `after`, because the client repeats `from` on every page.
pub(crate) async fn ids(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let invalid = || {
        Problem::of(&INVALID_PAGE).detail(
            "The query may name from, to and after as decimal seqnos, each once, with from <= to, and to committed",
        )
    };
    let asked = query::values(query.as_deref(), ["from", "to", "after"]).ok_or_else(invalid)?;
    let [from, to, after] = asked.map(|text| text.map(|text| query::decimal(text).ok_or_else(invalid)));
    let from = from.transpose()?.unwrap_or(0);
    let size = app.ledger.head().tree.size;
    let to = to.transpose()?.map_or_else(|| size.last(), |to| Some(LeafIndex::new(to)));
    let to = to.filter(|to| to.in_tree(size) && to.get() >= from).ok_or_else(invalid)?;
    let first = after.transpose()?.map_or(from, |after| after.saturating_add(1).max(from));
    let left = usize::try_from((to.get().saturating_add(1)).saturating_sub(first)).unwrap_or(usize::MAX);
    let count = left.min(PAGE);
    let kept = app.ledger.kept(LeafIndex::new(first), count).await.map_err(|error| Problem::read(&error))?;
    let mut page = json!({
        "transactionIds": kept.iter().map(|index| Transaction(*index).to_string()).collect::<Vec<_>>(),
    });
    if left > count
        && let Some(members) = page.as_object_mut()
    {
        let last = first.saturating_add(PAGE.try_into().unwrap_or(u64::MAX)).saturating_sub(1);
        let link = format!("{}/entries/txIds?from={from}&to={}&after={last}", call::base(&app), to.get());
        members.insert("nextLink".to_owned(), json!(link));
    }
    Ok(([(CACHE_CONTROL, FRESH)], Json(page)).into_response())
}

async fn entry(app: &App, transaction: Transaction) -> Result<EntryId, Problem> {
    let Transaction(index) = transaction;
    app.ledger.entry_at(index).await.map_err(|error| match error {
        ledger::ReadError::NotFound => transaction.unknown(),
        error => Problem::read(&error),
    })
}

/// The receipt waits for the witnesses. The newer generation polls by redirection, the older one knows 503 by this name.
fn pending(app: &App, call: &Call, transaction: Transaction) -> Result<Response, Problem> {
    let wait = app.guards.limits.receipt_retry();
    if !call.scrapi() {
        return Err(Problem::of(&NOT_CACHED).retry_after(wait));
    }
    let mut answer = (StatusCode::FOUND, [(CACHE_CONTROL, NEVER)]).into_response();
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    Ok(named(answer, transaction, Some(&call::location(app, transaction))))
}

fn operation_of(app: &App, transaction: Transaction, status: StatusCode) -> Response {
    let done = app.ledger.is_issuable(transaction.0);
    let text = |text: &str| Value::Text(text.to_owned());
    let id = transaction.to_string();
    let mut map = vec![
        (text("OperationId"), text(&id)),
        (text("Status"), text(if done { "succeeded" } else { "running" })),
    ];
    if done {
        map.push((text("EntryId"), text(&id)));
    }
    let body = proofs::cbor::encode(&Value::Map(map));
    let mut answer = (status, [(CONTENT_TYPE, CBOR), (CACHE_CONTROL, NEVER)], body).into_response();
    if !done {
        let wait = whole_seconds(app.guards.limits.receipt_retry());
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    named(answer, transaction, None)
}

fn named(mut answer: Response, transaction: Transaction, location: Option<&str>) -> Response {
    set(&mut answer, TRANSACTION, &transaction.to_string());
    if let Some(location) = location {
        set(&mut answer, LOCATION, location);
    }
    answer
}
