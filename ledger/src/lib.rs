//! The ledger decides: it admits or refuses, orders, signs, publishes and issues receipts.
//!
//! One thread writes ([`Sequencer`]), one publishes checkpoints ([`Publisher`]), one does what is due by the clock
//! ([`Keeper`]), and any number of callers share the cloneable handle ([`Ledger`]). The ledger does not know HTTP.
//!
//! # In scope
//!
//! * what a registration is allowed to be: [`Governance`], a pure function of the log so far;
//! * the order of entries, the committed head and the checkpoint;
//! * receipts (RFC 9942) for what was committed, and never for anything else.
//!
//! # Out of scope
//!
//! HTTP, files, configuration files and signals.

pub mod audit;
mod clock;
mod collateral;
pub mod control;
mod cosigning;
mod create;
mod error;
pub mod evidence;
mod flight;
mod fork;
mod fsck;
pub mod governance;
mod json;
mod keeper;
mod ledger;
mod manifest;
mod metrics;
mod nodes;
mod pages;
pub mod policy;
mod positions;
pub mod profile;
mod publisher;
mod reads;
mod receipts;
mod recovery;
pub mod registrar;
mod registration;
pub mod rekor;
mod restored;
mod rows;
pub mod search;
mod sequencer;
mod settings;
mod shared;
pub mod signer;
#[cfg(test)]
mod testing;
mod tiles;
pub mod trace_batch;
mod tree_proofs;
pub mod trust;
mod witness;
mod workers;

pub use audit::{AuditState, Auditor, audit_store};
pub use clock::{Clock, ManualClock, SystemClock};
pub use collateral::{Collateral, CollateralError, Examined};
pub use cosigning::{
    CheckpointWitness, CosigningError, JournalError, OpenWitnessError, WitnessJournal, WitnessParts,
    WitnessWriter,
};
pub use create::create;
pub use error::{CreateError, Fatal, InternalError, OpenError, ReadError, RegisterError};
pub use fork::{Compared, compare};
pub use fsck::{Fault, FsckError, FsckReport, fsck};
pub use governance::Governance;
pub use keeper::Keeper;
pub use ledger::{Keys, Ledger, Opened, Parts, Readiness};
pub use metrics::{Metrics, step_buckets};
pub use pages::{Detail, PagePiece, PageRange};
pub use publisher::Publisher;
pub use reads::ReceiptState;
pub use registrar::{DigestSubmission, Submission, SubmissionError};
pub use registration::{FINDINGS_OF_MANY, Registration, Wait};
pub use restored::{Inspected, RestoredMark, Resumption, inspect, is_bound_by_witnesses};
pub use sequencer::Sequencer;
pub use settings::{ReceiptRule, Settings};
pub use signer::{CosigningKey, PrivateKey};
pub use trace_batch::TraceAnchor;
pub use tree_proofs::{ProvenConsistency, ProvenInclusion};
pub use witness::{Answer, WithoutQuorum, Witness, WitnessClient, WitnessReply, WitnessSettings, Witnessing};
