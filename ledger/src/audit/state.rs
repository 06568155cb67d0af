//! An audit that stops and goes on later.

use bytes::Bytes;
use data_encoding::BASE64;
use proofs::{CompactRange, Hash, LeafIndex, SignedStatement, TreeSize, UnixTime};
use serde::{Deserialize, Serialize};

use super::batched::Batched;
use super::covered::Covered;
use super::seen::Seen;
use super::{AuditCounts, Auditor};
use crate::governance::{Governance, GovernanceError};

/// The version of the state that this code reads and writes.
const STATE_VERSION: u32 = 2;

/// Where an audit is: enough to go on in another process. Whoever can change it can make the audit say anything, as
/// with any file of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditState {
    version: u32,
    size: u64,
    nodes: Vec<String>,
    last_time: u64,
    covered_to: u64,
    not_covered: String,
    seen: String,
    batched: String,
    controls: Vec<Control>,
    counts: AuditCounts,
    discrepancies: Vec<String>,
    more_discrepancies: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    index: u64,
    statement: String,
}

impl AuditState {
    /// How many entries were replayed when it was taken.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// Why a state cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Written by another version.
    #[error("the state has version {0}, this program reads {STATE_VERSION}")]
    Version(u32),
    /// A field is not what this code writes.
    #[error("the state is damaged: {0}")]
    Damaged(&'static str),
    /// Its control statements do not follow from each other.
    #[error("the state is damaged: {0}")]
    Governance(#[from] GovernanceError),
}

impl Auditor {
    /// The state after the last whole step.
    #[must_use]
    pub fn state(&self) -> AuditState {
        let control = |(index, bytes): &(LeafIndex, Bytes)| Control {
            index: index.get(),
            statement: BASE64.encode(bytes),
        };
        let (covered_to, not_covered) = self.covered.to_text();
        AuditState {
            version: STATE_VERSION,
            size: self.range.size().get(),
            nodes: self.range.nodes().iter().map(ToString::to_string).collect(),
            last_time: self.last_time.secs(),
            covered_to,
            not_covered,
            seen: self.seen.to_text(),
            batched: self.batched.to_text(),
            controls: self.controls.iter().map(control).collect(),
            counts: self.counts.clone(),
            discrepancies: self.discrepancies.clone(),
            more_discrepancies: self.more_discrepancies,
        }
    }

    /// Goes on where [`Auditor::state`] was taken.
    ///
    /// # Errors
    /// [`StateError`] if the state is not one that this code wrote.
    pub fn resume(state: AuditState) -> Result<Self, StateError> {
        if state.version != STATE_VERSION {
            return Err(StateError::Version(state.version));
        }
        let size = TreeSize::new(state.size);
        let nodes: Result<Vec<Hash>, _> = state.nodes.iter().map(|node| node.parse()).collect();
        let nodes = nodes.map_err(|_| StateError::Damaged("a node of the tree is no hash"))?;
        let range = CompactRange::from_nodes(size, nodes)
            .map_err(|_| StateError::Damaged("the tree has not as many nodes as its size asks for"))?;
        let covered = Covered::from_text(state.covered_to, &state.not_covered, state.size)
            .ok_or(StateError::Damaged("the hashes of collateral do not fit its size"))?;
        let seen = Seen::from_text(&state.seen)
            .ok_or(StateError::Damaged("what profiles found entries under does not read"))?;
        let batched = Batched::from_text(&state.batched)
            .ok_or(StateError::Damaged("the records that wait for a batch do not read"))?;
        let (governance, controls) = replay(&state.controls, size)?;
        Ok(Self {
            governance,
            controls,
            range,
            last_time: UnixTime::from_secs(state.last_time),
            covered,
            seen,
            batched,
            counts: state.counts,
            discrepancies: state.discrepancies,
            more_discrepancies: state.more_discrepancies,
        })
    }
}

type Replayed = (Option<Governance>, Vec<(LeafIndex, Bytes)>);

fn replay(list: &[Control], size: TreeSize) -> Result<Replayed, StateError> {
    let mut governance: Option<Governance> = None;
    let mut controls: Vec<(LeafIndex, Bytes)> = Vec::with_capacity(list.len());
    for Control { index, statement } in list {
        let index = LeafIndex::new(*index);
        let damaged = || StateError::Damaged("a control statement cannot be read");
        let bytes = BASE64.decode(statement.as_bytes()).map_err(|_| damaged())?;
        let statement = SignedStatement::parse(&bytes, bytes.len()).map_err(|_| damaged())?;
        if !index.in_tree(size) {
            return Err(damaged());
        }
        governance = Some(match &governance {
            None => Governance::begin(&statement)?,
            Some(known) => {
                let last = controls.last().map_or(LeafIndex::new(0), |(last, _)| *last);
                known.next(last, index, statement)?
            }
        });
        controls.push((index, bytes.into()));
    }
    Ok((governance, controls))
}
