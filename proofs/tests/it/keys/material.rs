//! Numbers that are no keys.

use proofs::{Algorithm, Curve, KeyError, PublicKey, Signer};

use super::{X, Y};
use crate::it::support::{TestSigner, unhex};

#[test]
fn ec2_material() {
    let (x, y) = (unhex(X), unhex(Y));
    assert_eq!(PublicKey::ec2(Curve::P256, &x[1..], &y), Err(KeyError::Length));
    assert_eq!(PublicKey::ec2(Curve::P256, &x, &[&[0], y.as_slice()].concat()), Err(KeyError::Length));
    assert_eq!(PublicKey::ec2(Curve::P384, &x, &y), Err(KeyError::Length));
    assert_eq!(PublicKey::ec2(Curve::P256, &y, &x), Err(KeyError::NotAPoint));
    assert_eq!(PublicKey::ec2(Curve::P256, &[0; 32], &[0; 32]), Err(KeyError::NotAPoint));
    assert_eq!(PublicKey::ec2(Curve::P256, &[0xff; 32], &y), Err(KeyError::NotAPoint));
}

#[test]
fn rsa_material() {
    let jwk = TestSigner::new(Algorithm::Ps256, [0; 32]).public_key().to_jwk();
    let n = data_encoding::BASE64URL_NOPAD.decode(jwk["n"].as_str().unwrap().as_bytes()).unwrap();
    let e = [1, 0, 1];
    assert!(PublicKey::rsa(&n, &e).is_ok());
    // The key is a new one each time, so its second byte may be anything.
    let shorter = [&[0x81], &n[2..]].concat();
    assert_eq!(PublicKey::rsa(&shorter, &e), Err(KeyError::RsaSize { bits: 2040 }));
    assert_eq!(PublicKey::rsa(&[&[0], n.as_slice()].concat(), &e), Err(KeyError::NotCanonical));
    assert_eq!(PublicKey::rsa(&n, &[0, 1, 0, 1]), Err(KeyError::NotCanonical));
    assert_eq!(PublicKey::rsa(&[], &e), Err(KeyError::NotCanonical));
    assert_eq!(PublicKey::rsa(&n, &[]), Err(KeyError::NotCanonical));
    let odd = |length: usize| [vec![0x80], vec![1; length - 1]].concat();
    assert!(PublicKey::rsa(&odd(1024), &e).is_ok());
    assert_eq!(PublicKey::rsa(&odd(1025), &e), Err(KeyError::RsaSize { bits: 8200 }));
    assert_eq!(
        PublicKey::rsa(&[&[1], odd(1024).as_slice()].concat(), &e),
        Err(KeyError::RsaSize { bits: 8193 })
    );
    assert_eq!(
        PublicKey::rsa(&[&[0x7f], &odd(256)[1..]].concat(), &e),
        Err(KeyError::RsaSize { bits: 2047 })
    );
    assert!(PublicKey::rsa(&n, &[1, 0, 0, 1]).is_ok(), "an exponent of four bytes");
    for bad in [&[1][..], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(PublicKey::rsa(&n, bad), Err(KeyError::RsaExponent), "{bad:?}");
    }
    let mut even = n;
    *even.last_mut().unwrap() &= 0xfe;
    assert_eq!(PublicKey::rsa(&even, &e), Err(KeyError::RsaEven));
}

#[test]
fn alg_03_a_key_equals_itself_under_the_same_algorithm_alone() {
    let [one, other] = [1, 2].map(|seed| TestSigner::new(Algorithm::EdDsa, [seed; 32]).public_key().clone());
    assert_eq!(one, one.clone());
    assert_ne!(one, other, "two keys, neither bound to an algorithm");
    let bound = one.clone().with_algorithm(Algorithm::EdDsa).unwrap();
    assert_ne!(one, bound);
    assert_ne!(bound, one.with_algorithm(Algorithm::Ed25519).unwrap());
    assert_ne!(bound, other.with_algorithm(Algorithm::EdDsa).unwrap());
}
