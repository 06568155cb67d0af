//! COSE key sets.

use ciborium::Value as Cbor;
use proofs::cbor::{ScanError, ScanFault};
use proofs::{Algorithm, KeySet, KeySetError, Signer};

use super::{map, p256};
use crate::it::support::{TestSigner, unhex};

#[test]
fn cose_13_a_bad_element_spoils_nothing() {
    let good = p256(&[(2, Cbor::Bytes(b"one".to_vec()))]);
    let nameless = TestSigner::new(Algorithm::EdDsa, [1; 32]).public_key().clone();
    let nameless_cose = map(&[
        (1, Cbor::from(1)),
        (-1, Cbor::from(6)),
        (-2, Cbor::Bytes(nameless.ed25519_bytes().unwrap().to_vec())),
    ]);
    let bad = [
        unhex("a0"),                             // no kty
        unhex("00"),                             // no map
        unhex("a201020102"),                     // a duplicate key
        unhex("a2011802f7e0"),                   // a long head, and simple values
        map(&[(1, Cbor::from(7))]),              // a type from the future
        p256(&[(-4, Cbor::Bytes(vec![1; 32]))]), // a private key
        unhex("c24101"),                         // a bignum
        unhex("61ff"),                           // text that is not UTF-8
        unhex("d9d9f7f6"),                       // a tag
        unhex("8101"),                           // an array
    ];
    let length = u8::try_from(bad.len() + 2).unwrap();
    let bytes = [vec![0x80 + length], bad.concat(), good, nameless_cose].concat();
    let set = KeySet::parse(&bytes).unwrap();
    assert_eq!((set.len(), set.skipped()), (2, bad.len()));
    assert!(!set.is_empty());
    assert!(set.get(b"one").is_some());
    assert_eq!(set.get(nameless.thumbprint().as_bytes()), Some(&nameless));
    // Names given by others are kept.
    let again = KeySet::parse(&set.encode()).unwrap();
    assert_eq!((again.len(), again.skipped()), (2, 0));
    assert!(again.get(b"one").is_some());
}

#[test]
fn key_set_refusals() {
    assert_eq!(KeySet::parse(&unhex("80")), Err(KeySetError::Empty));
    assert_eq!(KeySet::parse(&unhex("a0")), Err(KeySetError::NotAnArray));
    assert_eq!(KeySet::parse(&unhex("990401")), Err(KeySetError::TooMany));
    let most = KeySet::parse(&[unhex("990400"), vec![0; 1024]].concat()).unwrap();
    assert_eq!((most.len(), most.skipped()), (0, 1024), "as many as are accepted");
    assert!(matches!(KeySet::parse(&unhex("81a000")), Err(KeySetError::Cbor(_))));
    assert!(matches!(KeySet::parse(&unhex("82a0")), Err(KeySetError::Cbor(_))));
    assert!(matches!(KeySet::parse(&unhex("819fff")), Err(KeySetError::Cbor(_))));
    assert!(matches!(KeySet::parse(&unhex("9fa0ff")), Err(KeySetError::Cbor(_))));
    assert!(matches!(KeySet::parse(&unhex("81ff")), Err(KeySetError::Cbor(_))));
    // What has no end here hides where the next element begins, even as the last one.
    for open in ["9f", "bf", "5f", "7f"] {
        let parsed = KeySet::parse(&unhex(&format!("81{open}")));
        let error = ScanError { fault: ScanFault::Indefinite, offset: 1 };
        assert_eq!(parsed, Err(KeySetError::Cbor(error)), "{open}");
    }
    let deep = ["81".repeat(20), "00".to_owned()].concat();
    assert!(matches!(KeySet::parse(&unhex(&deep)), Err(KeySetError::Cbor(_))));
    assert!(KeySet::default().is_empty());
}

#[test]
fn cose_08_one_kid_may_name_several_keys() {
    let keys: Vec<_> =
        (1..4).map(|seed| TestSigner::new(Algorithm::EdDsa, [seed; 32]).public_key().clone()).collect();
    let mut set = KeySet::default();
    for key in &keys {
        set.insert(b"same".to_vec(), key.clone());
    }
    assert_eq!(set.with_kid(b"same").collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    assert_eq!(set.get(b"same"), keys.first());
    assert_eq!(set.iter().count(), 3);
}
