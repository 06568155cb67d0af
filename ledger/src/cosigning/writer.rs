//! The one who writes down what is cosigned.

use std::collections::HashMap;
use std::sync::Arc;

use proofs::TreeHead;
use tokio::sync::{mpsc, oneshot};

use super::{CosigningError, JournalError, Known, Log, WitnessJournal};

/// How many checkpoints share one sync, at most.
const BATCH: usize = 1024;

/// A log that is to move on.
pub(super) struct Update {
    pub(super) log: Arc<Log>,
    /// Where it must still be.
    pub(super) from: TreeHead,
    pub(super) to: Known,
    pub(super) reply: oneshot::Sender<Result<(), CosigningError>>,
}

/// The writer of the journal. [`WitnessWriter::run`] belongs on a thread of its own.
pub struct WitnessWriter {
    updates: mpsc::Receiver<Update>,
    journal: Box<dyn WitnessJournal>,
}

impl WitnessWriter {
    pub(super) fn new(updates: mpsc::Receiver<Update>, journal: Box<dyn WitnessJournal>) -> Self {
        Self { updates, journal }
    }

    /// Writes until every [`super::CheckpointWitness`] is gone.
    ///
    /// # Errors
    /// [`JournalError`]: what is on the disk is unknown, and only a restart finds out. Nobody gets a cosignature for it.
    pub fn run(mut self) -> Result<(), JournalError> {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            if self.updates.blocking_recv_many(&mut batch, BATCH) == 0 {
                return Ok(());
            }
            self.write(&mut batch)?;
        }
    }

    /// If we stop before the sync returned, nobody has a cosignature, and the journal has all of it or nothing that
    /// matters; if we stop after it, a retry finds the log moved on and resynchronises.
    ///
    /// Nobody is told of a size before the log is there: who began again from it at once would be told the old one, and
    /// soon give up.
    fn write(&mut self, batch: &mut Vec<Update>) -> Result<(), JournalError> {
        // Of several that begin at one place the first wins: the others did not see it (WIT-02).
        let mut moved: HashMap<*const Log, usize> = HashMap::new();
        let mut taken: Vec<Update> = Vec::with_capacity(batch.len());
        let mut late = Vec::new();
        for update in batch.drain(..) {
            let key = Arc::as_ptr(&update.log);
            let current = match moved.get(&key).and_then(|at| taken.get(*at)) {
                Some(winner) => winner.to.head,
                None => update.log.known().head,
            };
            if current == update.from {
                moved.insert(key, taken.len());
                taken.push(update);
            } else {
                late.push((update.reply, current.size));
            }
        }
        // A checkpoint that was cosigned before is on the disk already; only its time is new.
        let new = taken.iter().filter(|update| update.from != update.to.head);
        let notes: Vec<Arc<str>> = new.map(|update| Arc::clone(&update.to.note)).collect();
        if !notes.is_empty() {
            self.journal.append(&notes)?;
        }
        for Update { log, to, reply, .. } in taken {
            log.set(to);
            let _gone = reply.send(Ok(()));
        }
        for (reply, size) in late {
            let _gone = reply.send(Err(CosigningError::Conflict(size)));
        }
        Ok(())
    }
}
