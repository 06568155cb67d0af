//! Every answer of tlog-witness, and that nothing is cosigned which contradicts something that was.

use std::sync::{Arc, Mutex};

use proofs::checkpoint::{Origin, sign_checkpoint};
use proofs::note::{ed25519_vkey, parse_signatures};
use proofs::tree::{CompactRange, Subtree};
use proofs::{Hash, NodeId, NodeReader, Signer, UnixTime, leaf_hash, node_hash};

use super::*;
use crate::clock::ManualClock;
use crate::signer::{CosigningKey, KeyAlgorithm, PrivateKey};
use crate::testing::{NOW, until};

const ORIGIN: &str = "log.example/one";
const NAME: &str = "witness.example/w";

/// Keeps what it was told, fails when it is told to.
#[derive(Clone, Default)]
struct MemoryJournal(Arc<Mutex<(Vec<Arc<str>>, bool)>>);

impl WitnessJournal for MemoryJournal {
    fn append(&mut self, notes: &[Arc<str>]) -> Result<(), JournalError> {
        let mut state = self.0.lock().unwrap();
        if state.1 {
            return Err(JournalError("no space left".into()));
        }
        state.0.extend(notes.iter().cloned());
        Ok(())
    }
}

/// A tree that can be asked for any node.
struct Tree(Vec<Hash>);

impl NodeReader for Tree {
    type Error = std::convert::Infallible;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, Self::Error> {
        Ok(ids.iter().map(|id| self.node(*id)).collect())
    }
}

impl Tree {
    fn new(salt: &str) -> Self {
        Self((0..40).map(|leaf| leaf_hash(format!("{salt}{leaf}").as_bytes())).collect())
    }

    fn node(&self, id: NodeId) -> Hash {
        match id.level {
            0 => self.0[usize::try_from(id.index).unwrap()],
            level => {
                let child = |index| NodeId { level: level - 1, index };
                node_hash(&self.node(child(id.index * 2)), &self.node(child(id.index * 2 + 1)))
            }
        }
    }

    fn head(&self, size: u64) -> TreeHead {
        let size = TreeSize::new(size);
        let hashes = self.read(&CompactRange::node_ids(size)).unwrap();
        TreeHead { size, root: CompactRange::from_nodes(size, hashes).unwrap().root() }
    }

    fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        if old == 0 {
            return Vec::new();
        }
        ConsistencyProof::prove(TreeSize::new(old), TreeSize::new(new), self).unwrap().path
    }
}

struct Bench {
    witness: CheckpointWitness,
    journal: MemoryJournal,
    log: PrivateKey,
    tree: Tree,
    runtime: tokio::runtime::Runtime,
    writer: std::thread::JoinHandle<Result<(), JournalError>>,
    keys: Vec<Arc<dyn Cosigner>>,
    log_keys: Vec<LogKey>,
}

fn log_key(origin: &str, key: &PrivateKey) -> LogKey {
    LogKey::Ed25519(ed25519_vkey(origin, &key.public_key().ed25519_bytes().unwrap()).unwrap())
}

fn cosigners() -> Vec<Arc<dyn Cosigner>> {
    [CosignatureKind::Ed25519, CosignatureKind::MlDsa44]
        .map(|kind| -> Arc<dyn Cosigner> { Arc::new(CosigningKey::generate(kind, NAME).unwrap()) })
        .to_vec()
}

fn parts(
    keys: &[Arc<dyn Cosigner>],
    logs: &[LogKey],
    kept: Vec<String>,
    journal: MemoryJournal,
) -> WitnessParts {
    WitnessParts {
        cosigners: keys.to_vec(),
        logs: logs.to_vec(),
        kept,
        journal: Box::new(journal),
        clock: Arc::new(ManualClock::at(UnixTime::from_secs(NOW))),
    }
}

impl Bench {
    fn new() -> Self {
        let log = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let other = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let log_keys = vec![log_key(ORIGIN, &log), log_key("log.example/two", &other)];
        Self::with(cosigners(), log_keys, log, Vec::new())
    }

    fn with(keys: Vec<Arc<dyn Cosigner>>, log_keys: Vec<LogKey>, log: PrivateKey, kept: Vec<String>) -> Self {
        let journal = MemoryJournal::default();
        let (witness, writer) =
            CheckpointWitness::open(parts(&keys, &log_keys, kept, journal.clone())).unwrap();
        let writer = std::thread::spawn(move || writer.run());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { witness, journal, log, tree: Tree::new(""), runtime, writer, keys, log_keys }
    }

    fn note(&self, head: TreeHead) -> SignedNote {
        let checkpoint = Checkpoint { origin: Origin::new(ORIGIN).unwrap(), head };
        SignedNote::parse(sign_checkpoint(&checkpoint, &self.log).unwrap()).unwrap()
    }

    fn ask(&self, old: u64, proof: Vec<Hash>, note: SignedNote) -> Result<String, CosigningError> {
        let body = AddCheckpoint { old: TreeSize::new(old), proof, note }.to_string();
        self.runtime.block_on(self.witness.add_checkpoint(body.as_bytes()))
    }

    /// An honest request.
    fn grow(&self, old: u64, new: u64) -> Result<String, CosigningError> {
        self.ask(old, self.tree.proof(old, new), self.note(self.tree.head(new)))
    }

    fn kept(&self) -> Vec<Arc<str>> {
        self.journal.0.lock().unwrap().0.clone()
    }

    fn restart(self) -> Self {
        let Self { witness, journal, log, writer, keys, log_keys, .. } = self;
        drop(witness);
        writer.join().unwrap().unwrap();
        let kept = journal.0.lock().unwrap().0.last().map(ToString::to_string);
        Self::with(keys, log_keys, log, kept.into_iter().collect())
    }
}

#[test]
fn wit_03_what_grows_is_cosigned_with_every_key_and_a_time() {
    let bench = Bench::new();
    for (old, new) in [(0, 1), (1, 1), (1, 7), (7, 8), (8, 33)] {
        let lines = parse_signatures(bench.grow(old, new).unwrap().as_bytes()).unwrap();
        assert_eq!(lines.len(), 2);
        let note = bench.note(bench.tree.head(new));
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        for (key, line) in bench.keys.iter().zip(&lines) {
            let time = key.key().verify(note.text(), &checkpoint, line).unwrap();
            assert_eq!(time, UnixTime::from_secs(NOW));
        }
    }
    assert_eq!(bench.kept().len(), 4, "one that was cosigned before is on the disk already");
}

#[test]
fn wit_01_each_wrong_request_gets_its_own_answer() {
    let bench = Bench::new();
    bench.grow(0, 7).unwrap();
    let other = Tree::new("other");
    let note = |head| bench.note(head);
    // Malformed, and an old size above the new one: 400.
    let malformed = bench.runtime.block_on(bench.witness.add_checkpoint(b"old 7\n"));
    assert!(matches!(malformed, Err(CosigningError::Request(_))));
    assert!(matches!(bench.ask(9, vec![], note(bench.tree.head(8))), Err(CosigningError::OldLarger)));
    // Another size than the last one: 409 with that size.
    for old in [0, 6, 8] {
        let proof = bench.tree.proof(old.min(8), 9);
        let asked = bench.ask(old, proof, note(bench.tree.head(9)));
        assert!(
            matches!(asked, Err(CosigningError::Conflict(size)) if size == TreeSize::new(7)),
            "{asked:?}"
        );
    }
    // A wrong proof, a proof of another tree, and two roots at one size: 422.
    let mut wrong = bench.tree.proof(7, 9);
    wrong.pop();
    for (proof, head) in [
        (wrong, bench.tree.head(9)),
        (vec![], bench.tree.head(9)),
        (other.proof(7, 9), other.head(9)),
        (vec![], other.head(7)),
        (bench.tree.proof(7, 9), bench.tree.head(7)),
    ] {
        let asked = bench.ask(7, proof, note(head));
        assert!(matches!(asked, Err(CosigningError::Inconsistent(_))), "{asked:?}");
    }
    assert_eq!(bench.kept().len(), 1, "nothing of it was cosigned");
}

#[test]
fn wit_01_an_old_size_of_zero_has_no_proof_and_the_empty_tree_one_root() {
    let bench = Bench::new();
    let asked = bench.ask(0, vec![leaf_hash(b"")], bench.note(bench.tree.head(3)));
    assert!(matches!(asked, Err(CosigningError::ProofOfNothing)), "{asked:?}");
    let head = TreeHead { size: TreeSize::EMPTY, root: empty_root() };
    assert!(bench.ask(0, vec![], bench.note(head)).is_ok());
    let wrong = bench.note(head).to_string().replace("47DEQ", "57DEQ");
    let asked = bench.ask(0, vec![], SignedNote::parse(wrong).unwrap());
    assert!(matches!(asked, Err(CosigningError::EmptyRoot)), "{asked:?}");
}

#[test]
fn wit_01_only_the_keys_of_the_log_count() {
    let bench = Bench::new();
    let head = bench.tree.head(3);
    let stranger = Checkpoint { origin: Origin::new("log.example/three").unwrap(), head };
    let unknown = SignedNote::parse(sign_checkpoint(&stranger, &bench.log).unwrap()).unwrap();
    assert!(matches!(bench.ask(0, vec![], unknown), Err(CosigningError::UnknownLog)));
    // The key of one log signs for another.
    let posing = Checkpoint { origin: Origin::new("log.example/two").unwrap(), head };
    let posing = SignedNote::parse(sign_checkpoint(&posing, &bench.log).unwrap()).unwrap();
    assert!(matches!(bench.ask(0, vec![], posing), Err(CosigningError::Signature(_))));
    let whole = bench.note(head);
    let mut lines = whole.signatures().to_vec();
    lines[0].signature[3] ^= 1;
    let forged = SignedNote::new(whole.text().into(), lines).unwrap();
    assert!(matches!(bench.ask(0, vec![], forged), Err(CosigningError::Signature(_))));
}

#[test]
fn wit_02_of_two_at_once_one_wins() {
    let bench = Arc::new(Bench::new());
    bench.grow(0, 7).unwrap();
    let other = Tree::new("");
    let asked: Vec<_> = (0..16)
        .map(|n| {
            let note = bench.note(other.head(8 + n));
            let body =
                AddCheckpoint { old: TreeSize::new(7), proof: other.proof(7, 8 + n), note }.to_string();
            let witness = bench.witness.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(witness.add_checkpoint(body.as_bytes())).is_ok()
            })
        })
        .collect();
    let won = asked.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count();
    assert_eq!(won, 1);
    assert_eq!(bench.kept().len(), 2);
}

/// Who lost begins again from the size that it is told, so the log has to be there by then.
#[test]
fn wit_04_who_lost_is_told_of_a_size_that_is_durable() {
    let keys = cosigners();
    let log = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let journal = MemoryJournal::default();
    let logs = [log_key(ORIGIN, &log)];
    let (witness, writer) =
        CheckpointWitness::open(parts(&keys, &logs, Vec::new(), journal.clone())).unwrap();
    let head = Tree::new("").head(3);
    let checkpoint = Checkpoint { origin: Origin::new(ORIGIN).unwrap(), head };
    let note = SignedNote::parse(sign_checkpoint(&checkpoint, &log).unwrap()).unwrap();
    let body = AddCheckpoint { old: TreeSize::EMPTY, proof: Vec::new(), note }.to_string();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    // Both are decided before the writer starts, so that they meet in one batch.
    let asked = [(); 2].map(|()| {
        let (witness, body) = (witness.clone(), body.clone());
        runtime.spawn(async move { witness.add_checkpoint(body.as_bytes()).await })
    });
    until("both wait for the writer", || witness.updates.capacity() <= WAITING - 2);
    journal.0.lock().unwrap().1 = true;
    let failed = writer.run().unwrap_err();
    assert_eq!(failed.to_string(), JournalError("no space left".into()).to_string());
    for asked in asked {
        let answer = runtime.block_on(asked).unwrap();
        assert!(matches!(answer, Err(CosigningError::Stopped)), "{answer:?}");
    }
}

#[test]
fn wit_02_a_restart_forgets_nothing() {
    let bench = Bench::new();
    bench.grow(0, 7).unwrap();
    let bench = bench.restart();
    assert!(matches!(bench.grow(0, 9), Err(CosigningError::Conflict(size)) if size == TreeSize::new(7)));
    assert!(bench.witness.newest(&sha256(ORIGIN.as_bytes()).to_string()).is_some());
    bench.grow(7, 9).unwrap();
}

#[test]
fn wit_02_no_cosignature_leaves_before_the_journal_has_it() {
    let bench = Bench::new();
    bench.journal.0.lock().unwrap().1 = true;
    assert!(matches!(bench.grow(0, 7), Err(CosigningError::Stopped)));
    assert!(bench.writer.join().unwrap().is_err(), "the process must end");
    assert_eq!(bench.witness.newest(&sha256(ORIGIN.as_bytes()).to_string()), None);
}

#[test]
fn wit_06_the_newest_checkpoint_bears_the_log_and_the_witness_and_nobody_else() {
    let bench = Bench::new();
    let hash = sha256(ORIGIN.as_bytes()).to_string();
    assert_eq!(bench.witness.newest(&hash), None);
    let stranger = NoteSignature {
        name: proofs::note::KeyName::new("stranger").unwrap(),
        key_id: proofs::note::NoteKeyId::new([1; 4]),
        signature: vec![1; 64],
    };
    let note = bench.note(bench.tree.head(3)).with_signature(stranger).unwrap();
    bench.ask(0, vec![], note).unwrap();
    let newest = SignedNote::parse(bench.witness.newest(&hash).unwrap().as_bytes()).unwrap();
    let names: Vec<_> = newest.signatures().iter().map(|line| line.name.as_str().to_owned()).collect();
    assert_eq!(names, [ORIGIN, NAME, NAME]);
    assert_eq!(bench.witness.newest(ORIGIN), None);
}

#[test]
fn wit_08_a_subtree_is_cosigned_for_a_checkpoint_that_was() {
    let bench = Bench::new();
    bench.grow(0, 14).unwrap();
    let hash = sha256(ORIGIN.as_bytes()).to_string();
    let cosigned = SignedNote::parse(bench.witness.newest(&hash).unwrap().as_bytes()).unwrap();
    let head = bench.tree.head(14);
    // [8, 12) is the node (2, 2) of the tree; its siblings up to the root of 14.
    let node = |level, index| bench.tree.node(NodeId { level, index });
    let subtree = Subtree::new(8, 12).unwrap();
    let path = vec![node(1, 6), node(3, 0)];
    let request = |subtree, hash, proof, note: &SignedNote| {
        let body = SignSubtree { subtree, hash, proof, note: note.clone() }.to_string();
        bench.witness.sign_subtree(body.as_bytes())
    };
    let line = request(subtree, node(2, 2), path.clone(), &cosigned).unwrap();
    let line = parse_signatures(line.as_bytes()).unwrap().remove(0);
    bench.keys[1].key().verify_subtree(ORIGIN, subtree, &node(2, 2), &line).unwrap();

    let wrong = request(subtree, node(2, 1), path.clone(), &cosigned);
    assert!(matches!(wrong, Err(CosigningError::Subtree(_))), "{wrong:?}");
    let uncosigned = request(subtree, node(2, 2), path.clone(), &bench.note(head));
    assert!(matches!(uncosigned, Err(CosigningError::NotOurs)), "{uncosigned:?}");
    let mut forged = cosigned.signatures().to_vec();
    forged[2].signature[50] ^= 1;
    let forged = SignedNote::new(cosigned.text().into(), forged).unwrap();
    let forged = request(subtree, node(2, 2), path.clone(), &forged);
    assert!(matches!(forged, Err(CosigningError::NotOurs)), "{forged:?}");
    let beyond = request(Subtree::new(12, 16).unwrap(), node(2, 2), path, &cosigned);
    assert!(matches!(beyond, Err(CosigningError::BeyondTree)), "{beyond:?}");
}

#[test]
fn a_witness_has_at_most_one_key_of_a_kind_and_at_least_one() {
    let open = |keys: &[Arc<dyn Cosigner>], kept: Vec<String>| {
        CheckpointWitness::open(parts(keys, &[], kept, MemoryJournal::default())).map(|_| ()).err()
    };
    let keys = cosigners();
    assert_eq!(open(&keys, vec![]), None);
    assert_eq!(open(&[], vec![]), Some(OpenWitnessError::NoKey));
    assert_eq!(open(&[keys.clone(), cosigners()].concat(), vec![]), Some(OpenWitnessError::TwoKeys));
    assert_eq!(open(&keys, vec!["noise".into()]), Some(OpenWitnessError::Kept));
}
