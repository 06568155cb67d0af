//! What is in force, and what it decides: the registration decision as a pure function (invariant 6).
//!
//! A [`Governance`] is the log's identity, the policy and the trust anchors as of one index. It is never changed; a
//! control statement makes a new one. [`Governance::judge`] looks at the statement, at what is in force, and at one
//! recorded time, and at nothing else.

mod describe;
mod judge;
mod open;
mod refusal;
mod registrar;

use std::sync::Arc;

use proofs::{EntryId, LeafIndex, PublicKey, VerifiedStatement};

use crate::control::{Change, LogIdentity};
use crate::policy::Policy;
use crate::profile::Examination;
use crate::trust::{AnchorId, AnchorSet};

pub use crate::control::ControlChange;
pub use open::GovernanceError;
pub use refusal::{BadSignature, Refusal, Rejection};
pub use registrar::RegistrarFault;

pub(crate) use refusal::shown;

/// The name under which collateral records that the operator key admitted a control statement. No rule can have it.
pub const CONTROL_RULE: &str = "stele.control";

/// The name under which collateral records that the registrar key of the genesis statement admitted a statement of
/// the service itself. No rule can have it.
pub const REGISTRAR_RULE: &str = "stele.registrar";

/// Policy, trust anchors and identity of a log, as of one index. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Governance {
    state: Arc<State>,
}

#[derive(Clone, Debug)]
struct State {
    identity: LogIdentity,
    policy: Arc<Policy>,
    policy_index: LeafIndex,
    policy_id: EntryId,
    anchors: Arc<AnchorSet>,
    anchors_index: LeafIndex,
    anchors_id: EntryId,
}

/// A statement that may be registered, and why.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The statement; its signature has been verified.
    pub statement: VerifiedStatement,
    /// What the decision needed beyond the statement (ARCH-24).
    pub evidence: Evidence,
    /// What changes when the statement is integrated, if it is a control statement.
    pub control: Option<ControlChange>,
    /// What the profile of its content type says, if the policy has one; never of a control statement.
    pub examination: Option<Box<Examination>>,
}

/// What a decision needed beyond the statement, for collateral (D12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The issuer's key.
    pub key: PublicKey,
    /// The anchor that vouched for it; none for control statements, the registrar and self-certifying
    /// names.
    pub anchor: Option<AnchorId>,
    /// The rule that admitted the statement, [`CONTROL_RULE`] or [`REGISTRAR_RULE`].
    pub rule: String,
    /// The X.509 path, leaf first and root last, each in DER; empty if there was none.
    pub chain: Vec<Vec<u8>>,
    /// The `x5chain` of the unprotected header, which the entry does not keep; empty if it was not used.
    pub unprotected_x5chain: Vec<Vec<u8>>,
}

impl Admitted {
    /// How many bytes it keeps of what was sent: the statement, and certificates that stand beside it.
    pub(crate) fn len(&self) -> usize {
        let Evidence { chain, unprotected_x5chain, .. } = &self.evidence;
        let certificates: usize = chain.iter().chain(unprotected_x5chain).map(Vec::len).sum();
        self.statement.statement().canonical().len().saturating_add(certificates)
    }
}

impl Governance {
    /// What the genesis statement fixed.
    pub fn identity(&self) -> &LogIdentity {
        &self.state.identity
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.state.policy
    }

    /// The index of the policy in force.
    pub fn policy_index(&self) -> LeafIndex {
        self.state.policy_index
    }

    /// The entry id of the policy in force, which the next policy must name.
    pub fn policy_id(&self) -> EntryId {
        self.state.policy_id
    }

    /// The trust anchors, retired ones included.
    pub fn anchors(&self) -> &AnchorSet {
        &self.state.anchors
    }

    /// The index of the newest trust anchors statement.
    pub fn anchors_index(&self) -> LeafIndex {
        self.state.anchors_index
    }

    /// The entry id of the newest trust anchors statement, which the next one must name.
    pub fn anchors_id(&self) -> EntryId {
        self.state.anchors_id
    }

    /// What is in force once a control statement that this governance has admitted stands at `index` as entry `id`.
    #[must_use]
    pub fn apply(&self, change: &ControlChange, index: LeafIndex, id: EntryId) -> Self {
        let mut state = State::clone(&self.state);
        match change.change() {
            Change::Policy(policy) => {
                state.policy = Arc::clone(policy);
                state.policy_index = index;
                state.policy_id = id;
            }
            Change::Anchors(increment) => {
                state.anchors = Arc::new(state.anchors.after(increment, index));
                state.anchors_index = index;
                state.anchors_id = id;
            }
            // They change what is stored, or nothing, but no rule.
            Change::Erasure(_) | Change::Incident(_) => {}
        }
        Self { state: Arc::new(state) }
    }
}

#[cfg(test)]
mod tests;
