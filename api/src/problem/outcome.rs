//! From the ledger's answers to problems. Every match is exhaustive: a new outcome does not compile until it
//! has a status.

use std::time::Duration;

use ledger::governance::{Refusal, Rejection};
use ledger::search::SearchError;
use ledger::{ReadError, RegisterError};
use proofs::{EntryId, StatementError};

use super::{
    BAD_ALGORITHM, BATCH_TOO_LARGE, DEADLINE, ERASED, INTERNAL, INVALID_RANGE, INVALID_SEARCH,
    INVALID_SIGNATURE, MALFORMED, MISSING_CLAIMS, NO_SUCH_ENTRY, NO_SUCH_TILE, NOT_YET_ANCHORED,
    NOT_YET_PUBLISHED, OVERLOADED, PAYLOAD_MISSING, Problem, REJECTED, STOPPING, TOO_LARGE,
    UNKNOWN_CRITICAL_HEADER, UNKNOWN_ISSUER_KEY,
};
use crate::public_url::PublicUrl;

impl Problem {
    /// Why a registration did not end in an entry. `url` makes the Location of what may yet become one (D9).
    pub(crate) fn register(error: &RegisterError, url: &PublicUrl) -> Self {
        match error {
            RegisterError::Statement(error) => Self::statement(error),
            RegisterError::Refused(refusal) => Self::refusal(refusal),
            RegisterError::Submission(error) => Self::of(&MALFORMED).because(error),
            RegisterError::Erased { .. } => Self::of(&REJECTED).because(error),
            RegisterError::Twin { of } => Self::of(&REJECTED).because(format_args!(
                "it is the other form (r, n - s) of the ECDSA signature already registered as entry {of}"
            )),
            RegisterError::Overloaded { retry_after, id } => {
                let problem = Self::of(&OVERLOADED).retry_after(*retry_after);
                match id {
                    Some(id) => problem.location(&url.entry(id)),
                    None => problem,
                }
            }
            RegisterError::Deadline { id, retry_after } => {
                Self::of(&DEADLINE).retry_after(*retry_after).location(&url.entry(id))
            }
            RegisterError::Stopped => Self::of(&STOPPING).retry_after(STOPPING_RETRY),
            RegisterError::Internal(_) => Self::of(&INTERNAL).cause(error),
        }
    }

    fn statement(error: &StatementError) -> Self {
        match error {
            StatementError::Malformed(what) => Self::of(&MALFORMED).because(what),
            StatementError::UnsupportedAlgorithm { .. } => Self::of(&BAD_ALGORITHM).because(error),
            StatementError::PayloadMissing => Self::of(&PAYLOAD_MISSING),
            StatementError::MissingClaims(_) | StatementError::LegacyClaims => {
                Self::of(&MISSING_CLAIMS).detail(error.to_string())
            }
            StatementError::NoKeyReference => Self::of(&UNKNOWN_ISSUER_KEY).detail(error.to_string()),
            StatementError::UnknownCritical(_) => {
                Self::of(&UNKNOWN_CRITICAL_HEADER).detail(error.to_string())
            }
            StatementError::ReservedSubject => Self::of(&REJECTED).because(error),
            StatementError::TooLarge { limit } => Self::too_large(*limit),
        }
    }

    fn refusal(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::UnknownIssuerKey(_) => Self::of(&UNKNOWN_ISSUER_KEY).detail(refusal.to_string()),
            Refusal::InvalidSignature(_) => Self::of(&INVALID_SIGNATURE).detail(refusal.to_string()),
            Refusal::AlgorithmNotAllowed { .. } => Self::of(&BAD_ALGORITHM).because(refusal),
            Refusal::TooLarge { limit } => Self::too_large(*limit),
            Refusal::Rejected(Rejection::Profile { findings, .. }) => {
                Self::of(&REJECTED).because(refusal).findings(findings)
            }
            Refusal::Rejected(_) => Self::of(&REJECTED).because(refusal),
        }
    }

    /// A body or a statement above `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::of(&TOO_LARGE).because(format_args!("at most {limit} bytes"))
    }

    /// A batch above `limit` bytes.
    pub(crate) fn batch_bytes(limit: usize) -> Self {
        Self::of(&BATCH_TOO_LARGE).because(format_args!("at most {limit} bytes"))
    }

    /// A batch of more than `limit` statements.
    pub(crate) fn batch_entries(limit: usize) -> Self {
        Self::of(&BATCH_TOO_LARGE).because(format_args!("at most {limit} statements"))
    }

    /// Why something about entry `id` could not be read.
    pub(crate) fn read_entry(error: &ReadError, id: &EntryId) -> Self {
        match error {
            ReadError::NotFound => Self::of(&NO_SUCH_ENTRY)
                .detail(format!("Receipt with entry ID {id} not known to this Transparency Service")),
            ReadError::Erased { by } => Self::of(&ERASED).detail(format!(
                "The statement of entry {id} was erased by entry {by}, which says why; receipts that were issued \
                 before stay valid"
            )),
            _ => Self::read(error),
        }
    }

    /// Why a tile or bundle could not be read.
    pub(crate) fn read_tile(error: &ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::of(&NO_SUCH_TILE),
            _ => Self::read(error),
        }
    }

    /// Why a search was not answered.
    pub(crate) fn search(error: &SearchError) -> Self {
        match error {
            SearchError::Query(_) | SearchError::TooBroad { .. } => Self::of(&INVALID_SEARCH).because(error),
            SearchError::Read(error) => Self::read(error),
        }
    }

    /// Why something could not be read.
    pub(crate) fn read(error: &ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::of(&NO_SUCH_ENTRY),
            ReadError::Erased { .. } => Self::of(&ERASED).because(error),
            ReadError::NotYetAnchored { .. } => Self::of(&NOT_YET_ANCHORED).detail(error.to_string()),
            ReadError::NotYetPublished { .. } => Self::of(&NOT_YET_PUBLISHED).detail(error.to_string()),
            ReadError::BadRange { .. } | ReadError::BadPage { .. } | ReadError::BadSize { .. } => {
                Self::of(&INVALID_RANGE).detail(error.to_string())
            }
            ReadError::Internal(_) => Self::of(&INTERNAL).cause(error),
        }
    }
}

/// How long a client waits before it looks for the process that follows this one.
const STOPPING_RETRY: Duration = Duration::from_secs(5);
