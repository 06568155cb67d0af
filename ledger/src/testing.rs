//! A small world for tests: a log in memory, a clock that stands still, one trusted issuer.

pub(crate) mod counting;
pub(crate) mod meddling;
pub(crate) mod tamper;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proofs::statement::{ContentType, StatementBuilder};
use proofs::{Algorithm, CosignatureKind, EntryId, SignedStatement, Signer, UnixTime};
use storage::LogStore;
use storage::memory::MemoryStore;
use tokio::task::JoinHandle;

use crate::clock::ManualClock;
use crate::control::{self, Genesis};
use crate::error::{Fatal, OpenError, RegisterError};
use crate::keeper::Keeper;
use crate::ledger::{Keys, Ledger, Opened, Parts};
use crate::metrics::Metrics;
use crate::policy::{IssuerMatch, Policy, Rule};
use crate::publisher::Publisher;
use crate::registrar::{DigestSubmission, Submission};
use crate::registration::{Registration, Wait};
use crate::sequencer::Sequencer;
use crate::settings::Settings;
use crate::signer::{CosigningKey, KeyAlgorithm, PrivateKey};
use crate::trust::{Anchor, AnchorId, AnchorIncrement};
use crate::witness::Witnessing;

pub(crate) const NOW: u64 = 1_790_000_000;
pub(crate) const ORIGIN: &str = "ts.example/log";
pub(crate) const ISSUER: &str = "https://issuer.example";

/// How long something that has to come may be waited for: no sound test reaches it, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until something is so. Where it never is, the test fails and says what, instead of hanging.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) operator: PrivateKey,
    pub(crate) keys: Keys,
    pub(crate) issuer: PrivateKey,
    pub(crate) log_id: EntryId,
    pub(crate) witnessing: Option<Witnessing>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn on(store: Arc<dyn LogStore>) -> Self {
        Self::with_registrar(store, KeyAlgorithm::Ed25519)
    }

    pub(crate) fn with_registrar(store: Arc<dyn LogStore>, registrar: KeyAlgorithm) -> Self {
        let key = |algorithm| PrivateKey::generate(algorithm).unwrap();
        let operator = key(KeyAlgorithm::Ed25519);
        let receipts = key(KeyAlgorithm::Ed25519).with_algorithm(Algorithm::EdDsa).unwrap();
        let keys = Keys {
            receipts: Arc::new(receipts),
            checkpoints: Arc::new(key(KeyAlgorithm::Ed25519)),
            checkpoints_ml_dsa_44: Some(Arc::new(
                CosigningKey::generate(CosignatureKind::MlDsa44, ORIGIN).unwrap(),
            )),
            registrar: Arc::new(key(registrar)),
        };
        let genesis = Genesis {
            format: 1,
            issuer: "https://ts.example".into(),
            origin: ORIGIN.into(),
            receipts: keys.receipts.public_key().clone(),
            checkpoints: keys.checkpoints.public_key().clone(),
            checkpoints_ml_dsa_44: keys.checkpoints_ml_dsa_44.as_ref().map(|key| key.key().clone()),
            registrar: keys.registrar.public_key().clone(),
            operator: operator.public_key().clone(),
        };
        let clock = Arc::new(ManualClock::at(UnixTime::from_secs(NOW)));
        let log_id = crate::create(store.as_ref(), &genesis, &keys, &operator, clock.as_ref()).unwrap();
        Self { store, clock, operator, keys, issuer: key(KeyAlgorithm::Ed25519), log_id, witnessing: None }
    }

    pub(crate) fn try_open(&self, settings: Settings) -> Result<Opened, OpenError> {
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let clock = Arc::clone(&self.clock);
        Ledger::open(
            Parts {
                store: Arc::clone(&self.store),
                keys: self.keys.clone(),
                clock,
                metrics,
                witnessing: self.witnessing.clone(),
            },
            settings,
        )
    }

    /// Opens the log and lets the issuer in.
    pub(crate) fn bench(&self, settings: Settings) -> Bench {
        let mut bench = self.bare_bench(settings);
        if bench.ledger.governance().policy().rules.is_empty() {
            bench.must(self.anchors(&bench.ledger, "issuer", &self.issuer));
            bench.must(self.policy(&bench.ledger, vec![issuer_rule("issuers")]));
        }
        bench
    }

    pub(crate) fn bare_bench(&self, settings: Settings) -> Bench {
        let Opened { ledger, sequencer, publisher, keeper } = self.try_open(settings).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Bench { runtime, ledger, sequencer, publisher, keeper: Some(keeper) }
    }

    pub(crate) fn anchors(&self, ledger: &Ledger, id: &str, key: &dyn Signer) -> Vec<u8> {
        let anchor = Anchor::key(anchor_id(id), key.public_key().clone(), None).unwrap();
        let increment = AnchorIncrement::new(vec![anchor], Vec::new());
        let rules = ledger.governance();
        control::anchors_statement(rules.identity(), rules.anchors_id(), &increment, &self.operator).unwrap()
    }

    pub(crate) fn policy(&self, ledger: &Ledger, rules: Vec<Rule>) -> Vec<u8> {
        self.policy_with(ledger, |policy| policy.rules = rules)
    }

    /// The policy in force, changed.
    pub(crate) fn policy_with(&self, ledger: &Ledger, change: impl FnOnce(&mut Policy)) -> Vec<u8> {
        let governance = ledger.governance();
        let mut policy = Policy {
            rules: governance.policy().rules.clone(),
            ..Policy::closed(self.operator.public_key().clone())
        };
        change(&mut policy);
        control::policy_statement(
            governance.identity(),
            governance.policy_id(),
            &policy,
            &self.operator,
            None,
        )
        .unwrap()
    }

    pub(crate) fn statement(&self, n: usize) -> Vec<u8> {
        statement(&self.issuer, n)
    }
}

fn anchor_id(id: &str) -> AnchorId {
    id.to_owned().try_into().unwrap()
}

pub(crate) fn issuer_rule(name: &str) -> Rule {
    Rule::new(
        name,
        vec![IssuerMatch::Exact(ISSUER.to_owned().try_into().unwrap())],
        vec![anchor_id("issuer")],
    )
}

pub(crate) fn statement(issuer: &dyn Signer, n: usize) -> Vec<u8> {
    about(issuer, &format!("urn:example:artifact:{n}"), format!("statement {n}").as_bytes())
}

pub(crate) fn statement_with(issuer: &dyn Signer, payload: &[u8]) -> Vec<u8> {
    about(issuer, "urn:example:artifact", payload)
}

fn about(issuer: &dyn Signer, subject: &str, payload: &[u8]) -> Vec<u8> {
    let builder = StatementBuilder::new(ISSUER, subject).content_type(ContentType::Text("text/plain".into()));
    builder.sign(payload, issuer).unwrap()
}

pub(crate) fn id_of(statement: &[u8]) -> EntryId {
    SignedStatement::parse(statement, 1 << 20).unwrap().entry_id()
}

/// The other signature (r, n - s) that anybody can make of an ECDSA signature (r, s).
pub(crate) fn twin_of(statement: &[u8]) -> Vec<u8> {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut twin = statement.to_vec();
    let at = twin.len() - 32;
    let mut borrow = 0i32;
    for i in (0..32).rev() {
        let digit = i32::from(N[i]) - i32::from(twin[at + i]) - borrow;
        borrow = i32::from(digit < 0);
        twin[at + i] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    twin
}

/// An opened log whose rounds are driven by hand.
pub(crate) struct Bench {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) ledger: Ledger,
    pub(crate) sequencer: Sequencer,
    pub(crate) publisher: Publisher,
    keeper: Option<Keeper>,
}

/// What the keeper is to look after.
#[derive(Clone, Copy)]
enum Due {
    Manifest,
    Batch,
}

pub(crate) type Answer = JoinHandle<Result<Registration, RegisterError>>;

pub(crate) type BatchAnswer = JoinHandle<Vec<Result<Registration, RegisterError>>>;

impl Bench {
    /// Sends a statement and returns once it is in the mailbox or was answered.
    pub(crate) fn submit(&self, statement: Vec<u8>) -> Answer {
        let ledger = self.ledger.clone();
        self.send(async move { ledger.register(Bytes::from(statement), Wait::ForReceipt).await })
    }

    /// Has the registrar wrap evidence, and returns once it is in the mailbox or was answered.
    pub(crate) fn submit_evidence(&self, evidence: Submission) -> Answer {
        let ledger = self.ledger.clone();
        self.send(async move { ledger.register_evidence(evidence, Wait::ForReceipt).await })
    }

    /// The same with a digest that nobody sent the preimage of.
    pub(crate) fn submit_digest(&self, digest: DigestSubmission) -> Answer {
        let ledger = self.ledger.clone();
        self.send(async move { ledger.register_digest(digest, Wait::ForReceipt).await })
    }

    fn send(
        &self,
        work: impl Future<Output = Result<Registration, RegisterError>> + Send + 'static,
    ) -> Answer {
        let before = self.sequencer.waiting();
        let answer = self.runtime.spawn(work);
        until("what was sent is in the mailbox", || {
            self.sequencer.waiting() != before || answer.is_finished()
        });
        answer
    }

    /// Sends a batch and returns once `held` of it are in the mailbox.
    pub(crate) fn submit_batch(&self, statements: Vec<Vec<u8>>, held: usize) -> BatchAnswer {
        let ledger = self.ledger.clone();
        let bodies: Vec<Bytes> = statements.into_iter().map(Bytes::from).collect();
        let answer =
            self.runtime.spawn(async move { ledger.register_batch(&bodies, Wait::ForReceipt).await });
        until("as many as there is room for are in the mailbox", || {
            self.sequencer.waiting() >= held || answer.is_finished()
        });
        answer
    }

    /// Commits what arrives until the batch is answered.
    pub(crate) fn finish_batch(&mut self, answer: BatchAnswer) -> Vec<Result<Registration, RegisterError>> {
        self.finish(&answer);
        self.runtime.block_on(answer).unwrap()
    }

    /// Lets rounds end until a task has.
    pub(crate) fn finish<T>(&mut self, task: &JoinHandle<T>) {
        run_until_finished(&mut self.sequencer, task, |sequencer| sequencer.step().map(drop));
    }

    pub(crate) fn answer(&self, answer: Answer) -> Result<Registration, RegisterError> {
        self.runtime.block_on(answer).unwrap()
    }

    /// Lets the keeper register a manifest if one is due.
    pub(crate) fn keep(&mut self) -> Result<bool, RegisterError> {
        self.keep_while(Due::Manifest, |sequencer| sequencer.step().map(drop))
    }

    /// Lets the keeper register a batch of TRACE records if one is due.
    pub(crate) fn batch(&mut self) -> Result<bool, RegisterError> {
        self.keep_while(Due::Batch, |sequencer| sequencer.step().map(drop))
    }

    /// Lets the keeper register a manifest whose commit fails.
    pub(crate) fn keep_until_fatal(mut self) -> bool {
        let mut fatal = false;
        let kept = self.keep_while(Due::Manifest, |sequencer| {
            fatal = sequencer.step().is_err();
            Ok(())
        });
        kept.is_err() && fatal
    }

    fn keep_while(
        &mut self,
        due: Due,
        step: impl FnMut(&mut Sequencer) -> Result<(), Fatal>,
    ) -> Result<bool, RegisterError> {
        let mut keeper = self.keeper.take().unwrap();
        let kept = self.runtime.spawn(async move {
            let outcome = match due {
                Due::Manifest => keeper.step().await,
                Due::Batch => keeper.batch().await,
            };
            (outcome, keeper)
        });
        run_until_finished(&mut self.sequencer, &kept, step);
        let (outcome, keeper) = self.runtime.block_on(kept).unwrap();
        self.keeper = Some(keeper);
        outcome
    }

    /// Registers one statement with rounds of its own.
    pub(crate) fn register(&mut self, statement: Vec<u8>) -> Result<Registration, RegisterError> {
        let answer = self.submit(statement);
        self.drive(answer)
    }

    /// Lets rounds end until this is answered.
    pub(crate) fn drive(&mut self, answer: Answer) -> Result<Registration, RegisterError> {
        self.finish(&answer);
        self.answer(answer)
    }

    pub(crate) fn must(&mut self, statement: Vec<u8>) -> (EntryId, u64, Vec<u8>) {
        match self.register(statement).unwrap() {
            Registration::Issued { id, index, receipt } => (id, index.get(), receipt),
            Registration::Committed { .. } => panic!("a receipt was asked for"),
        }
    }
}

/// Takes a step whenever something waits, until a task has ended.
fn run_until_finished<T>(
    sequencer: &mut Sequencer,
    task: &JoinHandle<T>,
    mut step: impl FnMut(&mut Sequencer) -> Result<(), Fatal>,
) {
    until("what goes on beside the rounds has ended", || {
        if !task.is_finished() && sequencer.waiting() > 0 {
            step(sequencer).unwrap();
        }
        task.is_finished()
    });
}
