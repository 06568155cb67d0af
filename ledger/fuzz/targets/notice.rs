//! Erasures and incidents: a document that is read writes back to the same, and none reads as the other (D20, D11).
#![no_main]

use ledger::control::{Erasure, Incident, MAX_REASON_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let erasure = Erasure::from_json(data);
    let incident = Incident::from_json(data);
    assert!(erasure.is_err() || incident.is_err(), "one document has two meanings");
    if let Ok(read) = erasure {
        assert!((1..=MAX_REASON_BYTES).contains(&read.reason.len()));
        let written = read.to_json().expect("what was read can be written");
        assert_eq!(Erasure::from_json(&written), Ok(read));
    }
    if let Ok(read) = incident {
        assert!((1..=MAX_REASON_BYTES).contains(&read.reason.len()));
        let written = read.to_json().expect("what was read can be written");
        assert_eq!(Incident::from_json(&written), Ok(read));
    }
});
