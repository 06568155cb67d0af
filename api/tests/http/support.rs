//! A service in one process, and a client for it.

pub(crate) mod forge;

use std::sync::Arc;
use std::thread::JoinHandle;

use api::{EvidenceSettings, HttpMetrics, Limits, PublicUrl, ReadSettings};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use ciborium::Value;
use ledger::control::{self, Genesis};
use ledger::policy::{IssuerMatch, Policy, Rule};
use ledger::signer::{KeyAlgorithm, PrivateKey};
use ledger::trust::{Anchor, AnchorId, AnchorIncrement};
use ledger::{
    CosigningKey, Keeper, Keys, Ledger, ManualClock, Opened, Parts, Publisher, ReceiptRule, Sequencer,
    Settings, WitnessSettings, Witnessing,
};
use prometheus::Registry;
use proofs::{
    Algorithm, ContentType, CosignatureKind, Cosigner, EntryId, SignedStatement, Signer, StatementBuilder,
    TlogPolicy, UnixTime,
};
use storage::MemoryStore;
use tower::ServiceExt;

pub(crate) const NOW: u64 = 1_790_000_000;
pub(crate) const URL: &str = "https://ts.example";
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const CONCISE: &str = "application/concise-problem-details+cbor";
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What outlives a process: the store and the keys. The first entries let one issuer in.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) operator: PrivateKey,
    pub(crate) keys: Keys,
    pub(crate) issuer: PrivateKey,
    pub(crate) log_id: EntryId,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) read: ReadSettings,
    pub(crate) evidence: EvidenceSettings,
    pub(crate) witnessing: Option<Witnessing>,
}

impl World {
    /// A log whose policy admits nobody but the operator.
    pub(crate) fn closed() -> Self {
        let key = |algorithm| PrivateKey::generate(algorithm).unwrap();
        let operator = key(KeyAlgorithm::Ed25519);
        let keys = Keys {
            receipts: Arc::new(key(KeyAlgorithm::Ed25519).with_algorithm(Algorithm::EdDsa).unwrap()),
            checkpoints: Arc::new(key(KeyAlgorithm::Ed25519)),
            checkpoints_ml_dsa_44: None,
            registrar: Arc::new(key(KeyAlgorithm::Ed25519)),
        };
        let genesis = Genesis {
            format: 1,
            issuer: URL.into(),
            origin: "ts.example/log".into(),
            receipts: keys.receipts.public_key().clone(),
            checkpoints: keys.checkpoints.public_key().clone(),
            checkpoints_ml_dsa_44: None,
            registrar: keys.registrar.public_key().clone(),
            operator: operator.public_key().clone(),
        };
        let store = Arc::new(MemoryStore::new());
        let log_id = ledger::create(store.as_ref(), &genesis, &keys, &operator, &clock()).unwrap();
        let issuer = key(KeyAlgorithm::Es256);
        let (limits, settings) = (Limits::default(), Settings::default());
        let (read, evidence) = (ReadSettings::default(), EvidenceSettings::default());
        Self { store, operator, keys, issuer, log_id, limits, settings, read, evidence, witnessing: None }
    }

    /// A log that trusts one issuer's key, under a rule named `issuers`.
    pub(crate) async fn open() -> Self {
        let world = Self::closed();
        let service = world.serve();
        let id = AnchorId::new("issuer").unwrap();
        let anchor = Anchor::key(id, world.issuer.public_key().clone(), None).unwrap();
        service.must(world.trust(&service.ledger, anchor)).await;
        service.must(world.policy(&service.ledger, vec![issuer_rule()])).await;
        service.stop().await;
        world
    }

    /// Receipts wait for a witness that nobody reaches.
    pub(crate) fn wait_for_nobody(&mut self) {
        let witness = CosigningKey::generate(CosignatureKind::Ed25519, "w.example/1").unwrap();
        let policy = format!("witness W {}\nquorum W\n", witness.key());
        let policy = TlogPolicy::parse(policy.as_bytes()).unwrap();
        let settings = WitnessSettings::default();
        self.witnessing = Some(Witnessing { policy, clients: Vec::new(), settings });
        self.settings.receipts = ReceiptRule::Witnessed;
    }

    fn open_log(&self) -> Opened {
        let metrics = ledger::Metrics::new(&Registry::new()).unwrap();
        let parts = Parts {
            store: self.store.clone(),
            keys: self.keys.clone(),
            clock: Arc::new(clock()),
            metrics,
            witnessing: self.witnessing.clone(),
        };
        Ledger::open(parts, self.settings.clone()).unwrap()
    }

    /// A service whose sequencer and publisher run.
    pub(crate) fn serve(&self) -> Service {
        let mut service = self.serve_without_sequencer();
        service.start();
        service
    }

    /// A service that takes statements in and commits none, until it is told to.
    pub(crate) fn serve_without_sequencer(&self) -> Service {
        let Opened { ledger, sequencer, publisher, keeper } = self.open_log();
        let registry = Registry::new();
        let url = PublicUrl::parse(URL).unwrap();
        let metrics = HttpMetrics::register(&registry).unwrap();
        let (limits, read, evidence) = (self.limits.clone(), self.read.clone(), self.evidence.clone());
        let router = api::router(ledger.clone(), limits, read, evidence, url, metrics);
        let halted = Some((sequencer, publisher));
        Service { router, ledger, registry, halted, keeper: Some(keeper), running: None }
    }

    /// A control statement that adds one trust anchor.
    pub(crate) fn trust(&self, ledger: &Ledger, anchor: Anchor) -> Vec<u8> {
        let increment = AnchorIncrement::new(vec![anchor], Vec::new());
        let rules = ledger.governance();
        control::anchors_statement(rules.identity(), rules.anchors_id(), &increment, &self.operator).unwrap()
    }

    /// A control statement that replaces the rules.
    pub(crate) fn policy(&self, ledger: &Ledger, rules: Vec<Rule>) -> Vec<u8> {
        self.signed_policy(ledger, Policy { rules, ..Policy::closed(self.operator.public_key().clone()) })
    }

    pub(crate) fn signed_policy(&self, ledger: &Ledger, policy: Policy) -> Vec<u8> {
        let rules = ledger.governance();
        control::policy_statement(rules.identity(), rules.policy_id(), &policy, &self.operator, None).unwrap()
    }

    /// The `n`th statement of the trusted issuer.
    pub(crate) fn statement(&self, n: usize) -> Vec<u8> {
        signed_by(&self.issuer, &format!("urn:example:artifact:{n}"))
    }
}

fn clock() -> ManualClock {
    ManualClock::at(UnixTime::from_secs(NOW))
}

pub(crate) fn issuer_rule() -> Rule {
    Rule::new("issuers", vec![IssuerMatch::exact(ISSUER).unwrap()], vec![AnchorId::new("issuer").unwrap()])
}

pub(crate) fn signed_by(issuer: &dyn Signer, subject: &str) -> Vec<u8> {
    let statement =
        StatementBuilder::new(ISSUER, subject).content_type(ContentType::Text("text/plain".into()));
    statement.sign(b"hello scitt", issuer).unwrap()
}

pub(crate) fn id_of(statement: &[u8]) -> EntryId {
    SignedStatement::parse(statement, usize::MAX).unwrap().entry_id()
}

pub(crate) fn location_of(statement: &[u8]) -> String {
    format!("{URL}/entries/{}", id_of(statement))
}

/// One process's worth of service.
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) ledger: Ledger,
    pub(crate) registry: Registry,
    halted: Option<(Sequencer, Publisher)>,
    keeper: Option<Keeper>,
    running: Option<(JoinHandle<()>, JoinHandle<()>)>,
}

impl Service {
    /// Lets the sequencer and the publisher run.
    pub(crate) fn start(&mut self) {
        if let Some((sequencer, publisher)) = self.halted.take() {
            let sequencer = std::thread::spawn(move || sequencer.run().unwrap());
            let publisher = std::thread::spawn(move || publisher.run().unwrap());
            self.running = Some((sequencer, publisher));
        }
    }

    /// Lets the keeper run, which makes manifests and batches. It ends by itself after the sequencer.
    pub(crate) fn start_keeper(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            std::thread::spawn(move || keeper.run().unwrap());
        }
    }

    /// The sequencer ends while requests still arrive.
    pub(crate) fn end_sequencer(&mut self) {
        self.halted = None;
    }

    /// Ends the process, as SIGTERM does.
    pub(crate) async fn stop(self) {
        let Self { router, ledger, running, .. } = self;
        drop((router, ledger));
        if let Some((sequencer, publisher)) = running {
            let joined = tokio::task::spawn_blocking(move || (sequencer.join(), publisher.join()));
            let (sequencer, publisher) = joined.await.unwrap();
            sequencer.unwrap();
            publisher.unwrap();
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(Method::GET, path, headers, Body::empty())).await
    }

    /// Registers as SCRAPI's example does.
    pub(crate) async fn post(&self, statement: impl Into<Body>) -> Answer {
        self.post_with(statement, &[]).await
    }

    /// The answer to a request whose deadline passes while this statement of it waits for a sequencer that does not run.
    pub(crate) async fn past_the_deadline(
        &self,
        request: impl Future<Output = Answer>,
        statement: &[u8],
    ) -> Answer {
        let path = location_of(statement)[URL.len()..].to_owned();
        let deadline = async {
            while self.get(&path).await.status != StatusCode::NO_CONTENT {
                tokio::task::yield_now().await;
            }
            // Nothing but timers is left, so the clock jumps to the first of them.
            tokio::time::pause();
            std::future::pending::<()>().await;
        };
        let answer = tokio::select! {
            answer = request => answer,
            () = deadline => unreachable!("it waits for ever"),
        };
        tokio::time::resume();
        answer
    }

    pub(crate) async fn post_with(&self, statement: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/cose")];
        all.extend_from_slice(headers);
        self.send(request(Method::POST, "/entries", &all, statement.into())).await
    }

    /// Registers what has to be accepted.
    pub(crate) async fn must(&self, statement: Vec<u8>) -> Answer {
        let answer = self.post(statement).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer
    }

    pub(crate) fn size(&self) -> u64 {
        self.ledger.head().tree.size.get()
    }
}

pub(crate) fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// A whole response.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// The only value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} twice in {self:?}");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Title and detail of concise problem details, after checking that they are nothing more but findings (SCR-01,
    /// SCR-02, SCR-07).
    pub(crate) fn concise(&self) -> (String, String) {
        assert_eq!(self.header("content-type"), CONCISE, "{self:?}");
        let value = proofs::cbor::decode(&self.body).unwrap();
        assert_eq!(proofs::cbor::encode(&value), self.body, "deterministic");
        match value.as_map().unwrap().as_slice() {
            [(one, Value::Text(title)), (two, Value::Text(detail)), more @ ..] => {
                assert_eq!((one, two), (&Value::from(-1), &Value::from(-2)));
                let findings = Value::from("urn:stele:findings");
                assert!(more.len() <= 1 && more.iter().all(|(key, _)| *key == findings), "{more:?}");
                (title.clone(), detail.clone())
            }
            other => panic!("{other:?}"),
        }
    }

    /// Checks status and title, gives the detail.
    pub(crate) fn refused(&self, status: u16, title: &str) -> String {
        let (found, detail) = self.concise();
        assert_eq!((self.status.as_u16(), found.as_str()), (status, title), "{detail}");
        assert_eq!(self.header("cache-control"), "no-store");
        detail
    }
}
