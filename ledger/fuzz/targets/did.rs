//! Names that hold their own key: a did:key or did:jwk that is accepted holds a key that, written as a DID
//! again, is accepted too.
#![no_main]

use ciborium::Value;
use data_encoding::BASE64URL_NOPAD;
use fuzz::{EVALUATED_AT, governance};
use ledger::governance::Refusal;
use libfuzzer_sys::fuzz_target;
use proofs::cbor::encode;
use proofs::{PublicKey, SignedStatement};

fuzz_target!(|data: &[u8]| {
    let Ok(issuer) = std::str::from_utf8(data) else { return };
    if let Some(text) = issuer.strip_prefix("did:key:z") {
        if is_read(issuer, &format!("#z{text}")) {
            let bytes = bs58::decode(text).into_vec().expect("a did:key that was read is base58");
            assert_eq!(bs58::encode(bytes).into_string(), text, "a did:key has one spelling");
        }
    } else if let Some(text) = issuer.strip_prefix("did:jwk:")
        && is_read(issuer, "#0")
    {
        let json = BASE64URL_NOPAD.decode(text.as_bytes()).expect("a did:jwk that was read is base64url");
        let jwk = serde_json::from_slice(&json).expect("and JSON");
        let key = PublicKey::from_jwk(&jwk).expect("and a key");
        let again = format!("did:jwk:{}", BASE64URL_NOPAD.encode(key.to_jwk().to_string().as_bytes()));
        assert!(is_read(&again, "#0"), "the key of {issuer} written as {again}");
    }
});

/// Whether the ledger found a key in the issuer's name, and went on to the signature, which no key made.
fn is_read(issuer: &str, kid: &str) -> bool {
    let claims = Value::Map(vec![(1.into(), issuer.into()), (2.into(), "urn:example:artifact:1".into())]);
    let kid = Value::Bytes(kid.into());
    let header = Value::Map(vec![(1.into(), (-8).into()), (4.into(), kid), (15.into(), claims)]);
    let parts = [Value::Bytes(encode(&header)), Value::Map(Vec::new()), Value::Bytes(Vec::new())];
    let message = Value::Array([&parts[..], &[Value::Bytes(vec![0; 64])]].concat());
    let Ok(statement) = SignedStatement::parse(&encode(&Value::Tag(18, message.into())), 1 << 16) else {
        return false;
    };
    match governance().judge(statement, EVALUATED_AT) {
        Ok(_) => panic!("a signature of zeroes was accepted"),
        Err(Refusal::InvalidSignature(_)) => true,
        Err(_) => false,
    }
}
