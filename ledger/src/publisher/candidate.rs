//! One signed checkpoint on its way to the public.

use proofs::checkpoint::Checkpoint;
use proofs::note::NoteSignature;
use proofs::{SignedNote, TlogPolicy};
use tokio::time::Instant;

use crate::witness::WithoutQuorum;

/// How far a checkpoint has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The witnesses have time to cosign.
    Waiting,
    /// It is public.
    Published,
    /// It has not its quorum, and the log publishes nothing without.
    Held,
}

/// What becomes of a checkpoint that has waited long enough.
pub(super) fn without_quorum(rule: WithoutQuorum) -> Stage {
    match rule {
        WithoutQuorum::Publish => Stage::Published,
        WithoutQuorum::Hold => Stage::Held,
    }
}

/// A checkpoint, and the lines under it.
pub(super) struct Candidate {
    pub(super) checkpoint: Checkpoint,
    pub(super) note: SignedNote,
    pub(super) stage: Stage,
    pub(super) began: Instant,
    news: bool,
}

impl Candidate {
    pub(super) fn new(checkpoint: Checkpoint, note: SignedNote) -> Self {
        Self { checkpoint, note, stage: Stage::Waiting, began: Instant::now(), news: false }
    }

    /// Puts a verified cosignature under the checkpoint.
    pub(super) fn add(&mut self, line: NoteSignature) {
        match self.note.clone().with_signature(line) {
            Ok(note) => {
                self.news |= note != self.note;
                self.note = note;
            }
            Err(error) => tracing::warn!(%error, "a cosignature does not fit under the checkpoint"),
        }
    }

    /// Whether lines have come since the last call.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Whether the quorum is under it. Every line is verified again: what is published is what was checked.
    pub(super) fn has_quorum(&self, policy: &TlogPolicy) -> bool {
        let cosigned = policy.cosigned(&self.note, &self.checkpoint).unwrap_or_default();
        policy.is_quorum(|witness| cosigned.iter().any(|(at, _)| *at == witness))
    }
}
