//! What a payload's own rules say about it (D18): versioned, bounded, pure.
//!
//! A profile takes the payload bytes exactly as received and gives an [`Examination`]: findings, index terms, digests,
//! and the questions that only the log can answer. *Payload findings* are functions of the bytes, of the trust anchors
//! in force and of one recorded time, and may refuse. *Log findings* depend on entries with a smaller index and never
//! refuse ([`LogView`]). Finding ids are the source system's own where it has them (`TR-…`, AIGP's nine); an audit
//! compares ids and JSON pointers, never messages.
//!
//! # Bounds
//!
//! A payload has at most [`MAX_DEPTH`] levels and [`MAX_VALUES`] values; an examination at most [`MAX_FINDINGS`]
//! findings, [`MAX_TERMS`] terms of [`MAX_TERM_BYTES`] bytes. What does not fit is itself a finding.

mod agent_evidence;
mod agent_trace;
mod aigp;
mod canonical;
mod examination;
mod examine;
mod finding;
mod iatp;
mod json;
mod keys;
mod kind;
mod look;
mod place;
mod probe;
mod recognise;
mod schema;
mod term;
mod trace;

#[cfg(test)]
mod tests;

pub use agent_evidence::manifest_findings;
pub use agent_trace::{LineRange, LineRanges, MAX_LINE_RANGES, MAX_LINE_TEXT, lines_of};
pub use aigp::verifier_report;
pub use examination::Examination;
pub use examine::{Circumstances, examine, examine_statement, subject_of};
pub use finding::{Finding, MAX_FINDINGS, MAX_MESSAGE_BYTES, MAX_POINTER_BYTES, Severity};
pub use json::{MAX_DEPTH, MAX_VALUES};
pub use kind::{Enforce, Kind, MAX_PROFILE_RULES, ProfileRule, ProfileRuleError, Switch, System};
pub use look::to_rfc3339 as rfc3339;
pub use probe::{LogView, Probe, log_findings};
pub use schema::schema_digests;
pub use term::{IndexTerm, MAX_TERM_BYTES, MAX_TERMS, TERM_NAMES, TermKind, TermName};
pub use trace::locator as trace_locator;

pub(crate) use examine::{Seen, content_type, payload_object, see};
pub(crate) use finding::keep_worst;
pub(crate) use look::rfc3339 as unix_seconds;
pub(crate) use probe::{is_probed, rows_of};
pub(crate) use recognise::recognise;
pub(crate) use term::{row_prefix, statement_terms};
pub(crate) use trace::{anchor_leaf, trace_rows};
