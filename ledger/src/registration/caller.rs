//! Somebody who waits for one registration, from its first look to its receipt.
//!
//! All that is done for it is done on the workers, each step by whoever ended the one before: the reactor hands it over
//! once and hears of it once.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use proofs::EntryId;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{Front, MAX_JUDGEMENTS, NOT_ABSENT, RETRY_AFTER, Registration, Wait, judge};
use crate::error::{InternalError, RegisterError};
use crate::governance::Admitted;
use crate::ledger::Ledger;
use crate::receipts::{self, Registered};
use crate::sequencer::pool::{Judged, Pending, Reply, Verdict};
use crate::shared::Shared;
use crate::workers::{Job, Sort};

/// How a registration ended; `true` if the statement was registered before.
type Outcome = Result<(Registration, bool), RegisterError>;

/// See the [module](self).
pub(crate) struct Caller {
    ledger: Ledger,
    wait: Wait,
    deadline: Instant,
    judgements: usize,
    subject: Arc<str>,
    progress: Arc<Progress>,
    /// Taken with the answer.
    answer: Option<oneshot::Sender<Outcome>>,
}

/// What the one who waits wants to know when the deadline passes.
#[derive(Default)]
struct Progress {
    id: OnceLock<EntryId>,
    committed: AtomicBool,
}

/// Has one registration done, beginning with `look`.
pub(super) async fn register(
    ledger: &Ledger,
    look: impl FnOnce(&Shared) -> Result<Front, RegisterError> + Send + 'static,
    wait: Wait,
) -> Outcome {
    let deadline = Instant::now() + ledger.shared.settings.register_deadline();
    let progress = Arc::new(Progress::default());
    let (answer, mut outcome) = oneshot::channel();
    let caller = Caller {
        ledger: ledger.clone(),
        wait,
        deadline,
        judgements: 0,
        subject: "".into(),
        progress: Arc::clone(&progress),
        answer: Some(answer),
    };
    if !ledger.shared.workers.begin(Sort::Registration, Box::new(move || caller.begin(look))) {
        return Err(RegisterError::Overloaded { retry_after: RETRY_AFTER, id: None });
    }
    let heard = match timeout_at(deadline, &mut outcome).await {
        Ok(heard) => heard,
        Err(_) => match progress.id.get() {
            Some(id) if !progress.committed.load(Ordering::Acquire) => {
                return Err(RegisterError::Deadline { id: *id, retry_after: RETRY_AFTER });
            }
            // Committed: only the receipt is missing. Or not judged yet: whoever judges it sees that it is late.
            _ => outcome.await,
        },
    };
    heard.unwrap_or(Err(RegisterError::Stopped))
}

impl Caller {
    fn begin(self, look: impl FnOnce(&Shared) -> Result<Front, RegisterError>) {
        if self.is_gone() {
            return;
        }
        match look(&self.ledger.shared) {
            Ok(Front::Known(registered)) => self.issue(registered, true),
            Ok(Front::Admitted { id, admitted, judged }) => self.send(id, admitted, judged),
            Err(error) => self.end(Err(error)),
        }
    }

    /// Whether nobody waits any more. What was not begun need not be then; what was committed stays.
    fn is_gone(&self) -> bool {
        self.answer.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// To the sequencer. Never waits: a full mailbox is an answer (SCR-34), not a longer queue.
    fn send(mut self, id: EntryId, admitted: Box<Admitted>, judged: Judged) {
        let overloaded = || Err(RegisterError::Overloaded { retry_after: RETRY_AFTER, id: Some(id) });
        if self.is_gone() {
            return;
        }
        if self.judgements == MAX_JUDGEMENTS {
            return self.end(overloaded());
        }
        self.judgements += 1;
        self.subject = admitted.statement.statement().header().subject.as_str().into();
        // In this order: who finds no id at the deadline knows that it will be seen here.
        let _again = self.progress.id.set(id);
        if Instant::now() >= self.deadline
            && let Some(answer) = self.answer.take()
        {
            // It may still be committed, as if the deadline had passed a moment later.
            let _gone = answer.send(Err(RegisterError::Deadline { id, retry_after: RETRY_AFTER }));
        }
        let Ledger { shared, mailbox } = self.ledger.clone();
        let bytes = admitted.len();
        let Some(room) = shared.mailbox_room.try_alone(bytes) else { return self.end(overloaded()) };
        let flight = shared.in_flight.enter(id);
        let reply = Reply::Caller(Box::new(self));
        let since = std::time::Instant::now();
        let refused = match mailbox.try_send(Pending { id, admitted, judged, reply, room, flight, since }) {
            Ok(()) => return,
            Err(TrySendError::Full(pending)) => (pending, overloaded()),
            Err(TrySendError::Closed(pending)) => (pending, Err(RegisterError::Stopped)),
        };
        let (Pending { reply, room, flight, .. }, outcome) = refused;
        drop((room, flight));
        if let Reply::Caller(caller) = reply {
            caller.end(outcome);
        }
    }

    /// What is to be done once the sequencer has said this.
    pub(crate) fn then(self: Box<Self>, id: EntryId, verdict: Verdict) -> Job {
        if matches!(verdict, Verdict::Sequenced { .. } | Verdict::SameEvidence(_)) {
            self.progress.committed.store(true, Ordering::Release);
        }
        Box::new(move || self.hear(id, verdict))
    }

    fn hear(self, id: EntryId, verdict: Verdict) {
        match verdict {
            Verdict::Sequenced { index, registered_at, known } => {
                let subject = Arc::clone(&self.subject);
                self.issue(Registered { id, index, registered_at, subject }, known);
            }
            Verdict::SameEvidence(registered) => self.issue(registered, true),
            Verdict::Erased(by) => self.end(Err(RegisterError::Erased { id, by })),
            Verdict::Refused(refusal) => self.end(Err((*refusal).into())),
            Verdict::Twin(of) => self.end(Err(RegisterError::Twin { of })),
            Verdict::JudgeAgain(stale) => {
                match judge(&self.ledger.shared, stale.statement.into_statement(), NOT_ABSENT) {
                    Ok((admitted, judged)) => self.send(id, admitted, judged),
                    Err(error) => self.end(Err(error)),
                }
            }
        }
    }

    fn issue(self, registered: Registered, known: bool) {
        let (id, index) = (registered.id, registered.index);
        let issuable = self.ledger.shared.may_issue(index);
        if self.wait == Wait::ForCommit || !issuable || self.is_gone() {
            return self.end(Ok((Registration::Committed { id, index }, known)));
        }
        let receipt = receipts::inclusion(&self.ledger.shared, &registered);
        self.end(match receipt {
            Ok(receipt) => Ok((Registration::Issued { id, index, receipt }, known)),
            Err(error) => Err(error.into()),
        });
    }

    fn end(mut self, outcome: Outcome) {
        if let Some(answer) = self.answer.take() {
            let _gone = answer.send(outcome);
        }
    }
}

/// A caller that is dropped unanswered hears that the service is stopping, which is why, unless it was a bug.
impl Drop for Caller {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(answer) = self.answer.take()
        {
            let _gone = answer.send(Err(InternalError::Worker.into()));
        }
    }
}
