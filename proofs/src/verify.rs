//! The whole verification of a statement and a receipt, step by step, for people (standards §3.4).
//!
//! Nothing is asked of the network: the caller brings the keys it trusts and the time it wants to judge by.

mod steps;

use std::fmt;

use crate::cose::{KeySet, PublicKey};
use crate::statement::SignedStatement;
use crate::time::UnixTime;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds; the text says what was seen.
    Passed(String),
    /// It does not hold; the text says why.
    Failed(String),
    /// It was not made; the text says why not.
    NotChecked(String),
}

impl Outcome {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Passed(text) | Self::Failed(text) | Self::NotChecked(text) => text,
        }
    }
}

/// One named check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked, in two or three words.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match &self.outcome {
            Outcome::Passed(_) => "passed",
            Outcome::Failed(_) => "FAILED",
            Outcome::NotChecked(_) => "not checked",
        };
        write!(f, "{}: {word}: {}", self.name, self.outcome.text())
    }
}

/// Every check in the order it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The checks; a failed one makes those that depend on it `NotChecked`.
    pub checks: Vec<Check>,
}

impl Report {
    /// True if the receipt proves the registration: no check failed, and inclusion, receipt signature and subject were
    /// made and passed.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let failed = |check: &Check| matches!(check.outcome, Outcome::Failed(_));
        let passed = |name: &str| {
            self.checks.iter().any(|check| check.name == name && matches!(check.outcome, Outcome::Passed(_)))
        };
        !self.checks.iter().any(failed) && steps::INDISPENSABLE.into_iter().all(passed)
    }

    /// The first check that failed.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Check> {
        self.checks.iter().find(|check| matches!(check.outcome, Outcome::Failed(_)))
    }
}

/// Verifies that `receipt` proves the registration of `statement` at a service whose keys are `keys`, by the rules of D1
/// and D2: the entry is the statement's entry id, and the receipt names the statement's subject.
///
/// `service` is the issuer the receipt has to name (ARCH-43); `issuer_key` the key to check the statement's own signature
/// with; `now` the time to judge a limited receipt by. Whatever is not given is reported as not checked.
#[must_use]
pub fn verify_transparent(
    statement: &SignedStatement,
    receipt: &[u8],
    keys: &KeySet,
    service: Option<&str>,
    issuer_key: Option<&PublicKey>,
    now: Option<UnixTime>,
) -> Report {
    steps::run(statement, receipt, keys, service, issuer_key, now)
}
