//! Logs that exist for their checkpoints alone, and the requests they make.

use crate::commands::bench::check::Checked;
use crate::commands::bench::engine::{Requests, Tally};
use crate::commands::bench::jobs::{Keep, Place, refusal};
use crate::commands::bench::wire::Answer;
use crate::failure::Failure;
use anyhow::Context;
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use proofs::note::{ed25519_vkey, parse_signatures};
use proofs::witness::AddCheckpoint;
use proofs::{
    CompactRange, ConsistencyProof, CosignerKey, Hash, NodeId, NodeReader, SignedNote, Signer, TreeSize,
    leaf_hash,
};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

/// What a proof asked for and the tree does not hold.
#[derive(Debug, thiserror::Error)]
#[error("a node of the tree is missing")]
struct MissingNode;

/// One log: its key, its tree, and the requests that are made and not sent yet.
struct Chain {
    origin: Origin,
    key: PrivateKey,
    range: CompactRange,
    nodes: Nodes,
    waiting: VecDeque<Request>,
}

#[derive(Default)]
struct Nodes(HashMap<NodeId, Hash>);

impl NodeReader for Nodes {
    type Error = MissingNode;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, MissingNode> {
        ids.iter().map(|id| self.0.get(id).copied().ok_or(MissingNode)).collect()
    }
}

/// A body, and where the note in it begins.
struct Request {
    body: Vec<u8>,
    note: usize,
}

impl Chain {
    fn new(number: usize) -> Result<Self, Failure> {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).context("cannot make a key")?;
        let origin = Origin::new(&format!("bench.example/log/{number}")).context("an origin of our own")?;
        let (range, nodes) = (CompactRange::empty(), Nodes::default());
        Ok(Self { origin, key, range, nodes, waiting: VecDeque::new() })
    }

    fn vkey(&self) -> Result<String, Failure> {
        let public = self.key.public_key().ed25519_bytes().context("a key of our own")?;
        let vkey = ed25519_vkey(self.origin.as_str(), &public).context("a key of our own")?;
        Ok(vkey.to_string())
    }

    /// Grows the tree by so many entries and asks for its head to be cosigned.
    fn grow(&mut self, entries: u64) -> Result<(), Failure> {
        let old = self.range.size();
        for index in (old.get()..).take(usize::try_from(entries).unwrap_or(usize::MAX)) {
            let leaf = leaf_hash(format!("{} {index}", self.origin.as_str()).as_bytes());
            let nodes = &mut self.nodes.0;
            let mut keep = |node, hash| {
                nodes.insert(node, hash);
            };
            self.range.append(leaf, &mut keep).context("a tree of our own")?;
        }
        let head = self.range.head();
        let proof = match old {
            TreeSize::EMPTY => Vec::new(),
            old => ConsistencyProof::prove(old, head.size, &self.nodes).context("a proof of our own")?.path,
        };
        let checkpoint = Checkpoint { origin: self.origin.clone(), head };
        let note = sign_checkpoint(&checkpoint, &self.key).context("a checkpoint of our own")?;
        let length = note.len();
        let note = SignedNote::parse(note).context("a checkpoint of our own")?;
        let body = AddCheckpoint { old, proof, note }.to_string().into_bytes();
        let note = body.len().saturating_sub(length);
        self.waiting.push_back(Request { body, note });
        Ok(())
    }
}

/// All logs.
pub(super) struct Chains {
    chains: Vec<Chain>,
    /// Entries before the first checkpoint.
    entries: u64,
}

impl Chains {
    pub(super) fn generate(count: usize, entries: u64) -> Result<Self, Failure> {
        let chains = (0..count).map(Chain::new).collect::<Result<_, _>>()?;
        Ok(Self { chains, entries })
    }

    /// The logs as a witness is told of them (C2SP tlog-policy).
    pub(super) fn policy(&self) -> Result<String, Failure> {
        let mut text = String::new();
        for chain in &self.chains {
            text.push_str(&format!("log {}\n", chain.vkey()?));
        }
        Ok(text + "quorum none\n")
    }

    /// Requests for a repetition, at least so many of them over all logs; about `sample` answers are kept.
    pub(super) fn job(&mut self, url: &Url, planned: u64, sample: u64) -> Result<Arc<Job>, Failure> {
        let logs = u64::try_from(self.chains.len()).unwrap_or(u64::MAX).max(1);
        let each = usize::try_from(planned.div_ceil(logs).saturating_add(1)).unwrap_or(usize::MAX);
        let first = self.entries;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let share = self.chains.len().div_ceil(cores).max(1);
        let make = |chains: &mut [Chain]| -> Result<(), Failure> {
            for chain in chains {
                while chain.waiting.len() < each {
                    let entries = if chain.range.size() == TreeSize::EMPTY { first } else { 1 };
                    chain.grow(entries)?;
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                self.chains.chunks_mut(share).map(|part| scope.spawn(move || make(part))).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(Failure::local("a thread that signs failed")))
            })
        })?;
        let waiting = self.chains.iter_mut().map(|chain| std::mem::take(&mut chain.waiting)).collect();
        let state = State {
            free: (0..self.chains.len()).collect(),
            waiting,
            under_way: HashMap::new(),
            answers: Vec::new(),
        };
        let keep = Keep::sample(planned, sample);
        Ok(Arc::new(Job { place: Place::of(url), keep, state: Mutex::new(state) }))
    }

    /// Takes back what was not sent, for the next repetition, and verifies the answers that were kept.
    pub(super) fn take_back(&mut self, job: &Job, keys: &[CosignerKey]) -> Checked {
        let mut state = job.state();
        for (chain, waiting) in self.chains.iter_mut().zip(std::mem::take(&mut state.waiting)) {
            chain.waiting = waiting;
        }
        let mut checked = Checked::default();
        for (note, lines) in state.answers.drain(..) {
            checked.note(verify(&note, &lines, keys));
        }
        checked
    }
}

/// The vkeys of a witness, read.
pub(super) fn cosigner_keys(vkeys: &[String]) -> Result<Vec<CosignerKey>, Failure> {
    let keys = vkeys.iter().map(|vkey| vkey.parse());
    Ok(keys.collect::<Result<_, _>>().context("a vkey of our own")?)
}

/// Whether the lines are a cosignature of the note by each of the keys, and nothing else.
pub(super) fn verify(note: &[u8], lines: &[u8], keys: &[CosignerKey]) -> Result<(), String> {
    let note = SignedNote::parse(note).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
    let lines = parse_signatures(lines).map_err(|error| error.to_string())?;
    if lines.len() != keys.len() {
        return Err(format!("{} cosignatures where {} are due", lines.len(), keys.len()));
    }
    for key in keys {
        if !lines.iter().any(|line| key.verify(note.text(), &checkpoint, line).is_ok()) {
            return Err(format!("no cosignature of {key}"));
        }
    }
    Ok(())
}

/// One repetition: whichever log has no request on its way sends its next one.
pub(super) struct Job {
    place: Place,
    keep: Keep,
    state: Mutex<State>,
}

struct State {
    /// Logs that may send, in turn.
    free: VecDeque<usize>,
    /// The requests of each log.
    waiting: Vec<VecDeque<Request>>,
    /// Whose request a number is, and its note if the answer is to be verified.
    under_way: HashMap<u64, (usize, Option<Vec<u8>>)>,
    /// Notes, and what they were answered with.
    answers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Job {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests for Job {
    fn write(&self, n: u64, request: &mut Vec<u8>) -> bool {
        let mut state = self.state();
        let Some(log) = state.free.pop_front() else { return false };
        let Some(Request { body, note }) = state.waiting.get_mut(log).and_then(VecDeque::pop_front) else {
            return false;
        };
        let kept = self.keep.wants(n).then(|| body.get(note..).unwrap_or_default().to_vec());
        state.under_way.insert(n, (log, kept));
        drop(state);
        self.place.post("add-checkpoint", "text/plain", body.len(), request);
        request.extend_from_slice(&body);
        true
    }

    fn read(&self, n: u64, answer: &Answer<'_>, tally: &mut Tally) {
        let mut state = self.state();
        let Some((log, kept)) = state.under_way.remove(&n) else { return };
        if answer.status == 200 {
            tally.done = tally.done.saturating_add(1);
            state.answers.extend(kept.map(|note| (note, answer.body.to_vec())));
            state.free.push_back(log);
        } else {
            // The log does not go on: its next checkpoint continues one that was not cosigned.
            tally.error(refusal(answer.status), answer.body);
        }
    }
}
