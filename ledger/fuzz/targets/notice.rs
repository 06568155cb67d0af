//! Erasures, incidents and the marks of restored logs: a document that is read writes back to the same, and none reads as
//! another (D20, D11).
#![no_main]

use ledger::RestoredMark;
use ledger::control::{Erasure, Incident, MAX_REASON_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let erasure = Erasure::from_json(data);
    let incident = Incident::from_json(data);
    let mark = RestoredMark::from_json(data);
    let meanings = [erasure.is_ok(), incident.is_ok(), mark.is_some()];
    assert!(meanings.into_iter().filter(|read| *read).count() <= 1, "one document has two meanings");
    if let Some(mark) = mark {
        assert_eq!(mark.to_json(), data, "a mark has one spelling");
    }
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
