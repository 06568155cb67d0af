//! What waits for the sequencer, and how much of it one round takes.

use std::time::Instant;

use proofs::{EntryId, LeafIndex, TreeSize, UnixTime};
use tokio::sync::{mpsc, oneshot};

use crate::flight::FlightGuard;
use crate::governance::{Admitted, Refusal};
use crate::receipts::Registered;
use crate::registration::Caller;
use crate::sequencer::room::Room;

/// One admitted statement on its way to the log.
pub(crate) struct Pending {
    pub(crate) id: EntryId,
    pub(crate) admitted: Box<Admitted>,
    pub(crate) judged: Judged,
    pub(crate) reply: Reply,
    /// Its room in the mailbox, held until the round is over.
    pub(crate) room: Room,
    pub(crate) flight: FlightGuard,
    /// When it was sent here.
    pub(crate) since: Instant,
}

/// Who hears what the sequencer says.
pub(crate) enum Reply {
    /// Somebody who waits for the verdict alone.
    Verdict(oneshot::Sender<Verdict>),
    /// Somebody who waits for what follows from it.
    Caller(Box<Caller>),
}

impl Pending {
    fn bytes(&self) -> usize {
        self.admitted.statement.statement().canonical().len()
    }
}

/// Under what a statement was judged (D5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) policy: LeafIndex,
    pub(crate) anchors: LeafIndex,
    pub(crate) at: UnixTime,
    /// The log had at least this size when nothing was found in it that the statement would repeat (D7).
    pub(crate) absent_at: TreeSize,
}

/// What the sequencer says of one pending statement.
pub(crate) enum Verdict {
    /// It is in the log: since this round, or since an earlier one (`known`).
    Sequenced { index: LeafIndex, registered_at: UnixTime, known: bool },
    /// Policy, anchors or time have moved on since it was judged.
    JudgeAgain(Box<Admitted>),
    /// It was registered, and erased by this entry (D20).
    Erased(EntryId),
    /// What is in the log by now rules it out.
    Refused(Box<Refusal>),
    /// The same evidence of the same producer is in the log, in another statement of the registrar (D17).
    SameEvidence(Registered),
    /// Its ECDSA twin is in the log (D7).
    Twin(EntryId),
}

/// The receiving end of the mailbox.
pub(crate) struct Pool {
    mailbox: mpsc::Receiver<Pending>,
    held: Option<Pending>,
    max_entries: usize,
    max_bytes: usize,
}

impl Pool {
    pub(crate) fn new(mailbox: mpsc::Receiver<Pending>, max_entries: usize, max_bytes: usize) -> Self {
        Self { mailbox, held: None, max_entries: max_entries.max(1), max_bytes }
    }

    /// Waits for the first statement, then takes what is there already, never waiting for more (D8). Ends early at a
    /// control statement, which is always the last of its round (D5). `None`: nobody can send any more.
    pub(crate) fn take(&mut self) -> Option<Vec<Pending>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.mailbox.blocking_recv()?,
        };
        let mut bytes = first.bytes();
        let mut closed = first.admitted.control.is_some();
        let mut batch = vec![first];
        while !closed && batch.len() < self.max_entries {
            let Ok(next) = self.mailbox.try_recv() else { break };
            bytes = bytes.saturating_add(next.bytes());
            if bytes > self.max_bytes {
                self.held = Some(next);
                break;
            }
            closed = next.admitted.control.is_some();
            batch.push(next);
        }
        Some(batch)
    }

    /// How many statements wait now.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.mailbox.len()
    }
}
