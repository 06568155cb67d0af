//! Why a witness does not cosign.

use proofs::TreeSize;
use proofs::checkpoint::CheckpointSyntaxError;
use proofs::cosignature::CosignError;
use proofs::tlog_policy::PolicyVerifyError;
use proofs::tree::{ConsistencyError, SubtreeError};
use proofs::witness::RequestError;

/// Why a request was not answered with a cosignature (WIT-01, WIT-08).
#[derive(Debug, thiserror::Error)]
pub enum CosigningError {
    /// The body is not of the form of the specification.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The note is not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointSyntaxError),
    /// The old size is above that of the checkpoint.
    #[error("the old size is above the size of the checkpoint")]
    OldLarger,
    /// The subtree ends behind the tree of the checkpoint.
    #[error("the subtree ends behind the tree of the checkpoint")]
    BeyondTree,
    /// The origin is not that of a log that is witnessed.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// No key of the log signed it, or one did wrongly.
    #[error(transparent)]
    Signature(PolicyVerifyError),
    /// The checkpoint is not cosigned by this witness.
    #[error("the checkpoint bears no valid cosignature of this witness")]
    NotOurs,
    /// The old size is not that of the checkpoint that was cosigned last, which is this.
    #[error("the checkpoint cosigned last has size {0}")]
    Conflict(TreeSize),
    /// The empty tree has one root only.
    #[error("the checkpoint gives the empty tree a root that it does not have")]
    EmptyRoot,
    /// A proof from the empty tree.
    #[error("there is a proof, but nothing to prove: the old size is 0")]
    ProofOfNothing,
    /// The proof does not show it, or the roots of one size differ.
    #[error(transparent)]
    Inconsistent(#[from] ConsistencyError),
    /// The proof of a subtree does not show it.
    #[error(transparent)]
    Subtree(#[from] SubtreeError),
    /// There is no ML-DSA-44 key.
    #[error("this witness has no ML-DSA-44 key, which subtrees are cosigned with")]
    NoSubtrees,
    /// Too many wait.
    #[error("too many checkpoints are waiting to be written")]
    Overloaded,
    /// The writer has ended.
    #[error("the witness is stopping")]
    Stopped,
    /// The key did not cosign.
    #[error(transparent)]
    Cosign(#[from] CosignError),
}

impl CosigningError {
    /// The reason as a metric label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) | Self::Checkpoint(_) | Self::OldLarger | Self::BeyondTree => "malformed",
            Self::UnknownLog => "unknown_log",
            Self::Signature(_) | Self::NotOurs => "signature",
            Self::Conflict(_) => "conflict",
            Self::EmptyRoot | Self::ProofOfNothing | Self::Inconsistent(_) | Self::Subtree(_) => {
                "inconsistent"
            }
            Self::NoSubtrees => "no_subtrees",
            Self::Overloaded => "overloaded",
            Self::Stopped => "stopped",
            Self::Cosign(_) => "internal",
        }
    }
}

/// The journal did not confirm what was written.
#[derive(Debug, thiserror::Error)]
#[error("the journal of the witness did not confirm a write: {0}")]
pub struct JournalError(pub String);

/// Why a witness does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenWitnessError {
    /// Nothing to cosign with.
    #[error("a witness needs a key")]
    NoKey,
    /// One of each kind is enough, and more would count as more witnesses.
    #[error("a witness has at most one key of each kind")]
    TwoKeys,
    /// What was kept is no checkpoint.
    #[error("what the journal kept is no checkpoint")]
    Kept,
}
