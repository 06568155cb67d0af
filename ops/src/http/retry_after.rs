//! `Retry-After` in both of its forms (RFC 9110 §10.2.3).

use proofs::UnixTime;
use std::time::{Duration, UNIX_EPOCH};

/// How long a service asks its client to stay away (SCR-33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// So many seconds from now.
    Delay(Duration),
    /// Until then, in seconds since 1970.
    At(UnixTime),
}

impl RetryAfter {
    /// Reads delay-seconds or any of the three forms of an HTTP date; anything else counts as absent.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        if value.bytes().all(|byte| byte.is_ascii_digit()) {
            return value.parse().ok().map(|seconds| Self::Delay(Duration::from_secs(seconds)));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        let since = date.duration_since(UNIX_EPOCH).ok()?;
        Some(Self::At(UnixTime::from_secs(since.as_secs())))
    }

    /// The wait from `now` on; zero for a date that has passed.
    pub(crate) fn wait(self, now: UnixTime) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(then) => Duration::from_secs(then.secs().saturating_sub(now.secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scr_33_retry_after_in_seconds_and_as_a_date() {
        let now = UnixTime::from_secs(1_445_412_470);
        let wait = |value: &str| RetryAfter::parse(value).map(|after| after.wait(now).as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 0 "), Some(0));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(10));
        assert_eq!(wait("Wednesday, 21-Oct-15 07:28:00 GMT"), Some(10), "the RFC 850 form");
        assert_eq!(wait("Wed, 21 Oct 2015 07:00:00 GMT"), Some(0), "a date that has passed");
    }

    #[test]
    fn nonsense_counts_as_absent() {
        for value in ["", "-1", "1.5", "soon", "99999999999999999999999", "Wed, 99 Oct 2015 07:28:00 GMT"] {
            assert_eq!(RetryAfter::parse(value), None, "{value:?}");
        }
    }
}
