//! IATP attestations, manifests and reputation events.
#![no_main]

use ledger::profile::System;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = fuzz::profile::check(System::Iatp, data);
    drop(found);
});
