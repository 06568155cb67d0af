//! The boundaries of a batch: items without a gap, each a sequence of one, and where a whole decoder can read one item
//! after another, its place is ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::cbor::{scan, sequence};

fuzz_target!(|data: &[u8]| {
    let mut end = 0;
    let mut ends = Vec::new();
    let mut lax = false;
    for item in sequence(data) {
        match item {
            Ok(range) => {
                assert_eq!(range.start, end, "no gap and no overlap");
                assert!(range.end > range.start && range.end <= data.len());
                let alone: Vec<_> = sequence(&data[range.clone()]).collect();
                assert_eq!(alone, [Ok(0..range.len())], "an item alone is a sequence of one");
                end = range.end;
                ends.push(end);
            }
            Err(fault) => {
                assert!(fault.offset >= end && fault.offset <= data.len());
                assert!(scan(&data[end..]).is_err(), "what is no item is no strict item either");
                lax = matches!(&data[fault.offset..], [0x5f | 0x7f, ..] | [0xf8, 0..32, ..]);
            }
        }
    }
    let mut rest = data;
    let mut oracle = Vec::new();
    while !rest.is_empty() && ciborium::from_reader::<ciborium::Value, _>(&mut rest).is_ok() {
        oracle.push(data.len() - rest.len());
    }
    // The oracle takes a string of indefinite length inside another and a short simple value in two bytes; RFC 8949
    // sections 3.2.3 and 3.3 forbid both.
    if lax {
        oracle.truncate(ends.len());
    }
    assert!(ends.starts_with(&oracle), "a whole decoder finds the same boundaries");
});
