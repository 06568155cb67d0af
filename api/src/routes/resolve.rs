//! `GET /entries/{entry_id}` (SCRAPI §2.1.4).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ledger::ReceiptState;

use super::answer::{FRESH, negotiated, receipt_to_come, with_location};
use super::locator::Locator;
use super::summary::summary;
use crate::media::{self, ENTRIES, JSON};
use crate::problem::Problem;
use crate::router::App;

/// A fresh receipt at the same position (SCR-13, SCR-32), or 204 while the statement is on its way. Whoever names
/// JSON in `Accept` gets what is known of the entry.
pub(crate) async fn receipt(
    State(app): State<App>,
    Locator(id): Locator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let content_type = media::negotiate(&headers, ENTRIES)?;
    if content_type == JSON {
        return summary(&app, id, &headers).await;
    }
    match app.ledger.receipt(id).await {
        Ok(ReceiptState::Issued { id, receipt, .. }) => {
            Ok(with_location(negotiated(StatusCode::OK, content_type, FRESH, receipt), &app, &id))
        }
        Ok(ReceiptState::Running) => Ok(receipt_to_come(StatusCode::NO_CONTENT, &app, &id)),
        Err(error) => Err(Problem::read_entry(&error, &id)),
    }
}
