//! A point in time as a value. Nothing here reads a clock.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted: the NumericDate of RFC 8392 §2, restricted
/// to whole seconds that are not negative. Prints as a decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(u64);

impl UnixTime {
    /// Takes a number of seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0
    }

    /// The time `secs` seconds later, or the last one that can be written.
    #[must_use]
    pub const fn saturating_add(self, secs: u64) -> Self {
        Self(self.0.saturating_add(secs))
    }

    /// The time `secs` seconds earlier, or the start of 1970.
    #[must_use]
    pub const fn saturating_sub(self, secs: u64) -> Self {
        Self(self.0.saturating_sub(secs))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::UnixTime;

    #[test]
    fn arithmetic_stays_in_range() {
        let noon = UnixTime::from_secs(1_790_000_000);
        assert_eq!(noon.saturating_sub(30).secs(), 1_789_999_970);
        assert_eq!(noon.saturating_add(30).secs(), 1_790_000_030);
        assert_eq!(noon.saturating_sub(u64::MAX).secs(), 0);
        assert_eq!(noon.saturating_add(u64::MAX).secs(), u64::MAX);
        assert_eq!(noon.to_string(), "1790000000");
        assert!(noon < noon.saturating_add(1));
    }
}
