use ledger::control::{Genesis, anchors_statement, genesis_statements, policy_statement};
use ledger::governance::Governance;
use ledger::policy::{IssuerMatch, Policy, Rule};
use ledger::profile::System;
use ledger::signer::{KeyAlgorithm, PrivateKey};
use ledger::trust::{Anchor, AnchorId, AnchorIncrement, SelfCertifying};
use proofs::{Algorithm, LeafIndex, PublicKey, SignedStatement, Signer, UnixTime};
use std::sync::LazyLock;

use crate::issuer_key;

/// The second in which everything is judged; the certificates of the seeds are valid then.
pub const EVALUATED_AT: UnixTime = UnixTime::from_secs(1_790_000_000);

/// The root certificate that the seeds with `x5chain` lead to.
const ROOT: &[u8] = include_bytes!("../data/root.der");

const LIMIT: usize = 1 << 20;

/// Knows `https://issuer.example` by a listed key, whatever `data/root.der` vouches for, and did:key and did:jwk.
pub fn governance() -> &'static Governance {
    static GOVERNANCE: LazyLock<Governance> = LazyLock::new(make);
    &GOVERNANCE
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::Ed25519).expect("the system has randomness")
}

fn make() -> Governance {
    let [receipts, checkpoints, registrar, operator] = [key(), key(), key(), key()];
    let receipts = receipts.with_algorithm(Algorithm::EdDsa).expect("an Ed25519 key");
    let genesis = Genesis {
        format: ledger::control::GENESIS_FORMAT,
        issuer: "https://ts.example".to_owned(),
        origin: "ts.example/log".to_owned(),
        receipts: receipts.public_key().clone(),
        checkpoints: checkpoints.public_key().clone(),
        checkpoints_ml_dsa_44: None,
        registrar: registrar.public_key().clone(),
        operator: operator.public_key().clone(),
    };
    let mut log = genesis_statements(&genesis, &operator).expect("a genesis").to_vec();
    let empty = governance_of(&log);
    let anchors = AnchorIncrement::new(
        vec![
            Anchor::key(id("listed"), issuer_key(), None).expect("a key anchor"),
            Anchor::root(id("root"), ROOT.to_vec(), Vec::new()).expect("a root anchor"),
            embedded(),
        ],
        Vec::new(),
    );
    log.push(anchors_statement(empty.identity(), empty.anchors_id(), &anchors, &operator).expect("anchors"));
    let policy = Policy { rules: rules(), ..Policy::closed(operator.public_key().clone()) };
    log.push(policy_statement(empty.identity(), empty.policy_id(), &policy, &operator, None).expect("a policy"));
    governance_of(&log)
}

/// The key that the IATP vectors are signed with.
fn embedded() -> Anchor {
    let key = PublicKey::from_jwk(&serde_json::json!({
        "kty": "OKP", "crv": "Ed25519", "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    }));
    let systems = vec![System::Trace, System::Iatp];
    let key = key.expect("an Ed25519 key");
    Anchor::embedded_key(id("embedded"), key, Some("cp-key-1".to_owned()), systems).expect("an anchor")
}

fn rules() -> Vec<Rule> {
    let prefix = |prefix: &str| vec![IssuerMatch::prefix(prefix).expect("a prefix")];
    let mut named = Rule::new("self-certifying", prefix("did:key"), Vec::new());
    named.issuers.extend(prefix("did:jwk"));
    named.self_certified = vec![SelfCertifying::DidKey, SelfCertifying::DidJwk];
    vec![
        Rule::new("listed", prefix("https://issuer.example"), vec![id("listed")]),
        Rule::new("x509", prefix("https://x509.example"), vec![id("root")]),
        named,
    ]
}

fn id(text: &str) -> AnchorId {
    AnchorId::new(text).expect("an id")
}

fn governance_of(log: &[Vec<u8>]) -> Governance {
    let mut statements = log.iter().map(|bytes| SignedStatement::parse(bytes, LIMIT).expect("a statement of ours"));
    let genesis = statements.next().expect("the genesis");
    let controls = (1..).map(LeafIndex::new).zip(statements);
    Governance::open(&genesis, controls).expect("a log that opens")
}
