use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;

use super::*;
use crate::signer::{KeyAlgorithm, PrivateKey};
use proofs::Signer;

fn read(issuer: &str) -> Result<NamedKey, SelfCertifyingError> {
    SelfCertifying::of(issuer).unwrap().read(issuer)
}

fn did_key(codec: [u8; 2], key: &[u8]) -> String {
    format!("did:key:z{}", bs58::encode([&codec, key].concat()).into_string())
}

/// From the did:key specification's test vectors, W3C CCG (ed25519-x25519.json and nist-curves.json).
#[test]
fn did_key_published_vectors() {
    let ed = read("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw").unwrap();
    let bytes = bs58::decode("6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw").into_vec().unwrap();
    assert_eq!(&bytes[..2], [0xed, 0x01]);
    assert_eq!(ed.key.ed25519_bytes().unwrap(), bytes[2..]);

    for (did, crv, x, y) in [
        (
            "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
            "P-256",
            "igrFmi0whuihKnj9R3Om1SoMph72wUGeFaBbzG2vzns",
            "efsX5b10x8yjyrj4ny3pGfLcY7Xby1KzgqOdqnsrJIM",
        ),
        (
            "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
            "P-384",
            "lInTxl8fjLKp_UCrxI0WDklahi-7-_6JbtiHjiRvMvhedhKVdHBfi2HCY8t_QJyc",
            "y6N1IC-2mXxHreETBW7K3mBcw0qGr3CWHCs-yl09yCQRLcyfGv7XhqAngHOu51Zv",
        ),
    ] {
        let jwk = serde_json::json!({ "kty": "EC", "crv": crv, "x": x, "y": y });
        assert_eq!(read(did).unwrap().key, PublicKey::from_jwk(&jwk).unwrap(), "{did}");
    }
}

/// From the did:jwk specification, example 1 (P-256).
#[test]
fn did_jwk_published_vector() {
    let did = "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9";
    let jwk = serde_json::json!({ "kty": "EC", "crv": "P-256", "x": "acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0", "y": "_KcyLj9vWMptnmKtm46GqDz8wf74I5LKgrl2GzH3nSE" });
    assert_eq!(read(did).unwrap().key, PublicKey::from_jwk(&jwk).unwrap());
}

#[test]
fn p521_points_are_read_too() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    let raw = pair.public_key_raw();
    let (x, y) = raw[1..].split_at(66);
    let mut point = vec![2 + (y[65] & 1)];
    point.extend(x);
    let named = read(&did_key([0x82, 0x24], &point)).unwrap();
    assert_eq!(named.key, PublicKey::ec2(Curve::P521, x, y).unwrap());
}

#[test]
fn kt_01_both_points_at_one_x_are_read_from_a_did_key() {
    let spki = PrivateKey::generate(KeyAlgorithm::Es256).unwrap().public_key().to_spki_der();
    let (x, y) = spki[spki.len() - 64..].split_at(32);
    let [even, odd] = [2, 3].map(|sign| read(&did_key([0x80, 0x24], &[&[sign], x].concat())).unwrap().key);
    assert_ne!(even, odd);
    let whole = PublicKey::ec2(Curve::P256, x, y).unwrap();
    assert_eq!(if y[31] & 1 == 0 { even } else { odd }, whole);
}

#[test]
fn methods_are_called_by_their_names() {
    assert_eq!(SelfCertifying::DidKey.to_string(), "did:key");
    assert_eq!(SelfCertifying::DidJwk.to_string(), "did:jwk");
}

#[test]
fn hostile_did_keys_are_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().ed25519_bytes().unwrap();
    let p256 = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let spki = p256.public_key().to_spki_der();
    let uncompressed = &spki[spki.len() - 65..];
    let mut small_order = [0; 32];
    small_order[0] = 1;
    let good = did_key([0xed, 0x01], &key);
    for (issuer, error) in [
        ("did:key:".to_owned(), SelfCertifyingError::Encoding),
        ("did:key:z".to_owned(), SelfCertifyingError::Encoding),
        ("did:key:z6".to_owned(), SelfCertifyingError::Encoding),
        (good.replace(":z", ":"), SelfCertifyingError::Encoding),
        (good.replace(":z", ":u"), SelfCertifyingError::Encoding),
        (format!("{good}0"), SelfCertifyingError::Encoding),
        (format!("did:key:z{}", "2".repeat(129)), SelfCertifyingError::Encoding),
        (format!("did:key:z{}", "2".repeat(128)), SelfCertifyingError::Codec),
        (format!("did:jwk:{}", "A".repeat(4096)), SelfCertifyingError::Encoding),
        (format!("did:jwk:{}", "A".repeat(4097)), SelfCertifyingError::Form),
        (format!("{good}#{}", &good[8..]), SelfCertifyingError::Form),
        (format!("{good}?x"), SelfCertifyingError::Form),
        (format!("{good}/x"), SelfCertifyingError::Form),
        (good.replace(":z", ":1.1:z"), SelfCertifyingError::Form),
        (format!("did:key:z{}", "6".repeat(5000)), SelfCertifyingError::Form),
        (did_key([0xec, 0x01], &key), SelfCertifyingError::Codec),
        (did_key([0xe7, 0x01], &key), SelfCertifyingError::Codec),
        (did_key([0x05, 0x12], &spki), SelfCertifyingError::Codec),
        (did_key([0xed, 0x01], &key[..31]), SelfCertifyingError::Key),
        (did_key([0xed, 0x01], &[key.as_slice(), &[0]].concat()), SelfCertifyingError::Key),
        (did_key([0xed, 0x01], &small_order), SelfCertifyingError::Key),
        (did_key([0xed, 0x01], &[0; 32]), SelfCertifyingError::Key),
        (did_key([0xed, 0x01], &[0xff; 32]), SelfCertifyingError::Key),
        (did_key([0x80, 0x24], uncompressed), SelfCertifyingError::Key),
        (did_key([0x80, 0x24], &spki), SelfCertifyingError::Key),
        (did_key([0x80, 0x24], &[&[4], &uncompressed[1..33]].concat()), SelfCertifyingError::Key),
        (did_key([0x80, 0x24], &[2; 32]), SelfCertifyingError::Key),
        (did_key([0x80, 0x24], &[&[2], [0xff; 32].as_slice()].concat()), SelfCertifyingError::Key),
        (did_key([0x81, 0x24], &[&[2], &uncompressed[1..33]].concat()), SelfCertifyingError::Key),
        (did_key([0x80, 0x24], &[]), SelfCertifyingError::Key),
    ] {
        assert_eq!(read(&issuer).map(|named| named.key), Err(error), "{issuer}");
    }
    assert!(SelfCertifying::of("DID:key:z6Mk").is_none());
    assert!(SelfCertifying::of("did:web:acme.com").is_none());
}

#[test]
fn hostile_did_jwks_are_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let other = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let jwk = key.public_key().to_jwk().to_string();
    let did = |text: &str| format!("did:jwk:{}", BASE64URL_NOPAD.encode(text.as_bytes()));
    let x = other.public_key().to_jwk()["x"].clone();
    for (issuer, error) in [
        ("did:jwk:".to_owned(), SelfCertifyingError::Encoding),
        (format!("{}=", did(&jwk)), SelfCertifyingError::Encoding),
        (format!("did:jwk:{}", data_encoding::BASE64.encode(b"\xff\xff\xff{")), SelfCertifyingError::Form),
        (format!("{}#0", did(&jwk)), SelfCertifyingError::Form),
        (did("[]"), SelfCertifyingError::Key),
        (did("nope"), SelfCertifyingError::Encoding),
        // Two readers could take either x.
        (did(&jwk.replacen('{', &format!("{{\"x\":{x},"), 1)), SelfCertifyingError::Encoding),
        (did(&jwk.replacen('{', "{\"d\":\"AAAA\",", 1)), SelfCertifyingError::Key),
        (did(&jwk.replacen('{', "{\"use\":\"enc\",", 1)), SelfCertifyingError::Key),
        (did(&jwk.replacen('{', "{\"key_ops\":[\"encrypt\"],", 1)), SelfCertifyingError::Key),
        (did(&jwk.replace("P-256", "secp256k1")), SelfCertifyingError::Key),
        (did("{\"kty\":\"oct\",\"k\":\"AAAA\"}"), SelfCertifyingError::Key),
    ] {
        assert_eq!(read(&issuer).map(|named| named.key), Err(error), "{issuer}");
    }
    assert!(read(&did(&jwk)).is_ok());
}

#[test]
fn arch_13_kid_means_the_key_in_the_name_in_three_ways_only() {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let issuer = did_key([0xed, 0x01], &key.public_key().ed25519_bytes().unwrap());
    let text = issuer.strip_prefix("did:key:").unwrap();
    let named = read(&issuer).unwrap();
    assert!(named.is_meant_by(key.public_key().thumbprint().as_bytes(), &issuer));
    assert!(named.is_meant_by(format!("{issuer}#{text}").as_bytes(), &issuer));
    assert!(named.is_meant_by(format!("#{text}").as_bytes(), &issuer));
    for kid in [
        "",
        "#",
        text,
        &issuer,
        &format!("{issuer}#"),
        &format!("{issuer}#0"),
        &format!("{issuer}{text}"),
        &format!("{issuer}#{text}#{text}"),
        &format!("{issuer}{issuer}#{text}"),
        &format!("did:key:other#{text}"),
        &key.public_key().thumbprint().to_string(),
    ] {
        assert!(!named.is_meant_by(kid.as_bytes(), &issuer), "{kid}");
    }
    assert!(!named.is_meant_by(&[0xff; 32], &issuer));

    let jwk = format!("did:jwk:{}", BASE64URL_NOPAD.encode(key.public_key().to_jwk().to_string().as_bytes()));
    let named = read(&jwk).unwrap();
    assert!(named.is_meant_by(b"#0", &jwk));
    assert!(named.is_meant_by(format!("{jwk}#0").as_bytes(), &jwk));
    assert!(!named.is_meant_by(b"#1", &jwk));
    assert!(!named.is_meant_by(b"0", &jwk));
}

proptest! {
    #[test]
    fn any_name_is_read_or_refused(text in "\\PC{0,200}", method in any::<bool>()) {
        let issuer = format!("{}{text}", if method { DID_KEY } else { DID_JWK });
        let _ = read(&issuer);
    }

    #[test]
    fn any_bytes_behind_a_codec_are_read_or_refused(codec in 0usize..4, key in proptest::collection::vec(any::<u8>(), 0..70)) {
        let codec = [[0xed, 0x01], [0x80, 0x24], [0x81, 0x24], [0x82, 0x24]][codec];
        let issuer = did_key(codec, &key);
        if let Ok(named) = read(&issuer) {
            // One key has one name under did:key.
            let kid = format!("#{}", &issuer[8..]);
            prop_assert!(named.is_meant_by(kid.as_bytes(), &issuer));
        }
    }
}
