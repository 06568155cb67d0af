//! A log that exists only as governance, its operator, and people who sign.

use std::collections::BTreeMap;

use ciborium::Value;
use proofs::{
    Algorithm, ContentType, LeafIndex, PublicKey, SignedStatement, Signer, StatementBuilder, UnixTime, cbor,
};

use crate::control::{self, GENESIS_FORMAT, Genesis};
use crate::governance::{Admitted, Governance, Refusal};
use crate::policy::{IssuerMatch, MAX_STATEMENT_BYTES, Policy, Rule};
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::trust::{Anchor, AnchorId, AnchorIncrement};

/// January 2027; every certificate of these tests is made around it.
pub(super) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(super) const ACME: &str = "https://acme.com";
pub(super) const SERVICE: &str = "https://ts.example";

pub(super) struct World {
    pub(super) operator: PrivateKey,
    pub(super) genesis: Genesis,
    pub(super) statements: [Vec<u8>; 3],
    pub(super) governance: Governance,
    next: u64,
}

pub(super) fn ed25519() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

pub(super) fn id(text: &str) -> AnchorId {
    AnchorId::new(text).unwrap()
}

pub(super) fn exact(issuer: &str) -> Vec<IssuerMatch> {
    vec![IssuerMatch::exact(issuer).unwrap()]
}

pub(super) fn below(prefix: &str) -> Vec<IssuerMatch> {
    vec![IssuerMatch::prefix(prefix).unwrap()]
}

pub(super) fn key_anchor(name: &str, key: &dyn Signer) -> Anchor {
    Anchor::key(id(name), key.public_key().clone(), None).unwrap()
}

pub(super) fn parse(bytes: &[u8]) -> SignedStatement {
    SignedStatement::parse(bytes, MAX_STATEMENT_BYTES).unwrap()
}

/// A plain statement of an issuer, for tests to add to.
pub(super) fn statement_of(issuer: &str) -> StatementBuilder {
    StatementBuilder::new(issuer, "urn:example:artifact").content_type(ContentType::Text("text/plain".into()))
}

pub(super) fn signed(issuer: &str, key: &dyn Signer) -> Vec<u8> {
    statement_of(issuer).sign(b"payload", key).unwrap()
}

/// The statement with one more label in its unprotected header.
pub(super) fn with_unprotected(statement: &[u8], label: i64, value: Value) -> Vec<u8> {
    let Value::Tag(tag, inner) = cbor::decode(statement).unwrap() else { panic!("tagged") };
    let Value::Array(mut parts) = *inner else { panic!("array") };
    parts[1] = Value::Map(vec![(Value::from(label), value)]);
    cbor::encode(&Value::Tag(tag, Box::new(Value::Array(parts))))
}

impl World {
    pub(super) fn new() -> Self {
        Self::operated_by(ed25519())
    }

    pub(super) fn operated_by(operator: PrivateKey) -> Self {
        let public = |key: PrivateKey| -> PublicKey { key.public_key().clone() };
        let genesis = Genesis {
            format: GENESIS_FORMAT,
            issuer: SERVICE.into(),
            origin: "ts.example/log".into(),
            receipts: public(ed25519().with_algorithm(Algorithm::EdDsa).unwrap()),
            checkpoints: public(ed25519()),
            checkpoints_ml_dsa_44: None,
            registrar: public(ed25519()),
            operator: operator.public_key().clone(),
        };
        let statements = control::genesis_statements(&genesis, &operator).unwrap();
        let governance = open(&statements).unwrap();
        Self { operator, genesis, statements, governance, next: 3 }
    }

    pub(super) fn judge(&self, statement: &[u8]) -> Result<Admitted, Refusal> {
        self.judge_at(statement, NOW)
    }

    pub(super) fn judge_at(&self, statement: &[u8], at: UnixTime) -> Result<Admitted, Refusal> {
        self.governance.judge(parse(statement), at)
    }

    /// Judges a control statement and puts it in force. Gives its index.
    pub(super) fn register(&mut self, statement: &[u8]) -> Result<u64, Refusal> {
        let admitted = self.judge(statement)?;
        let index = self.next;
        let change = admitted.control.expect("a control statement");
        self.governance =
            self.governance.apply(&change, LeafIndex::new(index), admitted.statement.statement().entry_id());
        self.next += 1;
        Ok(index)
    }

    pub(super) fn closed_policy(&self) -> Policy {
        Policy::closed(self.operator.public_key().clone())
    }

    pub(super) fn policy_statement(&self, policy: &Policy) -> Vec<u8> {
        let governance = &self.governance;
        control::policy_statement(governance.identity(), governance.policy_id(), policy, &self.operator, None)
            .unwrap()
    }

    pub(super) fn anchors_statement(&self, add: Vec<Anchor>, retire: Vec<AnchorId>) -> Vec<u8> {
        let governance = &self.governance;
        let increment = AnchorIncrement::new(add, retire);
        control::anchors_statement(governance.identity(), governance.anchors_id(), &increment, &self.operator)
            .unwrap()
    }

    pub(super) fn set_policy(&mut self, policy: &Policy) -> u64 {
        let statement = self.policy_statement(policy);
        self.register(&statement).unwrap()
    }

    pub(super) fn set_rules(&mut self, rules: Vec<Rule>) -> u64 {
        let policy = Policy { rules, ..self.closed_policy() };
        self.set_policy(&policy)
    }

    pub(super) fn add(&mut self, anchors: Vec<Anchor>) -> u64 {
        let statement = self.anchors_statement(anchors, Vec::new());
        self.register(&statement).unwrap()
    }

    pub(super) fn retire(&mut self, name: &str) -> u64 {
        let statement = self.anchors_statement(Vec::new(), vec![id(name)]);
        self.register(&statement).unwrap()
    }

    /// A world with one rule `acme` for [`ACME`] and one key, changed as a test likes.
    pub(super) fn with_rule(change: impl FnOnce(&mut Rule)) -> (Self, PrivateKey) {
        let mut world = Self::new();
        let key = ed25519();
        world.add(vec![key_anchor("acme-key", &key)]);
        let mut rule = Rule::new("acme", exact(ACME), vec![id("acme-key")]);
        change(&mut rule);
        world.set_rules(vec![rule]);
        (world, key)
    }
}

/// Opens governance from the statements of indices 0, 1, 2 and so on.
pub(super) fn open(statements: &[Vec<u8>]) -> Result<Governance, crate::governance::GovernanceError> {
    let parsed: BTreeMap<u64, SignedStatement> =
        (0..).zip(statements.iter().map(|bytes| parse(bytes))).collect();
    let controls =
        parsed.iter().skip(1).map(|(index, statement)| (LeafIndex::new(*index), statement.clone()));
    Governance::open(&parsed[&0], controls)
}
