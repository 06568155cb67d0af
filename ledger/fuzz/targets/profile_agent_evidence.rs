//! Agent Evidence documents, and manifests compared with files.
#![no_main]

use ledger::profile::{MAX_FINDINGS, System, manifest_findings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = fuzz::profile::check(System::AgentEvidence, data);
    drop(found);
    let mut first = true;
    let findings = manifest_findings(data, &mut |_| std::mem::take(&mut first).then(|| data.to_vec()));
    assert!(findings.is_none_or(|findings| findings.len() <= MAX_FINDINGS));
});
