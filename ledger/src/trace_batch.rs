//! Batches of TRACE records in the registry anchor format v1, which `trace-verify` and `trace-tests` check offline.
//!
//! The records that were registered since the last batch are the leaves of a small tree of their own (RFC 6962 over the
//! records' sorted-key JSON), and the registry entry with its root is itself a statement on the log, signed by the
//! registrar: so the two trees are tied. The payload is the registry entry, exactly as it is handed out; two protected
//! headers say which entries of the log were looked at, and list the leaves. They stay when a record is erased, so that
//! its neighbours can still be proven: a leaf hashes a signature, so nobody guesses what was under it.
//!
//! Everything that is needed to go on is in the log, as with collateral manifests.

mod document;
mod make;
mod proof;
#[cfg(test)]
mod tests;

pub use document::{BATCH_CT, BATCH_SUBJECT, BatchError, LEAVES_HEADER, MAX_BATCH_RECORDS, RANGE_HEADER};
pub use proof::TraceAnchor;

pub(crate) use document::{TraceBatch, check_batch, range_of};
pub(crate) use make::{Tally, holds, newest};
