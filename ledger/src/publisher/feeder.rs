//! Asks one witness for its cosignatures. Slow, dead or lying: it harms nobody but itself.

use std::sync::Arc;

use backon::{BackoffBuilder, ExponentialBuilder};
use proofs::checkpoint::Checkpoint;
use proofs::note::{NoteSignature, parse_signatures};
use proofs::witness::AddCheckpoint;
use proofs::{ConsistencyProof, SignedNote, TreeSize, UnixTime};
use tokio::sync::{mpsc, watch};

use crate::error::InternalError;
use crate::shared::Shared;
use crate::witness::{WitnessClient, WitnessReply};

/// How often a witness may correct the size from which a checkpoint is proven to it, in one attempt.
const MAX_RESYNCS: usize = 3;
/// How often a witness that cannot be reached is asked for one checkpoint.
const MAX_RETRIES: usize = 8;
const FIRST_PAUSE: std::time::Duration = std::time::Duration::from_millis(250);
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_secs(30);

/// The checkpoint that the witnesses are to cosign now.
pub(crate) struct Target {
    pub(crate) checkpoint: Checkpoint,
    /// With the signatures of the log alone.
    pub(crate) note: SignedNote,
}

/// What a witness had to say to the publisher.
pub(crate) enum Event {
    /// A cosignature that verifies.
    Cosigned {
        /// Of what.
        checkpoint: Checkpoint,
        /// The line.
        line: NoteSignature,
    },
    /// A checkpoint that the witness shows when it contradicts us; nothing about it is verified.
    Evidence(Vec<u8>),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Done,
    /// It may work another time.
    Again,
    /// Asking the same again gives the same.
    No,
}

/// The one who asks.
pub(crate) struct Feeder {
    shared: Arc<Shared>,
    client: WitnessClient,
    label: String,
    targets: watch::Receiver<Option<Arc<Target>>>,
    events: mpsc::Sender<Event>,
    /// What the witness cosigned last, as far as we know. Unknown at the start: its 409 tells (WIT-04).
    known: TreeSize,
}

impl Feeder {
    pub(crate) fn new(
        shared: Arc<Shared>,
        client: WitnessClient,
        targets: watch::Receiver<Option<Arc<Target>>>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let label = client.key.name().to_string();
        Self { shared, client, label, targets, events, known: TreeSize::EMPTY }
    }

    /// Feeds the newest target, always; older ones are let go.
    pub(crate) async fn run(mut self) {
        loop {
            let target = self.targets.borrow_and_update().clone();
            if let Some(target) = target {
                self.feed(&target).await;
            }
            if self.targets.changed().await.is_err() {
                return;
            }
        }
    }

    /// Asks until it is answered, given up, or there is a newer target.
    async fn feed(&mut self, target: &Target) {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(MAX_RETRIES);
        for pause in pauses.build() {
            if self.attempt(target).await != Attempt::Again {
                return;
            }
            let newer = self.targets.clone();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = superseded(newer) => return,
            }
        }
    }

    async fn attempt(&mut self, target: &Target) -> Attempt {
        for _ in 0..MAX_RESYNCS {
            let body = match self.request(target) {
                Ok(body) => body,
                Err(error) => {
                    tracing::error!(witness = self.label, %error, "no proof could be made for a witness");
                    return Attempt::No;
                }
            };
            let reply = self.ask(body).await;
            self.shared.metrics.witness.count(&self.label, kind(&reply));
            match reply {
                WitnessReply::Cosigned(lines) => return self.cosigned(target, &lines).await,
                // It tells the size that it knows: from there it can be proven (WIT-04).
                WitnessReply::Conflict(Some(size))
                    if size <= target.checkpoint.head.size && size != self.known =>
                {
                    self.known = size;
                }
                // Somebody showed it a newer checkpoint of ours, which is the next that we ask for.
                WitnessReply::Conflict(Some(size))
                    if size > target.checkpoint.head.size && self.is_superseded() =>
                {
                    return Attempt::No;
                }
                WitnessReply::Conflict(_) | WitnessReply::Inconsistent => {
                    tracing::error!(
                        witness = self.label,
                        ?reply,
                        "a witness has another view of this log; asking what it knows"
                    );
                    self.look_for_evidence().await;
                    return Attempt::No;
                }
                WitnessReply::Unreachable(why) => {
                    tracing::warn!(witness = self.label, why, "a witness cannot be reached");
                    return Attempt::Again;
                }
                WitnessReply::UnknownLog | WitnessReply::BadSignature | WitnessReply::Refused(_) => {
                    tracing::warn!(witness = self.label, ?reply, "a witness refused a checkpoint");
                    return Attempt::No;
                }
            }
        }
        tracing::warn!(witness = self.label, "a witness named another size each time it was asked");
        Attempt::Again
    }

    fn is_superseded(&self) -> bool {
        // A closed channel has nothing newer.
        self.targets.has_changed().unwrap_or(false)
    }

    async fn ask(&self, body: String) -> WitnessReply {
        let deadline = self.deadline();
        let asked = self.client.witness.add_checkpoint(body);
        let timer = self.shared.metrics.witness.seconds.start_timer();
        let reply = tokio::time::timeout(deadline, asked).await;
        timer.observe_duration();
        reply.unwrap_or_else(|_| WitnessReply::Unreachable("it did not answer in time".to_owned()))
    }

    fn deadline(&self) -> std::time::Duration {
        self.shared
            .witnessing
            .as_ref()
            .map_or(std::time::Duration::ZERO, |witnessing| witnessing.settings.request_deadline)
    }

    /// The body of a request: the proof from what the witness knows, and the checkpoint.
    fn request(&self, target: &Target) -> Result<String, InternalError> {
        let (old, new) = (self.known, target.checkpoint.head.size);
        let proof = if old == TreeSize::EMPTY || old >= new {
            Vec::new()
        } else {
            let tiles = self.shared.tree();
            let proof = ConsistencyProof::prove(old, new, &tiles.nodes());
            proof.map_err(|error| InternalError::Tree(error.to_string()))?.path
        };
        Ok(AddCheckpoint { old, proof, note: target.note.clone() }.to_string())
    }

    /// Takes the witness's line out of its answer, if it is there and verifies. Others are passed over (WIT-05).
    async fn cosigned(&mut self, target: &Target, lines: &[u8]) -> Attempt {
        let Some(line) = verified(&self.client, target, lines) else {
            self.shared.metrics.witness.count(&self.label, "invalid");
            tracing::error!(
                witness = self.label,
                "a witness answered without a valid cosignature of its own"
            );
            return Attempt::No;
        };
        self.known = target.checkpoint.head.size;
        let event = Event::Cosigned { checkpoint: target.checkpoint.clone(), line };
        let _closing = self.events.send(event).await;
        Attempt::Done
    }

    /// Only a checkpoint under our own key can prove anything against us (D11), so that is what is asked for.
    async fn look_for_evidence(&self) {
        let newest = tokio::time::timeout(self.deadline(), self.client.witness.newest()).await;
        if let Ok(Some(bytes)) = newest {
            let _closing = self.events.send(Event::Evidence(bytes)).await;
        }
    }
}

fn verified(client: &WitnessClient, target: &Target, lines: &[u8]) -> Option<NoteSignature> {
    let lines = parse_signatures(lines).ok()?;
    lines.into_iter().find(|line| {
        let time = client.key.verify(target.note.text(), &target.checkpoint, line);
        // WIT-03: what a witness answers bears a time.
        time.is_ok_and(|time| time > UnixTime::from_secs(0))
    })
}

/// Returns when there is another target, and leaves it to be seen.
async fn superseded(mut targets: watch::Receiver<Option<Arc<Target>>>) {
    if targets.changed().await.is_err() {
        std::future::pending().await
    }
}

fn kind(reply: &WitnessReply) -> &'static str {
    match reply {
        WitnessReply::Cosigned(_) => "cosigned",
        WitnessReply::Conflict(_) => "conflict",
        WitnessReply::UnknownLog => "unknown_log",
        WitnessReply::BadSignature => "bad_signature",
        WitnessReply::Inconsistent => "inconsistent",
        WitnessReply::Refused(_) => "refused",
        WitnessReply::Unreachable(_) => "unreachable",
    }
}
