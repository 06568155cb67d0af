//! What an operator can see of the ledger.

#[cfg(test)]
mod tests;
pub(crate) mod witness;

use std::sync::Arc;
use std::time::Instant;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use proofs::{Algorithm, PublicKey, SignFailed, Signer};

use crate::error::RegisterError;

/// The counters and gauges of the ledger, registered once and handed in.
#[derive(Clone)]
pub struct Metrics {
    pub(crate) registrations: IntCounterVec,
    pub(crate) witness: witness::WitnessMetrics,
    pub(crate) receipts: IntCounter,
    pub(crate) rounds: IntCounter,
    pub(crate) judged_again: IntCounter,
    pub(crate) manifests: IntCounter,
    pub(crate) trace_batches: IntCounter,
    registered: IntCounter,
    known: IntCounter,
    pub(crate) queue_seconds: Histogram,
    pub(crate) verify_seconds: Histogram,
    pub(crate) sign_seconds: Histogram,
    pub(crate) batch_statements: Histogram,
    pub(crate) erasures_pending: IntGauge,
    pub(crate) tile_lookups: IntCounterVec,
    pub(crate) round_entries: Histogram,
    pub(crate) judge_seconds: Histogram,
    pub(crate) integrate_seconds: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) receipt_seconds: Histogram,
    pub(crate) publish_seconds: Histogram,
    pub(crate) mailbox: MailboxGauges,
    pub(crate) committed_size: IntGauge,
    pub(crate) checkpoint_size: IntGauge,
}

/// What was sent to the sequencer and is not answered yet. Each statement is counted when it gets its room and until it
/// gives it back, so that a round that hangs is seen while it does.
#[derive(Clone)]
pub(crate) struct MailboxGauges {
    pub(crate) entries: IntGauge,
    pub(crate) bytes: IntGauge,
}

impl MailboxGauges {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| put(registry, IntGauge::new(name, help)?);
        Ok(Self {
            entries: gauge(
                "stele_mailbox_entries",
                "How many statements wait for the sequencer or are in its running round, and so are not answered yet.",
            )?,
            bytes: gauge(
                "stele_mailbox_bytes",
                "How many bytes of statements wait for the sequencer or are in its running round; ledger.mailbox_bytes bounds them.",
            )?,
        })
    }
}

/// Upper bounds of the buckets of a step's duration, in seconds: from 2 µs, a quarter of a signature, doubling to 8.4 s,
/// longer than a sound disk ever takes.
#[must_use]
pub fn step_buckets() -> Vec<f64> {
    std::iter::successors(Some(0.000_002), |bound| Some(bound * 2.0)).take(23).collect()
}

/// Ways in which a registration ends that alerts ask for. They are there before the first of them, which would be no
/// increase otherwise.
const AWAITED: [&str; 4] = ["overloaded", "deadline", "stopped", "internal"];

impl Metrics {
    /// Makes the metrics and registers them.
    ///
    /// # Errors
    ///
    /// Fails if `registry` has metrics of these names already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| put(registry, IntCounter::new(name, help)?);
        let gauge = |name: &str, help: &str| put(registry, IntGauge::new(name, help)?);
        let sizes = |name: &str, help: &str| {
            let buckets = prometheus::exponential_buckets(1.0, 2.0, 12)?;
            put(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?)
        };
        let seconds = Seconds::new(registry)?;
        let outcomes = Opts::new(
            "stele_registrations_total",
            "How many registrations ended in each way: registered, known (sent before), or the reason of refusal.",
        );
        let lookups = Opts::new(
            "stele_tile_cache_lookups_total",
            "How many full tiles were looked up in the tile cache: hit, or miss and read from the store.",
        );
        let registrations = put(registry, IntCounterVec::new(outcomes, &["outcome"])?)?;
        for outcome in AWAITED {
            registrations.with_label_values(&[outcome]);
        }
        Ok(Self {
            witness: witness::WitnessMetrics::new(registry)?,
            // The two that nearly every registration ends in are looked up once.
            registered: registrations.with_label_values(&["registered"]),
            known: registrations.with_label_values(&["known"]),
            registrations,
            tile_lookups: put(registry, IntCounterVec::new(lookups, &["outcome"])?)?,
            receipts: counter("stele_receipts_total", "How many receipts were signed.")?,
            rounds: counter(
                "stele_rounds_total",
                "How many rounds the sequencer has committed; each is one synced write.",
            )?,
            judged_again: counter(
                "stele_judged_again_total",
                "How many statements had to be judged again because policy, anchors or time had moved on.",
            )?,
            trace_batches: counter(
                "stele_trace_batches_total",
                "How many batches of TRACE records were registered by this process.",
            )?,
            manifests: counter(
                "stele_collateral_manifests_total",
                "How many collateral manifests were registered by this process.",
            )?,
            erasures_pending: gauge(
                "stele_erasures_pending",
                "Whether the bytes of something erased may still be in a file of the store: 1 or 0.",
            )?,
            round_entries: sizes("stele_round_entries", "How many entries each committed round held.")?,
            batch_statements: sizes(
                "stele_batch_statements",
                "How many statements each batch held that was sent in one request.",
            )?,
            queue_seconds: seconds.queue,
            verify_seconds: seconds.verify,
            sign_seconds: seconds.sign,
            judge_seconds: seconds.judge,
            integrate_seconds: seconds.integrate,
            commit_seconds: seconds.commit,
            receipt_seconds: seconds.receipt,
            publish_seconds: seconds.publish,
            mailbox: MailboxGauges::new(registry)?,
            committed_size: gauge("stele_committed_size", "How many entries are committed.")?,
            checkpoint_size: gauge(
                "stele_checkpoint_size",
                "How many entries the newest checkpoint covers.",
            )?,
        })
    }
}

impl Metrics {
    /// Counts one registration by how it ended.
    pub(crate) fn ended(&self, outcome: Result<bool, &RegisterError>) {
        match outcome {
            Ok(true) => self.known.inc(),
            Ok(false) => self.registered.inc(),
            Err(error) => self.registrations.with_label_values(&[error.kind()]).inc(),
        }
    }
}

/// How long each step takes.
struct Seconds {
    queue: Histogram,
    verify: Histogram,
    sign: Histogram,
    judge: Histogram,
    integrate: Histogram,
    commit: Histogram,
    receipt: Histogram,
    publish: Histogram,
}

impl Seconds {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let seconds = |name: &str, help: &str| {
            let opts = HistogramOpts::new(name, help).buckets(step_buckets());
            put(registry, Histogram::with_opts(opts)?)
        };
        Ok(Self {
            queue: seconds(
                "stele_queue_seconds",
                "How long a judged statement waited for the sequencer to take it into a round.",
            )?,
            verify: seconds(
                "stele_verify_seconds",
                "How long finding the issuer's key, checking the signature and applying the policy took for a statement.",
            )?,
            sign: seconds("stele_sign_seconds", "How long making the signature of a receipt took.")?,
            judge: seconds(
                "stele_judge_seconds",
                "How long a statement was looked at in all: parsed, looked up, verified and judged.",
            )?,
            integrate: seconds(
                "stele_integrate_seconds",
                "How long the sequencer took to grow the tree by a round.",
            )?,
            commit: seconds(
                "stele_commit_seconds",
                "How long the store took to check a round and write it, synced to the disk.",
            )?,
            receipt: seconds(
                "stele_receipt_seconds",
                "How long it took to prove, check and sign a receipt.",
            )?,
            publish: seconds("stele_publish_seconds", "How long it took to sign and persist a checkpoint.")?,
        })
    }
}

/// A signer that records how long its signatures took.
pub(crate) struct TimedSigner {
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) seconds: Histogram,
}

impl Signer for TimedSigner {
    fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        timed(&self.seconds, || self.signer.sign(message))
    }
}

fn put<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// Runs `work` and records how long it took.
pub(crate) fn timed<T>(histogram: &Histogram, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    histogram.observe(start.elapsed().as_secs_f64());
    result
}

/// A size as a gauge can hold it.
pub(crate) fn gauge_value(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
