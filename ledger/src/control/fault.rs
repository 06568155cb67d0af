//! Why a control statement is rejected, each in a sentence of its own.

use proofs::manifest::ManifestError;
use proofs::{EntryId, LeafIndex, TreeHead};

use super::NoticeError;
use super::headers::{ACCEPTANCE_HEADER, FOLLOWS_HEADER, LOG_HEADER};
use crate::policy::PolicyError;
use crate::trace_batch::BatchError;
use crate::trust::{AnchorId, AnchorsError};

/// A control statement does not fit into this log at this place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlFault {
    /// A log has one genesis statement, at index 0.
    #[error("this log has its genesis statement already; a new log is made with `stele init`")]
    LaterGenesis,
    /// A content type of the reserved tree that this version does not know.
    #[error(
        "the content type `{content_type}` is reserved for control statements, and this one is not known here"
    )]
    UnknownType {
        /// The content type, shortened.
        content_type: String,
    },
    /// A known type, written another way.
    #[error("the content type of a control statement is written exactly `{expected}`, in label 3")]
    Type {
        /// As it should be.
        expected: &'static str,
    },
    /// The payload is not there.
    #[error("a control statement has its document attached, it cannot be a hash envelope")]
    NotAttached,
    /// The log id is absent or malformed.
    #[error("a control statement names its log in the protected header `{LOG_HEADER}`, 32 bytes")]
    NoLog,
    /// Made for another log.
    #[error("the control statement is for another log, {found}; this log is {expected}")]
    AnotherLog {
        /// The log that it is for.
        found: EntryId,
        /// This log.
        expected: EntryId,
    },
    /// Issued under another name.
    #[error("a control statement is issued as the service itself, iss `{expected}`")]
    Issuer {
        /// The service's iss.
        expected: String,
    },
    /// Another subject than the type's.
    #[error("the subject of this control statement must be `{expected}`")]
    Subject {
        /// As it should be.
        expected: &'static str,
    },
    /// What it follows is absent or malformed.
    #[error(
        "a control statement names the entry that it follows in the protected header `{FOLLOWS_HEADER}`, 32 bytes"
    )]
    NoFollows,
    /// Something else is in force by now.
    #[error(
        "the control statement is superseded: it follows {found}, but {in_force} is in force; read what is in force and \
         sign again"
    )]
    Superseded {
        /// What it follows.
        found: EntryId,
        /// What is in force.
        in_force: EntryId,
    },
    /// Signed with another key.
    #[error(
        "the control statement is not signed with the operator key of the policy in force, whose kid is {expected}"
    )]
    NotTheOperator {
        /// The thumbprint of the operator key.
        expected: String,
    },
    /// The policy is not usable.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The increment is not usable.
    #[error(transparent)]
    Anchors(#[from] AnchorsError),
    /// The document of an erasure or incident does not read.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// An erasure whose header and document name two entries.
    #[error(
        "an erasure names its entry twice: as `entry` of the document, and in the protected header `{FOLLOWS_HEADER}`"
    )]
    ErasureTarget,
    /// There is nothing to erase.
    #[error("the log has no entry {entry} before this erasure")]
    NoSuchEntry {
        /// The entry that it names.
        entry: EntryId,
    },
    /// Erasing it would take the log's own record away.
    #[error(
        "entry {entry} is the log's own (genesis, policy, anchors, erasures, manifests, batches) and cannot be erased"
    )]
    NotErasable {
        /// The entry that it names.
        entry: EntryId,
    },
    /// It is gone already.
    #[error("entry {entry} was erased already, by entry {by}")]
    ErasedAlready {
        /// The entry that it names.
        entry: EntryId,
        /// The erasure in force.
        by: EntryId,
    },
    /// An incident about another head than the log has.
    #[error(
        "the incident statement resumes from size {} with root {}, and follows its last entry; the log has size {} and \
         root {}", .found.size, .found.root, .held.size, .held.root
    )]
    NotTheHead {
        /// What it names.
        found: TreeHead,
        /// What the log has.
        held: TreeHead,
    },
    /// The collateral manifest does not read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The collateral manifest does not continue the newest one.
    #[error("the next collateral manifest covers what is committed from entry {next} on")]
    Uncovered {
        /// The first entry that no manifest covers.
        next: LeafIndex,
    },
    /// The batch of TRACE records is none, or is not the next one.
    #[error(transparent)]
    TraceBatch(#[from] BatchError),
    /// A rule names an anchor that was never registered.
    #[error(
        "rule `{rule}` of the policy names the trust anchor `{anchor}`, which is not registered; register it first"
    )]
    UnknownAnchor {
        /// The rule.
        rule: String,
        /// The anchor.
        anchor: AnchorId,
    },
    /// The new operator key is one of the service's other keys (D19).
    #[error("the operator key of the policy is the service's {role} key; each role needs its own")]
    SharedKey {
        /// The other role.
        role: &'static str,
    },
    /// A new operator key without its acceptance.
    #[error(
        "the policy names a new operator key that has not accepted (protected header `{ACCEPTANCE_HEADER}`); it would \
         lock the operator out, so sign with both keys"
    )]
    NotAccepted,
    /// An acceptance that does not verify.
    #[error(
        "the acceptance (protected header `{ACCEPTANCE_HEADER}`) is not the new operator key's over this log, this place \
         and this policy; it would lock the operator out, so sign with both keys"
    )]
    BadAcceptance,
}
