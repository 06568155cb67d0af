//! What the store says of itself.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};
use std::sync::Arc;
use storage::{RocksStore, StoreNumbers};

/// A gauge, and which of the numbers it shows.
type Shown = (IntGauge, fn(&StoreNumbers) -> u64);

struct Store {
    store: Arc<RocksStore>,
    gauges: Vec<Shown>,
    unsorted_files: IntGaugeVec,
}

/// Shows the store in the registry: its numbers whenever somebody asks, its synced writes as they happen.
pub(super) fn watch(store: &Arc<RocksStore>, registry: &Registry) -> Result<(), prometheus::Error> {
    let syncs = IntCounter::new(
        "stele_store_syncs_total",
        "How many write-ahead records were written and synced to the disk, one for each committed round.",
    )?;
    let seconds = Histogram::with_opts(
        HistogramOpts::new(
            "stele_fsync_seconds",
            "How long writing the write-ahead record of a round and syncing it to the disk took.",
        )
        .buckets(ledger::step_buckets()),
    )?;
    let held_back = Counter::new(
        "stele_store_held_back_seconds_total",
        "How many seconds commits waited until the store had caught up, each counted when it went on.",
    )?;
    registry.register(Box::new(syncs.clone()))?;
    registry.register(Box::new(seconds.clone()))?;
    registry.register(Box::new(held_back.clone()))?;
    store.observe_syncs(move |write| {
        syncs.inc();
        seconds.observe(write.synced.as_secs_f64());
        held_back.inc_by(write.held_back.as_secs_f64());
    });
    let unsorted_files = IntGaugeVec::new(
        Opts::new(
            "stele_store_unsorted_files",
            "How many table files of each column family were written out and not sorted in yet; too many of one stall commits.",
        ),
        &["family"],
    )?;
    registry.register(Box::new(Store { store: Arc::clone(store), gauges: gauges()?, unsorted_files }))
}

fn gauges() -> Result<Vec<Shown>, prometheus::Error> {
    let gauge = |name: &str, help: &str, of: fn(&StoreNumbers) -> u64| Ok((IntGauge::new(name, help)?, of));
    [
        gauge("stele_store_live_bytes", "How many bytes of files hold the log.", |n| n.live_bytes),
        gauge(
            "stele_store_total_bytes",
            "How many bytes of files the store has, those included that are no longer needed and not deleted yet.",
            |n| n.total_bytes,
        ),
        gauge(
            "stele_store_buffered_bytes",
            "How many bytes of commits are in memory and in the write-ahead log only, not in a table file yet.",
            |n| n.buffered_bytes,
        ),
        gauge("stele_store_cache_bytes", "How many bytes of what was read lately are kept in memory.", |n| {
            n.cache_bytes
        }),
        gauge(
            "stele_store_compaction_debt_bytes",
            "How many bytes compaction would have to rewrite to have nothing left to do.",
            |n| n.compaction_debt_bytes,
        ),
        gauge("stele_store_compactions", "How many compactions run now.", |n| n.compactions),
        gauge("stele_store_flushes", "How many buffers are being written out now.", |n| n.flushes),
        gauge(
            "stele_store_stopped",
            "Whether commits wait until the store has caught up: 1 if they do, 0 if not.",
            |n| u64::from(n.stopped),
        ),
        gauge(
            "stele_store_delayed_bytes_per_second",
            "To how many bytes a second the store slows commits down; 0 when it does not.",
            |n| n.delayed_bytes_per_second,
        ),
        gauge(
            "stele_store_background_errors",
            "How many errors the store had in work of its own, such as compaction.",
            |n| n.background_errors,
        ),
    ]
    .into_iter()
    .collect()
}

impl Collector for Store {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.iter().flat_map(|(gauge, _)| gauge.desc()).chain(self.unsorted_files.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let numbers = self.store.numbers();
        let value = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        for (family, files) in numbers.unsorted_files {
            self.unsorted_files.with_label_values(&[family]).set(value(files));
        }
        let single = self.gauges.iter().flat_map(|(gauge, of)| {
            gauge.set(value(of(&numbers)));
            gauge.collect()
        });
        single.chain(self.unsorted_files.collect()).collect()
    }
}
