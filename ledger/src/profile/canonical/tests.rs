//! Whatever the value, the short way gives what the long way gives.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[ -~]{0,12}", "[a-z]{0,8}", ".{0,6}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-10_i64..10).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn both_forms_at_once_are_each_form(value in values()) {
        let (first, second) = both(&value);
        prop_assert_eq!(first, jcs(&value));
        prop_assert_eq!(second, sorted_ascii(&value));
    }
}

#[test]
fn what_somebody_escapes_or_reads_otherwise_is_not_plain() {
    for value in [
        json!("\""),
        json!("\\"),
        json!("\u{7f}"),
        json!("\n"),
        json!("é"),
        json!(1.5),
        json!(1_u64 << 54),
        json!({"é": 1}),
    ] {
        assert!(!is_plain(&value), "{value}");
        let (first, second) = both(&value);
        assert_eq!(first, jcs(&value));
        assert_eq!(second, sorted_ascii(&value));
    }
    assert!(is_plain(&json!({"a b": [1, -9_007_199_254_740_991_i64, true, null, "~"]})));
}
