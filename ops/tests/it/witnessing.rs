//! `stele witness`, and a log that it sees: as processes, over HTTP, and killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use proofs::note::{ed25519_vkey, parse_signatures};
use proofs::witness::{AddCheckpoint, monitoring_path};
use proofs::{CosignerKey, SignedNote, Signer, TreeHead, TreeSize, leaf_hash, node_hash};
use serde_json::Value;

use crate::log::{Log, STELE, both, stele, succeed};
use crate::machine::{self, spin, until};
use crate::server::Server;
use crate::statements::Issuer;

const ORIGIN: &str = "log.example/killed";

/// A running witness; killed when a test ends without ending it.
pub(crate) struct Witness {
    child: Child,
    pub(crate) url: String,
}

impl Witness {
    pub(crate) fn start(folder: &str) -> Self {
        let mut child = Command::new(STELE)
            .args(["witness", "serve", folder, "--listen", "127.0.0.1:0", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("it did not start: {line:?}"));
        Self { child, url: said["listening"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A witness in a temporary folder, and the vkeys it told.
pub(crate) fn create() -> (tempfile::TempDir, String, Vec<CosignerKey>) {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("witness").to_str().unwrap().to_owned();
    let told = succeed(&["witness", "init", &folder, "--name", "witness.example/w", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let vkeys = told["vkeys"].as_array().unwrap();
    (temp, folder, vkeys.iter().map(|vkey| vkey.as_str().unwrap().parse().unwrap()).collect())
}

pub(crate) fn knows(folder: &str, vkey: &str) {
    fs::write(PathBuf::from(folder).join("logs.policy"), format!("log {vkey}\nquorum none\n")).unwrap();
}

/// Killed again and again while two histories race, it has cosigned one of them at each size, for ever.
#[test]
fn wit_02_a_witness_that_is_killed_never_cosigns_two_histories() {
    let (_temp, folder, keys) = create();
    let log = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let vkey = ed25519_vkey(ORIGIN, &log.public_key().ed25519_bytes().unwrap()).unwrap();
    knows(&folder, &vkey.to_string());
    // A tree of two leaves has the left one as its proof from size 1, so a history can be forked at any time at size 2;
    // a new log each round keeps it at that size.
    let mut forked = 0;
    for round in 0..12_u64 {
        let origin = format!("{ORIGIN}/{round}");
        let vkey = ed25519_vkey(&origin, &log.public_key().ed25519_bytes().unwrap()).unwrap();
        knows(&folder, &vkey.to_string());
        let first = leaf_hash(b"first");
        let mut cosigned = Vec::new();
        let mut witness = Witness::start(&folder);
        post(&witness, &request(&origin, &log, 0, vec![], 1, first));
        for attempt in 0..4_u64 {
            let second = leaf_hash(&attempt.to_be_bytes());
            let root = node_hash(&first, &second);
            let body = request(&origin, &log, 1, vec![second], 2, root);
            let url = witness.url.clone();
            let asked = std::thread::spawn(move || try_post(&url, &body));
            spin(round * 1_500_000 + attempt * 700_000);
            witness.child.kill().unwrap();
            witness.child.wait().unwrap();
            if let Some((200, lines)) = asked.join().unwrap() {
                let note = note(&origin, &log, 2, root);
                let checkpoint = Checkpoint::parse(note.text()).unwrap();
                for line in parse_signatures(&lines).unwrap() {
                    let valid = keys.iter().any(|key| key.verify(note.text(), &checkpoint, &line).is_ok());
                    assert!(valid, "{line}");
                }
                cosigned.push(root);
            }
            witness = Witness::start(&folder);
        }
        assert!(cosigned.len() <= 1, "two roots at one size: {cosigned:?}");
        if let [root] = cosigned[..] {
            forked += 1;
            let (status, kept) = get(&witness, &monitoring_path(&origin));
            assert_eq!(status, 200);
            let kept = SignedNote::parse(kept).unwrap();
            assert_eq!(Checkpoint::parse(kept.text()).unwrap().head.root, root, "what was answered is kept");
        }
    }
    println!("{forked} of 12 histories went on before a kill");
}

fn note(origin: &str, log: &PrivateKey, size: u64, root: proofs::Hash) -> SignedNote {
    let head = TreeHead { size: TreeSize::new(size), root };
    let checkpoint = Checkpoint { origin: Origin::new(origin).unwrap(), head };
    SignedNote::parse(sign_checkpoint(&checkpoint, log).unwrap()).unwrap()
}

fn request(
    origin: &str,
    log: &PrivateKey,
    old: u64,
    proof: Vec<proofs::Hash>,
    size: u64,
    root: proofs::Hash,
) -> String {
    AddCheckpoint { old: TreeSize::new(old), proof, note: note(origin, log, size, root) }.to_string()
}

/// One request by a client that minds no end of the other side.
fn try_post(url: &str, body: &str) -> Option<(u16, Vec<u8>)> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let response = agent.post(format!("{url}/add-checkpoint")).send(body.as_bytes()).ok()?;
    let status = response.status().as_u16();
    Some((status, response.into_body().read_to_vec().ok()?))
}

fn post(witness: &Witness, body: &str) -> Vec<u8> {
    let (status, answer) = try_post(&witness.url, body).unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    answer
}

fn get(witness: &Witness, path: &str) -> (u16, Vec<u8>) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let response = agent.get(format!("{}/{path}", witness.url)).call().unwrap();
    (response.status().as_u16(), response.into_body().read_to_vec().unwrap())
}

/// A log and its witness, both of this program: the checkpoint that is served has the quorum under it; and an old copy of
/// the log does not start while the witness can be asked.
#[test]
fn d11_wit_09_a_log_is_witnessed_and_an_old_copy_of_it_does_not_start() {
    let _machine = machine::shared();
    let (_temp, folder, keys) = create();
    let log = Log::create();
    let vkey =
        ed25519_vkey("ts.example", &log.key("checkpoints").public_key().ed25519_bytes().unwrap()).unwrap();
    knows(&folder, &vkey.to_string());
    let witness = Witness::start(&folder);
    let lines: String =
        (1..).zip(&keys).map(|(n, key)| format!("witness W{n} {key} {}\n", witness.url)).collect();
    fs::write(log.dir.join("witness.policy"), format!("{lines}group G all W1 W2\nquorum G\n")).unwrap();
    let config = fs::read_to_string(log.dir.join("stele.toml")).unwrap();
    let config = config
        .replace("#policy = \"witness.policy\"", "policy = \"witness.policy\"")
        .replace("quorum_wait_ms = 5000", "quorum_wait_ms = 60000")
        .replace("without_quorum = \"publish\"", "without_quorum = \"hold\"");
    fs::write(log.dir.join("stele.toml"), config).unwrap();
    let old = log.copy();

    let server = Server::start(&log);
    Issuer::new(&log, "acme").be_trusted(&log, &server);
    let witnessed = |text: &[u8]| {
        let note = SignedNote::parse(text).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        let by = |key: &CosignerKey| {
            note.signatures().iter().any(|line| key.verify(note.text(), &checkpoint, line).is_ok())
        };
        checkpoint.head.size == TreeSize::new(5) && keys.iter().all(by)
    };
    // The publisher asks the witness beside the requests. However long that takes, the checkpoint has to come.
    let mut reader = server.connect();
    until("a checkpoint with both cosignatures", || witnessed(&reader.get("/checkpoint").unwrap().body));
    let (status, kept) = get(&witness, &monitoring_path("ts.example"));
    assert!(status == 200 && witnessed(&kept));
    server.stop();

    let line = Server::refuse(&old, &[]);
    assert!(line.contains("refusing to sign") && line.contains("old copy"), "{line}");
    drop(witness);
    // Nobody left to ask: it starts, as configured; and refuses where that is configured.
    Server::start(&log).stop();
    let config = fs::read_to_string(log.dir.join("stele.toml")).unwrap();
    let config = config.replace("unreachable = \"start\"", "unreachable = \"refuse\"");
    fs::write(log.dir.join("stele.toml"), config).unwrap();
    let output = stele(&["serve", log.path(), "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
}
