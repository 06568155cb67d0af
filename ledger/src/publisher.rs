//! From committed heads to checkpoints (D10): at most one an interval, at once when idle; seen by witnesses before it is
//! published, if the log has any.
//!
//! A candidate is the newest head, signed. Without a quorum to ask for it is published at once. With one, it is announced to
//! the witnesses and waits for the quorum, up to a limit; then it is published as it is, or held back. Whatever comes late
//! is put under it until the next candidate. Nothing here is waited for by a registration.

mod candidate;
mod feeder;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use proofs::cosignature::cosign;
use proofs::{SignedNote, UnixTime};
use storage::{Head, LogStore};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::error::Fatal;
use crate::ledger::Keys;
use crate::metrics::{gauge_value, timed};
use crate::shared::{Published, Shared, State};
use crate::witness::Witnessing;

use candidate::{Candidate, Stage};
use feeder::{Event, Feeder, Target};

/// How many answers of witnesses may wait for the publisher; each witness has at most one on its way.
const EVENTS: usize = 256;
/// How long the last checkpoint of a log that is being closed waits for its quorum, at most.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// The signer of checkpoints. [`Publisher::run`] belongs on a thread of its own.
pub struct Publisher {
    shared: Arc<Shared>,
    heads: watch::Receiver<State>,
    origin: Origin,
    candidate: Option<Candidate>,
    targets: watch::Sender<Option<Arc<Target>>>,
    events: mpsc::Receiver<Event>,
    sender: mpsc::Sender<Event>,
    ended: bool,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, origin: Origin) -> Self {
        let heads = shared.state.clone();
        let (sender, events) = mpsc::channel(EVENTS);
        let (targets, _) = watch::channel(None);
        Self { shared, heads, origin, candidate: None, targets, events, sender, ended: false }
    }

    /// Publishes until the sequencer has ended and its last head is covered by a checkpoint, or, with witnesses, until
    /// that checkpoint had its time to be cosigned.
    ///
    /// # Errors
    ///
    /// [`Fatal`] if a checkpoint cannot be signed or made durable, or if somebody showed one that this log signed and
    /// that contradicts it: the process must end.
    pub fn run(mut self) -> Result<(), Fatal> {
        let reactor =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Fatal::Start)?;
        let result = reactor.block_on(async {
            let feeders = self.start_feeders();
            let result = self.publish_until_ended().await;
            drop(feeders);
            result
        });
        // A witness that never answers must not keep the process.
        reactor.shutdown_background();
        result
    }

    /// One task a witness. They end when they are dropped.
    pub(crate) fn start_feeders(&self) -> JoinSet<()> {
        let mut feeders = JoinSet::new();
        for client in self.witnessing().map(|witnessing| witnessing.clients.clone()).unwrap_or_default() {
            let (shared, targets) = (Arc::clone(&self.shared), self.targets.subscribe());
            feeders.spawn(Feeder::new(shared, client, targets, self.sender.clone()).run());
        }
        feeders
    }

    async fn publish_until_ended(&mut self) -> Result<(), Fatal> {
        loop {
            // Opening a log publishes what a crash left unpublished: the same code, from the first turn on.
            self.turn()?;
            if self.ended && !self.has_more_to_show() {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// Everything that is due now.
    pub(crate) fn turn(&mut self) -> Result<(), Fatal> {
        self.shared.progress.turn_started();
        self.settle()?;
        if self.is_due() {
            self.begin()?;
        }
        self.shared.progress.turn_ended();
        Ok(())
    }

    /// Waits until something may be due.
    async fn wait(&mut self) -> Result<(), Fatal> {
        let wake = self.wake();
        let event = tokio::select! {
            biased;
            changed = self.heads.changed(), if !self.ended => {
                self.ended = changed.is_err();
                None
            }
            event = self.events.recv() => event,
            () = sleep_until(wake) => None,
        };
        event.map_or(Ok(()), |event| self.take(event))
    }

    fn witnessing(&self) -> Option<&Witnessing> {
        self.shared.witnessing.as_ref()
    }

    fn needs_quorum(&self) -> bool {
        self.witnessing().is_some_and(|witnessing| witnessing.policy.needs_witnesses())
    }

    fn is_settled(&self) -> bool {
        self.candidate.as_ref().is_none_or(|candidate| candidate.stage != Stage::Waiting)
    }

    /// Whether a log that has ended has a head that the public does not know, and that may still get there. Witnesses
    /// that are only shown again what they have cosigned are not waited for.
    fn has_more_to_show(&self) -> bool {
        self.is_behind() || (!self.is_settled() && self.is_behind_published())
    }

    fn is_behind(&self) -> bool {
        let head = self.heads.borrow().head.tree.size;
        match &self.candidate {
            Some(candidate) => head > candidate.checkpoint.head.size,
            None => head > self.shared.published_size(),
        }
    }

    /// Whether it is time for a new candidate.
    fn is_due(&self) -> bool {
        let Some(candidate) = &self.candidate else {
            // A log with witnesses begins by showing them where it stands.
            return self.is_behind() || self.witnessing().is_some();
        };
        if candidate.stage == Stage::Waiting {
            return false;
        }
        let age = candidate.began.elapsed();
        let paced = self.ended || age >= self.shared.settings.checkpoint_interval();
        (self.is_behind() && paced) || (!self.ended && self.again_after().is_some_and(|after| age >= after))
    }

    /// How old a settled candidate may get before its head is shown to the witnesses again.
    fn again_after(&self) -> Option<Duration> {
        let (witnessing, candidate) = (self.witnessing()?, self.candidate.as_ref()?);
        let patience = witnessing.settings.recosign_interval;
        let held = witnessing.settings.quorum_wait.max(self.shared.settings.checkpoint_interval());
        Some(if candidate.stage == Stage::Held { held.saturating_mul(2).min(patience) } else { patience })
    }

    /// When something becomes due without anything happening.
    fn wake(&self) -> Option<Instant> {
        let candidate = self.candidate.as_ref()?;
        let after = match candidate.stage {
            Stage::Waiting => Some(self.quorum_wait()),
            _ if self.is_behind() => Some(self.shared.settings.checkpoint_interval()),
            _ => self.again_after(),
        };
        after.and_then(|after| candidate.began.checked_add(after))
    }

    fn quorum_wait(&self) -> Duration {
        let wait = self.witnessing().map_or(Duration::ZERO, |witnessing| witnessing.settings.quorum_wait);
        if self.ended { wait.min(LAST_WAIT) } else { wait }
    }

    /// Signs the newest committed head. Without a quorum to wait for it is published at once; otherwise it is written
    /// down before any witness sees it, so that opening the log knows of it.
    fn begin(&mut self) -> Result<(), Fatal> {
        let head = self.heads.borrow_and_update().head;
        let checkpoint = Checkpoint { origin: self.origin.clone(), head: head.tree };
        let time = self.shared.time_after(head);
        let note = sign(&checkpoint, time, &self.shared.keys)?;
        let mut candidate = Candidate::new(checkpoint, note);
        if self.needs_quorum() {
            self.shared.store.announce(candidate.note.to_string().as_bytes()).map_err(Fatal::Publish)?;
            self.shared.progress.needs_quorum();
        } else {
            candidate.stage = Stage::Published;
            self.publish(&candidate)?;
        }
        let target = Target { checkpoint: candidate.checkpoint.clone(), note: candidate.note.clone() };
        self.targets.send_replace(Some(Arc::new(target)));
        self.candidate = Some(candidate);
        Ok(())
    }

    /// Ends the waiting of the candidate when it has its quorum or its time is over.
    fn settle(&mut self) -> Result<(), Fatal> {
        let Some(mut candidate) = self.candidate.take() else { return Ok(()) };
        let result = self.settle_candidate(&mut candidate);
        self.candidate = Some(candidate);
        result
    }

    fn settle_candidate(&mut self, candidate: &mut Candidate) -> Result<(), Fatal> {
        let Some(witnessing) = self.witnessing() else { return Ok(()) };
        let without_quorum = witnessing.settings.without_quorum;
        let quorum = candidate.take_news().then(|| candidate.has_quorum(&witnessing.policy));
        match (quorum, candidate.stage) {
            (Some(true), _) => {
                candidate.stage = Stage::Published;
                self.publish(candidate)?;
                self.cover(candidate);
            }
            // More cosignatures than none are worth showing, though they are not the quorum.
            (Some(false), Stage::Published) => self.publish(candidate)?,
            (_, Stage::Waiting) if candidate.began.elapsed() >= self.quorum_wait() => {
                candidate.stage = candidate::without_quorum(without_quorum);
                self.shared.metrics.witness.without_quorum(without_quorum);
                tracing::warn!(tree_size = %candidate.checkpoint.head.size, "the witnesses did not cosign in time");
                if candidate.stage == Stage::Published {
                    self.publish(candidate)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a witness said.
    pub(crate) fn take(&mut self, event: Event) -> Result<(), Fatal> {
        match event {
            Event::Cosigned { checkpoint, line } => {
                if let Some(candidate) =
                    self.candidate.as_mut().filter(|candidate| candidate.checkpoint == checkpoint)
                {
                    candidate.add(line);
                }
                Ok(())
            }
            Event::Evidence(bytes) => {
                let compared = crate::fork::compare_shared(&self.shared, &bytes);
                match compared.map(|compared| compared.stops()) {
                    Ok(Some(why)) => Err(Fatal::Contradicted(why)),
                    Ok(None) => Ok(()),
                    Err(error) => {
                        tracing::error!(%error, "a checkpoint from a witness could not be compared");
                        Ok(())
                    }
                }
            }
        }
    }

    /// Makes the checkpoint durable, then lets readers see it.
    ///
    /// If we stop before the file is replaced, the older checkpoint stands; if we stop after, opening the log finds
    /// the newer one. No checkpoint leaves the process before it is durable (CKPT-04, D11).
    fn publish(&self, candidate: &Candidate) -> Result<(), Fatal> {
        timed(&self.shared.metrics.publish_seconds, || {
            let published =
                persist(&candidate.note.to_string(), &candidate.checkpoint, self.shared.store.as_ref())?;
            self.shared.set_published(published);
            Ok::<(), Fatal>(())
        })?;
        self.shared.progress.published(candidate.began.into_std(), !self.is_behind_published());
        Ok(())
    }

    fn is_behind_published(&self) -> bool {
        self.heads.borrow().head.tree.size > self.shared.published_size()
    }

    fn cover(&self, candidate: &Candidate) {
        self.shared.metrics.witness.covered.set(gauge_value(candidate.checkpoint.head.size.get()));
        self.shared.set_covered(candidate.checkpoint.head);
    }

    /// Signs and publishes the newest committed head, whoever has seen it: what a log without witnesses does each
    /// interval.
    #[cfg(test)]
    pub(crate) fn publish_newest(&mut self) -> Result<(), Fatal> {
        self.candidate = None;
        if self.is_behind() { self.begin() } else { Ok(()) }
    }
}

/// Signs a checkpoint with each key that the log has for it: Ed25519 (TILE-02) and ML-DSA-44 (CKPT-06).
fn sign(checkpoint: &Checkpoint, time: UnixTime, keys: &Keys) -> Result<SignedNote, Fatal> {
    let note = sign_checkpoint(checkpoint, keys.checkpoints.as_ref())?;
    let note = SignedNote::parse(note).map_err(proofs::checkpoint::SignCheckpointError::from)?;
    let Some(second) = &keys.checkpoints_ml_dsa_44 else { return Ok(note) };
    let line = cosign(note.text(), checkpoint, time, second.as_ref())?;
    Ok(note.with_signature(line).map_err(proofs::checkpoint::SignCheckpointError::from)?)
}

fn persist(note: &str, checkpoint: &Checkpoint, store: &dyn LogStore) -> Result<Published, Fatal> {
    store.publish(note.as_bytes()).map_err(Fatal::Publish)?;
    Ok(Published { note: note.into(), size: checkpoint.head.size })
}

/// The first checkpoint of a log: signed and durable.
pub(crate) fn sign_and_persist(
    origin: Origin,
    head: &Head,
    keys: &Keys,
    store: &dyn LogStore,
) -> Result<(), Fatal> {
    let checkpoint = Checkpoint { origin, head: head.tree };
    let note = sign(&checkpoint, head.time, keys)?;
    persist(&note.to_string(), &checkpoint, store).map(|_published| ())
}

/// Until then, or for ever.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
