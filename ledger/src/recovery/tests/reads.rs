//! A log of any length is opened by reading its right edge and its control statements: what is read is counted.

use std::sync::Arc;

use bytes::Bytes;
use storage::memory::MemoryStore;

use crate::registration::Wait;
use crate::settings::Settings;
use crate::testing::counting::{CountingStore, Counts};
use crate::testing::{Bench, World, issuer_rule};

struct Grown {
    world: World,
    store: Arc<CountingStore>,
    bench: Bench,
    sent: usize,
}

impl Grown {
    fn new() -> Self {
        let store = Arc::new(CountingStore::new(Arc::new(MemoryStore::new())));
        let world = World::on(store.clone());
        let bench = world.bench(Settings { register_deadline_ms: 3_600_000, ..Settings::default() });
        Self { world, store, bench, sent: 0 }
    }

    fn size(&self) -> usize {
        self.bench.ledger.head().tree.size.get().try_into().unwrap()
    }

    /// Registers until the log has so many entries; a manifest covers most of them, and a checkpoint all but ten.
    fn grow(&mut self, size: usize) {
        while self.size() < size - 10 {
            let count = (size - 10 - self.size()).min(1_000);
            self.register(count);
        }
        self.bench.publisher.publish_newest().unwrap();
        assert!(self.bench.keep().unwrap(), "a manifest is due");
        self.register(size - self.size());
        assert_eq!(self.size(), size);
    }

    fn register(&mut self, count: usize) {
        let bodies = self.sent..self.sent + count;
        let bodies: Vec<Bytes> = bodies.map(|n| self.world.statement(n).into()).collect();
        self.sent += count;
        let ledger = self.bench.ledger.clone();
        let answer =
            self.bench.runtime.spawn(async move { ledger.register_batch(&bodies, Wait::ForCommit).await });
        assert!(self.bench.finish_batch(answer).iter().all(Result::is_ok));
    }

    /// What opening the log reads.
    fn opening(&self) -> Counts {
        let before = self.store.counts();
        let opened = self.world.try_open(Settings::default()).unwrap();
        assert_eq!(opened.ledger.head(), self.bench.ledger.head());
        self.store.counts().since(before)
    }
}

#[test]
fn a_large_log_is_opened_without_reading_it() {
    let mut log = Grown::new();
    log.grow(1_000);
    let small = log.opening();
    log.grow(5_000);
    let large = log.opening();
    // Genesis, two policies, two increments of anchors and the newest manifest; the tiles on the paths to them. Both trees
    // have two levels of tiles: 60 times the entries would be one more.
    let without_bytes = |counts: Counts| Counts { content_bytes: 0, ..counts };
    assert_eq!(without_bytes(small), without_bytes(large));
    assert_eq!(large.contents, 6);
    assert!(large.calls < 50 && large.tiles < 30 && large.rows < 30, "{large:?}");
    assert!(large.content_bytes.abs_diff(small.content_bytes) < 64, "{small:?} {large:?}");

    // Each control statement is read, with two tiles for its path, and nothing else is more.
    for n in 0..4 {
        log.bench.must(log.world.policy(&log.bench.ledger, vec![issuer_rule(&format!("issuers {n}"))]));
    }
    let controlled = log.opening();
    let more = controlled.since(large);
    assert_eq!((more.contents, more.tiles, more.rows, more.calls), (4, 8, 4, 12));
}
