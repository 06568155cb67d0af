//! Two worlds: [`Fatal`] ends the process, everything else answers a waiting request.

use std::time::Duration;

use proofs::checkpoint::{OriginError, SignCheckpointError};
use proofs::cosignature::CosignError;
use proofs::receipt::IssueError;
use proofs::{EntryId, LeafIndex, StatementError, TreeSize};
use storage::StoreError;

use crate::control::MakeError;
use crate::governance::{GovernanceError, Refusal, Rejection};
use crate::profile::keep_worst;
use crate::registrar::SubmissionError;

/// Why a registration was not answered with a receipt.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The bytes are no signed statement that this service could read.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Trust or policy said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Evidence that the registrar cannot wrap.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// The statement was registered and then erased (D20). Sending it again does not bring it back.
    #[error("the statement was registered as {id} and erased by {by}; it cannot be registered again")]
    Erased {
        /// Its entry, which stays in the log.
        id: EntryId,
        /// The erasure.
        by: EntryId,
    },
    /// The other of the two ECDSA signatures that anybody can derive from each other is already registered (D7).
    #[error("the same statement with the complementary ECDSA signature is registered as {of}")]
    Twin {
        /// The entry that is registered.
        of: EntryId,
    },
    /// A queue is full. Nothing was stored.
    #[error("too many registrations are waiting")]
    Overloaded {
        /// How long to wait at least.
        retry_after: Duration,
        /// The entry id, where it was known already.
        id: Option<EntryId>,
    },
    /// The deadline passed before the commit. Nothing was promised; the same statement may be sent again (D9).
    #[error("the registration was not committed in time")]
    Deadline {
        /// The id under which the statement will be found if it was committed after all.
        id: EntryId,
        /// How long to wait at least.
        retry_after: Duration,
    },
    /// The sequencer has ended: the process is on its way down.
    #[error("the service is stopping")]
    Stopped,
    /// Something that should not fail did.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

impl RegisterError {
    /// The same with at most so many of the findings that refused, the worst; how many there were is still told.
    pub(crate) fn with_findings(mut self, most: usize) -> Self {
        if let Self::Refused(Refusal::Rejected(Rejection::Profile { findings, left_out, .. })) = &mut self {
            *left_out = left_out.saturating_add(keep_worst(findings, most));
        }
        self
    }

    /// The reason as a metric label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Statement(e) => e.kind(),
            Self::Refused(e) => e.kind(),
            Self::Submission(_) => "submission",
            Self::Erased { .. } => "erased",
            Self::Twin { .. } => "twin",
            Self::Overloaded { .. } => "overloaded",
            Self::Deadline { .. } => "deadline",
            Self::Stopped => "stopped",
            Self::Internal(_) => "internal",
        }
    }
}

/// Why a read was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No such entry.
    #[error("no such entry")]
    NotFound,
    /// What was registered under this id was erased (D20). Its leaf stays, and receipts issued before stay valid.
    #[error("the statement of this entry was erased by entry {by}")]
    Erased {
        /// The erasure, whose statement says why.
        by: EntryId,
    },
    /// Not `0 < from < to <= size`.
    #[error(
        "the log has {size} entries; a consistency proof needs 0 < from < to <= {size}, not from {from} to {to}"
    )]
    BadRange {
        /// The older size asked for.
        from: TreeSize,
        /// The newer size asked for.
        to: TreeSize,
        /// The committed size.
        size: TreeSize,
    },
    /// In the log, and not yet under a checkpoint.
    #[error("no checkpoint covers the entry at index {index} yet")]
    NotYetPublished {
        /// Where the entry is.
        index: LeafIndex,
    },
    /// A TRACE record whose batch is not registered yet.
    #[error("the batch of the TRACE record at index {index} is not registered yet")]
    NotYetAnchored {
        /// Where the record is.
        index: LeafIndex,
    },
    /// Not `index < size <= published`.
    #[error(
        "the entry is at index {index} and the newest checkpoint covers {published} entries; a size of {size} does not \
         lie between"
    )]
    BadSize {
        /// Where the entry is.
        index: LeafIndex,
        /// The size asked for.
        size: TreeSize,
        /// The size of the newest checkpoint.
        published: TreeSize,
    },
    /// Not `from < to <= size`.
    #[error(
        "the newest checkpoint covers {size} entries; a page needs from < to <= {size}, not from {from} to {to}"
    )]
    BadPage {
        /// The first entry asked for.
        from: LeafIndex,
        /// The entry up to which was asked.
        to: TreeSize,
        /// The size of the newest checkpoint.
        size: TreeSize,
    },
    /// Something that should not fail did.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

impl ReadError {
    /// The reason as a metric label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Erased { .. } => "erased",
            Self::BadRange { .. } => "bad_range",
            Self::BadPage { .. } => "bad_page",
            Self::NotYetPublished { .. } => "not_yet_published",
            Self::NotYetAnchored { .. } => "not_yet_anchored",
            Self::BadSize { .. } => "bad_size",
            Self::Internal(_) => "internal",
        }
    }
}

/// A failure of ours. Its text goes to the log, never to a client.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// A proof could not be made or did not fold back to its root.
    #[error("receipt: {0}")]
    Receipt(#[from] IssueError),
    /// The stored nodes do not make the proof asked for.
    #[error("the stored tree does not yield the proof: {0}")]
    Tree(String),
    /// What is stored under an index cannot be read back.
    #[error("entry {0} is not stored as it was committed")]
    Entry(proofs::LeafIndex),
    /// The registrar made no signature.
    #[error("registrar: {0}")]
    Sign(#[from] proofs::SignFailed),
    /// A worker thread ended without an answer.
    #[error("a worker thread ended without an answer")]
    Worker,
}

/// Why the process has to end: its picture of the log is no longer known to be true, and only opening the log again
/// establishes it.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The store did not take a commit. Whether it is durable is unknown.
    #[error("the store did not confirm a commit: {0}")]
    Commit(#[source] StoreError),
    /// The store could not be read while a round was prepared.
    #[error("the store could not be read: {0}")]
    Read(#[source] StoreError),
    /// The tree cannot take another entry.
    #[error("the tree is full")]
    TreeFull,
    /// The checkpoint could not be signed.
    #[error("the checkpoint could not be signed: {0}")]
    Sign(#[from] SignCheckpointError),
    /// The checkpoint could not be made durable.
    #[error("the checkpoint could not be written: {0}")]
    Publish(#[source] StoreError),
    /// The checkpoint could not be cosigned with the log's second key.
    #[error("the checkpoint could not be signed with the ML-DSA-44 key: {0}")]
    Cosign(#[from] CosignError),
    /// Somebody showed a checkpoint that this log signed and that contradicts it (D11).
    #[error("{0}")]
    Contradicted(String),
    /// A thread of the ledger could not start its timer.
    #[error("the publisher could not start: {0}")]
    Start(#[source] std::io::Error),
}

/// Why a log does not open. Each line says what an operator has to know.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log in this store.
    #[error("this store holds no log yet: create one with `stele init`")]
    Empty,
    /// The newest checkpoint is missing.
    #[error(
        "the file with the newest checkpoint is missing: without it nobody can tell whether this store is complete"
    )]
    CheckpointMissing,
    /// The newest checkpoint is not one of this log.
    #[error("the newest checkpoint cannot be trusted: {0}")]
    CheckpointInvalid(String),
    /// The store is older than what was published (D11).
    #[error(
        "the store ends at {stored} entries, but a checkpoint over {published} was published: it is an old copy or has lost its end; refusing to start a second history"
    )]
    Behind {
        /// Entries in the store.
        stored: TreeSize,
        /// Entries under the published checkpoint.
        published: TreeSize,
    },
    /// The store contradicts what was published.
    #[error(
        "the store's root at size {size} is {stored}, but {published} was published: this is another history"
    )]
    Fork {
        /// The size of the published checkpoint.
        size: TreeSize,
        /// The root recomputed from the store.
        stored: proofs::Hash,
        /// The root that was published.
        published: proofs::Hash,
    },
    /// Receipts are to wait for witnesses, and there are none to wait for.
    #[error("ledger.receipts is \"witnessed\", but there is no witness policy with a quorum")]
    NoQuorum,
    /// The tree does not fold to its head.
    #[error("the stored tree does not fold to its head: {0}")]
    Tree(String),
    /// A control statement cannot be read back.
    #[error("the control statement at index {0} is not stored as it was committed")]
    Control(proofs::LeafIndex),
    /// The control statements contradict each other.
    #[error("the control statements cannot be replayed: {0}")]
    Governance(#[from] GovernanceError),
    /// The system gives no threads to work on.
    #[error("the worker threads could not be started: {0}")]
    Workers(#[source] std::io::Error),
    /// A key is not the one that the genesis statement names.
    #[error("the {role} key is not the one that the genesis statement of this log names")]
    WrongKey {
        /// Which key.
        role: &'static str,
    },
}

/// Why a log could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The store failed or holds a log already.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store holds a log already.
    #[error("this store holds a log already")]
    Exists,
    /// The first checkpoint could not be signed and written.
    #[error(transparent)]
    Checkpoint(#[from] Fatal),
    /// The origin cannot name a log (CKPT-01).
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The first statements could not be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The first statements would not be accepted by the log they found.
    #[error("the first statements are not consistent: {0}")]
    Governance(#[from] GovernanceError),
    /// The first statements cannot be parsed back.
    #[error("the first statements cannot be read back: {0}")]
    Statement(#[from] StatementError),
    /// The tree refused its first entries.
    #[error("the tree is full")]
    TreeFull,
}
