//! TRACE records and revocations.
#![no_main]

use ledger::profile::{System, trace_locator};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = fuzz::profile::check(System::Trace, data);
    drop(found);
    assert_eq!(trace_locator(data), trace_locator(data));
});
