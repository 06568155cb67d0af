//! Agent Trace records, and who wrote a line.
#![no_main]

use ledger::profile::{MAX_LINE_RANGES, MAX_LINE_TEXT, System, lines_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = fuzz::profile::check(System::AgentTrace, data);
    drop(found);
    let found = lines_of(data, "src/utils/parser.ts", 50);
    assert!(found.ranges.len() <= MAX_LINE_RANGES);
    for range in &found.ranges {
        assert!((range.start_line..=range.end_line).contains(&50));
        let texts = [&range.conversation, &range.contributor, &range.model_id, &range.content_hash];
        for text in texts.into_iter().flatten() {
            assert!(text.len() <= MAX_LINE_TEXT);
        }
    }
});
