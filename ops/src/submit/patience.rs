//! How often and how long a client asks again (SCR-33).

use crate::failure::Failure;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;

/// The first pause when the service names none.
const FIRST: Duration = Duration::from_millis(250);
/// The longest pause of the backoff; `Retry-After` may ask for more.
const LONGEST: Duration = Duration::from_secs(15);

/// Patience on the command line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PatienceArgs {
    /// Keep asking for at most this many seconds in all
    #[arg(long = "wait", value_name = "SECONDS", default_value_t = 60)]
    pub(crate) total: u64,
    /// Ask at most this many times
    #[arg(long, value_name = "COUNT", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tries: u32,
}

/// A bounded willingness to ask again.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    total: Duration,
    tries: u32,
    seed: Option<u64>,
}

impl From<&PatienceArgs> for Patience {
    fn from(args: &PatienceArgs) -> Self {
        Self { total: Duration::from_secs(args.total), tries: args.tries, seed: None }
    }
}

impl Patience {
    /// Patience whose jitter is the same in every run.
    #[cfg(test)]
    pub(crate) fn seeded(total: Duration, tries: u32, seed: u64) -> Self {
        Self { total, tries, seed: Some(seed) }
    }

    /// So long in all, and so often.
    pub(crate) fn of(total: Duration, tries: u32) -> Self {
        Self { total, tries, seed: None }
    }

    /// The pauses of one undertaking.
    pub(crate) fn start(&self) -> Waits {
        let mut backoff = ExponentialBuilder::new()
            .with_min_delay(FIRST)
            .with_max_delay(LONGEST)
            .without_max_times()
            .with_jitter();
        if let Some(seed) = self.seed {
            backoff = backoff.with_jitter_seed(seed);
        }
        Waits { backoff: backoff.build(), left: self.total, tries: self.tries.saturating_sub(1) }
    }
}

/// The pauses of one submission.
pub(crate) struct Waits {
    backoff: ExponentialBackoff,
    left: Duration,
    tries: u32,
}

impl Waits {
    /// The next pause, or None when patience is at its end. What the service asked for is a minimum; a part of the
    /// jittered backoff comes on top, so that clients sent away together do not come back together.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.tries = self.tries.checked_sub(1)?;
        let backoff = self.backoff.next()?;
        let pause = asked.map_or(backoff, |asked| backoff.max(asked.saturating_add(backoff / 4)));
        self.left = self.left.checked_sub(pause)?;
        Some(pause)
    }

    /// One more question without a pause, as after a redirect; a service that redirects for ever ends here.
    pub(super) fn spend_try(&mut self) -> Result<(), Failure> {
        self.tries = self
            .tries
            .checked_sub(1)
            .ok_or_else(|| Failure::unreachable("the service redirected more often than --tries allows"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(tries: u32, seed: u64, asked: Option<Duration>) -> Vec<Duration> {
        let mut waits = Patience::seeded(Duration::from_secs(3_600), tries, seed).start();
        std::iter::from_fn(|| waits.next(asked)).collect()
    }

    #[test]
    fn scr_33_backoff_grows_is_capped_and_ends() {
        let pauses = pauses(12, 7, None);
        assert_eq!(pauses.len(), 11, "twelve tries have eleven pauses");
        assert!(pauses[0] >= FIRST && pauses[0] < FIRST * 2, "{pauses:?}");
        assert!(pauses[3] >= FIRST * 8, "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST * 2), "{pauses:?}");
    }

    #[test]
    fn scr_33_two_clients_do_not_march_in_step() {
        let asked = Some(Duration::from_secs(5));
        assert_ne!(pauses(5, 1, None), pauses(5, 2, None));
        assert_ne!(pauses(5, 1, asked), pauses(5, 2, asked), "not even when both were told the same");
    }

    #[test]
    fn scr_33_retry_after_is_a_minimum() {
        let asked = Duration::from_secs(2);
        assert!(pauses(6, 3, Some(asked)).iter().all(|pause| *pause > asked));
    }

    #[test]
    fn the_total_bounds_even_an_absurd_retry_after() {
        let mut waits = Patience::seeded(Duration::from_secs(60), 30, 1).start();
        assert_eq!(waits.next(Some(Duration::from_secs(86_400))), None);
        assert_eq!(Patience::seeded(Duration::from_secs(60), 1, 1).start().next(None), None);
        assert_eq!(waits.next(Some(Duration::MAX)), None);
    }

    #[test]
    fn jitter_is_random_unless_a_test_asks() {
        let args = PatienceArgs { total: 3_600, tries: 5 };
        let mut first = Patience::from(&args).start();
        let mut second = Patience::from(&args).start();
        let pair: Vec<_> = (0..4).map(|_| (first.next(None), second.next(None))).collect();
        assert!(pair.iter().any(|(a, b)| a != b), "{pair:?}");
    }
}
