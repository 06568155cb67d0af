//! Keys in the forms of the world outside of COSE: SPKI, PEM, JWK.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::PublicKey;

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = PublicKey::from_spki_der(data) {
        assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()).as_ref(), Ok(&key));
        every_form(&key);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = PublicKey::from_pem(text) {
        every_form(&key);
    }
    if let Ok(jwk) = serde_json::from_str(text)
        && let Ok(key) = PublicKey::from_jwk(&jwk)
    {
        every_form(&key);
    }
});

/// A key is the same key in every form. The algorithm is not part of SPKI and PEM, so thumbprints are compared.
fn every_form(key: &PublicKey) {
    let forms = [
        PublicKey::from_spki_der(&key.to_spki_der()),
        PublicKey::from_pem(&key.to_pem()),
        PublicKey::from_jwk(&key.to_jwk()),
        PublicKey::from_cose(&key.to_cose()),
    ];
    for form in forms {
        assert_eq!(form.expect("what we write, we read").thumbprint(), key.thumbprint());
    }
}
