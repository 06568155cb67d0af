//! What the store says of itself.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};
use std::sync::Arc;
use storage::{RocksStore, StoreNumbers};

/// A gauge, and which of the numbers it shows.
type Shown = (IntGauge, fn(&StoreNumbers) -> u64);

struct Store {
    store: Arc<RocksStore>,
    gauges: Vec<Shown>,
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
        .buckets(prometheus::exponential_buckets(0.000_05, 2.5, 14)?),
    )?;
    registry.register(Box::new(syncs.clone()))?;
    registry.register(Box::new(seconds.clone()))?;
    store.observe_syncs(move |took| {
        syncs.inc();
        seconds.observe(took.as_secs_f64());
    });
    registry.register(Box::new(Store { store: Arc::clone(store), gauges: gauges()? }))
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
        gauge(
            "stele_store_unsorted_files",
            "How many table files were written out and not sorted in yet; too many of them stall commits.",
            |n| n.unsorted_files,
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
        self.gauges.iter().flat_map(|(gauge, _)| gauge.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let numbers = self.store.numbers();
        self.gauges
            .iter()
            .flat_map(|(gauge, of)| {
                gauge.set(i64::try_from(of(&numbers)).unwrap_or(i64::MAX));
                gauge.collect()
            })
            .collect()
    }
}
