//! tlog-proofs (C2SP): text that is read writes back the same, and verifying it does not panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::{NoteVerifierKey, TlogProof};

fuzz_target!(|data: &[u8]| {
    let Ok(proof) = TlogProof::parse(data) else { return };
    assert_eq!(proof.to_string().as_bytes(), data);
    let vkey = "log.example/scitt+a6f9a921+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    let log: NoteVerifierKey = vkey.parse().expect("the vkey of the seeds");
    if let Ok(checkpoint) = proof.verify(b"entry", &log) {
        assert!(proof.index().in_tree(checkpoint.head.size));
    }
});
