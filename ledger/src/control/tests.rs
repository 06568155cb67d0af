//! The genesis document, and its schema.

use proofs::{Algorithm, CosignerKey, PublicKey, Signer};
use serde_json::{Value, json};

use super::*;
use crate::signer::{KeyAlgorithm, PrivateKey};

fn key() -> PublicKey {
    PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().clone()
}

fn genesis() -> Genesis {
    Genesis {
        format: GENESIS_FORMAT,
        issuer: "https://ts.example".into(),
        origin: "ts.example/log".into(),
        receipts: key().with_algorithm(Algorithm::EdDsa).unwrap(),
        checkpoints: key(),
        checkpoints_ml_dsa_44: None,
        registrar: key(),
        operator: key(),
    }
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../schemas/genesis.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

#[test]
fn d3_genesis_round_trips_and_fits_its_schema() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Ed25519] {
        let genesis = Genesis { receipts: key().with_algorithm(algorithm).unwrap(), ..genesis() };
        let json = genesis.to_json().unwrap();
        assert_eq!(Genesis::from_json(&json).unwrap(), genesis);
        assert!(schema().is_valid(&serde_json::from_slice(&json).unwrap()));
    }
    let es = PrivateKey::generate(KeyAlgorithm::Es256).unwrap().with_algorithm(Algorithm::Esp256).unwrap();
    let genesis = Genesis { receipts: es.public_key().clone(), ..genesis() };
    let again = Genesis::from_json(&genesis.to_json().unwrap()).unwrap();
    assert_eq!(
        again.receipts.algorithm(),
        Some(Algorithm::Esp256),
        "not ES256, though JOSE knows no other name"
    );
}

#[test]
fn schema_and_parser_agree_on_bad_genesis_documents() {
    let good: Value = serde_json::from_slice(&genesis().to_json().unwrap()).unwrap();
    let es256 = PrivateKey::generate(KeyAlgorithm::Es256).unwrap().public_key().to_jwk();
    for (pointer, value) in [
        ("/format", json!(2)),
        ("/leaf", json!("sha256")),
        ("/iss", json!("")),
        ("/iss", json!("https://a b")),
        ("/origin", json!("")),
        ("/origin", json!("a b")),
        ("/origin", json!("a+b")),
        ("/keys/receipts/alg", Value::Null),
        ("/keys/receipts/alg", json!("HS256")),
        ("/keys/checkpoints", es256),
        ("/keys/registrar", Value::Null),
        ("/keys/operator/d", json!("AAAA")),
        ("/keys/extra", json!({})),
        ("/extra", json!(1)),
    ] {
        let mut document = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let members = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.into(), value);
        }
        assert!(Genesis::from_json(document.to_string().as_bytes()).is_err(), "parser: {pointer}");
        assert!(!schema().is_valid(&document), "schema: {pointer}");
    }
}

#[test]
fn ckpt_06_the_second_checkpoint_key_is_an_ml_dsa_key_of_this_log() {
    let named = |name: &str| CosignerKey::ml_dsa_44(name, &[7; 1312]).unwrap();
    let with = |key| Genesis { checkpoints_ml_dsa_44: Some(key), ..genesis() };
    let good = with(named("ts.example/log"));
    let json = good.to_json().unwrap();
    assert_eq!(Genesis::from_json(&json).unwrap(), good);
    let good: Value = serde_json::from_slice(&json).unwrap();
    assert!(schema().is_valid(&good));
    let ed25519 = CosignerKey::ed25519("ts.example/log", &key().ed25519_bytes().unwrap()).unwrap();
    for wrong in [named("other.example/log"), ed25519] {
        assert_eq!(with(wrong).to_json(), Err(GenesisError::MlDsaKey));
    }
    for (name, value) in [("kty", "OKP"), ("alg", "ML-DSA-65"), ("pub", "AAAA"), ("pub", "=")] {
        let mut document = good.clone();
        document["keys"]["checkpoints_ml_dsa_44"][name] = json!(value);
        let read = Genesis::from_json(document.to_string().as_bytes());
        assert_eq!(read, Err(GenesisError::MlDsaKey), "parser: {name}");
        assert!(!schema().is_valid(&document), "schema: {name}");
    }
}

#[test]
fn d19_one_key_for_two_roles_is_refused() {
    let shared = key();
    for genesis in [
        Genesis { checkpoints: shared.clone(), registrar: shared.clone(), ..genesis() },
        Genesis { operator: shared.clone(), registrar: shared.clone(), ..genesis() },
        Genesis {
            receipts: shared.clone().with_algorithm(Algorithm::EdDsa).unwrap(),
            operator: shared,
            ..genesis()
        },
    ] {
        assert_eq!(genesis.to_json(), Err(GenesisError::SharedKey));
    }
}

#[test]
fn acceptance_message_is_what_is_documented() {
    let id = |byte| proofs::EntryId::from_bytes([byte; 32]);
    let message = acceptance_message(&id(1), &id(2), b"payload");
    let mut expected = vec![0x84, 0x78, 28];
    expected.extend(b"stele operator acceptance v1");
    for part in [[1; 32], [2; 32], *proofs::sha256(b"payload").as_bytes()] {
        expected.extend([0x58, 32]);
        expected.extend(part);
    }
    assert_eq!(message, expected);
}
