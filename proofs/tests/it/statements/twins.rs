//! D7: the second signature that anybody can make from an ECDSA signature.

use proofs::{Algorithm, SignedStatement, Signer, StatementBuilder};

use crate::it::support::{MAX, TestSigner, unhex};

fn order(algorithm: Algorithm) -> Vec<u8> {
    unhex(match algorithm {
        Algorithm::Es256 | Algorithm::Esp256 => {
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        }
        Algorithm::Es384 | Algorithm::Esp384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
        _ => {
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8\
             899c47aebb6fb71e91386409"
        }
    })
}

/// n - s, digit by digit as at school.
fn negate(order: &[u8], s: &[u8]) -> Vec<u8> {
    let mut borrow = 0i16;
    let mut out = vec![0; s.len()];
    for i in (0..s.len()).rev() {
        let digit = i16::from(order[i]) - i16::from(s[i]) - borrow;
        borrow = i16::from(digit < 0);
        out[i] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    out
}

const ECDSA: [Algorithm; 6] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Esp256,
    Algorithm::Esp384,
    Algorithm::Esp512,
];

fn replace_s(built: &[u8], s: &[u8]) -> Vec<u8> {
    [&built[..built.len() - s.len()], s].concat()
}

#[test]
fn d7_both_twins_verify_and_share_one_twin_id() {
    for algorithm in ECDSA {
        let order = order(algorithm);
        let signer = TestSigner::new(algorithm, [0; 32]);
        for number in 0..20 {
            let built = StatementBuilder::new("i", format!("s{number}")).sign(b"x", &signer).unwrap();
            let s = built[built.len() - order.len()..].to_vec();
            let other = replace_s(&built, &negate(&order, &s));
            let [one, two] = [built, other].map(|bytes| SignedStatement::parse(&bytes, MAX).unwrap());
            assert_ne!(one.entry_id(), two.entry_id());
            assert_eq!(one.twin_id(), two.twin_id());
            let low = if s < negate(&order, &s) { one.entry_id() } else { two.entry_id() };
            assert_eq!(one.twin_id(), Some(low));
            assert!(one.verify(signer.public_key()).is_ok());
            assert!(two.verify(signer.public_key()).is_ok());
        }
    }
}

#[test]
fn d7_no_twin_where_there_is_none() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !ECDSA.contains(algorithm)) {
        let signer = TestSigner::new(algorithm, [0; 32]);
        let built = StatementBuilder::new("i", "s").sign(b"x", &signer).unwrap();
        assert_eq!(SignedStatement::parse(&built, MAX).unwrap().twin_id(), None);
    }
}

#[test]
fn d7_no_twin_for_what_cannot_verify() {
    let signer = TestSigner::new(Algorithm::Es256, [0; 32]);
    let built = StatementBuilder::new("i", "s").sign(b"x", &signer).unwrap();
    let twin = |s: &[u8]| SignedStatement::parse(&replace_s(&built, s), MAX).unwrap().twin_id();
    let order = order(Algorithm::Es256);
    let mut above = order.clone();
    above[31] += 1;
    for s in [&[0; 32][..], &order, &above, &[0xff; 32]] {
        assert_eq!(twin(s), None);
    }
    let mut one = vec![0; 32];
    one[31] = 1;
    assert!(twin(&one).is_some());
    assert_eq!(twin(&one), twin(&negate(&order, &one)));
    // The signature of another width than the algorithm's.
    let message = SignedStatement::parse(&built, MAX).unwrap();
    let empty = ciborium::Value::Map(Vec::new());
    for length in [0, 63, 65, 96] {
        let bytes = proofs::cose::sign1::write(
            message.protected(),
            &empty,
            Some(message.payload()),
            &vec![1; length],
        );
        assert_eq!(SignedStatement::parse(&bytes, MAX).unwrap().twin_id(), None);
    }
}
