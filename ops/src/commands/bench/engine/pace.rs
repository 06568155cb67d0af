//! When each request of an open loop is due.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const SECOND: u128 = 1_000_000_000;

/// When request `n` is due, counted from the start.
pub(super) fn due(rate: NonZeroU64, n: u64) -> Duration {
    let nanos = u128::from(n).saturating_mul(SECOND) / u128::from(rate.get());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many requests are due within `time`.
pub(super) fn total(rate: NonZeroU64, time: Duration) -> u64 {
    let product = time.as_nanos().saturating_mul(u128::from(rate.get()));
    u64::try_from(product.div_ceil(SECOND)).unwrap_or(u64::MAX)
}

/// Lets requests go when they are due. The timer of tokio is up to a millisecond late; latencies count from when a
/// request was due, so that this makes them longer, never shorter.
pub(super) async fn pace(gate: &Semaphore, began: Instant, rate: NonZeroU64, time: Duration, waiting: u64) {
    let all = total(rate, time);
    let mut released = 0_u64;
    while released < all {
        let now = total(rate, began.elapsed()).clamp(released, all);
        release(gate, now.saturating_sub(released));
        released = now;
        tokio::time::sleep_until((began + due(rate, released)).into()).await;
    }
    // Whoever waits for a turn now finds that there is none.
    release(gate, waiting);
}

fn release(gate: &Semaphore, count: u64) {
    let room = Semaphore::MAX_PERMITS.saturating_sub(gate.available_permits());
    gate.add_permits(usize::try_from(count).unwrap_or(usize::MAX).min(room));
}
