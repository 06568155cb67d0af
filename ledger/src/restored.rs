//! A log that was restored from a backup (D11, invariant 13): what it may do before anybody knows whether it went on
//! without the backup, and what lets it sign again.
//!
//! Receipts are signed for committed heads, most of which no checkpoint ever showed. So a checkpoint that somebody else
//! kept can prove that a backup is too old, and not that it is new enough. There are two ways out. Where no receipt and no
//! checkpoint left without a quorum of witnesses, asking so many of them that none of their quorums is left out finds the
//! newest one. Otherwise the operator says in public, as the very next entry, from which head the log goes on.

use proofs::{EntryId, Hash, LeafIndex, PublicKey, SignedStatement, TreeHead, TreeSize};
use serde::{Deserialize, Serialize};
use storage::{Head, LogStore, Snapshot};

use crate::control::{ControlType, Incident, LogIdentity};
use crate::error::{InternalError, OpenError};
use crate::ledger::Ledger;
use crate::receipts::root_at;
use crate::recovery;
use crate::settings::{ReceiptRule, Settings};
use crate::witness::{WithoutQuorum, WitnessSettings};

const VERSION: u32 = 1;

/// A log at rest, proven as opening it proves it.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Who it is.
    pub identity: LogIdentity,
    /// The operator key of the policy in force.
    pub operator: PublicKey,
    /// The newest committed head.
    pub head: Head,
    /// The last entry.
    pub last: EntryId,
    /// How many entries the newest checkpoint covers.
    pub published: TreeSize,
}

/// Looks at a log as opening it does, but for the private keys, which it needs none of: the right edge folds to the
/// head, the control statements replay, and both newest checkpoints are the log's own and continued by what is stored.
///
/// # Errors
/// [`OpenError`], as [`Ledger::open`].
pub fn inspect(store: &dyn LogStore) -> Result<Inspected, OpenError> {
    let snapshot = store.snapshot()?;
    let snapshot = snapshot.as_ref();
    let head = snapshot.head().ok_or(OpenError::Empty)?;
    let governance = recovery::governance(snapshot, head.tree)?;
    let (published, _) = recovery::published(store, snapshot, head.tree, &governance)?;
    recovery::edge(snapshot, head.tree)?;
    let last = head.tree.size.last().ok_or(OpenError::Empty)?;
    let last = snapshot.entry(last)?.ok_or(OpenError::Control(last))?;
    Ok(Inspected {
        identity: governance.identity().clone(),
        operator: governance.policy().operator.clone(),
        head,
        last: EntryId::from_bytes(last.entry),
        published: published.size,
    })
}

/// Whether no receipt and no checkpoint leaves this log before a quorum of witnesses has seen it, so that the witnesses
/// know the newest thing it signed.
#[must_use]
pub fn is_bound_by_witnesses(settings: &Settings, witnesses: Option<&WitnessSettings>) -> bool {
    settings.receipts == ReceiptRule::Witnessed
        && witnesses.is_some_and(|witnesses| witnesses.without_quorum == WithoutQuorum::Hold)
}

/// What is kept with a restored log until it may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredMark {
    /// The head as it was restored.
    pub head: TreeHead,
    /// Whether the log was [bound by its witnesses](is_bound_by_witnesses) when the backup was made.
    pub witnessed: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkDocument {
    version: u32,
    tree_size: u64,
    root: String,
    witnessed: bool,
}

impl RestoredMark {
    /// Writes it as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let Self { head, witnessed } = *self;
        let document = MarkDocument {
            version: VERSION,
            tree_size: head.size.get(),
            root: head.root.to_string(),
            witnessed,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// Reads what [`Self::to_json`] writes, and nothing else.
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let document: MarkDocument = serde_json::from_slice(bytes).ok()?;
        let root: Hash = document.root.parse().ok()?;
        let head = TreeHead { size: TreeSize::new(document.tree_size), root };
        let mark = Self { head, witnessed: document.witnessed };
        (document.version == VERSION && mark.to_json() == bytes).then_some(mark)
    }
}

/// Whether a restored log may sign again, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// The first entry after the restored ones is an incident statement that names their head.
    ByIncident,
    /// The witnesses show that nothing was signed that is missing here.
    ByWitnesses,
    /// Too few witnesses showed what they know: those that did not could have seen more among themselves.
    WitnessesMissing,
    /// Nobody can know what was signed, so the operator has to say in public from where the log goes on.
    IncidentMissing,
    /// The mark does not belong to this store: it has fewer entries, or another root.
    AnotherLog,
}

impl Ledger {
    /// Judges whether this log, restored as `mark` tells, may sign again. `shown` tells of each witness of the policy, by
    /// its number, whether it showed a checkpoint of this log that the store continues.
    ///
    /// # Errors
    /// [`InternalError`] if the log cannot be read.
    pub fn resumption(
        &self,
        mark: &RestoredMark,
        shown: impl Fn(usize) -> bool,
    ) -> Result<Resumption, InternalError> {
        let tiles = self.shared.tree();
        if mark.head.size > tiles.head().size || root_at(mark.head.size, &tiles.nodes())? != mark.head.root {
            return Ok(Resumption::AnotherLog);
        }
        let snapshot = self.shared.store.snapshot()?;
        if goes_on_from(snapshot.as_ref(), mark.head)? {
            return Ok(Resumption::ByIncident);
        }
        let Some(witnessing) = self.shared.witnessing.as_ref() else {
            return Ok(Resumption::IncidentMissing);
        };
        if !mark.witnessed || !is_bound_by_witnesses(&self.shared.settings, Some(&witnessing.settings)) {
            return Ok(Resumption::IncidentMissing);
        }
        // Whatever was signed, a quorum saw it. A quorum has a member among those who showed what they know, unless
        // the others are one by themselves.
        let unseen = witnessing.policy.is_quorum(|witness| !shown(witness));
        Ok(if unseen { Resumption::WitnessesMissing } else { Resumption::ByWitnesses })
    }
}

/// Whether the entry right behind `head` is an incident statement that names it. What is on the log was admitted.
fn goes_on_from(snapshot: &dyn Snapshot, head: TreeHead) -> Result<bool, InternalError> {
    let next = LeafIndex::new(head.size.get());
    let Some(bytes) = snapshot.statement(next)? else { return Ok(false) };
    let Ok(statement) = SignedStatement::parse(&bytes, bytes.len()) else {
        return Err(InternalError::Entry(next));
    };
    let names = |payload: &[u8]| Incident::from_json(payload).is_ok_and(|incident| incident.head == head);
    Ok(ControlType::of(statement.header()) == Some(ControlType::Incident) && names(statement.payload()))
}

#[cfg(test)]
mod tests;
