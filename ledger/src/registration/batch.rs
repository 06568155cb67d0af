//! Many statements in one call: the same judgement and the same promise for each, with few hand-overs for all.
//!
//! Judging and signing are done in chunks on the workers; in between, the whole batch waits for the sequencer at once.
//! Unlike a statement that comes alone, a batch waits for room in the mailbox, no longer than its deadline, and takes no
//! more than half of the mailbox, of its places and of its bytes, together with all other batches.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use proofs::EntryId;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{
    Front, MAX_JUDGEMENTS, NOT_ABSENT, RETRY_AFTER, Registration, Wait, judge, look_at, look_at_evidence,
};
use crate::error::{InternalError, RegisterError};
use crate::governance::Admitted;
use crate::ledger::Ledger;
use crate::receipts::{self, Registered};
use crate::registrar::Submission;
use crate::sequencer::pool::{Judged, Pending, Reply, Verdict};
use crate::shared::Shared;

/// How many statements are judged, or get their receipts, in one piece of work. Large enough that handing it over costs
/// nothing beside it (64 verifications: 3 ms), small enough that a batch is spread over all workers and that whoever
/// sends one statement does not wait long for a worker.
const CHUNK: usize = 64;

/// The most findings that are kept of a statement of a batch that its profile refuses, the worst of them: what is held of
/// a whole batch is told at once.
pub const FINDINGS_OF_MANY: usize = 4;

type Outcome = Result<Registration, RegisterError>;
/// What the front door does with one of them.
type Look<T> = fn(&Shared, &T) -> Result<Front, RegisterError>;
type Sequenced = Result<(Registered, bool), RegisterError>;

/// One statement of a batch on its way.
enum Stage {
    /// Judged; it has yet to be sent to the sequencer.
    Admitted(EntryId, Box<Admitted>, Judged),
    /// With the sequencer.
    Sent { id: EntryId, subject: Arc<str>, verdict: oneshot::Receiver<Verdict> },
    /// Judged under rules that are no longer the newest.
    Stale(EntryId, Box<Admitted>),
    /// Nothing more will happen to it.
    Done(Sequenced),
}

impl Ledger {
    /// Registers many statements: one outcome for each, in order, each as [`Ledger::register`] would give it if they
    /// were sent one after another. One that is refused changes nothing for the others; one that is there twice is
    /// registered once; a control statement counts for those behind it.
    ///
    /// The caller bounds the number of statements and their bytes. Of what a profile found in one that is refused the
    /// worst [`FINDINGS_OF_MANY`] are kept. What finds no room in the mailbox before the
    /// deadline is `Overloaded`, and was not registered.
    pub async fn register_batch(&self, bodies: &[Bytes], wait: Wait) -> Vec<Outcome> {
        self.batch(bodies, |shared, body| look_at(shared, body), wait, FINDINGS_OF_MANY).await
    }

    /// The same for evidence that the registrar wraps ([`Ledger::register_evidence`]), with so many findings kept of one
    /// that is refused.
    pub async fn register_evidence_batch(
        &self,
        evidence: &[Submission],
        wait: Wait,
        findings: usize,
    ) -> Vec<Outcome> {
        self.batch(evidence, look_at_evidence, wait, findings).await
    }

    async fn batch<T: Clone + Send + 'static>(
        &self,
        bodies: &[T],
        look: Look<T>,
        wait: Wait,
        findings: usize,
    ) -> Vec<Outcome> {
        let deadline = Instant::now() + self.shared.settings.register_deadline();
        let count = u32::try_from(bodies.len()).unwrap_or(u32::MAX);
        self.shared.metrics.batch_statements.observe(f64::from(count));
        let mut outcomes = Vec::with_capacity(bodies.len());
        while let Some(rest) = bodies.get(outcomes.len()..).filter(|rest| !rest.is_empty()) {
            let mut stages = self.judge_batch(rest, look, findings).await;
            // What stands behind a control statement has to be judged under it, and so once it is registered.
            let controls = stages.iter().position(changes_rules);
            stages.truncate(controls.map_or(stages.len(), |at| at.saturating_add(1)));
            self.sequence_batch(&mut stages, deadline, findings).await;
            outcomes.extend(self.answer_batch(stages, wait).await);
        }
        outcomes
    }

    async fn judge_batch<T: Clone + Send + 'static>(
        &self,
        bodies: &[T],
        look: Look<T>,
        findings: usize,
    ) -> Vec<Stage> {
        let works = bodies.chunks(CHUNK).map(|chunk| {
            let (shared, chunk) = (Arc::clone(&self.shared), chunk.to_vec());
            move || {
                let judged = chunk.iter().map(|body| look(&shared, body));
                judged.map(|front| front.map_err(|error| error.with_findings(findings))).collect::<Vec<_>>()
            }
        });
        let works = works.collect();
        let judged = self.shared.workers.run_all(works).await;
        let stage = |front| match front {
            Ok(Front::Known(registered)) => Stage::Done(Ok((registered, true))),
            Ok(Front::Admitted { id, admitted, judged }) => Stage::Admitted(id, admitted, judged),
            Err(error) => Stage::Done(Err(error)),
        };
        in_order(bodies.len(), judged).into_iter().map(stage).collect()
    }

    /// Takes every stage to `Done`.
    async fn sequence_batch(&self, stages: &mut [Stage], deadline: Instant, findings: usize) {
        for judgement in 1..=MAX_JUDGEMENTS {
            for stage in stages.iter_mut() {
                self.send(stage, deadline).await;
            }
            for stage in stages.iter_mut() {
                hear(stage, deadline).await;
            }
            if judgement < MAX_JUDGEMENTS {
                self.judge_stale(stages, findings).await;
            }
        }
        for stage in stages.iter_mut() {
            if let Stage::Admitted(id, ..) | Stage::Stale(id, _) = stage {
                *stage = Stage::Done(Err(overloaded(*id)));
            }
        }
    }

    /// Sends what is admitted to the sequencer, waiting for room.
    async fn send(&self, stage: &mut Stage, deadline: Instant) {
        let Stage::Admitted(id, ..) = stage else { return };
        let id = *id;
        let Stage::Admitted(_, admitted, judged) = std::mem::replace(stage, Stage::Done(Err(overloaded(id))))
        else {
            return;
        };
        let subject: Arc<str> = admitted.statement.statement().header().subject.as_str().into();
        let shared = &self.shared;
        let room = async {
            let room = shared.mailbox_room.of_batch(admitted.len()).await?;
            Some((room, self.mailbox.reserve().await))
        };
        let Ok(Some((room, place))) = timeout_at(deadline, room).await else { return };
        let Ok(place) = place else {
            *stage = Stage::Done(Err(RegisterError::Stopped));
            return;
        };
        let (reply, verdict) = oneshot::channel();
        let flight = shared.in_flight.enter(id);
        let reply = Reply::Verdict(reply);
        place.send(Pending { id, admitted, judged, reply, room, flight, since: std::time::Instant::now() });
        *stage = Stage::Sent { id, subject, verdict };
    }

    async fn judge_stale(&self, stages: &mut [Stage], findings: usize) {
        let mut stale = Vec::new();
        for (at, stage) in stages.iter_mut().enumerate() {
            if let Stage::Stale(id, _) = stage {
                let failed = Stage::Done(Err(InternalError::Worker.into()));
                let id = *id;
                if let Stage::Stale(_, admitted) = std::mem::replace(stage, failed) {
                    stale.push((at, id, admitted));
                }
            }
        }
        let mut works = Vec::new();
        while !stale.is_empty() {
            let chunk = stale.split_off(stale.len().saturating_sub(CHUNK));
            let shared = Arc::clone(&self.shared);
            works.push(move || {
                let again = |(at, id, admitted): (usize, EntryId, Box<Admitted>)| {
                    let judged = judge(&shared, admitted.statement.into_statement(), NOT_ABSENT);
                    let stage = match judged {
                        Ok((admitted, judged)) => Stage::Admitted(id, admitted, judged),
                        Err(error) => Stage::Done(Err(error.with_findings(findings))),
                    };
                    (at, stage)
                };
                chunk.into_iter().map(again).collect::<Vec<_>>()
            });
        }
        for (at, stage) in self.shared.workers.run_all(works).await.into_iter().flatten().flatten() {
            if let Some(slot) = stages.get_mut(at) {
                *slot = stage;
            }
        }
    }

    async fn answer_batch(&self, stages: Vec<Stage>, wait: Wait) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(stages.len());
        let mut asked = Vec::new();
        let uncovered = |stage: &Stage| match stage {
            Stage::Done(Ok((registered, _))) => !self.shared.may_issue(registered.index),
            _ => false,
        };
        // One answer for all: the receipts of a batch are there, or to come.
        let wait = if stages.iter().any(uncovered) { Wait::ForCommit } else { wait };
        for stage in stages {
            // Every stage is done; were one not, nothing was promised for it.
            let sequenced =
                if let Stage::Done(sequenced) = stage { sequenced } else { Err(RegisterError::Stopped) };
            self.count(sequenced.as_ref().map(|(_, known)| *known));
            outcomes.push(sequenced.map(|(registered, _)| {
                let (id, index) = (registered.id, registered.index);
                if wait == Wait::ForReceipt {
                    asked.push(registered);
                }
                Registration::Committed { id, index }
            }));
        }
        let works = asked.chunks(CHUNK).map(|chunk| {
            let (shared, chunk) = (Arc::clone(&self.shared), chunk.to_vec());
            move || {
                chunk
                    .iter()
                    .map(|registered| Ok(receipts::inclusion(&shared, registered)?))
                    .collect::<Vec<_>>()
            }
        });
        let works = works.collect();
        let signed = self.shared.workers.run_all(works).await;
        let mut receipts = in_order(asked.len(), signed).into_iter();
        if wait == Wait::ForReceipt {
            for outcome in &mut outcomes {
                if let Ok(Registration::Committed { id, index }) = outcome
                    && let Some(receipt) = receipts.next()
                {
                    let (id, index) = (*id, *index);
                    *outcome = receipt.map(|receipt| Registration::Issued { id, index, receipt });
                }
            }
        }
        outcomes
    }
}

/// Waits for what the sequencer says.
async fn hear(stage: &mut Stage, deadline: Instant) {
    let Stage::Sent { id, subject, verdict } = stage else { return };
    let (id, subject) = (*id, Arc::clone(subject));
    let heard = timeout_at(deadline, verdict).await;
    *stage = match heard {
        Err(_) => Stage::Done(Err(RegisterError::Deadline { id, retry_after: RETRY_AFTER })),
        Ok(Err(_)) => Stage::Done(Err(RegisterError::Stopped)),
        Ok(Ok(Verdict::Sequenced { index, registered_at, known })) => {
            Stage::Done(Ok((Registered { id, index, registered_at, subject }, known)))
        }
        Ok(Ok(Verdict::SameEvidence(registered))) => Stage::Done(Ok((registered, true))),
        Ok(Ok(Verdict::Erased(by))) => Stage::Done(Err(RegisterError::Erased { id, by })),
        Ok(Ok(Verdict::Refused(refusal))) => Stage::Done(Err((*refusal).into())),
        Ok(Ok(Verdict::Twin(of))) => Stage::Done(Err(RegisterError::Twin { of })),
        Ok(Ok(Verdict::JudgeAgain(admitted))) => Stage::Stale(id, admitted),
    };
}

fn changes_rules(stage: &Stage) -> bool {
    matches!(stage, Stage::Admitted(_, admitted, _) if admitted.control.is_some())
}

fn overloaded(id: EntryId) -> RegisterError {
    RegisterError::Overloaded { retry_after: RETRY_AFTER, id: Some(id) }
}

/// The results of chunks as results of `count` statements. A chunk whose worker died stands for as many failures.
fn in_order<T>(
    count: usize,
    chunks: Vec<Result<Vec<Result<T, RegisterError>>, InternalError>>,
) -> Vec<Result<T, RegisterError>> {
    let mut all = Vec::with_capacity(count);
    for chunk in chunks {
        let full = CHUNK.min(count.saturating_sub(all.len()));
        match chunk {
            Ok(results) => all.extend(results),
            Err(_) => all.extend((0..full).map(|_| Err(InternalError::Worker.into()))),
        }
    }
    all
}
