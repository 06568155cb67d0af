//! AIGP events, no two alike: flat ones in the dialect of the published client, in chains that break no rule.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;

/// Events of one agent and trace.
pub(super) const CHAIN: u64 = 100;

/// All the events of one repetition.
pub(super) struct Events {
    /// Tells them from those of every other.
    nonce: u64,
}

impl Events {
    pub(super) fn fresh() -> Self {
        Self { nonce: RandomState::new().hash_one("events") }
    }

    /// Writes event `n` as one line, without its end.
    pub(super) fn write(&self, n: u64, line: &mut Vec<u8>) {
        let (high, low) = (self.nonce >> 32, self.nonce & 0xffff_ffff);
        let (chain, sequence) = (n / CHAIN, n % CHAIN + 1);
        // Writing to a Vec does not fail.
        let _ = write!(
            line,
            "{{\"event_id\": \"{high:08x}-{:04x}-4{:03x}-8{:03x}-{n:012x}\", \"event_type\": \"TOOL_INVOKED\", \
             \"event_category\": \"tool\", \"event_time\": \"2026-11-20T15:34:29.822Z\", \
             \"agent_id\": \"agent.bench-{:x}\", \"governance_hash\": \
             \"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\", \"trace_id\": \
             \"{:016x}{chain:016x}\", \"span_id\": \"57ad29bb21939aac\", \"parent_span_id\": \"\", \"trace_flags\": \"03\", \
             \"agent_name\": \"\", \"org_id\": \"org.finco\", \"org_name\": \"\", \"policy_id\": \"\", \"policy_name\": \"\", \
             \"policy_version\": 0, \"prompt_id\": \"\", \"prompt_name\": \"\", \"prompt_version\": 0, \"hash_type\": \"sha256\", \
             \"data_classification\": \"\", \"template_rendered\": false, \"denial_reason\": \"\", \"violation_type\": \"\", \
             \"severity\": \"\", \"source_ip\": \"\", \"request_method\": \"\", \"request_path\": \"\", \"query_hash\": \"\", \
             \"previous_hash\": \"\", \"annotations\": {{}}, \"event_signature\": \"\", \"signature_key_id\": \"\", \
             \"sequence_number\": {sequence}, \"causality_ref\": \"\", \"spec_version\": \"0.9.0\"}}",
            low >> 16,
            low & 0xfff,
            (low >> 4) & 0xfff,
            chain % 1000,
            self.nonce,
        );
    }
}
