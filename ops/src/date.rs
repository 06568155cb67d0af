//! Times as people read them.

use std::time::{Duration, UNIX_EPOCH};

/// The first second of the year 10000, which no date format takes.
const YEAR_10000: u64 = 253_402_300_800;

/// The date that so many seconds since 1970 stand for, as HTTP writes it (RFC 9110 §5.6.7); none beyond the year 9999.
pub(crate) fn of(seconds: u64) -> Option<String> {
    (seconds < YEAR_10000).then(|| httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_end_with_the_year_9999() {
        assert_eq!(of(0).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(of(YEAR_10000 - 1).unwrap(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(of(YEAR_10000), None);
        assert_eq!(of(u64::MAX), None);
    }
}
