//! Against the definitions, computed the slow way.

use super::*;

/// The smallest value that at least this part of all values do not exceed.
fn quantile(values: &[u64], part: f64) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let mut at = 0;
    while float(u64::try_from(at + 1).unwrap()) < part * float(u64::try_from(values.len()).unwrap()) {
        at += 1;
    }
    values[at]
}

#[test]
fn quantiles_are_those_of_the_definition_to_three_digits() {
    let mut state = 1_u64;
    let values: Vec<u64> = (0..5000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Three decades, most of them in the lowest.
            1_000 + (state >> 40) % 10_u64.pow(3 + u32::try_from(state >> 62).unwrap())
        })
        .collect();
    let mut latencies = Latencies::new().unwrap();
    values.iter().for_each(|value| latencies.record(Duration::from_nanos(*value)));
    let summary = latencies.summary();
    assert_eq!(summary.count, 5000);
    for (found, part) in [
        (summary.p50, 0.5),
        (summary.p90, 0.9),
        (summary.p99, 0.99),
        (summary.p999, 0.999),
        (summary.max, 1.0),
    ] {
        let (found, oracle) = (found.as_secs_f64() * 1e9, float(quantile(&values, part)));
        assert!((found - oracle).abs() <= oracle / 1000.0, "{part}: {found} is not {oracle}");
    }
}

#[test]
fn latencies_of_threads_add_up() {
    let (mut all, mut one, mut other) =
        (Latencies::new().unwrap(), Latencies::new().unwrap(), Latencies::new().unwrap());
    for n in 1..=100 {
        let latency = Duration::from_micros(n * n);
        all.record(latency);
        if n % 3 == 0 { one.record(latency) } else { other.record(latency) }
    }
    one.add(&other);
    assert_eq!(one.summary(), all.summary());
}

#[test]
fn a_latency_beyond_all_bounds_counts_as_the_longest() {
    let mut latencies = Latencies::new().unwrap();
    latencies.record(Duration::from_secs(1 << 40));
    latencies.record(Duration::ZERO);
    let summary = latencies.summary();
    assert_eq!(summary.count, 2);
    assert!(summary.max >= Duration::from_secs(600), "{:?}", summary.max);
}

#[test]
fn the_middle_and_the_range() {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    assert_eq!(spread(&[]), None);
    assert_eq!(spread(&[7.0]), Some(Spread { median: 7.0, min: 7.0, max: 7.0 }));
    assert_eq!(spread(&[9.0, 1.0, 5.0]), Some(Spread { median: 5.0, min: 1.0, max: 9.0 }));
    assert_eq!(spread(&[4.0, 1.0, 2.0, 100.0]), Some(Spread { median: 3.0, min: 1.0, max: 100.0 }));
}

#[test]
fn counts_become_fractions() {
    for (count, fraction) in
        [(0, 0.0), (1, 1.0), (1 << 32, 4_294_967_296.0), ((1 << 53) - 1, 9_007_199_254_740_991.0)]
    {
        assert_eq!(float(count).to_bits(), f64::to_bits(fraction), "{count}");
    }
    assert_eq!(rate(300, Duration::from_millis(1500)).to_bits(), 200.0_f64.to_bits());
    assert_eq!(rate(300, Duration::ZERO).to_bits(), 0.0_f64.to_bits());
}
