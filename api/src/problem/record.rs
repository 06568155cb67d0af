//! Why a record that nobody signed is not in the log.

use ledger::RegisterError;
use ledger::evidence::{RecordError, SliceError};
use ledger::governance::{Refusal, Rejection};

use super::{
    BATCH_TOO_LARGE, FINDINGS, INVALID_CLOUD_EVENT, MALFORMED, NO_SUBJECT, OUT_OF_SCOPE, Problem,
    UNRECOGNISED_RECORD,
};
use crate::public_url::PublicUrl;

impl Problem {
    /// Why a record was not registered. `url` makes the Location of what may yet become an entry (D9).
    pub(crate) fn record(error: &RecordError, url: &PublicUrl) -> Self {
        match error {
            RecordError::Unreadable(finding) => {
                Self::of(&FINDINGS).because(finding).findings(std::slice::from_ref(finding))
            }
            RecordError::Unrecognised => Self::of(&UNRECOGNISED_RECORD),
            RecordError::NoSubject { findings, .. } => {
                Self::of(&NO_SUBJECT).because(error).findings(findings)
            }
            RecordError::CloudEvent(error) => Self::of(&INVALID_CLOUD_EVENT).because(error),
            RecordError::System(kind) => {
                let system = kind.system().name();
                Self::of(&OUT_OF_SCOPE).because(format_args!("it is not for records of {system}"))
            }
            RecordError::Subject => {
                Self::of(&OUT_OF_SCOPE).because("it is not for records about this subject")
            }
            RecordError::Register(RegisterError::Refused(Refusal::Rejected(
                why @ Rejection::Profile { findings, .. },
            ))) => Self::of(&FINDINGS).because(why).findings(findings),
            RecordError::Register(error) => Self::register(error, url),
        }
    }

    /// Why a batch of events was not looked at.
    pub(crate) fn slices(error: &SliceError) -> Self {
        match error {
            SliceError::NotAnArray => Self::of(&MALFORMED).because(error),
            SliceError::TooMany { .. } => Self::of(&BATCH_TOO_LARGE).because(error),
        }
    }
}
