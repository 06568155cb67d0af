//! One machine for all tests: heavy ones run alone, so that what they measure is theirs.

use std::io::Write;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

static MACHINE: RwLock<()> = RwLock::new(());

/// For a test that may run beside others.
pub(crate) fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that needs both cores, or that measures memory.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// How long something that has to come may be waited for: no sound test reaches it, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until something is so. Where it never is, the test fails and says what, instead of hanging.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    awaited(what, || condition().then_some(()));
}

/// Waits until there is something; what it is. Where it never comes, the test fails and says what.
pub(crate) fn awaited<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(come) = attempt() {
            return come;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

/// Says something past the test harness, which would swallow it: numbers are worth reading of runs that pass.
pub(crate) fn say(line: &str) {
    let mut err = std::io::stderr().lock();
    writeln!(err, "{line}").ok();
}

/// A small generator (SplitMix64), so that a run can be repeated from the seed that it prints.
pub(crate) struct Random(u64);

impl Random {
    /// From `STELE_TEST_SEED`, or from the system; says which.
    pub(crate) fn from_environment(what: &str) -> Self {
        use std::hash::{BuildHasher, Hasher};
        let drawn = std::hash::RandomState::new().build_hasher().finish();
        let seed = std::env::var("STELE_TEST_SEED").ok().map_or(drawn, |text| text.parse().unwrap());
        say(&format!("{what}: STELE_TEST_SEED={seed} repeats this run's choices"));
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Burns a little processor time, the same amount for the same number.
pub(crate) fn spin(rounds: u64) {
    for round in 0..rounds {
        std::hint::black_box(round);
    }
}
