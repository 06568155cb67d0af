//! One thread orders and commits. It owns the tree; nobody else writes.

pub(crate) mod integrate;
pub(crate) mod pool;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use proofs::{EntryId, LeafIndex, UnixTime};
use storage::{Head, IndexRow, NewEntry, Snapshot, StoreError};
use tokio::sync::{oneshot, watch};

use crate::collateral::Collateral;
use crate::control::LogIdentity;
use crate::error::Fatal;
use crate::governance::{Admitted, ControlChange};
use crate::metrics::{gauge_value, timed};
use crate::receipts::Registered;
use crate::registrar;
use crate::registration::registered_at;
use crate::rows;
use crate::shared::{Shared, State};
use integrate::{Edge, integrate};
use pool::{Judged, Pending, Pool, Verdict};

/// How old a judgement may be when its statement is committed, in seconds (D5).
pub(crate) const MAX_JUDGEMENT_AGE: u64 = 30;

/// The writer of the log. [`Sequencer::run`] belongs on a thread of its own.
pub struct Sequencer {
    pool: Pool,
    shared: Arc<Shared>,
    state: watch::Sender<State>,
    edge: Edge,
}

/// The statements of a round that go into the log, and who waits for them.
#[derive(Default)]
struct Round {
    entries: Vec<NewEntry>,
    rows: Vec<IndexRow>,
    change: Option<(ControlChange, LeafIndex, EntryId)>,
    ids: HashMap<EntryId, LeafIndex>,
    twins: HashMap<EntryId, EntryId>,
    evidence: HashMap<[u8; 32], Registered>,
    answers: Vec<(oneshot::Sender<Verdict>, Verdict)>,
}

impl Sequencer {
    pub(crate) fn new(pool: Pool, shared: Arc<Shared>, state: watch::Sender<State>, edge: Edge) -> Self {
        Self { pool, shared, state, edge }
    }

    /// Commits round after round until every [`crate::Ledger`] handle is gone and everything accepted is committed.
    ///
    /// # Errors
    ///
    /// [`Fatal`]: what is durable is no longer known. Everybody who waits learns that the service stopped; the process
    /// must end, and opening the log again establishes the truth.
    pub fn run(mut self) -> Result<(), Fatal> {
        while self.step()? {}
        Ok(())
    }

    /// One round; `false` when nobody can send any more.
    pub(crate) fn step(&mut self) -> Result<bool, Fatal> {
        let Some(batch) = self.pool.take() else { return Ok(false) };
        self.shared
            .metrics
            .mailbox_entries
            .set(gauge_value(self.pool.waiting().try_into().unwrap_or(u64::MAX)));
        self.shared.progress.round_started();
        let grew = self.round(batch)?;
        self.shared.progress.round_ended(grew);
        Ok(true)
    }

    /// How many statements wait in the mailbox.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// If we stop before 4 returned: nothing is stored, or all of it is and nobody was told; a retry finds out which.
    /// If we stop after 4: it is durable; opening the log releases it again, and a retry gets its receipt.
    fn round(&mut self, batch: Vec<Pending>) -> Result<bool, Fatal> {
        let State { head, governance, .. } = self.state.borrow().clone();
        let now = head.time.max(self.shared.clock.now());

        // 2. What is no longer judged under the newest rules goes back; what is registered already is answered.
        let mut guards = Vec::with_capacity(batch.len());
        let mut round = Round::default();
        let snapshot = self.shared.store.snapshot().map_err(Fatal::Read)?;
        for pending in batch {
            let Pending { id, admitted, judged, reply, room, flight } = pending;
            guards.push((room, flight));
            let current = judged_under_newest(&judged, &governance, now);
            if let Some(verdict) = known(&round, snapshot.as_ref(), &id, &admitted, governance.identity())
                .map_err(Fatal::Read)?
            {
                round.answers.push((reply, verdict));
            } else if current {
                round.admit(&head, governance.identity(), id, *admitted, judged, now, reply);
            } else {
                self.shared.metrics.judged_again.inc();
                round.answers.push((reply, Verdict::JudgeAgain(admitted)));
            }
        }
        drop(snapshot);
        let grew = !round.entries.is_empty();
        if grew {
            self.commit(&mut round, &head, now)?;
        }

        // 6. In batch order; what is answered is no longer on its way, so asking for it at once gives the same answer.
        // A caller who has gone away loses nothing: asking again finds the entry.
        drop(guards);
        for (reply, verdict) in round.answers {
            let _gone = reply.send(verdict);
        }
        Ok(grew)
    }

    fn commit(&mut self, round: &mut Round, head: &Head, now: UnixTime) -> Result<(), Fatal> {
        let metrics = &self.shared.metrics;
        let entries = std::mem::take(&mut round.entries);
        let rows = std::mem::take(&mut round.rows);
        metrics.round_entries.observe(f64::from(u32::try_from(entries.len()).unwrap_or(u32::MAX)));

        // 3. Pure: nothing is stored yet.
        let growth =
            timed(&metrics.integrate_seconds, || integrate(Some(head.tree), &self.edge, entries, rows, now))
                .map_err(|_| Fatal::TreeFull)?;
        let grown = growth.commit.head;

        // 4. One synced batch. Until it returned, no receipt and no checkpoint may know of it (D8).
        timed(&metrics.commit_seconds, || self.shared.store.commit(growth.commit)).map_err(Fatal::Commit)?;
        metrics.rounds.inc();
        metrics.committed_size.set(gauge_value(grown.tree.size.get()));
        self.edge = growth.edge;
        for (id, tile) in growth.full {
            self.shared.tiles.put(id, tile);
        }

        // 5. Readers and the publisher see the new head, its edge, and the rules in force at it.
        let change = round.change.take();
        let edge = self.edge.tiles().into();
        self.state.send_modify(|state| {
            state.head = grown;
            state.edge = edge;
            if let Some((change, index, id)) = &change {
                state.governance = state.governance.apply(change, *index, *id);
            }
        });
        Ok(())
    }
}

impl Round {
    fn admit(
        &mut self,
        head: &Head,
        identity: &LogIdentity,
        id: EntryId,
        admitted: Admitted,
        judged: Judged,
        now: UnixTime,
        reply: oneshot::Sender<Verdict>,
    ) {
        let position = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let index = LeafIndex::new(head.tree.size.get().saturating_add(position));
        let statement = admitted.statement.statement();
        self.twins.extend(statement.twin_id().map(|twin| (twin, id)));
        if let Some(key) = registrar::key_of(statement, identity) {
            let subject = statement.header().subject.as_str().into();
            self.evidence.insert(key, Registered { id, index, registered_at: now, subject });
        }
        self.rows.extend(rows::of_entry(statement, index, identity));
        self.ids.insert(id, index);
        self.entries.push(NewEntry {
            entry: *id.as_bytes(),
            registered_at: now,
            statement: Bytes::copy_from_slice(statement.canonical()),
            collateral: collateral(&admitted, judged, now).encode().into(),
        });
        if let Some(change) = admitted.control {
            self.change = Some((change, index, id));
        }
        self.answers.push((reply, Verdict::Sequenced { index, registered_at: now, known: false }));
    }
}

fn collateral(admitted: &Admitted, judged: Judged, now: UnixTime) -> Collateral {
    let header = admitted.statement.statement().header();
    let key = admitted.evidence.key.thumbprint();
    let kid_names_it = header.kid.as_deref() == Some(key.as_bytes().as_slice());
    Collateral {
        policy: Some(judged.policy),
        anchors: Some(judged.anchors),
        evaluated_at: judged.at,
        registered_at: now,
        key: (!kid_names_it).then_some(key),
        anchor: admitted.evidence.anchor.as_ref().map(ToString::to_string),
        rule: Some(admitted.evidence.rule.clone()).filter(|rule| !rule.is_empty()),
        stripped_x5chain: admitted.evidence.unprotected_x5chain.clone(),
    }
}

/// D5, and the half of D6 that an auditor checks: `registered_at - 30 s <= evaluated_at <= registered_at`.
fn judged_under_newest(judged: &Judged, rules: &crate::governance::Governance, now: UnixTime) -> bool {
    judged.policy == rules.policy_index()
        && judged.anchors == rules.anchors_index()
        && judged.at <= now
        && now.secs().saturating_sub(judged.at.secs()) <= MAX_JUDGEMENT_AGE
}

/// D7: exact, on the full digest, against this round and everything before it.
fn known(
    round: &Round,
    snapshot: &dyn Snapshot,
    id: &EntryId,
    admitted: &Admitted,
    identity: &LogIdentity,
) -> Result<Option<Verdict>, StoreError> {
    if let Some(index) = round.ids.get(id) {
        let registered_at = round.entries.last().map_or(UnixTime::from_secs(0), |entry| entry.registered_at);
        return Ok(Some(Verdict::Sequenced { index: *index, registered_at, known: true }));
    }
    if let Some(index) = snapshot.lookup(rows::ENTRY, id.as_bytes())? {
        let registered_at = snapshot.entry(index)?.map_or(UnixTime::from_secs(0), |row| row.registered_at);
        return Ok(Some(Verdict::Sequenced { index, registered_at, known: true }));
    }
    if let Some(key) = registrar::key_of(admitted.statement.statement(), identity) {
        if let Some(registered) = round.evidence.get(&key) {
            return Ok(Some(Verdict::SameEvidence(registered.clone())));
        }
        if let Some(index) = snapshot.lookup(rows::EVIDENCE, &key)? {
            return Ok(registered_at(snapshot, index)?.map(Verdict::SameEvidence));
        }
    }
    let Some(twin) = admitted.statement.statement().twin_id() else { return Ok(None) };
    if let Some(of) = round.twins.get(&twin) {
        return Ok(Some(Verdict::Twin(*of)));
    }
    let Some(index) = snapshot.lookup(rows::TWIN, twin.as_bytes())? else { return Ok(None) };
    Ok(snapshot.entry(index)?.map(|row| Verdict::Twin(EntryId::from_bytes(row.entry))))
}
