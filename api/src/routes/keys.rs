//! `GET /.well-known/scitt-keys` and `/{kid}` (SCRAPI §2.1.1, §2.1.2).

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;

use super::answer::negotiated;
use crate::media::{self, KEY_SETS, KEYS};
use crate::problem::{NO_SUCH_KEY, Problem};
use crate::router::App;

/// How long relying parties may reuse what they fetched; no promise that a key stays (SCR-11).
const CACHING: &str = "public, max-age=3600";

/// Every key, as a COSE key set.
pub(crate) async fn all(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let content_type = media::negotiate(&headers, KEY_SETS)?;
    Ok(negotiated(StatusCode::OK, content_type, CACHING, app.ledger.keys().encode()))
}

/// One key.
pub(crate) async fn one(
    State(app): State<App>,
    segment: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let keys = app.ledger.keys();
    // A segment that is not UTF-8 once its percent-encoding is undone names no key: neither form of a kid has
    // such bytes.
    let key = segment.ok().and_then(|Path(segment)| find(&segment, |kid| keys.get(kid)));
    let key = key.ok_or_else(|| Problem::of(&NO_SUCH_KEY))?;
    let content_type = media::negotiate(&headers, KEYS)?;
    Ok(negotiated(StatusCode::OK, content_type, CACHING, key.to_cose()))
}

/// The key whose kid has this unpadded base64url form (SCR-14), or else this raw form, if a path can hold it
/// (SCR-15).
///
/// No kid of ours has a raw form that is another's base64url form (SCR-16): all have 32 bytes, whose
/// base64url form has 43.
fn find<T>(segment: &str, get: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let encoded = BASE64URL_NOPAD.decode(segment.as_bytes()).ok().and_then(|kid| get(&kid));
    encoded.or_else(|| get(segment.as_bytes()).filter(|_| is_path_safe(segment)))
}

/// Whether the text can be a path segment as it is: `pchar` without percent-encoding (RFC 3986 §3.3), and no
/// dot segment.
fn is_path_safe(segment: &str) -> bool {
    const MARKS: &[u8] = b"-._~!$&'()*+,;=:@";
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || MARKS.contains(&byte);
    segment != "." && segment != ".." && segment.bytes().all(safe)
}

#[cfg(test)]
mod tests;
