//! Cosigner vkeys and signature lines (C2SP tlog-cosignature): a vkey has one spelling, and no line that was made up
//! verifies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::note::parse_signatures;
use proofs::{Checkpoint, CosignerKey, LogKey, SignedNote};

fuzz_target!(|data: &[u8]| {
    if let Ok(lines) = parse_signatures(data) {
        let written: String = lines.iter().map(ToString::to_string).collect();
        assert_eq!(written.as_bytes(), data);
    }
    // One line with a vkey, and a note behind it.
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (vkey, note) = data.split_at(end);
    let Ok(vkey) = str::from_utf8(vkey) else { return };
    if let Ok(key) = vkey.parse::<LogKey>() {
        assert_eq!(key.to_string(), vkey);
    }
    let Ok(key) = vkey.parse::<CosignerKey>() else { return };
    assert_eq!(key.to_string(), vkey);
    let Ok(note) = SignedNote::parse(note.strip_prefix(b"\n").unwrap_or_default()) else { return };
    let Ok(checkpoint) = Checkpoint::parse(note.text()) else { return };
    for line in note.signatures() {
        let _ = key.verify(note.text(), &checkpoint, line);
    }
});
