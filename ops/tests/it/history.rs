//! Everything that was ever submitted to a log, promised by it or signed by it, and the comparison of all of
//! that with what a server says now.

use std::collections::BTreeMap;

use conformance::Oracle;
use proofs::checkpoint::open_checkpoint;
use proofs::note::ed25519_vkey;
use proofs::{Hash, KeySet, NoteVerifierKey, Signer};

use crate::log::Log;
use crate::server::Server;
use crate::statements::{Place, entry, keys, verify};
use crate::wire::Connection;

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its client got a receipt.
    Acknowledged,
    /// No client got a receipt, but it was in the log afterwards.
    StoredUnacknowledged,
    /// No client got a receipt, and it was not in the log afterwards.
    Absent,
    /// Nobody has looked yet.
    Unknown,
}

struct Submitted {
    statement: Vec<u8>,
    entry: [u8; 32],
    index: Option<u64>,
    /// Of the first time that it was sent, which is the one that counts.
    outcome: Outcome,
    /// Whether it has to be asked for when the server is back.
    open: bool,
    /// Whether it certainly was sent whole while the server lived.
    sent: bool,
}

/// The memory of a test.
pub(crate) struct History {
    keys: KeySet,
    checkpoint_key: NoteVerifierKey,
    submitted: Vec<Submitted>,
    /// Which entry is at which index; never changes once known.
    entries: BTreeMap<u64, [u8; 32]>,
    /// Every root that was signed, by size.
    heads: BTreeMap<u64, Hash>,
    newest_checkpoint: u64,
}

impl History {
    /// Starts with a log that has been made and not written to.
    pub(crate) fn of(log: &Log, server: &Server) -> Self {
        let public = log.key("checkpoints").public_key().ed25519_bytes().unwrap();
        let mut connection = server.connect();
        let note = String::from_utf8(connection.get("/checkpoint").unwrap().body).unwrap();
        let origin = note.lines().next().unwrap();
        let mut history = Self {
            keys: keys(server),
            checkpoint_key: ed25519_vkey(origin, &public).unwrap(),
            submitted: Vec::new(),
            entries: BTreeMap::new(),
            heads: BTreeMap::new(),
            newest_checkpoint: 0,
        };
        history.note_checkpoint(&note);
        history.note_control(server);
        history
    }

    /// Notes the control statements that `GET /policy` names, with their indices.
    pub(crate) fn note_control(&mut self, server: &Server) {
        for (index, entry) in crate::statements::control_entries(server) {
            self.put(index, entry);
        }
    }

    /// A statement that is going to be sent; its number.
    pub(crate) fn submit(&mut self, statement: Vec<u8>) -> usize {
        let entry = entry(&statement);
        let outcome = Outcome::Unknown;
        self.submitted.push(Submitted { statement, entry, index: None, outcome, open: false, sent: false });
        self.submitted.len() - 1
    }

    /// The bytes of all statements, by number.
    pub(crate) fn statements(&self) -> Vec<Vec<u8>> {
        self.submitted.iter().map(|submitted| submitted.statement.clone()).collect()
    }

    /// Those whose client got no receipt: what a client would send again.
    pub(crate) fn unacknowledged(&self) -> Vec<usize> {
        let retried = |submitted: &Submitted| match submitted.outcome {
            Outcome::Absent => submitted.index.is_none(),
            Outcome::StoredUnacknowledged => true,
            Outcome::Acknowledged | Outcome::Unknown => false,
        };
        (0..self.submitted.len()).filter(|number| retried(&self.submitted[*number])).collect()
    }

    /// The outcomes of all statements that were ever sent.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.submitted
            .iter()
            .filter(|submitted| submitted.open || submitted.outcome != Outcome::Unknown)
            .map(|submitted| submitted.outcome)
    }

    /// A receipt came back for a statement.
    pub(crate) fn acknowledge(&mut self, number: usize, receipt: &[u8]) {
        let entry = self.submitted[number].entry;
        let place = verify(&entry, receipt, &self.keys);
        self.place(number, place);
        let submitted = &mut self.submitted[number];
        submitted.open = true;
        if submitted.outcome == Outcome::Unknown {
            submitted.outcome = Outcome::Acknowledged;
        }
    }

    /// A statement was sent, perhaps only when the server was dead already, and nothing came back.
    pub(crate) fn left_open(&mut self, number: usize, sent: bool) {
        let submitted = &mut self.submitted[number];
        submitted.open = true;
        submitted.sent |= sent;
    }

    /// Verifies a checkpoint and notes its head; sizes never go back.
    pub(crate) fn note_checkpoint(&mut self, note: &str) {
        let checkpoint = open_checkpoint(note, &self.checkpoint_key).unwrap();
        let size = checkpoint.head.size.get();
        assert!(
            size >= self.newest_checkpoint,
            "the checkpoint went from {} to {size}",
            self.newest_checkpoint
        );
        self.newest_checkpoint = size;
        self.note_head(size, checkpoint.head.root);
    }

    /// Asks a restarted server for everything sent since the last time, and recomputes every new root.
    pub(crate) fn audit(&mut self, server: &Server) {
        let mut connection = server.connect();
        let note = connection.get("/checkpoint").unwrap();
        self.note_checkpoint(&String::from_utf8(note.body).unwrap());
        for number in 0..self.submitted.len() {
            if self.submitted[number].open {
                self.ask(&mut connection, number);
            }
        }
        self.recompute();
    }

    /// Asks for every statement there ever was.
    pub(crate) fn audit_everything(&mut self, server: &Server) {
        let mut connection = server.connect();
        for number in 0..self.submitted.len() {
            if self.submitted[number].outcome != Outcome::Unknown {
                self.ask(&mut connection, number);
            }
        }
        self.recompute();
    }

    fn ask(&mut self, connection: &mut Connection, number: usize) {
        let Submitted { entry, outcome, index, sent, .. } = self.submitted[number];
        let id = data_encoding::HEXLOWER.encode(&entry);
        let reply = connection.get(&format!("/entries/{id}")).unwrap();
        let outcome = match reply.status {
            200 => {
                let place = verify(&entry, &reply.body, &self.keys);
                self.place(number, place);
                if outcome == Outcome::Unknown { Outcome::StoredUnacknowledged } else { outcome }
            }
            404 => {
                assert_eq!(index, None, "statement {id} was in the log and is gone");
                assert_ne!(outcome, Outcome::Acknowledged, "statement {id} was acknowledged and is gone");
                if sent { Outcome::Absent } else { outcome }
            }
            other => panic!("GET /entries/{id} answered {other}: {}", reply.problem()),
        };
        self.submitted[number].outcome = outcome;
        self.submitted[number].open = false;
    }

    fn place(&mut self, number: usize, place: Place) {
        let submitted = &mut self.submitted[number];
        let before = *submitted.index.get_or_insert(place.index);
        assert_eq!(before, place.index, "an entry moved");
        let entry = submitted.entry;
        self.put(place.index, entry);
        self.note_head(place.size, place.root);
    }

    fn put(&mut self, index: u64, entry: [u8; 32]) {
        let before = *self.entries.entry(index).or_insert(entry);
        assert_eq!(before, entry, "two entries at index {index}");
    }

    fn note_head(&mut self, size: u64, root: Hash) {
        let before = *self.heads.entry(size).or_insert(root);
        assert_eq!(before, root, "two signed roots at size {size}");
    }

    /// Every signed root against the oracle's, which knows nothing but the entries.
    fn recompute(&mut self) {
        for (expected, index) in (0..).zip(self.entries.keys()) {
            assert_eq!(*index, expected, "nobody knows what is at index {expected}");
        }
        let mut oracle = Oracle::of(self.entries.values());
        for (size, root) in &self.heads {
            assert_eq!(oracle.root(*size), Some(*root), "the signed root at size {size} is not the log's");
        }
    }
}
