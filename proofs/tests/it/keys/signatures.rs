//! Which algorithm may use which key, and what is a signature.

use aws_lc_rs::encoding::AsDer;
use proofs::{Algorithm, Curve, PublicKey, SignatureError, Signer};

use super::one_of_each;
use crate::it::support::{TestSigner, unhex};

/// ALG-01, ALG-03, COSE-10: 11 algorithms, 5 types of key; nothing but the pairs.
#[test]
fn alg_03_which_algorithm_may_use_which_key() {
    for signer in one_of_each() {
        let own = signer.algorithm();
        let signature = signer.sign(b"message").unwrap();
        let bound = signer.public_key().clone().with_algorithm(own).unwrap();
        for other in Algorithm::ALL {
            let pair = own.interchangeable(other);
            let rsa = |algorithm: Algorithm| algorithm.name().starts_with("PS");
            assert_eq!(signer.public_key().allows(other), pair || (rsa(own) && rsa(other)), "{own} {other}");
            assert_eq!(bound.allows(other), pair, "{own} {other}");
            let verified = bound.verify(other, b"message", &signature);
            if pair {
                assert_eq!(verified, Ok(()));
            } else {
                let key = bound.key_type_name();
                assert_eq!(verified, Err(SignatureError::KeyDoesNotFit { algorithm: other, key }));
            }
        }
    }
    let pairs = Algorithm::ALL.into_iter().flat_map(|one| Algorithm::ALL.map(|other| (one, other)));
    let pairs: Vec<_> = pairs
        .filter(|(one, other)| one < other && one.interchangeable(*other))
        .map(|(one, other)| (one.cose(), other.cose()))
        .collect();
    assert_eq!(pairs, [(-7, -9), (-35, -51), (-36, -52), (-8, -19)]);
}

#[test]
fn every_signature_error_has_a_kind() {
    let signer = TestSigner::new(Algorithm::EdDsa, [3; 32]);
    let kind = |algorithm, length| {
        signer.public_key().verify(algorithm, b"message", &vec![0; length]).unwrap_err().kind()
    };
    assert_eq!(kind(Algorithm::Es256, 64), "key_does_not_fit");
    assert_eq!(kind(Algorithm::EdDsa, 63), "wrong_length");
    assert_eq!(kind(Algorithm::EdDsa, 64), "invalid");
}

#[test]
fn algorithm_numbers_and_names() {
    let numbers: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.cose()).collect();
    assert_eq!(numbers, [-7, -35, -36, -8, -9, -51, -52, -19, -37, -38, -39]);
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_cose(algorithm.cose()), Some(algorithm));
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        assert_eq!(algorithm.to_string(), algorithm.name());
    }
    for refused in [0, 7, -47, -48, -53, -257, -265] {
        assert_eq!(Algorithm::from_cose(refused), None);
    }
    assert_eq!(Algorithm::from_name("eddsa"), None);
}

#[test]
fn every_algorithm_verifies_and_notices_a_change() {
    for signer in one_of_each() {
        let (algorithm, key) = (signer.algorithm(), signer.public_key());
        let signature = signer.sign(b"message").unwrap();
        assert_eq!(signature.len(), key.signature_length());
        assert_eq!(key.verify(algorithm, b"message", &signature), Ok(()));
        assert_eq!(key.verify(algorithm, b"massage", &signature), Err(SignatureError::Invalid));
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut bad = signature.clone();
            bad[at] ^= 1;
            assert_eq!(
                key.verify(algorithm, b"message", &bad),
                Err(SignatureError::Invalid),
                "{algorithm} {at}"
            );
        }
        for length in [0, signature.len() - 1, signature.len() + 1] {
            let mut bad = signature.clone();
            bad.resize(length, 0);
            let expected =
                SignatureError::WrongLength { algorithm, expected: signature.len(), found: length };
            assert_eq!(key.verify(algorithm, b"message", &bad), Err(expected));
        }
    }
}

/// RFC 8230 §2: the salt is as long as the hash.
#[test]
fn rsa_salt_is_as_long_as_the_hash() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256, RsaPssSaltLength, RsaSignatureEncoding};
    const LONG: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);
    const NONE: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(0));
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = PublicKey::from_spki_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
    for (encoding, expected) in [
        (&RSA_PSS_SHA256, Ok(())),
        (&LONG, Err(SignatureError::Invalid)),
        (&NONE, Err(SignatureError::Invalid)),
    ] {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), b"message", &mut signature).unwrap();
        assert_eq!(key.verify(Algorithm::Ps256, b"message", &signature), expected);
    }
}

#[test]
fn rsa_hash_is_the_algorithms() {
    let signer = TestSigner::new(Algorithm::Ps256, [0; 32]);
    let signature = signer.sign(b"message").unwrap();
    for other in [Algorithm::Ps384, Algorithm::Ps512] {
        assert_eq!(signer.public_key().verify(other, b"message", &signature), Err(SignatureError::Invalid));
    }
}

#[test]
fn cose_11_r_and_s_are_between_1_and_n() {
    let order = unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let signer = TestSigner::new(Algorithm::Es256, [0; 32]);
    let signature = signer.sign(b"message").unwrap();
    let (r, s) = signature.split_at(32);
    let zero = vec![0; 32];
    let top = vec![0xff; 32];
    for (r, s) in [
        (zero.as_slice(), s),
        (r, &zero),
        (&zero, &zero),
        (&order, s),
        (r, &order),
        (&top, s),
        (r, &top),
        (s, r),
    ] {
        let refused = signer.public_key().verify(Algorithm::Es256, b"message", &[r, s].concat());
        assert_eq!(refused, Err(SignatureError::Invalid));
    }
}

#[test]
fn cose_11_der_signatures_are_refused() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let key = PublicKey::ec2(Curve::P256, x, y).unwrap();
    let der = pair.sign(&SystemRandom::new(), b"message").unwrap();
    assert!(matches!(
        key.verify(Algorithm::Es256, b"message", der.as_ref()),
        Err(SignatureError::WrongLength { expected: 64, .. })
    ));
}
