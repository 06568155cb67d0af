//! What an audit can find.

use proofs::{LeafIndex, TreeSize};

use crate::fsck::Fault;
use crate::governance::{GovernanceError, Refusal};

/// One contradiction between what a log says and what follows from its entries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Discrepancy {
    /// What `stele fsck` would find too.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The statement should not have been admitted.
    #[error("entry {index}: it was registered, but under what was in force then it is refused: {refusal}")]
    Refused {
        /// Its index.
        index: LeafIndex,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// The decision is right, and the record of it says something else.
    #[error("entry {index}: its collateral names another {what} than the one that decides")]
    Collateral {
        /// Its index.
        index: LeafIndex,
        /// The first part that differs.
        what: &'static str,
    },
    /// The first entries do not found a log, or a control statement does not follow.
    #[error("{0}")]
    Governance(GovernanceError),
    /// A collateral manifest that does not go on where the one before it ended.
    #[error("entry {0}: the collateral manifest does not go on where the one before it ended")]
    ManifestRange(LeafIndex),
    /// Collateral was rewritten after it was registered, or was never what the manifest says.
    #[error("entry {0}: the collateral records it covers are not those that this manifest registered")]
    Manifest(LeafIndex),
    /// Nothing can be judged without a genesis.
    #[error("entry {0}: the log has no accepted genesis, so nothing can be judged")]
    NoGenesis(LeafIndex),
    /// The source gave another entry than the one that comes next.
    #[error("entry {expected} is missing: the log goes on with entry {found}")]
    Gap {
        /// The index that comes next.
        expected: LeafIndex,
        /// The index that was given.
        found: LeafIndex,
    },
    /// A control statement that was not the last of its round (D5).
    #[error("entry {0}: it changed what is in force, and the round that committed it went on")]
    RoundWentOn(LeafIndex),
    /// A signed head differs from the entries.
    #[error("{what} at size {size} does not have the root of its entries")]
    Head {
        /// Whose head.
        what: &'static str,
        /// Its size.
        size: TreeSize,
    },
    /// The log ends before its signed head.
    #[error("the log ends at {found} entries, its newest signed head covers {signed}")]
    Short {
        /// How many entries there are.
        found: TreeSize,
        /// The size of the head.
        signed: TreeSize,
    },
    /// The key in the genesis is not the one that signs the checkpoints.
    #[error("the checkpoints are not signed by the key that the genesis statement names")]
    CheckpointKey,
}
