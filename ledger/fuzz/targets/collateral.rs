//! Collateral records: one record, one spelling (D12).
#![no_main]

use ledger::Collateral;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(record) = Collateral::decode(data) else { return };
    assert_eq!(record.encode(), data);
});
