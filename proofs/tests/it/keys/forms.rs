//! COSE_Key, JWK, SPKI, PEM, and the thumbprint that names a key in all of them.

use ciborium::Value as Cbor;
use data_encoding::BASE64;
use proofs::{Algorithm, Curve, KeyError, PublicKey, Signer};
use serde_json::json;

use super::{X, Y, map, one_of_each, p256};
use crate::it::support::unhex;

#[test]
fn kt_03_thumbprint_of_rfc_9679() {
    let key = PublicKey::ec2(Curve::P256, &unhex(X), &unhex(Y)).unwrap();
    let id = "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec";
    assert_eq!(key.thumbprint().as_bytes().to_vec(), unhex(id));
    assert_eq!(key.thumbprint().to_string(), "SWvYr63zB-WwjGSwQhv53AFSijRKQ72oj63RZp2iU-w");
    // KT-01: optional parameters do not change it.
    let bound = key.clone().with_algorithm(Algorithm::Es256).unwrap();
    assert_eq!(bound.thumbprint(), key.thumbprint());
    assert_eq!(PublicKey::from_cose(&p256(&[(2, Cbor::Bytes(b"name".to_vec()))])).unwrap(), key);
}

/// The named values of a COSE_Key of type EC2.
fn ec2(curve: Curve, x: &[u8], y: Cbor) -> Vec<u8> {
    map(&[(1, Cbor::from(2)), (-1, Cbor::from(curve.cose())), (-2, Cbor::Bytes(x.to_vec())), (-3, y)])
}

#[test]
fn kt_01_a_compressed_point_is_the_key_with_y_written_out() {
    // The y of RFC 9679's key is even; the other point at its x is another key.
    let written = PublicKey::ec2(Curve::P256, &unhex(X), &unhex(Y)).unwrap();
    let even = PublicKey::from_cose(&ec2(Curve::P256, &unhex(X), Cbor::Bool(false))).unwrap();
    assert_eq!(even, written);
    assert_eq!(even.thumbprint().to_string(), "SWvYr63zB-WwjGSwQhv53AFSijRKQ72oj63RZp2iU-w");
    assert_eq!(even.to_cose(), written.to_cose());
    let odd = PublicKey::from_cose(&ec2(Curve::P256, &unhex(X), Cbor::Bool(true))).unwrap();
    assert_ne!(odd.thumbprint(), even.thumbprint());

    let mut tested = 0;
    for signer in one_of_each() {
        let key = signer.public_key();
        let Ok(Cbor::Map(entries)) = proofs::cbor::decode(&key.to_cose()) else { panic!("a map") };
        let part = |label: i64| entries.iter().find(|(at, _)| *at == Cbor::from(label)).unwrap().1.clone();
        let Some(curve) =
            [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|c| c.name() == key.key_type_name())
        else {
            continue;
        };
        let (Cbor::Bytes(x), Cbor::Bytes(y)) = (part(-2), part(-3)) else { panic!("coordinates") };
        let is_odd = y.last().unwrap() % 2 == 1;
        let same = PublicKey::from_cose(&ec2(curve, &x, Cbor::Bool(is_odd))).unwrap();
        assert_eq!(&same, key, "{curve:?}");
        let signature = signer.sign(b"message").unwrap();
        same.verify(signer.algorithm(), b"message", &signature).unwrap();
        let other = PublicKey::from_cose(&ec2(curve, &x, Cbor::Bool(!is_odd))).unwrap();
        assert!(other.verify(signer.algorithm(), b"message", &signature).is_err(), "{curve:?}");
        tested += 1;
    }
    assert!(tested >= 3, "every curve: {tested}");
}

#[test]
fn kt_01_a_compressed_point_that_is_none_is_refused() {
    let refused = |curve, x: &[u8]| {
        let errors =
            [false, true].map(|odd| PublicKey::from_cose(&ec2(curve, x, Cbor::Bool(odd))).unwrap_err());
        assert_eq!(errors[0], errors[1]);
        errors[0]
    };
    assert_eq!(refused(Curve::P256, &unhex(X)[1..]), KeyError::Length);
    assert_eq!(refused(Curve::P256, &[&[0], unhex(X).as_slice()].concat()), KeyError::Length);
    assert_eq!(refused(Curve::P384, &unhex(X)), KeyError::Length);
    assert_eq!(refused(Curve::P256, &[]), KeyError::Length);
    // An x beyond the field, which would be another spelling of a smaller one.
    assert_eq!(refused(Curve::P256, &[0xff; 32]), KeyError::NotAPoint);
    // The curve has no point at this y taken for an x.
    assert_eq!(refused(Curve::P256, &unhex(Y)), KeyError::NotAPoint);
}

#[test]
fn key_ids_are_43_characters() {
    let good = "SWvYr63zB-WwjGSwQhv53AFSijRKQ72oj63RZp2iU-w";
    let id = good.parse::<proofs::KeyId>().unwrap();
    assert_eq!((id.to_string(), format!("{id:?}")), (good.to_owned(), good.to_owned()));
    for bad in [
        "",
        "SWvYr63zB-WwjGSwQhv53AFSijRKQ72oj63RZp2iU-x",
        "SWvY",
        &format!("{good}="),
        &good.replace('-', "+"),
    ] {
        assert!(bad.parse::<proofs::KeyId>().is_err(), "{bad}");
    }
}

#[test]
fn every_form_comes_back_the_same() {
    for signer in one_of_each() {
        let key = signer.public_key().clone();
        let bound = key.clone().with_algorithm(signer.algorithm()).unwrap();
        assert_eq!(PublicKey::from_cose(&key.to_cose()).unwrap(), key);
        assert_eq!(PublicKey::from_cose(&bound.to_cose()).unwrap(), bound);
        assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()).unwrap(), key);
        assert_eq!(PublicKey::from_pem(&key.to_pem()).unwrap(), key);
        assert_eq!(PublicKey::from_jwk(&key.to_jwk()).unwrap(), key);
        // JOSE has one name for the two of a pair.
        let again = PublicKey::from_jwk(&bound.to_jwk()).unwrap();
        assert!(again.algorithm().unwrap().interchangeable(signer.algorithm()));
        assert_eq!(again.thumbprint(), key.thumbprint());
        let text = format!("{key:?}");
        assert!(text.contains(key.key_type_name()) && text.contains(&key.thumbprint().to_string()));
    }
}

#[test]
fn spki_of_another_library() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEp6qONp0G7H2Hj4MWEtjwAnCrzD1+\n\
               drPQ2akT/MGgVwTbxZRzhg7mk/NjvJ3OcVhb4BJRwWz7jkdgdksKutQPwg==\n-----END PUBLIC KEY-----\n";
    let key = PublicKey::from_pem(pem).unwrap();
    assert_eq!(key.key_type_name(), "P-256");
    assert_eq!(key.to_pem(), pem);
}

#[test]
fn cose_10_cose_keys_that_may_not_verify() {
    let refused = |extra: &[(i64, Cbor)]| PublicKey::from_cose(&p256(extra)).unwrap_err();
    assert!(PublicKey::from_cose(&p256(&[])).is_ok());
    assert!(PublicKey::from_cose(&p256(&[(4, Cbor::Array(vec![Cbor::from(2)]))])).is_ok());
    assert_eq!(refused(&[(4, Cbor::Array(vec![Cbor::from(1)]))]), KeyError::NotForVerifying);
    assert_eq!(refused(&[(4, Cbor::from(2))]), KeyError::WrongType("key_ops"));
    assert_eq!(refused(&[(-4, Cbor::Bytes(vec![1; 32]))]), KeyError::Private);
    assert_eq!(refused(&[(3, Cbor::from(-47))]), KeyError::UnsupportedAlgorithm);
    assert_eq!(refused(&[(3, Cbor::from("ES256"))]), KeyError::UnsupportedAlgorithm);
    let mismatch = KeyError::AlgorithmMismatch { algorithm: Algorithm::Es384, key: "P-256" };
    assert_eq!(refused(&[(3, Cbor::from(-35))]), mismatch);
    assert_eq!(refused(&[(2, Cbor::from("kid"))]), KeyError::WrongType("kid"));
    assert_eq!(refused(&[(-3, Cbor::Null)]), KeyError::WrongType("y"));
    assert_eq!(refused(&[(-3, Cbor::from(1))]), KeyError::WrongType("y"));
    assert_eq!(refused(&[(-2, Cbor::Bytes(vec![1; 31]))]), KeyError::Length);
    assert_eq!(refused(&[(-1, Cbor::from(8))]), KeyError::Unsupported);
    assert_eq!(refused(&[(-1, Cbor::from("P-256"))]), KeyError::WrongType("crv"));
    assert_eq!(refused(&[(1, Cbor::from(4))]), KeyError::Unsupported);
    assert_eq!(refused(&[(1, Cbor::from("EC2"))]), KeyError::Unsupported);
    assert_eq!(refused(&[(1, Cbor::Null)]), KeyError::WrongType("kty"));
    assert_eq!(PublicKey::from_cose(&map(&[(-1, Cbor::from(1))])), Err(KeyError::Missing("kty")));
    assert_eq!(PublicKey::from_cose(&map(&[(1, Cbor::from(2))])), Err(KeyError::Missing("crv")));
    assert_eq!(PublicKey::from_cose(&unhex("80")), Err(KeyError::NotAMap));
    assert!(matches!(PublicKey::from_cose(&[p256(&[]), vec![0]].concat()), Err(KeyError::Cbor(_))));
    let okp = |crv: i64| map(&[(1, Cbor::from(1)), (-1, Cbor::from(crv)), (-2, Cbor::Bytes(vec![1; 57]))]);
    assert_eq!(PublicKey::from_cose(&okp(7)), Err(KeyError::Unsupported));
    assert_eq!(PublicKey::from_cose(&okp(6)), Err(KeyError::Length));
}

#[test]
fn scr_19_what_is_published_has_public_parameters_only() {
    for signer in one_of_each() {
        let bytes = signer.public_key().clone().with_algorithm(signer.algorithm()).unwrap().to_cose();
        let Ok(Cbor::Map(entries)) = proofs::cbor::decode(&bytes) else { panic!("a map") };
        assert!(entries.iter().all(|(label, _)| *label != Cbor::from(-4)));
        let value = |label: i64| entries.iter().find(|(key, _)| *key == Cbor::from(label)).map(|(_, v)| v);
        assert_eq!(value(2), Some(&Cbor::Bytes(signer.public_key().thumbprint().as_bytes().to_vec())));
        assert_eq!(value(3), Some(&Cbor::from(signer.algorithm().cose())));
    }
    // An RSA private key has its secrets under other labels.
    let rsa = map(&[
        (1, Cbor::from(3)),
        (-1, Cbor::Bytes(vec![0x81; 256])),
        (-2, Cbor::Bytes(vec![1, 0, 1])),
        (-3, Cbor::Bytes(vec![1; 256])),
    ]);
    assert_eq!(PublicKey::from_cose(&rsa), Err(KeyError::Private));
}

#[test]
fn jwk_refusals() {
    let key = PublicKey::ec2(Curve::P256, &unhex(X), &unhex(Y)).unwrap();
    let with = |name: &str, value: serde_json::Value| {
        let mut jwk = key.to_jwk();
        jwk[name] = value;
        PublicKey::from_jwk(&jwk)
    };
    assert_eq!(with("d", json!("AA")), Err(KeyError::Private));
    assert_eq!(with("kty", json!("oct")), Err(KeyError::Unsupported));
    assert_eq!(with("crv", json!("secp256k1")), Err(KeyError::Unsupported));
    assert_eq!(with("x", json!("AA==")), Err(KeyError::NotBase64("x")));
    assert_eq!(with("x", json!("AA")), Err(KeyError::Length));
    assert_eq!(with("x", json!(1)), Err(KeyError::WrongType("x")));
    assert_eq!(with("use", json!("enc")), Err(KeyError::NotForVerifying));
    assert!(with("use", json!("sig")).is_ok());
    assert_eq!(with("key_ops", json!(["sign"])), Err(KeyError::NotForVerifying));
    assert_eq!(with("key_ops", json!("verify")), Err(KeyError::WrongType("key_ops")));
    assert!(with("key_ops", json!(["verify"])).is_ok());
    assert_eq!(with("alg", json!("RS256")), Err(KeyError::UnsupportedAlgorithm));
    assert!(matches!(with("alg", json!("EdDSA")), Err(KeyError::AlgorithmMismatch { .. })));
    assert_eq!(PublicKey::from_jwk(&json!([])), Err(KeyError::NotAMap));
    assert_eq!(PublicKey::from_jwk(&json!({"kty": "OKP"})), Err(KeyError::Missing("crv")));
    assert_eq!(
        PublicKey::from_jwk(&json!({"kty": "OKP", "crv": "X25519", "x": "AA"})),
        Err(KeyError::Unsupported)
    );
}

#[test]
fn spki_refusals() {
    let key = PublicKey::ec2(Curve::P256, &unhex(X), &unhex(Y)).unwrap();
    let der = key.to_spki_der();
    assert_eq!(PublicKey::from_spki_der(&[der.as_slice(), &[0]].concat()), Err(KeyError::NotSpki));
    assert_eq!(PublicKey::from_spki_der(b"junk"), Err(KeyError::NotSpki));
    // The same key with a compressed point: 3 bytes of lengths and the point change.
    let compressed = [unhex("3039301306072a8648ce3d020106082a8648ce3d03010703220002"), unhex(X)].concat();
    assert_eq!(PublicKey::from_spki_der(&compressed), Err(KeyError::Compressed));
    // secp256k1.
    let other = [
        unhex("3056301006072a8648ce3d020106052b8104000a03420004"),
        unhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        unhex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
    ];
    assert_eq!(PublicKey::from_spki_der(&other.concat()), Err(KeyError::Unsupported));
    // A long form where the short one fits: BER, not DER.
    let ber = [&[0x30, 0x81, der[1]], &der[2..]].concat();
    assert!(PublicKey::from_spki_der(&ber).is_err());
    let short = [unhex("3029300506032b6570032000"), vec![1; 31]].concat();
    assert!(PublicKey::from_spki_der(&short).is_err());
}

#[test]
fn pem_refusals() {
    let der = PublicKey::ec2(Curve::P256, &unhex(X), &unhex(Y)).unwrap().to_spki_der();
    let pem =
        |label: &str| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(&der));
    assert!(PublicKey::from_pem(&pem("PUBLIC KEY")).is_ok());
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        assert_eq!(PublicKey::from_pem(&pem(label)), Err(KeyError::Private));
    }
    assert_eq!(PublicKey::from_pem(&pem("CERTIFICATE")), Err(KeyError::NotPem));
    assert_eq!(PublicKey::from_pem("no pem"), Err(KeyError::NotPem));
}
