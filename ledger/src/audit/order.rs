//! What depends on the order of the log: the tree, the times, and what is in force.

use bytes::Bytes;
use proofs::{EntryId, LeafIndex, SignedStatement, UnixTime};

use super::batched;
use super::covered::Verdict;
use super::prepare::Prepared;
use super::replay::{self, Outcome, Task};
use super::seen::Compared;
use super::{Auditor, Discrepancy, Growth};
use crate::collateral::Collateral;
use crate::control::{ControlType, Erasure};
use crate::create::founding_collateral;
use crate::fsck::{Fault, MAX_FAULTS};
use crate::governance::{Governance, GovernanceError};
use crate::manifest;
use crate::sequencer::MAX_JUDGEMENT_AGE;

/// The entries that found a log (D3): genesis, first policy, first trust anchors.
const FOUNDING: u64 = 3;

type Found = Vec<(LeafIndex, Discrepancy)>;

/// What is left to do about the entries of a step.
pub(super) struct Ordered {
    /// What only needs to know what is in force at its place, in log order.
    pub(super) tasks: Vec<Task>,
    /// What changes what later log findings see, in log order.
    pub(super) events: Vec<(LeafIndex, Event)>,
}

/// Something that changes what later log findings see (D18).
pub(super) enum Event {
    /// An entry of which nobody knows what it said.
    Hidden(EntryId),
    /// From here on this entry is not seen.
    Erased(EntryId),
}

impl Auditor {
    /// Takes the entries in their order. Control statements are replayed at once; what only needs to know what is in
    /// force at its place becomes a task.
    pub(super) fn order(
        &mut self,
        entries: Vec<Prepared>,
        growth: &mut dyn Growth,
        found: &mut Found,
    ) -> Ordered {
        let (mut tasks, mut events) = (Vec::with_capacity(entries.len()), Vec::new());
        for mut entry in entries {
            let index = self.size().next_index();
            if entry.index != index {
                found.push((index, Discrepancy::Gap { expected: index, found: entry.index }));
            }
            found.extend(entry.faults.drain(..).take(MAX_FAULTS).map(|fault| (index, fault.into())));
            let registered_at = entry.collateral.as_ref().map(|record| record.registered_at);
            if let Some(record) = &entry.collateral {
                self.times(index, record, found);
            }
            self.counts.entries = self.counts.entries.saturating_add(1);
            self.append(&entry, growth, registered_at, index, found);
            self.manifest(index, &entry, found);
            self.batch(index, &entry, found);
            if entry.withheld {
                self.counts.withheld = self.counts.withheld.saturating_add(1);
            }
            // Without its record it has rows that nobody can make, if a profile examined it.
            if entry.collateral.is_none() || entry.statement.is_none() {
                events.push((index, Event::Hidden(entry.id)));
            }
            let Some(statement) = entry.statement else { continue };
            events.extend(erased_by(&statement).map(|id| (index, Event::Erased(id))));
            if entry.control || index.get() < FOUNDING {
                self.control(index, statement, entry.collateral.as_ref(), growth, found);
            } else if let Some(task) = self.task(index, statement, entry.collateral, found) {
                tasks.push(task);
            }
        }
        Ordered { tasks, events }
    }

    /// Takes what came of the tasks, and what depends on the entries before each: log findings.
    pub(super) fn conclude(
        &mut self,
        tasks: &[Task],
        outcomes: Vec<Result<Outcome, Discrepancy>>,
        events: Vec<(LeafIndex, Event)>,
        found: &mut Found,
    ) {
        let mut events = events.into_iter().peekable();
        for (task, outcome) in tasks.iter().zip(outcomes) {
            while let Some((_, event)) = events.next_if(|(index, _)| *index < task.index) {
                self.event(event);
            }
            let judged = match outcome {
                Ok(outcome) => {
                    self.counts.judged = self.counts.judged.saturating_add(1);
                    Some(outcome)
                }
                Err(discrepancy) => {
                    found.push((task.index, discrepancy));
                    None
                }
            };
            if judged == Some(Outcome::CannotEvaluate) {
                self.counts.cannot_evaluate = self.counts.cannot_evaluate.saturating_add(1);
            }
            let Some(examined) = &task.collateral.examined else { continue };
            if let Some(Outcome::Judged(probes)) = judged {
                match self.seen.compare(task.index, &probes, examined) {
                    Compared::Same => {}
                    Compared::Differ => {
                        let what = "log finding";
                        found.push((task.index, Discrepancy::Collateral { index: task.index, what }));
                    }
                    Compared::NotChecked => {
                        let count = &mut self.counts.log_findings_not_checked;
                        *count = count.saturating_add(1);
                    }
                }
            }
            self.seen.entry(task.index, &task.statement.entry_id(), examined);
        }
        events.for_each(|(_, event)| self.event(event));
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Hidden(id) => self.seen.hidden(id),
            Event::Erased(id) => self.seen.erased(&id),
        }
    }

    fn append(
        &mut self,
        entry: &Prepared,
        growth: &mut dyn Growth,
        registered_at: Option<UnixTime>,
        index: LeafIndex,
        found: &mut Found,
    ) {
        // A tree of 2^64 - 1 entries cannot be met here.
        if self.range.append(entry.leaf, &mut |node, hash| growth.node(node, &hash)).is_err() {
            return;
        }
        found.extend(growth.leaf(&self.range, registered_at).into_iter().map(|d| (index, d)));
    }

    /// D12: a manifest covers records before its own entry.
    fn manifest(&mut self, index: LeafIndex, entry: &Prepared, found: &mut Found) {
        if let Some(manifest) = entry.statement.as_ref().and_then(manifest::of_statement) {
            let counts = &mut self.counts;
            match self.covered.check(index, &manifest) {
                Verdict::Holds => counts.manifests = counts.manifests.saturating_add(1),
                Verdict::NotChecked => {
                    counts.manifests_not_checked = counts.manifests_not_checked.saturating_add(1);
                }
                Verdict::Range => found.push((index, Discrepancy::ManifestRange(index))),
                Verdict::Contradicts => found.push((index, Discrepancy::Manifest(index))),
            }
        }
        self.covered.record(entry.record);
    }

    /// A batch of TRACE records looked at records before its own entry.
    fn batch(&mut self, index: LeafIndex, entry: &Prepared, found: &mut Found) {
        let counts = &mut self.counts;
        match entry.statement.as_ref().and_then(|statement| self.batched.check(index, statement)) {
            None => {}
            Some(batched::Verdict::Holds) => counts.batches = counts.batches.saturating_add(1),
            Some(batched::Verdict::NotChecked) => {
                counts.batches_not_checked = counts.batches_not_checked.saturating_add(1);
            }
            Some(batched::Verdict::Contradicts) => found.push((index, Fault::TraceBatch(index).into())),
        }
        if let Some(id) = entry.statement.as_ref().and_then(erased_by) {
            self.batched.erased(&id);
        }
        self.batched.entry(index, entry.id, entry.collateral.as_ref());
    }

    /// D6: `registered_at[i-1] - 30 s <= evaluated_at[i] <= registered_at[i]`, and time does not go back.
    fn times(&mut self, index: LeafIndex, record: &Collateral, found: &mut Found) {
        let (evaluated, registered) = (record.evaluated_at, record.registered_at);
        let ordered = registered >= self.last_time
            && evaluated <= registered
            && evaluated.secs().saturating_add(MAX_JUDGEMENT_AGE) >= self.last_time.secs();
        if !ordered {
            found.push((index, Fault::Time(index).into()));
        }
        self.last_time = self.last_time.max(registered);
    }

    fn task(
        &mut self,
        index: LeafIndex,
        statement: SignedStatement,
        collateral: Option<Collateral>,
        found: &mut Found,
    ) -> Option<Task> {
        let Some(governance) = &self.governance else {
            found.push((index, Discrepancy::NoGenesis(index)));
            return None;
        };
        let Some(collateral) = collateral else {
            self.counts.without_collateral = self.counts.without_collateral.saturating_add(1);
            return None;
        };
        Some(Task { index, statement, collateral, governance: governance.clone() })
    }

    fn control(
        &mut self,
        index: LeafIndex,
        statement: SignedStatement,
        collateral: Option<&Collateral>,
        growth: &mut dyn Growth,
        found: &mut Found,
    ) {
        let bytes = Bytes::copy_from_slice(statement.canonical());
        let next = match (&self.governance, index.get()) {
            (None, 0) => Governance::begin(&statement),
            (None, _) => {
                found.push((index, Discrepancy::NoGenesis(index)));
                return;
            }
            (Some(governance), _) => governance.next(self.last_control(), index, statement.clone()),
        };
        let before = self.governance.clone();
        match next {
            Ok(next) => {
                found.extend(growth.control(index).map(|discrepancy| (index, discrepancy)));
                self.governance = Some(next);
                self.controls.push((index, bytes));
                self.counts.controls = self.counts.controls.saturating_add(1);
                self.counts.judged = self.counts.judged.saturating_add(1);
            }
            Err(GovernanceError::Control { index, refusal }) => {
                found.push((index, Discrepancy::Refused { index, refusal }));
                return;
            }
            Err(error) => {
                found.push((index, Discrepancy::Governance(error)));
                return;
            }
        }
        let (Some(record), Some(before)) = (collateral, before) else { return };
        let differs = if index.get() < FOUNDING {
            let expected = founding_collateral(index.get(), record.registered_at);
            replay::difference(index, record, &expected)
        } else {
            let task = Task { index, statement, collateral: record.clone(), governance: before };
            replay::replay(&task).map(|_| ())
        };
        found.extend(differs.err().map(|discrepancy| (index, discrepancy)));
    }

    fn last_control(&self) -> LeafIndex {
        self.controls.last().map_or(LeafIndex::new(0), |(index, _)| *index)
    }
}

/// The entry that a statement erases.
fn erased_by(statement: &SignedStatement) -> Option<EntryId> {
    if ControlType::of(statement.header()) != Some(ControlType::Erasure) {
        return None;
    }
    Erasure::from_json(statement.payload()).ok().map(|erasure| erasure.entry)
}
