//! Entries of Rekor. What is read has a digest that its own text names.
#![no_main]

use ledger::registrar::MAX_RECORD_BYTES;
use ledger::rekor::HashedRekord;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(entry) = HashedRekord::parse(data) else { return };
    assert!(data.len() <= MAX_RECORD_BYTES);
    let text = std::str::from_utf8(data).expect("JSON is UTF-8");
    // The digits may be written as escapes.
    assert!(text.contains(&entry.digest.to_string()) || text.contains("\\u"));
    assert_eq!(HashedRekord::parse(data), Ok(entry));
});
