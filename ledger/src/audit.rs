//! Replaying a log from its genesis: every leaf, every decision, every time (ARCH-24, ARCH-26, D5, D6).
//!
//! An [`Auditor`] takes the entries in log order from any [`AuditSource`] and believes none of them: a statement has to
//! hash to its entry, its signature has to verify under what was in force at its index, the rule that the collateral
//! names has to be the one that admits it, and the times have to follow D6. What depends on the order is cheap and done
//! on one thread; reading, parsing and signatures are spread over as many as are asked for.
//!
//! What is left out is said, not passed over: a statement that was withheld or erased, an entry without collateral.
//! Neither is a discrepancy, and neither counts as judged.

mod batched;
mod covered;
mod discrepancy;
mod order;
mod parallel;
mod prepare;
mod replay;
mod seen;
mod state;
mod store;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use proofs::{CompactRange, Hash, LeafIndex, NodeId, SignedStatement, TreeHead, TreeSize, UnixTime};
use serde::{Deserialize, Serialize};

use crate::collateral::Collateral;
use crate::fsck::Fault;
use crate::governance::Governance;
use batched::Batched;
use order::Ordered;
use seen::Seen;

pub use covered::{Covered, Verdict as ManifestVerdict};
pub use discrepancy::Discrepancy;
pub use state::{AuditState, StateError};
pub use store::{AuditError, audit_store};

/// How many discrepancies a report names; the rest is counted.
pub const MAX_DISCREPANCIES: usize = 100;

/// A part of an entry that a source may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The bytes.
    Given(Bytes),
    /// They are not given away, or no longer there (D20).
    Withheld,
    /// They are not there, but the hash that stands for a collateral record in its manifest is
    /// ([`proofs::manifest::collateral_hash`]).
    Hash(Hash),
}

/// One entry as a source gives it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its place.
    pub index: LeafIndex,
    /// The bytes that the leaf hashes.
    pub entry: [u8; 32],
    /// The canonical statement.
    pub statement: Part,
    /// The collateral record (encoding: [`crate::Collateral`]).
    pub collateral: Part,
    /// What the source itself found wrong while it read the entry.
    pub faults: Vec<Fault>,
}

/// Where the entries come from. Read from several threads at once.
pub trait AuditSource: Sync {
    /// Why the entries could not be read at all.
    type Error: Send;

    /// The entries from `from` on, `count` of them, fewer only where the log ends.
    ///
    /// # Errors
    /// When nothing can be read; what is wrong with one entry belongs into its record.
    fn read(&self, from: LeafIndex, count: usize) -> Result<Vec<Record>, Self::Error>;

    /// What only the source can check about a statement and its record, such as index rows.
    fn inspect(
        &self,
        _index: LeafIndex,
        _statement: &SignedStatement,
        _record: Option<&Collateral>,
    ) -> Vec<Fault> {
        Vec::new()
    }
}

/// Hears of the tree while it grows, in log order.
pub trait Growth {
    /// A completed perfect subtree.
    fn node(&mut self, _node: NodeId, _hash: &Hash) {}

    /// A leaf was appended; `tree` is the whole tree now, and `registered_at` the time in the leaf's collateral.
    /// Gives what the leaf's head contradicts.
    fn leaf(&mut self, _tree: &CompactRange, _registered_at: Option<UnixTime>) -> Vec<Discrepancy> {
        Vec::new()
    }

    /// A statement at this index changed what is in force. Gives what its place contradicts.
    fn control(&mut self, _index: LeafIndex) -> Option<Discrepancy> {
        None
    }
}

/// Nobody listens.
impl Growth for () {}

/// What was done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditCounts {
    /// Entries whose leaf went into the tree.
    pub entries: u64,
    /// Decisions made again, each with the statement's signature.
    pub judged: u64,
    /// Of these, statements that changed what is in force, the first three of the log included.
    pub controls: u64,
    /// Statements that were withheld or erased, so that only their leaf was checked.
    pub withheld: u64,
    /// Statements without collateral, so that nobody can tell when and by what they were judged.
    pub without_collateral: u64,
    /// Entries whose profile, or its version, this program lacks: judged, but for the profile's findings (D18).
    pub cannot_evaluate: u64,
    /// Entries whose log findings are others than those that can be made again, and an entry that stood before them then
    /// is withheld or erased, or there were more than are kept in mind: which proves nothing (D18).
    pub log_findings_not_checked: u64,
    /// Collateral manifests whose root is that of the records.
    pub manifests: u64,
    /// Collateral manifests that cover a record of which not even the hash is given.
    pub manifests_not_checked: u64,
    /// Batches of TRACE records that list the records of the log.
    pub batches: u64,
    /// Batches that list others beside, which may be what was withheld or erased.
    pub batches_not_checked: u64,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// The tree that the entries make.
    pub head: TreeHead,
    /// What was done.
    pub counts: AuditCounts,
    /// The first [`MAX_DISCREPANCIES`], in log order.
    pub discrepancies: Vec<String>,
    /// How many more there are.
    pub more_discrepancies: u64,
}

impl AuditReport {
    /// Whether nothing contradicts.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.discrepancies.is_empty()
    }
}

/// How much is done at a time, and on how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPace {
    /// Threads for reading, parsing and verifying.
    pub threads: usize,
    /// Entries of one step. Their statements are in memory together, up to [`AuditPace::bytes`].
    pub entries: usize,
    /// Bytes of statements and collateral after which a step takes no more entries; each thread may exceed it by the
    /// few entries it has begun.
    pub bytes: usize,
}

impl Default for AuditPace {
    fn default() -> Self {
        Self { threads: 1, entries: 8192, bytes: 64 * 1024 * 1024 }
    }
}

/// The audit of one log, as of some index.
pub struct Auditor {
    governance: Option<Governance>,
    controls: Vec<(LeafIndex, Bytes)>,
    range: CompactRange,
    last_time: UnixTime,
    covered: Covered,
    seen: Seen,
    batched: Batched,
    counts: AuditCounts,
    discrepancies: Vec<String>,
    more_discrepancies: u64,
}

impl Default for Auditor {
    fn default() -> Self {
        Self::new()
    }
}

impl Auditor {
    /// Before the genesis.
    #[must_use]
    pub fn new() -> Self {
        Self {
            governance: None,
            controls: Vec::new(),
            range: CompactRange::empty(),
            last_time: UnixTime::from_secs(0),
            covered: Covered::default(),
            seen: Seen::default(),
            batched: Batched::default(),
            counts: AuditCounts::default(),
            discrepancies: Vec::new(),
            more_discrepancies: 0,
        }
    }

    /// The number of entries replayed.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        self.range.size()
    }

    /// The right edge of the tree they make.
    #[must_use]
    pub fn range(&self) -> &CompactRange {
        &self.range
    }

    /// What is in force after them; `None` as long as no genesis was accepted.
    #[must_use]
    pub fn governance(&self) -> Option<&Governance> {
        self.governance.as_ref()
    }

    /// What was found so far.
    #[must_use]
    pub fn report(&self) -> AuditReport {
        AuditReport {
            head: self.range.head(),
            counts: self.counts.clone(),
            discrepancies: self.discrepancies.clone(),
            more_discrepancies: self.more_discrepancies,
        }
    }

    /// Records a contradiction that was found outside, such as a checkpoint that the tree does not lead to.
    pub fn note(&mut self, discrepancy: &Discrepancy) {
        if self.discrepancies.len() < MAX_DISCREPANCIES {
            self.discrepancies.push(discrepancy.to_string());
        } else {
            self.more_discrepancies = self.more_discrepancies.saturating_add(1);
        }
    }

    /// Replays the next entries, at most those below `end`, and as many as `pace` allows. Gives how many; 0 means that
    /// the source has no more.
    ///
    /// # Errors
    /// The source's own; nothing of the step is then counted.
    pub fn step<S: AuditSource>(
        &mut self,
        source: &S,
        end: TreeSize,
        pace: &AuditPace,
        growth: &mut dyn Growth,
    ) -> Result<usize, S::Error> {
        let prepared = prepare::read(source, self.size().next_index(), end, pace)?;
        let count = prepared.len();
        let mut found = Vec::new();
        let Ordered { tasks, events } = self.order(prepared, growth, &mut found);
        let replayed = parallel::map(&tasks, pace.threads, replay::replay);
        self.conclude(&tasks, replayed, events, &mut found);
        found.sort_by_key(|(index, _)| *index);
        found.iter().for_each(|(_, discrepancy)| self.note(discrepancy));
        Ok(count)
    }
}
