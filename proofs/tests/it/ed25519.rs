//! Ed25519 as D15 wants it: signatures that lenient verifiers accept, and keys under which anybody can sign.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use curve25519_dalek::traits::{Identity, IsIdentity};
use proofs::{Algorithm, KeyError, PublicKey, SignatureError, SignedStatement, Signer, StatementBuilder};
use sha2::{Digest, Sha512};

use super::support::{MAX, TestSigner};

/// The group order L, little-endian (RFC 8032 §5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn wide(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// The secret scalar of a seed (RFC 8032 §5.1.5).
fn secret(seed: [u8; 32]) -> Scalar {
    let hash: [u8; 64] = Sha512::digest(seed).into();
    Scalar::from_bytes_mod_order(clamp_integer(hash[..32].try_into().unwrap()))
}

/// A signature whose R is moved by `torsion`; with none it is an ordinary one.
fn sign(seed: [u8; 32], message: &[u8], nonce: u64, torsion: &EdwardsPoint) -> Vec<u8> {
    let a = secret(seed);
    let public = (ED25519_BASEPOINT_POINT * a).compress();
    let r = wide(&[b"nonce", &nonce.to_le_bytes(), message]);
    let big_r = ED25519_BASEPOINT_POINT * r + torsion;
    let k = wide(&[big_r.compress().as_bytes(), public.as_bytes(), message]);
    let s = r + k * a;
    // What a verifier that multiplies by the cofactor looks at: without torsion it is zero, with it too.
    let difference = ED25519_BASEPOINT_POINT * s - (ED25519_BASEPOINT_POINT * a) * k - big_r;
    assert!(difference.mul_by_cofactor().is_identity());
    [big_r.compress().as_bytes().as_slice(), s.as_bytes()].concat()
}

fn plus_order(scalar: &[u8]) -> Vec<u8> {
    let mut carry = 0u16;
    let sum = scalar.iter().zip(ORDER).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(b) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    sum.collect()
}

fn refused_by_all(key: &PublicKey, message: &[u8], signature: &[u8]) {
    for algorithm in [Algorithm::EdDsa, Algorithm::Ed25519] {
        assert_eq!(key.verify(algorithm, message, signature), Err(SignatureError::Invalid));
    }
}

#[test]
fn d15_thousand_signatures_with_torsion_or_second_scalar() {
    let seed = [7; 32];
    let key = TestSigner::new(Algorithm::EdDsa, seed).public_key().clone();
    for nonce in 0..1000 {
        let message = format!("message {nonce}").into_bytes();
        let good = sign(seed, &message, nonce, &EdwardsPoint::identity());
        assert_eq!(key.verify(Algorithm::EdDsa, &message, &good), Ok(()));
        let torsion = &EIGHT_TORSION[1 + usize::try_from(nonce).unwrap() % 7];
        refused_by_all(&key, &message, &sign(seed, &message, nonce, torsion));
        let mut second = good[..32].to_vec();
        second.extend(plus_order(&good[32..]));
        refused_by_all(&key, &message, &second);
    }
}

#[test]
fn d15_small_order_keys_are_no_keys() {
    for (index, point) in EIGHT_TORSION.iter().enumerate() {
        let bytes = point.compress().to_bytes();
        assert_eq!(PublicKey::ed25519(bytes), Err(KeyError::SmallOrder), "{index}");
        // The other sign bit of a point with x = 0 is a second way to write it, or no point at all.
        let mut other = bytes;
        other[31] ^= 0x80;
        assert!(PublicKey::ed25519(other).is_err());
    }
}

#[test]
fn d15_non_canonical_keys_are_no_keys() {
    // y is written as p + y for the y below 19 for which that fits 255 bits.
    let mut points = 0;
    for low in 0..19u8 {
        for sign in [0, 0x80] {
            let mut bytes = [0xff; 32];
            bytes[0] = 0xed + low;
            bytes[31] = 0x7f | sign;
            match PublicKey::ed25519(bytes) {
                Err(KeyError::NotAPoint) => {}
                Err(KeyError::NotCanonical | KeyError::SmallOrder) => points += 1,
                other => panic!("y = p + {low}: {other:?}"),
            }
        }
    }
    assert!(points > 10, "{points} of them are points");
}

/// R of small order. With the nonce 0 a lenient verifier accepts what is below, and everybody can compute the key from it.
#[test]
fn d15_small_order_r() {
    let seed = [7; 32];
    let key = TestSigner::new(Algorithm::EdDsa, seed).public_key().clone();
    let public = ED25519_BASEPOINT_POINT * secret(seed);
    for point in EIGHT_TORSION {
        let big_r = point.compress();
        for message in 0..50u8 {
            let k = wide(&[big_r.as_bytes(), public.compress().as_bytes(), &[message]]);
            let s = k * secret(seed);
            let difference = ED25519_BASEPOINT_POINT * s - public * k;
            assert!(difference.is_identity());
            refused_by_all(&key, &[message], &[big_r.as_bytes().as_slice(), s.as_bytes()].concat());
            refused_by_all(&key, &[message], &[big_r.as_bytes().as_slice(), &[0; 32]].concat());
        }
    }
}

#[test]
fn d15_a_statement_with_torsion_in_r_does_not_verify() {
    let signer = TestSigner::new(Algorithm::EdDsa, [7; 32]);
    let built = StatementBuilder::new("https://issuer.example", "s").sign(b"x", &signer).unwrap();
    let statement = SignedStatement::parse(&built, MAX).unwrap();
    let signed = proofs::cose::sign1::sig_structure(statement.protected(), statement.payload());
    for torsion in &EIGHT_TORSION[1..] {
        let forged = sign([7; 32], &signed, 1, torsion);
        let bytes = [&built[..built.len() - 64], forged.as_slice()].concat();
        let statement = SignedStatement::parse(&bytes, MAX).unwrap();
        assert_eq!(statement.verify(signer.public_key()).map(drop), Err(SignatureError::Invalid));
    }
    assert!(statement.verify(signer.public_key()).is_ok());
}

/// RFC 8032 §7.1, tests 2 and 3 (test 1 is the key of the golden vectors).
#[test]
fn rfc_8032_vectors() {
    use super::support::unhex;
    for (key, message, signature) in [
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb430\
             2aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716e\
             d28dc027beceea1ec40a",
        ),
    ] {
        let key = PublicKey::ed25519(unhex(key).try_into().unwrap()).unwrap();
        assert_eq!(key.verify(Algorithm::Ed25519, &unhex(message), &unhex(signature)), Ok(()));
    }
}
