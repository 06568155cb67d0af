//! The only place that reads the wall clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use proofs::UnixTime;

/// Where the ledger gets the time of day from.
pub trait Clock: Send + Sync {
    /// Seconds since 1970-01-01T00:00:00Z. May go backwards: whoever needs order takes the maximum with what it
    /// has already recorded.
    fn now(&self) -> UnixTime;
}

/// The clock of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may read the wall clock")]
    fn now(&self) -> UnixTime {
        // A clock before 1970 is a broken clock; zero lets the recorded maximum win.
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_secs(elapsed.as_secs())
    }
}

/// A clock that stands still until it is told otherwise: for tests and for replays.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: UnixTime) -> Self {
        Self(AtomicU64::new(now.secs()))
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, now: UnixTime) {
        self.0.store(now.secs(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}
