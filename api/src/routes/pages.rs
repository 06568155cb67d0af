//! `GET /statements?from=&to=`: entries in bulk, for those who replay decisions (form: `proofs::page`).
//!
//! A page is sent as it is read, a piece at a time and the next one only when the client has taken the last.

mod body;
mod places;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use ledger::{Detail, PageRange};
use proofs::{LeafIndex, TreeSize};

use super::answer::{FRESH, dressed, matches, set};
use super::query;
use crate::media::{self, SEQUENCES};
use crate::problem::{INVALID_PAGE, OVERLOADED, Problem};
use crate::reading::Reader;
use crate::router::App;
use body::PageBody;

pub(crate) use places::PagePlaces;

/// A page of entries with their statements and collateral.
pub(crate) async fn page(
    State(app): State<App>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let content_type = media::negotiate(&headers, SEQUENCES)?;
    let reader = Reader::of(&headers, &app.read)?;
    let detail = if reader == Reader::Stranger { Detail::Digests } else { Detail::Whole };
    let range = range(&app, query.as_deref())?;
    let tag = app.ledger.page_tag(range, detail).await.map_err(|error| Problem::read(&error))?;
    let tag = format!("\"{tag}\"");
    let caching = reader.caching(FRESH);
    let mut response = if matches(&headers, &tag) {
        dressed(StatusCode::NOT_MODIFIED, content_type, caching, Body::empty())
    } else if method == Method::HEAD {
        dressed(StatusCode::OK, content_type, caching, Body::empty())
    } else {
        let place = app.page_places.take();
        let place =
            place.ok_or_else(|| Problem::of(&OVERLOADED).retry_after(app.guards.limits.busy_retry()))?;
        let body = PageBody::new(app.ledger.clone(), range, detail, place);
        dressed(StatusCode::OK, content_type, caching, Body::new(body))
    };
    set(&mut response, ETAG, &tag);
    Ok(response)
}

fn range(app: &App, query: Option<&str>) -> Result<PageRange, Problem> {
    let invalid = || Problem::of(&INVALID_PAGE);
    let [from, to] = query::values(query, ["from", "to"]).ok_or_else(invalid)?;
    let number = |text: Option<&str>| text.map(|text| query::decimal(text).ok_or_else(invalid)).transpose();
    let (from, to) = (number(from)?.unwrap_or(0), number(to)?);
    let range = app.ledger.page_range(LeafIndex::new(from), to.map(TreeSize::new));
    range.map_err(|error| Problem::read(&error))
}
