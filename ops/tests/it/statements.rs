//! Issuers and their statements.

use std::fs;
use std::path::PathBuf;

use conformance::{LeafRule, Receipt};
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::{ContentType, EntryId, Hash, KeySet, StatementBuilder};

use crate::log::{Log, PATIENT, succeed};
use crate::server::Server;

/// Stands in every payload, and must stand in no log.
pub(crate) const MARKER: &str = "payload-that-nobody-may-log";

/// Somebody who signs statements.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) key: PrivateKey,
    pub(crate) file: PathBuf,
}

impl Issuer {
    /// An issuer with a new Ed25519 key, kept beside the log.
    pub(crate) fn new(log: &Log, name: &str) -> Self {
        Self::with_algorithm(log, name, KeyAlgorithm::Ed25519)
    }

    pub(crate) fn with_algorithm(log: &Log, name: &str, algorithm: KeyAlgorithm) -> Self {
        let key = PrivateKey::generate(algorithm).unwrap();
        let file = log.beside(&format!("{name}.pem"));
        fs::write(&file, key.to_pem().unwrap().as_bytes()).unwrap();
        Self { name: format!("https://{name}.example"), key, file }
    }

    /// The n-th statement of this issuer.
    pub(crate) fn statement(&self, n: u64) -> Vec<u8> {
        self.statement_of(n, "text/plain")
    }

    pub(crate) fn statement_of(&self, n: u64, content_type: &str) -> Vec<u8> {
        let payload = format!("{MARKER} {n}");
        StatementBuilder::new(self.name.clone(), format!("urn:example:thing:{n}"))
            .content_type(ContentType::Text(content_type.into()))
            .sign(payload.as_bytes(), &self.key)
            .unwrap()
    }

    /// `stele policy trust`: the operator of the log takes this issuer in.
    pub(crate) fn be_trusted(&self, log: &Log, server: &Server) {
        let operator = log.operator_file();
        let (operator, key) = (operator.to_str().unwrap(), self.file.to_str().unwrap());
        let words = ["policy", "trust", "--url", &server.url, "--operator-key", operator];
        succeed(&[&words[..], &["--issuer", &self.name, "--key", key], &PATIENT].concat());
    }
}

/// The entry of a statement (D1), by the doubters' own reader.
pub(crate) fn entry(statement: &[u8]) -> [u8; 32] {
    LeafRule::Digest.entry(statement).unwrap().try_into().unwrap()
}

/// The entry id of a statement.
pub(crate) fn id(statement: &[u8]) -> EntryId {
    EntryId::from_bytes(entry(statement))
}

/// Where a receipt puts its entry and what it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) index: u64,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// Verifies a receipt of an entry with nothing but the service's key set.
pub(crate) fn verify(entry: &[u8], receipt: &[u8], keys: &KeySet) -> Place {
    let receipt = Receipt::read(receipt).unwrap();
    let root = receipt.verify_inclusion(entry, keys).unwrap();
    let (index, size) = receipt.inclusion().unwrap();
    Place { index, size, root }
}

/// The key set that a server publishes.
pub(crate) fn keys(server: &Server) -> KeySet {
    let reply = server.connect().get("/.well-known/scitt-keys").unwrap();
    assert_eq!(reply.status, 200);
    KeySet::parse(&reply.body).unwrap()
}

/// What `GET /policy` says.
pub(crate) fn control(server: &Server) -> serde_json::Value {
    let reply = server.connect().get("/policy").unwrap();
    assert_eq!(reply.status, 200);
    serde_json::from_slice(&reply.body).unwrap()
}

/// The entries that `GET /policy` names, with their indices: genesis, the newest policy, the newest anchors.
pub(crate) fn control_entries(server: &Server) -> Vec<(u64, [u8; 32])> {
    let known = control(server);
    let entry = |text: &serde_json::Value| *text.as_str().unwrap().parse::<EntryId>().unwrap().as_bytes();
    let place = |part: &str| (known[part]["index"].as_u64().unwrap(), entry(&known[part]["entry_id"]));
    vec![(0, entry(&known["log_id"])), place("policy"), place("anchors")]
}
