//! `GET /tile/{level}/{place}` and `/tile/entries/{place}`: the tree and its entries (C2SP tlog-tiles).
//!
//! A path has one spelling and any other is the path of nothing, so the path is read as it was sent, before any
//! percent-encoding is undone (TILE-04). What stands under a path never changes once it is there (TILE-03), and is
//! therefore kept ready to be sent.

mod gzip;
mod store;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use proofs::tile::{TileId, path};
use std::num::NonZeroU8;

use super::answer::matches;
use crate::media::{self, BYTES};
use crate::problem::{INTERNAL, NO_SUCH_TILE, Problem};
use crate::router::App;

pub(crate) use store::TileCache;

/// Nothing under these paths is ever withheld or erased: hashes only, for a year (TILE-03).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What a path names, and the coding it is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Tile(TileId, Option<NonZeroU8>),
    Bundle(u64, Option<NonZeroU8>),
    ZippedBundle(u64, Option<NonZeroU8>),
}

/// One representation, ready to be sent. Cloning it copies no content.
#[derive(Debug, Clone)]
struct Ready {
    bytes: Bytes,
    tag: HeaderValue,
}

/// A tile of hashes.
pub(crate) async fn tile(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let (id, width) = path::parse_tile(relative(&uri)).ok_or_else(|| Problem::of(&NO_SUCH_TILE))?;
    let key = Key::Tile(id, width);
    let ready = match app.tiles.get(&key) {
        Some(ready) => ready,
        None => {
            let bytes = app.ledger.tile(id, width).await.map_err(|error| Problem::read_tile(&error))?;
            app.tiles.keep(key, Ready::identity(bytes))
        }
    };
    Ok(ready.answer(&headers))
}

/// A bundle of entries.
pub(crate) async fn entries(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (index, width) = path::parse_entries(relative(&uri)).ok_or_else(|| Problem::of(&NO_SUCH_TILE))?;
    let mut response = if media::accepts_gzip(&headers) {
        let key = Key::ZippedBundle(index, width);
        let ready = match app.tiles.get(&key) {
            Some(ready) => ready,
            None => {
                let bundle = bundle(&app, index, width).await?;
                let zipped = tokio::task::spawn_blocking(move || gzip::compress(&bundle.bytes)).await;
                let zipped = zipped.map_err(|error| Problem::of(&INTERNAL).cause(error))?;
                let zipped = zipped.map_err(|error| Problem::of(&INTERNAL).cause(error))?;
                app.tiles.keep(key, Ready::gzip(zipped.into()))
            }
        };
        let mut response = ready.answer(&headers);
        if response.status() == StatusCode::OK {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    } else {
        bundle(&app, index, width).await?.answer(&headers)
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

async fn bundle(app: &App, index: u64, width: Option<NonZeroU8>) -> Result<Ready, Problem> {
    let key = Key::Bundle(index, width);
    if let Some(ready) = app.tiles.get(&key) {
        return Ok(ready);
    }
    let bytes = app.ledger.entry_bundle(index, width).await.map_err(|error| Problem::read_tile(&error))?;
    Ok(app.tiles.keep(key, Ready::identity(bytes)))
}

/// The path as it was sent, without the slash in front.
fn relative(uri: &Uri) -> &str {
    uri.path().strip_prefix('/').unwrap_or_default()
}

impl Ready {
    fn identity(bytes: Bytes) -> Self {
        Self::tagged(bytes, "")
    }

    /// A coding makes another representation, and so another tag (RFC 9110 §8.8.3).
    fn gzip(bytes: Bytes) -> Self {
        Self::tagged(bytes, "-gzip")
    }

    fn tagged(bytes: Bytes, coding: &str) -> Self {
        let digest = proofs::sha256(&bytes);
        let (half, _) = digest.as_bytes().split_at(16);
        let tag = format!("\"{}{coding}\"", HEXLOWER.encode(half));
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { bytes, tag }
    }

    fn answer(self, asked: &HeaderMap) -> Response {
        let held = self.tag.to_str().is_ok_and(|tag| matches(asked, tag));
        let (status, body) = if held {
            (StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            (StatusCode::OK, Body::from(self.bytes))
        };
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(BYTES));
        headers.insert(CACHE_CONTROL, IMMUTABLE);
        headers.insert(ETAG, self.tag);
        response
    }
}
