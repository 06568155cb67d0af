//! Bodies of `add-checkpoint` and `sign-subtree` (C2SP tlog-witness): text that is read writes back the same; what the
//! bodies hold is verified without failing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::tree::SubtreeProof;
use proofs::witness::{AddCheckpoint, SignSubtree, parse_size_body};
use proofs::{Checkpoint, ConsistencyProof};

fuzz_target!(|data: &[u8]| {
    if let Some(size) = parse_size_body(data) {
        assert_eq!(format!("{size}\n").as_bytes(), data);
    }
    if let Ok(request) = AddCheckpoint::parse(data) {
        assert_eq!(request.to_string().as_bytes(), data);
        if let Ok(checkpoint) = Checkpoint::parse(request.note.text()) {
            let (old, new) = (request.old, checkpoint.head.size);
            let proof = ConsistencyProof { old, new, path: request.proof };
            let _ = proof.verify(&checkpoint.head.root, &checkpoint.head.root);
        }
    }
    if let Ok(request) = SignSubtree::parse(data) {
        assert_eq!(request.to_string().as_bytes(), data);
        if let Ok(checkpoint) = Checkpoint::parse(request.note.text()) {
            let proof = SubtreeProof { subtree: request.subtree, path: request.proof };
            let _ = proof.verify(&request.hash, &checkpoint.head);
        }
    }
});
