//! NumericDate (RFC 8392 §2): seconds since 1970, perhaps with a fraction.

use ciborium::Value;

use crate::time::UnixTime;

/// How a moment between two seconds becomes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// For "issued at".
    Down,
    /// For limits: with whole seconds, `now < 1.5` and `now < 2` say the same.
    Up,
}

/// The time `value` stands for; `None` for what is no number, not finite, before 1970 or beyond `u64`.
pub(super) fn numeric_date(value: &Value, rounding: Rounding) -> Option<UnixTime> {
    // Beyond 2^53 a double has no exact seconds, and no clock of ours gets there.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Integer(number) => u64::try_from(*number).ok().map(UnixTime::from_secs),
        Value::Float(number) => {
            let whole = match rounding {
                Rounding::Down => number.floor(),
                Rounding::Up => number.ceil(),
            };
            #[expect(
                clippy::as_conversions,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number between 0 and 2^53 is exact in both types"
            )]
            let seconds = (0.0..LIMIT).contains(&whole).then_some(whole as u64);
            seconds.map(UnixTime::from_secs)
        }
        _ => None,
    }
}
