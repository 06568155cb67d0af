//! Checkpoints (C2SP tlog-checkpoint): text that is read writes back the same, and a checkpoint of ours
//! that is written reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::{Checkpoint, SignedNote};

fuzz_target!(|data: &[u8]| {
    let Ok(note) = SignedNote::parse(data) else { return };
    let Ok(checkpoint) = Checkpoint::parse(note.text()) else { return };
    let written = checkpoint.text();
    assert!(note.text().starts_with(&written), "the three lines have one spelling; extension lines follow");
    assert_eq!(Checkpoint::parse(&written).as_ref(), Ok(&checkpoint));
});
