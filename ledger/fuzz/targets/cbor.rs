//! The strict scanner (D15): an accepted item has one reading and, but for the order of map keys, one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::cbor::{decode, encode, scan};

fuzz_target!(|data: &[u8]| {
    let scanned = scan(data);
    let decoded = decode(data);
    match (scanned, decoded) {
        (Ok(()), Ok(value)) => {
            let written = encode(&value);
            assert_eq!(written.len(), data.len(), "only the order of map keys is free");
            let again = decode(&written).expect("what we write, we read");
            assert_eq!(encode(&again), written, "the encoding is deterministic");
            let lenient: ciborium::Value = ciborium::from_reader(data).expect("strict input is CBOR");
            assert_eq!(encode(&lenient), written, "the strict reading is the common one");
        }
        (Err(fault), Err(same)) => {
            assert_eq!(fault.to_string(), same.to_string());
            assert!(fault.offset <= data.len(), "a fault lies within the input");
        }
        (scanned, decoded) => panic!("scan {scanned:?} and decode {decoded:?} disagree"),
    }
});
