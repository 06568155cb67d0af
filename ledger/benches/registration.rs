//! What a registration costs without HTTP and without a disk: `cargo bench -p ledger`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark ends at the first thing that is wrong"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use ledger::control::{GENESIS_FORMAT, Genesis, anchors_statement, policy_statement};
use ledger::policy::{IssuerMatch, Policy, Rule};
use ledger::signer::KeyAlgorithm;
use ledger::trust::{Anchor, AnchorId, AnchorIncrement};
use ledger::{
    Keys, Ledger, Metrics, Opened, Parts, PrivateKey, Registration, Settings, SystemClock, Wait, create,
};
use proofs::{ContentType, SignedStatement, Signer, StatementBuilder};
use storage::LogStore;
use storage::memory::MemoryStore;
use tokio::runtime::Runtime;

const ISSUER: &str = "https://issuer.example";
const ROUND: u64 = 256;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for algorithm in [KeyAlgorithm::Ed25519, KeyAlgorithm::Es256] {
        let world = World::new(algorithm);
        judge(&mut criterion, &world);
        register(&mut criterion, &world);
    }
    criterion.final_summary();
}

/// A log in memory whose threads run, and an issuer that it admits.
struct World {
    runtime: Runtime,
    ledger: Ledger,
    issuer: PrivateKey,
    made: AtomicU64,
}

impl World {
    fn new(algorithm: KeyAlgorithm) -> Self {
        let key = |algorithm| PrivateKey::generate(algorithm).unwrap();
        let (operator, issuer) = (key(KeyAlgorithm::Ed25519), key(algorithm));
        // The genesis fixes which of a key's algorithms signs receipts, so the key has to say one.
        let receipts = key(algorithm);
        let named = receipts.algorithm();
        let keys = Keys {
            receipts: Arc::new(receipts.with_algorithm(named).unwrap()),
            checkpoints: Arc::new(key(KeyAlgorithm::Ed25519)),
            checkpoints_ml_dsa_44: None,
            registrar: Arc::new(key(KeyAlgorithm::Ed25519)),
        };
        let genesis = Genesis {
            format: GENESIS_FORMAT,
            issuer: "https://ts.example".to_owned(),
            origin: "ts.example".to_owned(),
            receipts: keys.receipts.public_key().clone(),
            checkpoints: keys.checkpoints.public_key().clone(),
            checkpoints_ml_dsa_44: None,
            registrar: keys.registrar.public_key().clone(),
            operator: operator.public_key().clone(),
        };
        let store: Arc<dyn LogStore> = Arc::new(MemoryStore::new());
        create(store.as_ref(), &genesis, &keys, &operator, &SystemClock).unwrap();
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let parts = Parts { store, keys, clock: Arc::new(SystemClock), metrics, witnessing: None };
        let Opened { ledger, sequencer, publisher, keeper } =
            Ledger::open(parts, Settings::default()).unwrap();
        std::thread::spawn(move || sequencer.run());
        std::thread::spawn(move || publisher.run());
        std::thread::spawn(move || keeper.run());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let world = Self { runtime, ledger, issuer, made: AtomicU64::new(0) };
        world.admit(&operator);
        world
    }

    fn admit(&self, operator: &PrivateKey) {
        let rules = self.ledger.governance();
        let id = AnchorId::new("issuer").unwrap();
        let anchor = Anchor::key(id.clone(), self.issuer.public_key().clone(), None).unwrap();
        let increment = AnchorIncrement::new(vec![anchor], Vec::new());
        let anchors = anchors_statement(rules.identity(), rules.anchors_id(), &increment, operator).unwrap();
        let mut policy = Policy::closed(operator.public_key().clone());
        policy.rules = vec![Rule::new("issuer", vec![IssuerMatch::exact(ISSUER).unwrap()], vec![id])];
        let policy = policy_statement(rules.identity(), rules.policy_id(), &policy, operator, None).unwrap();
        for statement in [anchors, policy] {
            self.runtime.block_on(self.ledger.register(statement.into(), Wait::ForCommit)).unwrap();
        }
    }

    /// A statement that was not there before.
    fn statement(&self) -> Bytes {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let builder = StatementBuilder::new(ISSUER, format!("urn:example:bench:{number:012}"))
            .content_type(ContentType::Text("application/octet-stream".to_owned()));
        builder.sign(&[0x5a; 400], &self.issuer).unwrap().into()
    }

    fn name(&self, what: &str) -> String {
        format!("{what}/{}", self.issuer.algorithm().name())
    }
}

fn judge(criterion: &mut Criterion, world: &World) {
    let bytes = world.statement();
    let rules = world.ledger.governance();
    let now = world.ledger.head().time;
    criterion.bench_function(&world.name("parse, verify and judge"), |bench| {
        bench.iter(|| {
            let statement = SignedStatement::parse(black_box(&bytes), bytes.len()).unwrap();
            rules.judge(statement, now).unwrap()
        });
    });
}

fn register(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("register");
    let round = || (0..ROUND).map(|_| world.statement()).collect::<Vec<_>>();
    for (wait, what) in [(Wait::ForCommit, "to the commit"), (Wait::ForReceipt, "to the receipt")] {
        group.throughput(Throughput::Elements(ROUND));
        group.bench_function(world.name(&format!("256 in a batch, {what}")), |bench| {
            let all = |statements: Vec<Bytes>| {
                let outcomes = world.runtime.block_on(world.ledger.register_batch(&statements, wait));
                assert!(outcomes.iter().all(Result::is_ok), "{:?}", outcomes[0]);
                outcomes
            };
            bench.iter_batched(round, all, BatchSize::PerIteration);
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function(world.name("one, to the receipt"), |bench| {
        let one = |statement: Bytes| {
            let issued = world.runtime.block_on(world.ledger.register(statement, Wait::ForReceipt)).unwrap();
            assert!(matches!(issued, Registration::Issued { .. }));
        };
        bench.iter_batched(|| world.statement(), one, BatchSize::PerIteration);
    });
    group.finish();
}
