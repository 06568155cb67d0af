//! What a client of `/compat/ccf` says beside the statement: its generation, and which transaction it means.

use std::fmt;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use proofs::LeafIndex;

use super::super::query;
use crate::media::COSE;
use crate::problem::{INVALID_LOCATOR, MALFORMED, NO_SUCH_ENTRY, Problem};
use crate::router::App;

/// The first API version of the newer generation; versions are dates.
const SCRAPI: &str = "2026-03-26";
/// How long a version may be.
const VERSION_BYTES: usize = 32;
/// The only view there is.
const VIEW: &str = "1";

/// The base of all these resources.
pub(super) fn base(app: &App) -> String {
    format!("{}/compat/ccf", app.public_url.as_str())
}

/// What the query says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    version: Option<String>,
    /// Whether the answer should come with the receipt.
    pub(super) waits: bool,
}

impl Call {
    /// # Errors
    ///
    /// 400 for a parameter that is given twice or is none of the values it can have.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Problem> {
        let invalid = || {
            Problem::of(&MALFORMED).because(
                "the query may name `api-version`, a date, and `waitForCommit`, true or false, each once",
            )
        };
        let [version, waits] = query::values(query, ["api-version", "waitForCommit"]).ok_or_else(invalid)?;
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if version.is_some_and(|version| version.len() > VERSION_BYTES || !plain(version)) {
            return Err(invalid());
        }
        let waits = match waits {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => return Err(invalid()),
        };
        Ok(Self { version: version.map(str::to_owned), waits })
    }

    /// Whether it is of the newer generation.
    pub(super) fn scrapi(&self) -> bool {
        self.version.as_deref().is_some_and(|version| version >= SCRAPI)
    }

    /// The registered type for the newer generation, `application/cose` for the older one.
    pub(super) fn type_of(&self, registered: &'static str) -> &'static str {
        if self.scrapi() { registered } else { COSE }
    }
}

/// Where the receipt of a transaction is. Without a query: the client reads the transaction off the end of it.
pub(super) fn location(app: &App, transaction: Transaction) -> String {
    format!("{}/entries/{transaction}", base(app))
}

/// A transaction id, as the path names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transaction(pub(super) LeafIndex);

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VIEW}.{}", self.0.get())
    }
}

impl Transaction {
    /// 404.
    pub(super) fn unknown(self) -> Problem {
        unknown(&self.to_string())
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = || {
            Problem::of(&INVALID_LOCATOR)
                .because("a transaction id is two decimal numbers with a dot between")
        };
        let (view, seqno) = text.split_once('.').ok_or_else(invalid)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(view) || !digits(seqno) {
            return Err(invalid());
        }
        let canonical = view == VIEW && (seqno == "0" || !seqno.starts_with('0'));
        let seqno = query::decimal(seqno).filter(|_| canonical);
        // One id an entry: what is written otherwise was never given out.
        seqno.map(|seqno| Self(LeafIndex::new(seqno))).ok_or_else(|| unknown(text))
    }
}

fn unknown(transaction: &str) -> Problem {
    Problem::of(&NO_SUCH_ENTRY)
        .detail(format!("Transaction {transaction} is not known to this Transparency Service"))
}

impl<S: Send + Sync> FromRequestParts<S> for Transaction {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Self::parse(&text),
            Err(_) => Err(Problem::of(&INVALID_LOCATOR)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_has_one_spelling() {
        for text in ["1.0", "1.7", "1.18446744073709551615"] {
            assert_eq!(Transaction::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "1", "1.", ".1", "1.7.1", "1.+7", "1.-7", "a.b", "1. 7", "1.\u{0667}"] {
            let problem = format!("{:?}", Transaction::parse(text).unwrap_err());
            assert!(problem.contains("invalid-locator"), "{text}: {problem}");
        }
        for text in ["2.7", "0.7", "01.7", "1.07", "1.00", "1.18446744073709551616"] {
            let problem = format!("{:?}", Transaction::parse(text).unwrap_err());
            assert!(problem.contains("no-such-entry"), "{text}: {problem}");
        }
    }

    #[test]
    fn the_version_tells_the_generation() {
        let call = |query: &str| Call::read(Some(query)).unwrap();
        assert!(!Call::read(None).unwrap().scrapi());
        assert!(!call("api-version=2025-01-01").scrapi());
        assert!(call("api-version=2026-03-26&waitForCommit=true").scrapi());
        assert!(call("api-version=2027-01-01").scrapi());
        assert!(call("waitForCommit=true").waits && !call("waitForCommit=false").waits);
        for query in [
            "api-version=a&api-version=a",
            "waitForCommit=1",
            "api-version=%0d%0a",
            &format!("api-version={}", "1".repeat(33)),
        ] {
            assert!(Call::read(Some(query)).is_err(), "{query}");
        }
    }
}
