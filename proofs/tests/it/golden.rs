//! The golden vectors in `tests/data/golden`. A3 to A6 have the statement's bytes as the entry and no time; Stele's own
//! rules are the parameters of the other vectors.

use ciborium::Value as Cbor;
use proofs::cose::sign1::{Sign1, sig_structure};
use proofs::{
    Algorithm, ConsistencyProof, ContentType, Hash, InclusionProof, KeySet, LeafIndex, Proof, PublicKey,
    Receipt, ReceiptClaims, ReceiptError, SignatureError, SignedStatement, Signer, StatementBuilder,
    TransparentStatement, TreeSize, attach, issue_consistency, issue_inclusion, leaf_hash, sha256,
    verify_transparent,
};
use serde_json::Value;

use super::support::{MAX, TestSigner, bytes, text};

pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../data/golden/vectors.json")).unwrap()
}

fn hash(vectors: &Value, name: &str) -> Hash {
    text(vectors, name).parse().unwrap()
}

fn key() -> PublicKey {
    TestSigner::golden(Algorithm::Ed25519).public_key().clone()
}

fn claims() -> ReceiptClaims {
    ReceiptClaims {
        issuer: "https://ts.example".to_owned(),
        subject: "urn:example:artifact:1".to_owned(),
        issued_at: None,
    }
}

fn inclusion(vectors: &Value) -> InclusionProof {
    let path = vec![hash(vectors, "root_of_8")];
    InclusionProof { size: TreeSize::new(9), index: LeafIndex::new(8), path }
}

fn consistency(vectors: &Value) -> ConsistencyProof {
    let path = vec![hash(vectors, "leaf_of_statement_bytes")];
    ConsistencyProof { old: TreeSize::new(8), new: TreeSize::new(9), path }
}

#[test]
fn kt_01_thumbprint_of_the_test_key() {
    let vectors = golden();
    assert_eq!(key().ed25519_bytes().unwrap().to_vec(), bytes(&vectors, "public_key"));
    assert_eq!(key().thumbprint().as_bytes().to_vec(), bytes(&vectors, "kid"));
    assert_eq!(key().thumbprint().to_string(), text(&vectors, "kid_base64url"));
    assert_eq!(text(&vectors, "kid_base64url").parse(), Ok(key().thumbprint()));
    assert_eq!(sha256(&bytes(&vectors, "thumbprint_input")).as_bytes(), key().thumbprint().as_bytes());
}

#[test]
fn a1_and_a2_signed_statement() {
    let vectors = golden();
    let built = StatementBuilder::new("https://issuer.example", "urn:example:artifact:1")
        .content_type(ContentType::Text("text/plain".to_owned()))
        .sign(b"hello scitt", &TestSigner::golden(Algorithm::Ed25519))
        .unwrap();
    assert_eq!(built, bytes(&vectors, "a1_statement"));
    let statement = SignedStatement::parse(&built, MAX).unwrap();
    assert_eq!(statement.entry_id().to_string(), text(&vectors, "entry_id"));
    assert_eq!(statement.canonical(), built);
    assert_eq!(statement.payload(), b"hello scitt");
    assert_eq!(statement.header().kid, Some(bytes(&vectors, "kid")));
    assert_eq!(
        sig_structure(statement.protected(), statement.payload()),
        bytes(&vectors, "a2_statement_sig_structure")
    );
    assert_eq!(leaf_hash(statement.canonical()), hash(&vectors, "leaf_of_statement_bytes"));
    assert_eq!(leaf_hash(statement.entry_id().as_bytes()), hash(&vectors, "leaf_of_entry_id"));
    let verified = statement.verify(&key()).unwrap();
    assert_eq!(verified.key(), &key());
}

#[test]
fn a3_and_a4_inclusion_receipt() {
    let vectors = golden();
    let (leaf, root) = (hash(&vectors, "leaf_of_statement_bytes"), hash(&vectors, "root_of_9"));
    let signer = TestSigner::golden(Algorithm::Ed25519);
    let issued = issue_inclusion(&claims(), &inclusion(&vectors), &leaf, &root, &signer).unwrap();
    assert_eq!(issued, bytes(&vectors, "a3_inclusion_receipt"));
    let receipt = Receipt::parse(&issued).unwrap();
    assert_eq!(receipt.claims(), Some(&claims()));
    assert_eq!(receipt.kid(), Some(bytes(&vectors, "kid").as_slice()));
    assert_eq!(receipt.proof(), &Proof::Inclusion(inclusion(&vectors)));
    assert_eq!(receipt.verify_inclusion(&bytes(&vectors, "a1_statement"), &key()), Ok(root));
    assert_eq!(
        sig_structure(receipt.protected(), root.as_bytes()),
        bytes(&vectors, "a4_receipt_sig_structure")
    );
}

#[test]
fn a5_consistency_receipt_has_the_signature_of_a3() {
    let vectors = golden();
    let (old, new) = (hash(&vectors, "root_of_8"), hash(&vectors, "root_of_9"));
    let signer = TestSigner::golden(Algorithm::Ed25519);
    let issued = issue_consistency(&claims(), &consistency(&vectors), &old, &new, &signer).unwrap();
    assert_eq!(issued, bytes(&vectors, "a5_consistency_receipt"));
    let receipt = Receipt::parse(&issued).unwrap();
    assert_eq!(receipt.verify_consistency(&old, &key()), Ok(new));
    // RCPT-20: why Stele gives consistency receipts a subject of their own (D2).
    let inclusion = Receipt::parse(&bytes(&vectors, "a3_inclusion_receipt")).unwrap();
    assert_eq!(receipt.signature(), inclusion.signature());
}

#[test]
fn a6_transparent_statement() {
    let vectors = golden();
    let statement = SignedStatement::parse(&bytes(&vectors, "a1_statement"), MAX).unwrap();
    let transparent = attach(&statement, &[bytes(&vectors, "a3_inclusion_receipt")]);
    assert_eq!(transparent.len(), 395);
    assert_eq!(sha256(&transparent), hash(&vectors, "a6_transparent_sha256"));
    let read = TransparentStatement::parse(&transparent, MAX).unwrap();
    assert_eq!(read.statement.canonical(), bytes(&vectors, "a1_statement"));
    assert_eq!(read.receipt_bytes, [bytes(&vectors, "a3_inclusion_receipt")]);
    let receipt = read.receipts[0].as_ref().unwrap();
    assert!(receipt.verify_inclusion(read.statement.canonical(), &key()).is_ok());
    // Without taking label 394 out, another entry is hashed, and the receipt is not for it.
    assert!(matches!(
        receipt.verify_inclusion(&transparent, &key()),
        Err(ReceiptError::Signature(SignatureError::Invalid))
    ));
    // These receipts are for the statement's bytes, so by Stele's rule (D1) they are for something else.
    let keys = KeySet::new([key()]);
    let report = verify_transparent(&read.statement, &read.receipt_bytes[0], &keys, None, Some(&key()), None);
    assert!(!report.is_valid());
    assert_eq!(report.first_failure().unwrap().name, "receipt signature");
}

#[test]
fn a7_key_set() {
    let vectors = golden();
    let set = KeySet::new([key().with_algorithm(Algorithm::Ed25519).unwrap()]);
    assert_eq!(set.encode(), bytes(&vectors, "a7_key_set"));
    assert_eq!(KeySet::parse(&bytes(&vectors, "a7_key_set")), Ok(set.clone()));
    assert_eq!(set.get(&bytes(&vectors, "kid")), set.iter().next());
    assert_eq!(set.get(b"another"), None);
}

/// A8 to A10 are concise problem details: what is asked of this crate is to write such maps.
#[test]
fn a8_to_a10_problem_details() {
    let vectors = golden();
    for (name, title, detail) in [
        (
            "a8_problem_not_found",
            "Not Found",
            "Receipt with entry ID x not known to this Transparency Service",
        ),
        ("a9_problem_malformed", "Malformed request", "The request could not be parsed"),
        ("a10_problem_no_such_key", "No such key", "No key could be found for this kid value"),
    ] {
        let problem =
            Cbor::Map(vec![(Cbor::from(-2), Cbor::from(detail)), (Cbor::from(-1), Cbor::from(title))]);
        assert_eq!(proofs::cbor::encode(&problem), bytes(&vectors, name));
    }
}

#[test]
fn one_flipped_bit_anywhere_in_a3_fails() {
    let vectors = golden();
    let (good, entry) = (bytes(&vectors, "a3_inclusion_receipt"), bytes(&vectors, "a1_statement"));
    let mut passed = Vec::new();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if Receipt::parse(&bad).is_ok_and(|receipt| receipt.verify_inclusion(&entry, &key()).is_ok()) {
            passed.push(bit / 8);
        }
    }
    // RCPT-19: size and index are unsigned, and the path of (8, 9) fits other pairs too. Nothing else may change.
    let position = good.windows(3).position(|window| window == [0x83, 9, 8]).unwrap();
    assert!(passed.iter().all(|byte| (position + 1..=position + 2).contains(byte)), "{passed:?}");
}

#[test]
fn rcpt_19_size_and_index_are_not_signed() {
    let vectors = golden();
    let mut receipt = bytes(&vectors, "a3_inclusion_receipt");
    let position = receipt.windows(3).position(|window| window == [0x83, 9, 8]).unwrap();
    receipt[position + 1] = 5;
    receipt[position + 2] = 4;
    let receipt = Receipt::parse(&receipt).unwrap();
    assert!(receipt.verify_inclusion(&bytes(&vectors, "a1_statement"), &key()).is_ok());
}

#[test]
fn rcpt_05_empty_payload_instead_of_nil_is_refused() {
    let vectors = golden();
    let mut receipt = bytes(&vectors, "a3_inclusion_receipt");
    let nil = receipt.len() - 67;
    assert_eq!(receipt[nil], 0xf6);
    receipt[nil] = 0x40;
    let receipt = Receipt::parse(&receipt).unwrap();
    assert_eq!(
        receipt.verify_inclusion(&bytes(&vectors, "a1_statement"), &key()),
        Err(ReceiptError::PayloadMismatch)
    );
}

#[test]
fn cose_03_an_empty_header_is_signed_as_the_empty_string() {
    let signer = TestSigner::golden(Algorithm::Ed25519);
    let signature = signer.sign(&unhexed("846a5369676e61747572653140404568656c6c6f")).unwrap();
    let message = |protected: &str| {
        [unhexed("d284"), unhexed(protected), unhexed("a04568656c6c6f5840"), signature.clone()].concat()
    };
    for protected in ["40", "41a0"] {
        let message = message(protected);
        let message = Sign1::parse(&message).unwrap();
        assert_eq!(message.payload, Some(b"hello".as_slice()));
        assert_eq!(message.verify(Algorithm::Ed25519, b"hello", &key()), Ok(()));
        assert!(message.verify(Algorithm::Ed25519, b"hallo", &key()).is_err());
    }
}

fn unhexed(text: &str) -> Vec<u8> {
    super::support::unhex(text)
}
