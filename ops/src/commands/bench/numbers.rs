//! Numbers of measurements: middle, range, and the way from counts to fractions.

#[cfg(test)]
mod tests;

use crate::failure::Failure;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::time::Duration;

/// The longest latency told apart, in nanoseconds; longer ones count as this.
const LONGEST: u64 = 600_000_000_000;

/// A count as a fraction can hold it: exact up to 2^53, then rounded.
pub(super) fn float(count: u64) -> f64 {
    const LOW: u64 = 0xffff_ffff;
    let half = |bits: u64| f64::from(u32::try_from(bits).unwrap_or(u32::MAX));
    half(count >> 32) * 4_294_967_296.0 + half(count & LOW)
}

/// How many a second; none without time.
pub(super) fn rate(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { float(count) / time.as_secs_f64() }
}

/// The middle of several repetitions, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// None if nothing was measured.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let upper = *values.get(values.len() / 2)?;
        let lower = *values.get(values.len().checked_sub(1)? / 2)?;
        Some(Self { median: lower + (upper - lower) / 2.0, min, max })
    }

    pub(super) fn json(&self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, min, max } = *self;
        let digits = if max < 100.0 { 3 } else { 0 };
        write!(f, "{median:.digits$} ({min:.digits$} to {max:.digits$})")
    }
}

/// Latencies, counted so that any quantile is right to three digits however many there are.
#[derive(Clone)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Result<Self, Failure> {
        let histogram = Histogram::new_with_bounds(1, LONGEST, 3);
        histogram
            .map(Self)
            .map_err(|error| Failure::local(format_args!("latencies cannot be counted: {error}")))
    }

    pub(super) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(LONGEST).max(1));
    }

    pub(super) fn add(&mut self, others: &Self) {
        // Both have the same bounds, so nothing lies outside.
        self.0.add(&others.0).ok();
    }

    pub(super) fn summary(&self) -> Summary {
        let at = |quantile| Duration::from_nanos(self.0.value_at_quantile(quantile));
        Summary {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_nanos(self.0.max()),
        }
    }
}

/// What is told of the latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) p50: Duration,
    pub(super) p90: Duration,
    pub(super) p99: Duration,
    pub(super) p999: Duration,
    pub(super) max: Duration,
}

impl Summary {
    /// Name and value of each, in milliseconds.
    pub(super) fn millis(&self) -> [(&'static str, f64); 5] {
        let ms = |latency: Duration| latency.as_secs_f64() * 1e3;
        [
            ("p50", ms(self.p50)),
            ("p90", ms(self.p90)),
            ("p99", ms(self.p99)),
            ("p99.9", ms(self.p999)),
            ("max", ms(self.max)),
        ]
    }

    pub(super) fn json(&self) -> Value {
        self.millis().into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
    }
}
