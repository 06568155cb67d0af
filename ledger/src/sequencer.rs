//! One thread orders and commits. It owns the tree; nobody else writes.

mod examined;
pub(crate) mod integrate;
pub(crate) mod pool;
mod recent;
pub(crate) mod room;
mod round;
pub(crate) mod weigh;

pub(crate) use round::recorded;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proofs::{LeafIndex, UnixTime};
use storage::{Commit, LogStore, Snapshot};
use tokio::sync::watch;

use crate::error::Fatal;
use crate::governance::{Admitted, Governance};
use crate::metrics::{gauge_value, timed};
use crate::rows;
use crate::shared::{Shared, State};
use crate::trace_batch;
use integrate::{Edge, integrate};
use pool::{Judged, Pending, Pool, Reply, Verdict};
use recent::Recent;
use round::Round;

/// How old a judgement may be when its statement is committed, in seconds (D5).
pub(crate) const MAX_JUDGEMENT_AGE: u64 = 30;

/// The writer of the log. [`Sequencer::run`] belongs on a thread of its own.
pub struct Sequencer {
    pool: Pool,
    shared: Arc<Shared>,
    state: watch::Sender<State>,
    edge: Edge,
    recent: Recent,
    /// The first entry that no collateral manifest covers.
    covered: LeafIndex,
}

impl Sequencer {
    pub(crate) fn new(
        pool: Pool,
        shared: Arc<Shared>,
        state: watch::Sender<State>,
        edge: Edge,
        covered: LeafIndex,
    ) -> Self {
        let recent = Recent::new(state.borrow().head.tree.size);
        Self { pool, shared, state, edge, recent, covered }
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

    /// If we stop before the commit returned: nothing is stored, or all of it is and nobody was told; a retry finds out
    /// which. If we stop after it: it is durable; opening the log releases it again, and a retry gets its receipt.
    fn round(&mut self, batch: Vec<Pending>) -> Result<bool, Fatal> {
        let State { head, governance, .. } = self.state.borrow().clone();
        let now = self.shared.time_after(head);

        // What is no longer judged under the newest rules goes back; what is registered already is answered.
        let mut guards = Vec::with_capacity(batch.len());
        let mut round = Round::new(head, now, governance.clone(), self.covered);
        let mut log = LogBefore::new(self.shared.store.as_ref());
        for pending in batch {
            let Pending { id, admitted, judged, reply, room, flight, since } = pending;
            self.shared.metrics.queue_seconds.observe(since.elapsed().as_secs_f64());
            guards.push((room, flight));
            let current = judged_under_newest(&judged, &governance, now);
            let new = self.is_new(&judged, &admitted, &governance);
            let view = if !new || needs_the_log(&admitted) { Some(log.view()?) } else { None };
            let before = view.filter(|_| !new);
            if let Some(verdict) = round.known(before, &id, &admitted).map_err(Fatal::Read)? {
                round.answers.push((id, reply, verdict));
            } else if current {
                round.admit(id, *admitted, judged, reply, view).map_err(Fatal::Read)?;
            } else {
                self.shared.metrics.judged_again.inc();
                round.answers.push((id, reply, Verdict::JudgeAgain(admitted)));
            }
        }
        drop(log);
        let grew = !round.entries.is_empty();
        if grew {
            self.commit(&mut round)?;
        }

        // In batch order; what is answered is no longer on its way, so asking for it at once gives the same answer.
        // A caller who has gone away loses nothing: asking again finds the entry.
        drop(guards);
        let mut jobs = Vec::with_capacity(round.answers.len());
        for (id, reply, verdict) in round.answers {
            match reply {
                Reply::Verdict(waiting) => drop(waiting.send(verdict)),
                Reply::Caller(caller) => jobs.push(caller.then(id, verdict)),
            }
        }
        self.shared.workers.go_on(jobs);
        Ok(grew)
    }

    /// Whether the statement is known to repeat nothing of the log before this round (D7): the front door did not find
    /// it, and it was not committed since.
    fn is_new(&self, judged: &Judged, admitted: &Admitted, rules: &Governance) -> bool {
        let keys: Vec<_> = rows::unique(admitted.statement.statement(), rules.identity()).collect();
        self.recent.rules_out(judged.absent_at, keys.iter().map(|(_, key)| key))
    }

    fn commit(&mut self, round: &mut Round) -> Result<(), Fatal> {
        let metrics = &self.shared.metrics;
        let entries = std::mem::take(&mut round.entries);
        let rows = std::mem::take(&mut round.rows);
        // Remembered first: to look for one key too many costs a search, to miss one would cost a second entry.
        self.recent.committed(round.base.tree.size, &rows);
        metrics.round_entries.observe(f64::from(u32::try_from(entries.len()).unwrap_or(u32::MAX)));

        // 3. Pure: nothing is stored yet.
        let growth = timed(&metrics.integrate_seconds, || {
            integrate(Some(round.base.tree), &self.edge, entries, rows, round.now)
        })
        .map_err(|_| Fatal::TreeFull)?;
        let grown = growth.commit.head;
        let commit = Commit { erasures: std::mem::take(&mut round.erasures), ..growth.commit };
        let erases = !commit.erasures.is_empty();

        // 4. One synced batch. Until it returned, no receipt and no checkpoint may know of it (D8).
        timed(&metrics.commit_seconds, || self.shared.store.commit(commit)).map_err(Fatal::Commit)?;
        metrics.rounds.inc();
        if erases {
            self.shared.to_scrub.store(true, Ordering::SeqCst);
        }
        metrics.committed_size.set(gauge_value(grown.tree.size.get()));
        self.edge = growth.edge;
        self.covered = round.covered;
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

/// Whether the place of the statement matters to it: it changes the rules, continues what came before it, or its profile
/// asks about earlier entries.
fn needs_the_log(admitted: &Admitted) -> bool {
    let asks = admitted.examination.as_ref().is_some_and(|found| !found.probes.is_empty());
    let header = admitted.statement.statement().header();
    asks || admitted.control.is_some() || trace_batch::range_of(header).is_some()
}

/// The log before the round, read when it is first asked for: most rounds never do.
struct LogBefore<'a> {
    store: &'a dyn LogStore,
    snapshot: Option<Box<dyn Snapshot + 'a>>,
}

impl<'a> LogBefore<'a> {
    fn new(store: &'a dyn LogStore) -> Self {
        Self { store, snapshot: None }
    }

    fn view(&mut self) -> Result<&dyn Snapshot, Fatal> {
        let snapshot = match self.snapshot.take() {
            Some(snapshot) => snapshot,
            None => self.store.snapshot().map_err(Fatal::Read)?,
        };
        Ok(&**self.snapshot.insert(snapshot))
    }
}

/// D5, and the half of D6 that an auditor checks: `registered_at - 30 s <= evaluated_at <= registered_at`.
fn judged_under_newest(judged: &Judged, rules: &Governance, now: UnixTime) -> bool {
    judged.policy == rules.policy_index()
        && judged.anchors == rules.anchors_index()
        && judged.at <= now
        && now.secs().saturating_sub(judged.at.secs()) <= MAX_JUDGEMENT_AGE
}
