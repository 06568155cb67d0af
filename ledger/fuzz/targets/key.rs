//! COSE keys and key sets (RFC 9052 §7): a key that is read writes back to the same key under the same
//! thumbprint, and one bad element of a set does not spoil another (COSE-13).
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::{Algorithm, KeyId, KeySet, PublicKey};

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = PublicKey::from_cose(data) {
        let again = PublicKey::from_cose(&key.to_cose()).expect("what we write, we read");
        assert_eq!(again, key);
        assert_eq!(again.thumbprint(), key.thumbprint());
        assert_eq!(key.thumbprint().to_string().parse::<KeyId>().ok(), Some(key.thumbprint()));
        for algorithm in Algorithm::ALL.iter().copied().filter(|algorithm| key.allows(*algorithm)) {
            assert!(key.verify(algorithm, b"message", b"").is_err());
        }
    }
    if let Ok(set) = KeySet::parse(data) {
        if set.is_empty() {
            return;
        }
        let again = KeySet::parse(&set.encode()).expect("what we write, we read");
        assert_eq!(again.skipped(), 0);
        assert!(again.iter().eq(set.iter()), "the keys are the same, in the same order");
    }
});
