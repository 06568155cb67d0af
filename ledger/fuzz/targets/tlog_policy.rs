//! C2SP tlog-policy files: what is read is a policy that can be asked, and asking it never fails.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::{CosignerKey, LogKey, TlogPolicy};

fuzz_target!(|data: &[u8]| {
    let Ok(policy) = TlogPolicy::parse(data) else { return };
    // A quorum only grows with those who cosign (tlog-policy has thresholds, no negation).
    let none = policy.is_quorum(|_| false);
    let all = policy.is_quorum(|_| true);
    assert!(all || !none);
    assert!(all, "the whole of the witnesses is a quorum of every policy that reads");
    assert_eq!(none, !policy.needs_witnesses());
    for witness in policy.witnesses() {
        assert_eq!(witness.key.to_string().parse::<CosignerKey>().as_ref(), Ok(&witness.key));
    }
    for log in policy.logs() {
        assert_eq!(log.key.to_string().parse::<LogKey>().as_ref(), Ok(&log.key));
    }
});
