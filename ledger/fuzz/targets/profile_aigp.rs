//! AIGP events, flat and in CloudEvents, and the report about them.
#![no_main]

use ledger::profile::{System, verifier_report};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = fuzz::profile::check(System::Aigp, data);
    for examination in found {
        let report = verifier_report(data, &examination.findings, "run", fuzz::EVALUATED_AT);
        assert_eq!(report["summary"]["total_events"], 1);
    }
});
