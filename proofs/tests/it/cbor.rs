//! The strict scanner: one test a refusal, and an oracle that shares no code with it.

use ciborium::Value;
use proofs::cbor::{MAX_DEPTH, ScanError, ScanFault, decode, encode, scan};
use proptest::prelude::*;

use super::support::unhex;

fn refused(hex: &str, fault: ScanFault, offset: usize) {
    let error = Err(ScanError { fault, offset });
    assert_eq!(scan(&unhex(hex)), error, "{hex}");
    assert_eq!(decode(&unhex(hex)).map(drop), error, "{hex}");
}

fn accepted(hex: &str) {
    assert_eq!(scan(&unhex(hex)), Ok(()), "{hex}");
    assert!(decode(&unhex(hex)).is_ok(), "{hex}");
}

#[test]
fn cose_15_trailing_bytes() {
    refused("0000", ScanFault::Trailing, 1);
    refused("a000", ScanFault::Trailing, 1);
    refused("f6f6", ScanFault::Trailing, 1);
}

#[test]
fn cose_15_truncated() {
    refused("", ScanFault::Truncated, 0);
    refused("18", ScanFault::Truncated, 0);
    refused("42ff", ScanFault::Truncated, 1);
    refused("6261", ScanFault::Truncated, 1);
    refused("8201", ScanFault::Truncated, 2);
    refused("a101", ScanFault::Truncated, 2);
    refused("a1", ScanFault::Truncated, 1);
    refused("d2", ScanFault::Truncated, 1);
    // Lengths that no machine could hold are refused before anything is allocated.
    refused("5bffffffffffffffff", ScanFault::Truncated, 9);
    refused("9bffffffffffffffff", ScanFault::Truncated, 9);
    refused("bbffffffffffffffff", ScanFault::Truncated, 9);
}

#[test]
fn cose_15_indefinite_lengths() {
    for hex in ["5f4101ff", "7f6161ff", "9f01ff", "bf0101ff", "9fff"] {
        refused(hex, ScanFault::Indefinite, 0);
    }
    refused("825f4101ff00", ScanFault::Indefinite, 1);
}

#[test]
fn stop_code_on_its_own() {
    refused("ff", ScanFault::Break, 0);
    refused("81ff", ScanFault::Break, 1);
    refused("a1ff00", ScanFault::Break, 1);
}

#[test]
fn reserved_heads() {
    for hex in ["1c", "1d", "1e", "5c", "7d", "9e", "bc", "dd", "fc", "fd", "fe"] {
        refused(hex, ScanFault::Reserved, 0);
    }
    // Additional information 31 means something for strings, arrays, maps and the stop code only.
    for hex in ["1f", "3f", "df"] {
        refused(hex, ScanFault::Reserved, 0);
    }
}

#[test]
fn long_heads_of_every_kind() {
    for hex in [
        "1817",
        "1900ff",
        "1a0000ffff",
        "1b00000000ffffffff", // unsigned
        "3817",
        "3900ff",
        "3a0000ffff",
        "3b00000000ffffffff", // negative
        "580100",
        "59000100",
        "5a0000000100",
        "5b000000000000000100", // bytes
        "780161",
        "79000161", // text
        "980100",
        "99000100", // array
        "b8010000",
        "b900010000", // map
        "d81100",
        "d9001200",
        "da0000001200",
        "db000000000000001200", // tag
        "fa3f800000",
        "fb3ff0000000000000",
        "fb3ff8000000000000",
        "fa00000000", // floats that fit fewer bytes
        "fa7f800000",
        "fb7ff0000000000000",
        "fa7fc00000",
        "fb7ff8000000000000", // infinity, NaN
        "f816",
        "f814", // simple values below 24 in two bytes
    ] {
        refused(hex, ScanFault::LongHead, 0);
    }
    for hex in
        ["1818", "190100", "1a00010000", "1b0000000100000000", "3818", "f93c00", "fa47c35000", "f97e00"]
    {
        accepted(hex);
    }
    accepted("fb3ff199999999999a");
    accepted("1bffffffffffffffff");
}

#[test]
fn cose_15_integers_beyond_64_bits() {
    accepted("3b7fffffffffffffff");
    refused("3b8000000000000000", ScanFault::IntegerRange, 0);
    refused("3bffffffffffffffff", ScanFault::IntegerRange, 0);
    refused("c249010000000000000000", ScanFault::Bignum, 0);
    refused("c24101", ScanFault::Bignum, 0);
    refused("81c34101", ScanFault::Bignum, 1);
    accepted("c001");
    accepted("c401");
}

#[test]
fn simple_values() {
    for hex in ["f4", "f5", "f6"] {
        accepted(hex);
    }
    // Undefined would be read as null.
    refused("f7", ScanFault::Simple(23), 0);
    refused("e0", ScanFault::Simple(0), 0);
    refused("f3", ScanFault::Simple(19), 0);
    refused("81f820", ScanFault::Simple(32), 1);
    refused("f8ff", ScanFault::Simple(255), 0);
}

#[test]
fn text_has_to_be_utf_8() {
    accepted("62c3bc");
    refused("61ff", ScanFault::Utf8, 0);
    refused("8161c3", ScanFault::Utf8, 1);
    refused("63eda080", ScanFault::Utf8, 0);
    refused("62c080", ScanFault::Utf8, 0);
    accepted("41ff");
}

#[test]
fn duplicate_keys_at_every_level() {
    refused("a201000100", ScanFault::DuplicateKey, 3);
    refused("a3010002000100", ScanFault::DuplicateKey, 5);
    refused("a2616100616101", ScanFault::DuplicateKey, 4);
    refused("81a220002000", ScanFault::DuplicateKey, 4);
    refused("a101a240004000", ScanFault::DuplicateKey, 5);
    refused("a2810100810100", ScanFault::DuplicateKey, 4);
    refused("a1a20100010000", ScanFault::DuplicateKey, 4);
    refused("d2a201000100", ScanFault::DuplicateKey, 4);
    // Unsorted keys are no fault, and keys of other types are other keys.
    accepted("a202000100");
    accepted("a50100200041010061310081010000".get(..28).unwrap());
}

#[test]
fn cose_15_depth() {
    let nested = |open: &str, levels: usize, inner: &str| open.repeat(levels) + inner;
    assert_eq!(MAX_DEPTH, 16);
    for open in ["81", "a100", "d2"] {
        let width = open.len() / 2;
        accepted(&nested(open, MAX_DEPTH, "00"));
        refused(&nested(open, MAX_DEPTH + 1, "00"), ScanFault::TooDeep, MAX_DEPTH * width);
        refused(&nested(open, 100_000, "00"), ScanFault::TooDeep, MAX_DEPTH * width);
    }
    let key_first = "a1".repeat(MAX_DEPTH + 1) + "00" + &"00".repeat(MAX_DEPTH + 1);
    refused(&key_first, ScanFault::TooDeep, MAX_DEPTH);
}

#[test]
fn error_text_names_fault_and_offset() {
    let error = scan(&unhex("a201000100")).unwrap_err();
    assert_eq!(error.to_string(), "a map key that occurs twice (byte 3)");
}

#[test]
fn deterministic_encoding_sorts_by_encoded_key() {
    let map = |keys: Vec<Value>| Value::Map(keys.into_iter().map(|key| (key, Value::Null)).collect());
    // RFC 8949 §4.2.1: a long positive label stands before -1; the older length-first rule had it behind.
    let value = map(vec![Value::from("a"), Value::from(-1), Value::from(395), Value::from(10)]);
    assert_eq!(encode(&value), unhex("a40af619018bf620f66161f6"));
    let nested = Value::Array(vec![Value::Tag(9, Box::new(map(vec![Value::from(2), Value::from(1)])))]);
    assert_eq!(encode(&nested), unhex("81c9a201f602f6"));
    assert_eq!(encode(&Value::Float(1.5)), unhex("f93e00"));
    assert_eq!(decode(&encode(&value)).map(|read| encode(&read)), Ok(encode(&value)));
}

/// What the scanner should say, by other means: the lenient decoder, and its encoder, which writes shortest heads and
/// definite lengths in the order it read them.
fn oracle(bytes: &[u8]) -> bool {
    fn clean(value: &Value, room: usize) -> bool {
        let wide =
            |value: &Value| matches!(value, Value::Integer(n) if i128::from(*n) < i128::from(i64::MIN));
        match value {
            Value::Array(_) | Value::Map(_) | Value::Tag(..) if room == 0 => false,
            Value::Array(items) => items.iter().all(|item| clean(item, room - 1)),
            Value::Tag(tag, inner) => ![2, 3].contains(tag) && clean(inner, room - 1),
            Value::Map(entries) => {
                let bits = |value: &Value| encoded(value);
                let unique = entries.iter().enumerate().all(|(i, (key, _))| {
                    entries.iter().take(i).all(|(earlier, _)| bits(earlier) != bits(key))
                });
                unique && entries.iter().all(|(key, value)| clean(key, room - 1) && clean(value, room - 1))
            }
            other => !wide(other),
        }
    }
    let Ok(value) = ciborium::from_reader::<Value, _>(bytes) else { return false };
    encoded(&value) == bytes && clean(&value, MAX_DEPTH)
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-30i64..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::Float),
        any::<f32>().prop_map(|float| Value::Float(f64::from(float))),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ".{0,30}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner.clone()), 0..6).prop_map(Value::Map),
            (4u64..1000, inner).prop_map(|(tag, value)| Value::Tag(tag, Box::new(value))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scanner_agrees_with_the_oracle_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        prop_assert_eq!(scan(&bytes).is_ok(), oracle(&bytes));
    }

    #[test]
    fn scanner_agrees_with_the_oracle_on_damaged_items(
        value in values(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..3),
    ) {
        let mut bytes = encoded(&value);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        prop_assert_eq!(scan(&bytes).is_ok(), oracle(&bytes));
    }

    #[test]
    fn what_the_scanner_accepts_has_one_deterministic_form(value in values()) {
        let bytes = encode(&value);
        if scan(&bytes).is_ok() {
            let read = decode(&bytes).unwrap();
            prop_assert_eq!(encode(&read), bytes);
        }
    }
}

/// Every input of up to two bytes, and every three bytes that begin with a head of interest.
#[test]
fn scanner_agrees_with_the_oracle_on_all_short_inputs() {
    for first in 0..=255u8 {
        assert_eq!(scan(&[first]).is_ok(), oracle(&[first]), "{first:02x}");
        for second in 0..=255u8 {
            let bytes = [first, second];
            assert_eq!(scan(&bytes).is_ok(), oracle(&bytes), "{bytes:02x?}");
            if matches!(first, 0x18 | 0x19 | 0x58 | 0x81 | 0x82 | 0xa1 | 0xc2 | 0xd8 | 0xf8 | 0xf9) {
                for third in 0..=255u8 {
                    let bytes = [first, second, third];
                    assert_eq!(scan(&bytes).is_ok(), oracle(&bytes), "{bytes:02x?}");
                }
            }
        }
    }
}
