//! Trust anchors: an increment that is read writes back to the same increment.
#![no_main]

use ledger::trust::AnchorIncrement;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(read) = AnchorIncrement::from_json(data) else { return };
    let written = read.to_json().expect("what was read can be written");
    let again = AnchorIncrement::from_json(&written).expect("what was written can be read");
    assert_eq!(again, read);
    assert_eq!(again.to_json().ok(), Some(written), "the second writing changes nothing");
});
