//! Being a witness of other logs (C2SP tlog-witness): decides what is cosigned, and forgets none of it.
//!
//! A checkpoint is cosigned only if it continues the one that was cosigned last for its log, and only after the journal
//! has it on the disk (WIT-02). One thread writes the journal, for whoever has come meanwhile: a lone request pays one
//! sync, a crowd shares it.

mod error;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use proofs::checkpoint::Checkpoint;
use proofs::cosignature::{cosign, cosign_subtree};
use proofs::note::NoteSignature;
use proofs::tlog_policy::verify_log;
use proofs::tree::SubtreeProof;
use proofs::witness::{AddCheckpoint, SignSubtree};
use proofs::{
    ConsistencyProof, CosignatureKind, Cosigner, LogKey, SignedNote, TreeHead, TreeSize, empty_root, sha256,
};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;

pub use error::{CosigningError, JournalError, OpenWitnessError};
use writer::Update;
pub use writer::WitnessWriter;

/// How many checkpoints may wait for the journal. More get an answer to come back later.
const WAITING: usize = 4096;

/// Where a witness keeps what it has cosigned.
pub trait WitnessJournal: Send {
    /// Makes these cosigned checkpoints durable, each the newest of its log: on the disk when this returns `Ok`.
    ///
    /// # Errors
    /// [`JournalError`]: whether they are on the disk is unknown, and the witness must stop.
    fn append(&mut self, notes: &[Arc<str>]) -> Result<(), JournalError>;
}

/// What a witness is made of.
pub struct WitnessParts {
    /// Its keys, at most one of each kind.
    pub cosigners: Vec<Arc<dyn Cosigner>>,
    /// The logs that it knows; several keys of one origin are one log.
    pub logs: Vec<LogKey>,
    /// The newest checkpoint of each log that it has cosigned, as its journal kept it.
    pub kept: Vec<String>,
    /// Its journal.
    pub journal: Box<dyn WitnessJournal>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// The newest cosigned checkpoint of a log.
#[derive(Debug, Clone)]
struct Known {
    head: TreeHead,
    /// With the signatures of the log and of this witness. Empty before the first one.
    note: Arc<str>,
}

/// One log that is witnessed.
struct Log {
    keys: Vec<LogKey>,
    known: Mutex<Known>,
}

struct Inner {
    cosigners: Vec<Arc<dyn Cosigner>>,
    logs: HashMap<String, Arc<Log>>,
    /// Hexadecimal SHA-256 of the origin to the origin (WIT-06).
    hashes: HashMap<String, String>,
    clock: Arc<dyn Clock>,
}

/// The witness as those who ask it see it. Cheap to clone; when the last one is gone, the writer ends.
#[derive(Clone)]
pub struct CheckpointWitness {
    inner: Arc<Inner>,
    updates: mpsc::Sender<Update>,
}

impl Log {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl CheckpointWitness {
    /// Opens a witness: the handle, and the writer, which belongs on a thread of its own.
    ///
    /// # Errors
    /// [`OpenWitnessError`] without a key, with two of one kind, or if what was kept does not read.
    pub fn open(parts: WitnessParts) -> Result<(Self, WitnessWriter), OpenWitnessError> {
        let WitnessParts { cosigners, logs, kept, journal, clock } = parts;
        if cosigners.is_empty() {
            return Err(OpenWitnessError::NoKey);
        }
        let count = |kind| cosigners.iter().filter(|cosigner| cosigner.key().kind() == kind).count();
        if count(CosignatureKind::Ed25519) > 1 || count(CosignatureKind::MlDsa44) > 1 {
            return Err(OpenWitnessError::TwoKeys);
        }
        let mut kept_heads = HashMap::new();
        for note in kept {
            let checkpoint = SignedNote::parse(&note)
                .ok()
                .and_then(|note| Checkpoint::parse(note.text()).ok())
                .ok_or(OpenWitnessError::Kept)?;
            let known = Known { head: checkpoint.head, note: note.into() };
            kept_heads.insert(checkpoint.origin.as_str().to_owned(), known);
        }
        let mut by_origin: HashMap<String, Vec<LogKey>> = HashMap::new();
        for key in logs {
            by_origin.entry(key.name().as_str().to_owned()).or_default().push(key);
        }
        let hashes = by_origin.keys().map(|origin| (sha256(origin.as_bytes()).to_string(), origin.clone()));
        let hashes = hashes.collect();
        let logs = by_origin.into_iter().map(|(origin, keys)| {
            let nothing =
                Known { head: TreeHead { size: TreeSize::EMPTY, root: empty_root() }, note: "".into() };
            let known = Mutex::new(kept_heads.remove(&origin).unwrap_or(nothing));
            (origin, Arc::new(Log { keys, known }))
        });
        let inner = Arc::new(Inner { cosigners, logs: logs.collect(), hashes, clock });
        let (updates, receiver) = mpsc::channel(WAITING);
        Ok((Self { inner, updates }, WitnessWriter::new(receiver, journal)))
    }

    /// `add-checkpoint`: the signature lines of this witness under a checkpoint that continues what it knows.
    ///
    /// # Errors
    /// [`CosigningError`], in the order of WIT-01.
    pub async fn add_checkpoint(&self, body: &[u8]) -> Result<String, CosigningError> {
        let AddCheckpoint { old, proof, note } = AddCheckpoint::parse(body)?;
        let (log, checkpoint) = self.verified(&note)?;
        if old > checkpoint.head.size {
            return Err(CosigningError::OldLarger);
        }
        let known = log.known();
        if old != known.head.size {
            return Err(CosigningError::Conflict(known.head.size));
        }
        continues(&checkpoint, &known, proof)?;
        let lines = self.cosign(&note, &checkpoint)?;
        let answer = lines.iter().map(ToString::to_string).collect();
        let note = known_note(&note, &log.keys, lines)?;
        self.keep(log, known.head, Known { head: checkpoint.head, note: note.into() }).await?;
        Ok(answer)
    }

    /// `sign-subtree`: the signature line of this witness for a subtree of a tree that it cosigned (WIT-08).
    ///
    /// # Errors
    /// [`CosigningError`]; [`CosigningError::NoSubtrees`] without an ML-DSA-44 key.
    pub fn sign_subtree(&self, body: &[u8]) -> Result<String, CosigningError> {
        let SignSubtree { subtree, hash, proof, note } = SignSubtree::parse(body)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if subtree.end() > checkpoint.head.size.get() {
            return Err(CosigningError::BeyondTree);
        }
        let origin = checkpoint.origin.as_str();
        if !self.inner.logs.contains_key(origin) {
            return Err(CosigningError::UnknownLog);
        }
        let mut own = false;
        for line in note.signatures() {
            for cosigner in self.inner.cosigners.iter().filter(|cosigner| cosigner.key().is_named_by(line)) {
                if cosigner.key().verify(note.text(), &checkpoint, line).is_err() {
                    return Err(CosigningError::NotOurs);
                }
                own = true;
            }
        }
        if !own {
            return Err(CosigningError::NotOurs);
        }
        SubtreeProof { subtree, path: proof }.verify(&hash, &checkpoint.head)?;
        let ml_dsa = |cosigner: &&Arc<dyn Cosigner>| cosigner.key().kind() == CosignatureKind::MlDsa44;
        let cosigner = self.inner.cosigners.iter().find(ml_dsa).ok_or(CosigningError::NoSubtrees)?;
        Ok(cosign_subtree(origin, subtree, &hash, cosigner.as_ref())?.to_string())
    }

    /// The newest cosigned checkpoint of the log with this origin hash, 64 lower-case hexadecimal digits (WIT-06).
    #[must_use]
    pub fn newest(&self, origin_hash: &str) -> Option<Arc<str>> {
        let log = self.inner.logs.get(self.inner.hashes.get(origin_hash)?)?;
        Some(log.known().note).filter(|note| !note.is_empty())
    }

    /// How many logs it knows.
    #[must_use]
    pub fn logs(&self) -> usize {
        self.inner.logs.len()
    }

    /// The log that signed the note, and what the note says.
    fn verified(&self, note: &SignedNote) -> Result<(&Arc<Log>, Checkpoint), CosigningError> {
        let origin = note.text().split('\n').next().unwrap_or_default();
        let log = self.inner.logs.get(origin).ok_or(CosigningError::UnknownLog)?;
        // An empty tree with another root than its own is said to be inconsistent, not malformed (WIT-01).
        let checkpoint = match Checkpoint::parse(note.text()) {
            Err(proofs::checkpoint::CheckpointSyntaxError::EmptyRoot) => {
                return Err(CosigningError::EmptyRoot);
            }
            parsed => parsed?,
        };
        let keys: Vec<&LogKey> = log.keys.iter().collect();
        verify_log(note, &keys).map_err(CosigningError::Signature)?;
        Ok((log, checkpoint))
    }

    fn cosign(
        &self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<NoteSignature>, CosigningError> {
        let time = self.inner.clock.now();
        let by = |cosigner: &Arc<dyn Cosigner>| cosign(note.text(), checkpoint, time, cosigner.as_ref());
        Ok(self.inner.cosigners.iter().map(by).collect::<Result<Vec<_>, _>>()?)
    }

    /// Has the writer make it durable, if the log is still where it was when this was decided.
    async fn keep(&self, log: &Arc<Log>, from: TreeHead, to: Known) -> Result<(), CosigningError> {
        let (reply, kept) = oneshot::channel();
        let update = Update { log: Arc::clone(log), from, to, reply };
        self.updates.try_send(update).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CosigningError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => CosigningError::Stopped,
        })?;
        kept.await.unwrap_or(Err(CosigningError::Stopped))
    }
}

/// Whether a checkpoint may follow what is known: proven for a larger one, identical for one of the same size.
fn continues(checkpoint: &Checkpoint, known: &Known, proof: Vec<proofs::Hash>) -> Result<(), CosigningError> {
    let (old, new) = (known.head.size, checkpoint.head.size);
    if old == TreeSize::EMPTY {
        // Everything continues the empty tree, and nothing proves it (WIT-01).
        return if proof.is_empty() { Ok(()) } else { Err(CosigningError::ProofOfNothing) };
    }
    let proof = ConsistencyProof { old, new, path: proof };
    Ok(proof.verify(&known.head.root, &checkpoint.head.root)?)
}

/// The checkpoint with the signatures of its log and of this witness, and no others.
fn known_note(
    note: &SignedNote,
    keys: &[LogKey],
    lines: Vec<NoteSignature>,
) -> Result<String, CosigningError> {
    let by_log = note.signatures().iter().filter(|line| keys.iter().any(|key| key.is_named_by(line)));
    let lines = by_log.cloned().chain(lines).collect();
    let note = SignedNote::new(note.text().to_owned(), lines);
    Ok(note.map_err(proofs::witness::RequestError::Note)?.to_string())
}
