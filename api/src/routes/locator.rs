//! The `{entry_id}` of a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use proofs::EntryId;

use crate::problem::{INVALID_LOCATOR, Problem};

/// An entry id as the path names it: 64 lower-case hex digits.
pub(crate) struct Locator(pub(crate) EntryId);

impl<S: Send + Sync> FromRequestParts<S> for Locator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| Problem::of(&INVALID_LOCATOR))
    }
}
