//! Making statements, and what happens to them bit by bit.

use ciborium::Value;
use proofs::cose::DigestAlgorithm;
use proofs::{
    Algorithm, ContentType, Curve, EntryId, Label, PublicKey, SignFailed, SignatureError, SignedStatement,
    Signer, StatementBuilder, attach, sha256,
};
use proptest::prelude::*;

use crate::it::support::{MAX, TestSigner};

#[test]
fn every_algorithm_round_trips() {
    for algorithm in Algorithm::ALL {
        let signer = TestSigner::new(algorithm, [9; 32]);
        let built = StatementBuilder::new("https://issuer.example", "subject")
            .content_type(ContentType::Id(50))
            .claim(6, Value::from(1_790_000_000))
            .extra(Label::from("stele.log"), Value::Bytes(vec![1; 32]))
            .sign(b"{}", &signer)
            .unwrap();
        let read = SignedStatement::parse(&built, MAX).unwrap();
        assert_eq!(read.canonical(), built);
        assert_eq!(SignedStatement::parse(&built, MAX).unwrap().into_canonical(), built);
        assert_eq!(format!("{read:?}"), format!("SignedStatement({:?})", read.entry_id()), "no payload");
        assert_eq!(read.header().algorithm, algorithm);
        assert_eq!(read.header().content_type, Some(ContentType::Id(50)));
        assert_eq!(read.header().claim(6), Some(&Value::from(1_790_000_000)));
        assert_eq!(
            read.header().kid.as_deref(),
            Some(signer.public_key().thumbprint().as_bytes().as_slice())
        );
        let verified = read.verify(signer.public_key()).unwrap();
        assert_eq!(verified.statement().payload(), b"{}");
        let other = TestSigner::new(Algorithm::EdDsa, [10; 32]);
        assert!(verified.into_statement().verify(other.public_key()).is_err());
    }
}

#[test]
fn cose_10_the_key_has_to_fit() {
    let built =
        StatementBuilder::new("i", "s").sign(b"x", &TestSigner::new(Algorithm::Es256, [0; 32])).unwrap();
    let key = TestSigner::new(Algorithm::Es384, [0; 32]).public_key().clone();
    let refused = SignedStatement::parse(&built, MAX).unwrap().verify(&key).map(drop);
    assert_eq!(refused, Err(SignatureError::KeyDoesNotFit { algorithm: Algorithm::Es256, key: "P-384" }));
}

/// ALG-01: ES256 with a key on P-384 was legal once.
#[test]
fn alg_01_a_signer_cannot_make_it_fit() {
    let signer = TestSigner::new(Algorithm::Es384, [0; 32]).under(Algorithm::Es256);
    let built = StatementBuilder::new("i", "s").sign(b"x", &signer).unwrap();
    let refused = SignedStatement::parse(&built, MAX).unwrap().verify(signer.public_key()).map(drop);
    assert!(matches!(refused, Err(SignatureError::KeyDoesNotFit { .. })));
}

#[test]
fn he_05_there_is_a_hash_as_strong_as_every_signature() {
    for algorithm in Algorithm::ALL {
        let expected = match algorithm.name() {
            name if name.ends_with("384") => 48,
            name if name.ends_with("512") => 64,
            _ => 32,
        };
        let hash = DigestAlgorithm::as_strong_as(algorithm);
        assert_eq!(hash.length(), expected, "{algorithm:?}");
        let digest = hash.digest(b"content");
        assert_eq!(digest.len(), expected, "{algorithm:?}");
        let signer = TestSigner::new(algorithm, [9; 32]);
        let built = StatementBuilder::new("i", "s").hash_envelope(hash.cose(), None, None);
        let read = SignedStatement::parse(&built.sign(&digest, &signer).unwrap(), MAX).unwrap();
        assert_eq!(read.payload(), digest);
    }
}

#[test]
fn envelopes_and_chains() {
    let signer = TestSigner::new(Algorithm::EdDsa, [9; 32]);
    let built = StatementBuilder::new("https://issuer.example", "s")
        .hash_envelope(-16, Some(ContentType::Text("application/json".to_owned())), Some("file".to_owned()))
        .x5chain(vec![b"one".to_vec()])
        .sign(sha256(b"content").as_bytes(), &signer)
        .unwrap();
    let read = SignedStatement::parse(&built, MAX).unwrap();
    let envelope = read.header().envelope.clone().unwrap();
    assert_eq!((envelope.hash_alg, envelope.location.as_deref()), (-16, Some("file")));
    assert_eq!(read.header().x5chain, [b"one".to_vec()]);
    // With a chain there is no kid, unless it was asked for.
    assert_eq!(read.header().kid, None);
    let built = StatementBuilder::new("https://issuer.example", "s")
        .x5chain(vec![b"one".to_vec(), b"two".to_vec()])
        .extra(Label::Int(4), Value::Bytes(b"mine".to_vec()))
        .sign(b"x", &signer)
        .unwrap();
    let read = SignedStatement::parse(&built, MAX).unwrap();
    assert_eq!(read.header().x5chain, [b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(read.header().kid.as_deref(), Some(b"mine".as_slice()));
    let without = StatementBuilder::new("i", "s").hash_envelope(-44, None, None).sign(&[1; 64], &signer);
    let envelope = SignedStatement::parse(&without.unwrap(), MAX).unwrap().header().envelope.clone().unwrap();
    assert_eq!((envelope.preimage_content_type, envelope.location), (None, None));
}

#[test]
fn a_failing_signer_fails() {
    struct Broken(PublicKey);
    impl Signer for Broken {
        fn algorithm(&self) -> Algorithm {
            Algorithm::EdDsa
        }
        fn public_key(&self) -> &PublicKey {
            &self.0
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignFailed> {
            Err(SignFailed)
        }
    }
    let broken = Broken(TestSigner::new(Algorithm::EdDsa, [1; 32]).public_key().clone());
    assert_eq!(StatementBuilder::new("i", "s").sign(b"x", &broken), Err(SignFailed));
}

/// Where the three strings lie in the canonical bytes depends on the width of two heads.
#[test]
fn parts_are_found_at_every_head_width() {
    let signer = TestSigner::new(Algorithm::EdDsa, [9; 32]);
    for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536, 70_000] {
        for extra in [0, 200, 70_000] {
            let payload = vec![5; length];
            let built = StatementBuilder::new("i", "s")
                .extra(Label::from("x"), Value::Bytes(vec![6; extra]))
                .sign(&payload, &signer)
                .unwrap();
            let read = SignedStatement::parse(&built, MAX).unwrap();
            assert_eq!(read.payload(), payload);
            assert_eq!(read.signature(), &built[built.len() - 64..]);
            assert!(proofs::cbor::scan(read.protected()).is_ok());
            assert!(read.verify(signer.public_key()).is_ok(), "{length} {extra}");
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_is_noticed() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let signer = TestSigner::new(algorithm, [9; 32]);
        let good =
            StatementBuilder::new("https://issuer.example", "subject").sign(b"payload", &signer).unwrap();
        let id = SignedStatement::parse(&good, MAX).unwrap().entry_id();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = SignedStatement::parse(&bad, MAX) {
                assert_ne!(read.entry_id(), id, "{bit}");
                assert!(read.verify(signer.public_key()).is_err(), "{bit}");
            }
        }
    }
}

#[test]
fn entry_ids_are_64_lower_case_digits() {
    let id = EntryId::from_bytes([0xab; 32]);
    let text = "ab".repeat(32);
    assert_eq!(id.to_string(), text);
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(format!("{id:?}"), text);
    for bad in ["", &text[1..], &text.to_uppercase(), &format!("{text} "), &text.replace('a', "g")] {
        assert!(bad.parse::<EntryId>().is_err(), "{bad}");
    }
}

/// EC keys fit statements whatever form they came in.
#[test]
fn a_key_from_its_coordinates_verifies() {
    let signer = TestSigner::new(Algorithm::Es512, [0; 32]);
    let jwk = signer.public_key().to_jwk();
    let part =
        |name: &str| data_encoding::BASE64URL_NOPAD.decode(jwk[name].as_str().unwrap().as_bytes()).unwrap();
    let key = PublicKey::ec2(Curve::P521, &part("x"), &part("y")).unwrap();
    let built = StatementBuilder::new("i", "s").sign(b"x", &signer).unwrap();
    assert!(SignedStatement::parse(&built, MAX).unwrap().verify(&key).is_ok());
}

/// What was checked for one statement verifies no other, not even one by the same key.
#[test]
fn a_checked_signature_is_that_of_one_statement() {
    let signer = TestSigner::new(Algorithm::EdDsa, [9; 32]);
    let [one, other] = [b"1", b"2"].map(|payload| {
        let built = StatementBuilder::new("i", "s").sign(payload, &signer).unwrap();
        SignedStatement::parse(&built, MAX).unwrap()
    });
    let signed_by = one.check_signature(signer.public_key()).unwrap();
    assert!(other.verified(signed_by.clone()).is_none());
    let verified = one.verified(signed_by).unwrap();
    assert_eq!(verified.key(), signer.public_key());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_undoes_build(
        issuer in "[a-z]{1,12}(://[a-z.]{1,20})?",
        subject in ".{1,60}",
        payload in prop::collection::vec(any::<u8>(), 0..300),
        extras in prop::collection::btree_map(-70_100i64..-70_000, any::<i64>(), 0..6),
        texts in prop::collection::btree_map("[a-z.]{1,10}", ".{0,20}", 0..4),
        receipts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..3),
        seed in any::<[u8; 32]>(),
    ) {
        prop_assume!(!subject.to_lowercase().starts_with("urn:stele:log:"));
        let signer = TestSigner::new(Algorithm::Ed25519, seed);
        let mut builder = StatementBuilder::new(issuer.as_str(), subject.as_str());
        for (label, value) in &extras {
            builder = builder.extra(Label::Int(*label), Value::from(*value));
        }
        for (label, value) in &texts {
            builder = builder.extra(Label::from(label.as_str()), Value::from(value.as_str()));
        }
        let built = builder.sign(&payload, &signer).unwrap();
        let read = SignedStatement::parse(&built, MAX).unwrap();
        prop_assert_eq!(read.canonical(), &built);
        prop_assert_eq!(&read.header().issuer, &issuer);
        prop_assert_eq!(&read.header().subject, &subject);
        prop_assert_eq!(read.payload(), &payload);
        for (label, value) in &extras {
            prop_assert_eq!(read.header().extra(&Label::Int(*label)), Some(&Value::from(*value)));
        }
        for (label, value) in &texts {
            let read = read.header().extra(&Label::from(label.as_str()));
            prop_assert_eq!(read, Some(&Value::from(value.as_str())));
        }
        let decorated = attach(&read, &receipts);
        let again = SignedStatement::parse(&decorated, MAX).unwrap();
        prop_assert_eq!(again.canonical(), &built);
        prop_assert!(again.verify(signer.public_key()).is_ok());
    }

    #[test]
    fn nothing_read_is_ever_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SignedStatement::parse(&bytes, MAX);
        let _ = proofs::Receipt::parse(&bytes);
        let _ = proofs::TransparentStatement::parse(&bytes, MAX);
        let _ = proofs::KeySet::parse(&bytes);
        let _ = PublicKey::from_spki_der(&bytes);
    }
}
