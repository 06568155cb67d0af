//! Signed notes and the keys that verify them (C2SP signed-note): what is read writes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::{NoteVerifierKey, SignedNote};

fuzz_target!(|data: &[u8]| {
    if let Ok(note) = SignedNote::parse(data) {
        let written = note.to_string();
        assert_eq!(written.as_bytes(), data, "a note has one spelling");
        let keys = keys(&note);
        let _ = note.verify(&keys);
    }
    if let Ok(Ok(key)) = std::str::from_utf8(data).map(str::parse::<NoteVerifierKey>) {
        assert_eq!(key.to_string().as_bytes(), data, "a verifier key has one spelling");
    }
});

/// Keys with the names that sign the note, so that verification does not stop at the names.
fn keys(note: &SignedNote) -> Vec<NoteVerifierKey> {
    let key = fuzz::issuer_key().ed25519_bytes().expect("an Ed25519 key");
    let named = note.signatures().iter().take(2);
    named.filter_map(|signature| proofs::note::ed25519_vkey(signature.name.as_str(), &key).ok()).collect()
}
