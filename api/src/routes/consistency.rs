//! `GET /consistency?from=&to=`: proof that the log only grew (RFC 9942 §5.3, D2).

use ::proofs::{TreeSize, sha256};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::answer::{IMMUTABLE, tagged};
use super::{proofs, query};
use crate::media::{self, CONSISTENCY, JSON};
use crate::problem::{INVALID_RANGE, Problem};
use crate::router::App;

/// A consistency receipt from one tree size to a later one, or what it proves in JSON.
pub(crate) async fn consistency(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let content_type = media::negotiate(&headers, CONSISTENCY)?;
    let (from, to) =
        sizes(query.as_deref().unwrap_or_default()).ok_or_else(|| Problem::of(&INVALID_RANGE))?;
    if content_type == JSON {
        let proven = app.ledger.consistency_proof(from, to).await.map_err(|error| Problem::read(&error))?;
        return Ok(proofs::consistency(&headers, &proven));
    }
    let receipt = app.ledger.consistency(from, to).await.map_err(|error| Problem::read(&error))?;
    let tag = sha256(&receipt).to_string();
    Ok(tagged(&headers, &tag, content_type, (IMMUTABLE, "accept"), receipt.into()))
}

/// Both sizes, each once; other parameters are passed over.
fn sizes(query: &str) -> Option<(TreeSize, TreeSize)> {
    let [from, to] = query::values(Some(query), ["from", "to"])?;
    Some((TreeSize::new(query::decimal(from?)?), TreeSize::new(query::decimal(to?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_two_decimal_numbers_each_once() {
        let pair = |from, to| Some((TreeSize::new(from), TreeSize::new(to)));
        assert_eq!(sizes("from=3&to=9"), pair(3, 9));
        assert_eq!(sizes("to=9&utm=x&from=3"), pair(3, 9));
        assert_eq!(sizes("from=0&to=18446744073709551615"), pair(0, u64::MAX));
        for bad in [
            "",
            "from=3",
            "to=9",
            "from=&to=9",
            "from=+3&to=9",
            "from=-3&to=9",
            "from=3&from=3&to=9",
            "from=3&to=18446744073709551616",
            "from=0x3&to=9",
            "from=3 &to=9",
            "from=3;to=9",
        ] {
            assert_eq!(sizes(bad), None, "{bad}");
        }
    }
}
