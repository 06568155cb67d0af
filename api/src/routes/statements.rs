//! `GET /statements/{entry_id}`, `/transparent` and `/collateral`: what a receipt is about, for those who may read it
//! (D20).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use data_encoding::HEXLOWER;

use super::answer::{FRESH, IMMUTABLE, dressed, receipt_to_come, tagged};
use super::locator::Locator;
use crate::media::{self, COLLATERAL, STATEMENTS};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::router::App;

/// The canonical signed statement: the bytes whose SHA-256 is the entry (D1).
pub(crate) async fn statement(
    State(app): State<App>,
    Locator(id): Locator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let content_type = media::negotiate(&headers, STATEMENTS)?;
    let bytes = app.ledger.statement(id).await.map_err(|error| Problem::read_entry(&error, &id))?;
    Ok(tagged(&headers, &id.to_string(), content_type, reader.caching(IMMUTABLE), bytes))
}

/// The statement with a fresh receipt in its unprotected header 394.
pub(crate) async fn transparent(
    State(app): State<App>,
    Locator(id): Locator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let content_type = media::negotiate(&headers, STATEMENTS)?;
    let bytes = app.ledger.transparent(id).await.map_err(|error| Problem::read_entry(&error, &id))?;
    let Some(bytes) = bytes else { return Ok(receipt_to_come(StatusCode::NO_CONTENT, &app, &id)) };
    Ok(dressed(StatusCode::OK, content_type, reader.caching(FRESH), bytes))
}

/// What the decision to admit the statement rested on beyond the statement (D12, ARCH-24).
pub(crate) async fn collateral(
    State(app): State<App>,
    Locator(id): Locator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let content_type = media::negotiate(&headers, COLLATERAL)?;
    let bytes = app.ledger.collateral(id).await.map_err(|error| Problem::read_entry(&error, &id))?;
    let tag = HEXLOWER.encode(proofs::sha256(&bytes).as_bytes());
    Ok(tagged(&headers, &tag, content_type, reader.caching(IMMUTABLE), bytes))
}
