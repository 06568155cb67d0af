//! Agent Trace records, and who wrote a line.
#![no_main]

use ledger::profile::{System, lines_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = fuzz::profile::check(System::AgentTrace, data);
    drop(found);
    for range in lines_of(data, "src/utils/parser.ts", 50) {
        assert!((range.start_line..=range.end_line).contains(&50));
    }
});
