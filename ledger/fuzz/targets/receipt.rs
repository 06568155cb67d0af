//! Receipts (RFC 9942): what a receipt says, written down again, is the same receipt; and the numbers it
//! claims are checked before anything is hashed.
#![no_main]

use ciborium::Value;
use libfuzzer_sys::fuzz_target;
use proofs::cbor::encode;
use proofs::{Hash, Proof, Receipt};

fuzz_target!(|data: &[u8]| {
    let Ok(receipt) = Receipt::parse(data) else { return };
    if !carries_root(data) {
        let written = write(&receipt);
        assert_eq!(Receipt::parse(&written).as_ref(), Ok(&receipt));
    }
    let key = fuzz::issuer_key();
    match receipt.proof() {
        Proof::Inclusion(_) => assert!(receipt.verify_consistency(&Hash::new([0; 32]), &key).is_err()),
        Proof::Consistency(_) => assert!(receipt.verify_inclusion(b"entry", &key).is_err()),
    }
    let _ = receipt.verify_inclusion(b"entry", &key);
    let _ = receipt.verify_consistency(&Hash::new([0; 32]), &key);
});

fn carries_root(data: &[u8]) -> bool {
    let Ok(Value::Tag(_, message)) = proofs::cbor::decode(data) else { return true };
    !matches!(message.as_array().and_then(|fields| fields.get(2)), Some(Value::Null))
}

fn write(receipt: &Receipt) -> Vec<u8> {
    let kind = if matches!(receipt.proof(), Proof::Inclusion(_)) { -1 } else { -2 };
    let proofs = receipt.proofs().map(|proof| Value::Bytes(encode(&numbers(proof)))).collect();
    let vdp = Value::Map(vec![(Value::from(kind), Value::Array(proofs))]);
    let message = Value::Array(vec![
        Value::Bytes(receipt.protected().to_vec()),
        Value::Map(vec![(Value::from(396), vdp)]),
        Value::Null,
        Value::Bytes(receipt.signature().to_vec()),
    ]);
    encode(&Value::Tag(18, Box::new(message)))
}

fn numbers(proof: &Proof) -> Value {
    let (first, second, path) = match proof {
        Proof::Inclusion(proof) => (proof.size.get(), proof.index.get(), &proof.path),
        Proof::Consistency(proof) => (proof.old.get(), proof.new.get(), &proof.path),
    };
    let path = path.iter().map(|hash| Value::Bytes(hash.as_bytes().to_vec())).collect();
    Value::Array(vec![Value::from(first), Value::from(second), Value::Array(path)])
}
