//! From committed heads to checkpoints (D10): at most one an interval, at once when idle.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use proofs::TreeSize;
use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use storage::LogStore;
use tokio::sync::watch;

use crate::error::Fatal;
use crate::metrics::timed;
use crate::shared::{Published, Shared, State};

/// The signer of checkpoints. [`Publisher::run`] belongs on a thread of its own.
pub struct Publisher {
    shared: Arc<Shared>,
    heads: watch::Receiver<State>,
    origin: Origin,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, origin: Origin) -> Self {
        let heads = shared.state.clone();
        Self { shared, heads, origin }
    }

    /// Publishes until the sequencer has ended and its last head is covered by a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Fatal`] if a checkpoint cannot be signed or made durable: the process must end.
    pub fn run(mut self) -> Result<(), Fatal> {
        let reactor =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Fatal::Start)?;
        reactor.block_on(async {
            loop {
                // Opening a log publishes what a crash left unpublished: the same code, from the first turn on.
                self.publish_newest()?;
                if !self.pace().await {
                    return self.publish_newest();
                }
            }
        })
    }

    /// Waits for the interval and then for a new head; `false` when there will be none.
    async fn pace(&mut self) -> bool {
        let interval = self.shared.settings.checkpoint_interval();
        let ended = wait_out(&mut self.heads, interval).await;
        !ended && (self.is_behind() || self.heads.changed().await.is_ok())
    }

    fn is_behind(&self) -> bool {
        self.heads.borrow().head.tree.size > self.shared.published().size
    }

    /// Signs and persists the newest committed head, then lets readers see it.
    ///
    /// If we stop before the file is replaced, the older checkpoint stands; if we stop after, opening the log finds
    /// the newer one. No checkpoint leaves the process before it is durable (CKPT-04, D11).
    pub(crate) fn publish_newest(&mut self) -> Result<(), Fatal> {
        let head = self.heads.borrow_and_update().head;
        if head.tree.size > self.shared.published().size {
            timed(&self.shared.metrics.publish_seconds, || {
                let checkpoint = Checkpoint { origin: self.origin.clone(), head: head.tree };
                let published = sign_and_persist(&checkpoint, &self.shared.keys, self.shared.store.as_ref())?;
                self.shared.set_published(published);
                Ok::<(), Fatal>(())
            })?;
        }
        if !self.is_behind() {
            self.shared.progress.published_newest();
        }
        Ok(())
    }
}

/// Makes a head public: signed, durable, and only then a value that others may see.
pub(crate) fn sign_and_persist(
    checkpoint: &Checkpoint,
    keys: &crate::ledger::Keys,
    store: &dyn LogStore,
) -> Result<Published, Fatal> {
    let size: TreeSize = checkpoint.head.size;
    let note = sign_checkpoint(checkpoint, keys.checkpoints.as_ref())?;
    store.publish(note.as_bytes()).map_err(Fatal::Publish)?;
    Ok(Published { note: note.into(), size })
}

/// Lets `interval` pass, or less if the sequencer ends meanwhile (then `true`).
async fn wait_out(heads: &mut watch::Receiver<State>, interval: Duration) -> bool {
    let end = tokio::time::sleep(interval);
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return false,
            changed = heads.changed() => if changed.is_err() { return true },
        }
    }
}
