//! What an operator can see of the witnesses.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry};

use super::put;
use crate::witness::WithoutQuorum;

/// What became of a checkpoint without its quorum.
const PUBLISHED: &str = "published";
const HELD: &str = "held";

/// The numbers about witnesses.
#[derive(Clone)]
pub(crate) struct WitnessMetrics {
    replies: IntCounterVec,
    without_quorum: IntCounterVec,
    pub(crate) seconds: Histogram,
    pub(crate) covered: IntGauge,
}

impl WitnessMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let replies = Opts::new(
            "stele_witness_replies_total",
            "How often each witness cosigned, refused, was unreachable, or answered without a valid cosignature.",
        );
        let without = Opts::new(
            "stele_checkpoints_without_quorum_total",
            "How many checkpoints did not have their quorum in time, and were published without it or held back.",
        );
        let seconds = HistogramOpts::new(
            "stele_witness_seconds",
            "How long a witness took to answer, or was waited for.",
        )
        .buckets(prometheus::exponential_buckets(0.001, 2.5, 12)?);
        let without_quorum = put(registry, IntCounterVec::new(without, &["then"])?)?;
        // There before the first, which would be no increase otherwise.
        for then in [PUBLISHED, HELD] {
            without_quorum.with_label_values(&[then]);
        }
        Ok(Self {
            replies: put(registry, IntCounterVec::new(replies, &["witness", "reply"])?)?,
            without_quorum,
            seconds: put(registry, Histogram::with_opts(seconds)?)?,
            covered: put(
                registry,
                IntGauge::new(
                    "stele_witnessed_size",
                    "How many entries the newest checkpoint with a quorum of witnesses covers.",
                )?,
            )?,
        })
    }

    pub(crate) fn count(&self, witness: &str, reply: &str) {
        self.replies.with_label_values(&[witness, reply]).inc();
    }

    pub(crate) fn without_quorum(&self, then: WithoutQuorum) {
        let then = match then {
            WithoutQuorum::Publish => PUBLISHED,
            WithoutQuorum::Hold => HELD,
        };
        self.without_quorum.with_label_values(&[then]).inc();
    }

    #[cfg(test)]
    pub(crate) fn counted(&self, witness: &str, reply: &str) -> u64 {
        self.replies.with_label_values(&[witness, reply]).get()
    }

    #[cfg(test)]
    pub(crate) fn unwitnessed(&self, then: &str) -> u64 {
        self.without_quorum.with_label_values(&[then]).get()
    }
}
