//! Governance from the log's own first entries and every control statement since.

use std::sync::Arc;

use proofs::{LeafIndex, SignedStatement};

use super::{Governance, Refusal, State};
use crate::control::{self, ControlFault, ControlKind, GenesisError, LogIdentity};
use crate::policy::Policy;
use crate::trust::AnchorSet;

/// The index of the first policy (D3).
const FIRST_POLICY: LeafIndex = LeafIndex::new(1);
/// The index of the first trust anchors (D3).
const FIRST_ANCHORS: LeafIndex = LeafIndex::new(2);

/// Why a log's governance cannot be told from its entries. Such a log does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GovernanceError {
    /// The genesis document is not usable.
    #[error("entry 0: {0}")]
    Genesis(#[from] GenesisError),
    /// Entry 0 is not a genesis statement signed by its own operator key.
    #[error("entry 0 is not a genesis statement of this service: {0}")]
    NotGenesis(ControlFault),
    /// The genesis statement's signature does not verify with the operator key that it names.
    #[error("entry 0: the signature does not verify with the operator key in the genesis document")]
    GenesisSignature,
    /// A control statement that would not have been admitted at its place.
    #[error("entry {index}: {refusal}")]
    Control {
        /// Its index.
        index: LeafIndex,
        /// Why not.
        refusal: Box<Refusal>,
    },
    /// An entry given as a control statement is none.
    #[error("entry {index} is not a control statement")]
    NotControl {
        /// Its index.
        index: LeafIndex,
    },
    /// Control statements must come by ascending index, the policy at 1 and the trust anchors at 2.
    #[error("entry {index} is not the control statement that belongs there")]
    Order {
        /// The index found.
        index: LeafIndex,
    },
    /// The first policy admits somebody.
    #[error("entry 1: the first policy has rules, but a log begins closed to everybody but its operator")]
    FirstPolicyOpen,
    /// The first policy or the first trust anchors are absent.
    #[error("the log has no policy at index 1 or no trust anchors at index 2")]
    Incomplete,
}

impl From<proofs::checkpoint::OriginError> for GovernanceError {
    fn from(_: proofs::checkpoint::OriginError) -> Self {
        Self::Genesis(GenesisError::Origin)
    }
}

impl Governance {
    /// Replays the genesis statement (index 0) and all control statements since, in order, each judged by what the
    /// ones before it put in force.
    ///
    /// # Errors
    /// [`GovernanceError`]; such a log does not open.
    pub fn open(
        genesis: &SignedStatement,
        controls: impl Iterator<Item = (LeafIndex, SignedStatement)>,
    ) -> Result<Self, GovernanceError> {
        let mut governance = Self::begin(genesis)?;
        let mut last = LeafIndex::new(0);
        for (index, statement) in controls {
            governance = governance.next(last, index, statement)?;
            last = index;
        }
        if last < FIRST_ANCHORS {
            return Err(GovernanceError::Incomplete);
        }
        Ok(governance)
    }

    /// Governance as of the genesis statement alone: its operator may register the first policy and anchors.
    pub(crate) fn begin(genesis: &SignedStatement) -> Result<Self, GovernanceError> {
        let document = control::read_genesis(genesis)?;
        let verified = genesis.clone().verify(&document.operator);
        verified.map_err(|_| GovernanceError::GenesisSignature)?;
        let id = genesis.entry_id();
        let state = State {
            policy: Arc::new(Policy::closed(document.operator.clone())),
            identity: LogIdentity { log_id: id, genesis: document },
            policy_index: LeafIndex::new(0),
            policy_id: id,
            anchors: Arc::new(AnchorSet::default()),
            anchors_index: LeafIndex::new(0),
            anchors_id: id,
        };
        Ok(Self { state: Arc::new(state) })
    }

    /// Governance after one more control statement, at `index`, when the one before it stands at `last`.
    pub(crate) fn next(
        &self,
        last: LeafIndex,
        index: LeafIndex,
        statement: SignedStatement,
    ) -> Result<Self, GovernanceError> {
        let id = statement.entry_id();
        // Control statements depend on no time.
        let admitted = self
            .judge(statement, proofs::UnixTime::from_secs(0))
            .map_err(|refusal| GovernanceError::Control { index, refusal: Box::new(refusal) })?;
        let change = admitted.control.ok_or(GovernanceError::NotControl { index })?;
        let in_place = match last.get() {
            0 => index == FIRST_POLICY && change.kind() == ControlKind::Policy,
            1 => index == FIRST_ANCHORS && change.kind() == ControlKind::Anchors,
            _ => index > last,
        };
        if !in_place {
            return Err(GovernanceError::Order { index });
        }
        let next = self.apply(&change, index, id);
        if index == FIRST_POLICY && !next.policy().rules.is_empty() {
            return Err(GovernanceError::FirstPolicyOpen);
        }
        Ok(next)
    }
}
