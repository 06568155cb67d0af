use proofs::{Algorithm, Signer};

use super::*;

const ALL: [(KeyAlgorithm, Algorithm, Algorithm, usize); 3] = [
    (KeyAlgorithm::Ed25519, Algorithm::EdDsa, Algorithm::Ed25519, 64),
    (KeyAlgorithm::Es256, Algorithm::Es256, Algorithm::Esp256, 64),
    (KeyAlgorithm::Es384, Algorithm::Es384, Algorithm::Esp384, 96),
];

#[test]
fn cose_11_signatures_verify_under_both_names_and_have_fixed_width() {
    for (kind, polymorphic, specified, width) in ALL {
        let key = PrivateKey::generate(kind).unwrap();
        assert_eq!(key.algorithm(), polymorphic);
        let key = key.with_algorithm(specified).unwrap();
        assert_eq!(key.algorithm(), specified);
        assert_eq!(key.public_key().algorithm(), Some(specified));
        for _ in 0..20 {
            let signature = key.sign(b"message").unwrap();
            assert_eq!(signature.len(), width);
            key.public_key().verify(specified, b"message", &signature).unwrap();
            key.public_key().verify(polymorphic, b"message", &signature).unwrap();
            assert!(key.public_key().verify(specified, b"messagf", &signature).is_err());
        }
    }
}

#[test]
fn pem_keeps_the_key() {
    for (kind, ..) in ALL {
        let key = PrivateKey::generate(kind).unwrap();
        let pem = key.to_pem().unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{}", pem.as_str());
        let read = PrivateKey::from_pem(&pem).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        let signature = read.sign(b"m").unwrap();
        key.public_key().verify(key.algorithm(), b"m", &signature).unwrap();
    }
}

#[test]
fn reads_what_openssl_writes_and_signs_rfc_8032_test_1() {
    // RFC 8032 §7.1 test 1 in PKCS#8 v1, as `openssl genpkey` frames it.
    let pem = "-----BEGIN PRIVATE KEY-----\n\
               MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
               -----END PRIVATE KEY-----\n";
    let key = PrivateKey::from_pem(pem).unwrap();
    let public = data_encoding::HEXLOWER.encode(&key.public_key().ed25519_bytes().unwrap());
    assert_eq!(public, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let signature = data_encoding::HEXLOWER.encode(&key.sign(b"").unwrap());
    assert!(signature.starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"));
}

#[test]
fn other_files_are_refused_with_what_to_do() {
    let block = |tag: &str| format!("-----BEGIN {tag}-----\nAAAA\n-----END {tag}-----\n");
    let refused = |text: &str| PrivateKey::from_pem(text).unwrap_err();
    assert_eq!(refused("no pem"), KeyError::NotPem);
    assert_eq!(refused(&block("EC PRIVATE KEY")), KeyError::Sec1);
    assert_eq!(refused(&block("ENCRYPTED PRIVATE KEY")), KeyError::Encrypted);
    assert_eq!(refused(&block("PUBLIC KEY")), KeyError::NotPrivate { tag: "PUBLIC KEY".into() });
    assert_eq!(refused(&block("PRIVATE KEY")), KeyError::Unsupported);
    // A P-521 key, and an RSA key, are read by nobody here.
    let p521 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    assert_eq!(refused(&p521.serialize_pem()), KeyError::Unsupported);
}

#[test]
fn alg_03_an_algorithm_of_another_key_type_is_refused() {
    for (kind, fine, also_fine, _) in ALL {
        for algorithm in Algorithm::ALL {
            let key = PrivateKey::generate(kind).unwrap();
            let answer = key.with_algorithm(algorithm).map(|key| key.algorithm());
            if algorithm == fine || algorithm == also_fine {
                assert_eq!(answer, Ok(algorithm));
            } else {
                assert_eq!(answer, Err(KeyError::AlgorithmMismatch { algorithm }));
            }
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let shown = format!("{key:?}");
    assert_eq!(
        shown,
        format!("PrivateKey {{ algorithm: \"EdDSA\", kid: \"{}\", .. }}", key.public_key().thumbprint())
    );
}
