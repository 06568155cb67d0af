//! What is due by the clock and not by a request: collateral manifests (D12), batches of TRACE records, and having what
//! was erased leave the files of the store (D20).
//!
//! Everything that is needed to go on is in the log, so a process that is killed between two steps loses nothing and does
//! nothing twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use crate::error::{Fatal, InternalError, RegisterError};
use crate::ledger::Ledger;
use crate::registration::Wait;
use crate::sequencer::pool::Pending;
use crate::shared::{Shared, State};
use crate::{manifest, trace_batch};

/// How often the clock is looked at while nothing is registered.
const POLL: Duration = Duration::from_secs(1);

/// Registers manifests and batches of TRACE records when they are due, and scrubs what was erased. [`Keeper::run`] belongs
/// on a thread of its own.
pub struct Keeper {
    shared: Arc<Shared>,
    heads: watch::Receiver<State>,
    /// Weak, so that the sequencer ends when everybody else has gone.
    mailbox: mpsc::WeakSender<Pending>,
    manifest: Option<manifest::Tally>,
    batch: Option<trace_batch::Tally>,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>, mailbox: mpsc::WeakSender<Pending>) -> Self {
        let heads = shared.state.clone();
        Self { shared, heads, mailbox, manifest: None, batch: None }
    }

    /// Registers manifests until the sequencer has ended. What cannot be registered now is tried again.
    ///
    /// # Errors
    ///
    /// [`Fatal`] if the thread cannot start.
    pub fn run(mut self) -> Result<(), Fatal> {
        let reactor =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Fatal::Start)?;
        reactor.block_on(async {
            loop {
                self.scrub();
                let batched = self.batch().await;
                let kept = self.step().await;
                if Self::go_on(batched, "a batch of TRACE records")
                    || Self::go_on(kept, "a collateral manifest")
                {
                    continue;
                }
                tokio::select! {
                    changed = self.heads.changed() => if changed.is_err() { return Ok(()) },
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        })
    }

    /// Has what was erased leave the files of the store. Views from before keep it for a moment; then it is tried again.
    pub(crate) fn scrub(&self) {
        let to_scrub = &self.shared.to_scrub;
        let pending = &self.shared.metrics.erasures_pending;
        if !to_scrub.swap(false, Ordering::SeqCst) {
            return;
        }
        pending.set(1);
        match self.shared.store.scrub() {
            Ok(true) => pending.set(0),
            Ok(false) => to_scrub.store(true, Ordering::SeqCst),
            Err(error) => {
                to_scrub.store(true, Ordering::SeqCst);
                tracing::warn!(%error, "what was erased is still in the files of the store; it will be tried again");
            }
        }
    }

    /// Whether there may be more to do at once.
    fn go_on(outcome: Result<bool, RegisterError>, what: &'static str) -> bool {
        match outcome {
            Ok(done) => done,
            Err(RegisterError::Stopped) => false,
            Err(error) => {
                tracing::warn!(%error, "{what} could not be registered; it will be tried again");
                false
            }
        }
    }

    /// Registers one manifest if one is due; `true` if it did.
    pub(crate) async fn step(&mut self) -> Result<bool, RegisterError> {
        let settings = &self.shared.settings;
        if settings.manifest_entries == 0 {
            return Ok(false);
        }
        let State { head, governance, .. } = self.shared.state();
        let snapshot = self.shared.store.snapshot().map_err(InternalError::from)?;
        // Taken, and put back only when nothing went wrong: what the log says is read anew then.
        let mut tally = match self.manifest.take() {
            Some(tally) => tally,
            None => manifest::Tally::new(manifest::covered(snapshot.as_ref(), head.tree.size)?),
        };
        let now = self.shared.time_after(head);
        let Some(manifest) = tally.due(snapshot.as_ref(), head.tree.size, now, settings)? else {
            self.manifest = Some(tally);
            return Ok(false);
        };
        drop(snapshot);
        let statement = manifest::statement(tally.covered.by, governance.identity());
        let signed = statement.sign(&manifest.encode(), self.shared.keys.registrar.as_ref());
        self.register(signed.map_err(InternalError::from)?).await?;
        self.shared.metrics.manifests.inc();
        Ok(true)
    }

    /// Registers one batch of TRACE records if one is due; `true` if it did.
    pub(crate) async fn batch(&mut self) -> Result<bool, RegisterError> {
        let State { head, governance, .. } = self.shared.state();
        let now = self.shared.time_after(head);
        let interval = self.shared.settings.trace_batch_interval_s;
        if self.batch.as_ref().is_some_and(|tally| tally.may_wait(head.tree.size, now, interval)) {
            return Ok(false);
        }
        let snapshot = self.shared.store.snapshot().map_err(InternalError::from)?;
        // Taken, and put back only when nothing went wrong: what the log says is read anew then.
        let mut tally = match self.batch.take() {
            Some(tally) => tally,
            None => trace_batch::Tally::new(snapshot.as_ref(), head.tree.size)?,
        };
        let Some(batch) = tally.due(snapshot.as_ref(), head.tree.size, now, interval)? else {
            self.batch = Some(tally);
            return Ok(false);
        };
        drop(snapshot);
        let registrar = self.shared.keys.registrar.as_ref();
        let signed = batch.sign(tally.follows, now, governance.identity(), registrar);
        self.register(signed.map_err(InternalError::from)?).await?;
        self.shared.metrics.trace_batches.inc();
        Ok(true)
    }

    async fn register(&self, statement: Vec<u8>) -> Result<(), RegisterError> {
        let Some(mailbox) = self.mailbox.upgrade() else { return Err(RegisterError::Stopped) };
        let ledger = Ledger { shared: Arc::clone(&self.shared), mailbox };
        ledger.register(Bytes::from(statement), Wait::ForCommit).await.map(drop)
    }
}
