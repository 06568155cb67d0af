//! Reading the query of a request.

/// The values of the parameters with these names, each given at most once; others are passed over. `None` when one
/// is given twice: two values that could disagree are none.
pub(super) fn values<'q, const N: usize>(
    query: Option<&'q str>,
    names: [&str; N],
) -> Option<[Option<&'q str>; N]> {
    let mut found = [None; N];
    for (name, value) in query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')) {
        let place = names.iter().zip(&mut found).find(|(known, _)| **known == name);
        if let Some((_, place)) = place
            && place.replace(value).is_some()
        {
            return None;
        }
    }
    Some(found)
}

/// Digits only: `u64::from_str` would take a sign.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_name_and_given_once() {
        let both = |query| values(Some(query), ["from", "to"]);
        assert_eq!(both("from=3&to=9"), Some([Some("3"), Some("9")]));
        assert_eq!(both("to=9&utm=x&from=3"), Some([Some("3"), Some("9")]));
        assert_eq!(both("to=9&from"), Some([None, Some("9")]));
        assert_eq!(both(""), Some([None, None]));
        assert_eq!(values(None, ["from"]), Some([None]));
        assert_eq!(both("from=3&from=3&to=9"), None);
    }

    #[test]
    fn numbers_are_decimal_digits() {
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal("007"), Some(7));
        for bad in ["", "+3", "-3", "0x3", "3 ", "18446744073709551616", "3%30", "\u{0663}"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
