//! Files that other implementations made: scitt-cose, pyscitt, scitt-ccf-ledger, and a public log. Sources and licences
//! stand in the READMEs of `tests/data`.

use data_encoding::BASE64;
use proofs::cose::sign1::Sign1;
use proofs::{
    Algorithm, ContentType, InclusionProof, KeySet, LeafIndex, MalformedStatement, MissingClaim, Outcome,
    Proof, PublicKey, Receipt, ReceiptError, SignatureError, SignedStatement, StatementError,
    TransparentStatement, TreeSize, sha256, verify_transparent,
};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::support::{MAX, bytes, text};

struct Vector {
    statement: &'static [u8],
    receipt: &'static [u8],
    payload: &'static [u8],
    issuer: PublicKey,
    log: PublicKey,
    expected: Value,
}

macro_rules! vector {
    ($name:literal) => {
        Vector {
            statement: include_bytes!(concat!("../data/scitt-cose/v1/", $name, "/statement.cose")),
            receipt: include_bytes!(concat!("../data/scitt-cose/v1/", $name, "/receipt.cose")),
            payload: include_bytes!(concat!("../data/scitt-cose/v1/", $name, "/payload.bin")),
            issuer: key(include_str!(concat!("../data/scitt-cose/v1/", $name, "/issuer-key.pub"))),
            log: key(include_str!(concat!("../data/scitt-cose/v1/", $name, "/log-key.pub"))),
            expected: serde_json::from_str(include_str!(concat!(
                "../data/scitt-cose/v1/",
                $name,
                "/expected.json"
            )))
            .unwrap(),
        }
    };
}

fn key(pem: &str) -> PublicKey {
    PublicKey::from_pem(pem).unwrap()
}

impl Vector {
    /// These statements name no key in their headers, so RFC 9943 does not know them; their signatures are checked one
    /// level below, as COSE_Sign1.
    fn statement_signature(&self) -> Result<(), SignatureError> {
        let message = Sign1::parse(self.statement).unwrap();
        assert_eq!(message.payload, Some(self.payload));
        let number = message.algorithm().unwrap().unwrap();
        assert_eq!(Some(number), self.expected["protected_header"]["statement"]["alg_code"].as_i64());
        message.verify(Algorithm::from_cose(number).unwrap(), self.payload, &self.issuer)
    }

    /// The rule of these logs: the entry is SHA-256 of the whole statement.
    fn entry(&self) -> Vec<u8> {
        let entry = sha256(self.statement).as_bytes().to_vec();
        assert_eq!(entry, bytes(&self.expected, "leaf_entry"));
        entry
    }

    fn path(&self) -> InclusionProof {
        let number = |name: &str| self.expected[name].as_u64().unwrap();
        let path = self.expected["inclusion_path"].as_array().unwrap();
        InclusionProof {
            size: TreeSize::new(number("tree_size")),
            index: LeafIndex::new(number("leaf_index")),
            path: path.iter().map(|hash| hash.as_str().unwrap().parse().unwrap()).collect(),
        }
    }
}

#[test]
fn scitt_cose_valid() {
    for vector in [vector!("valid-eddsa"), vector!("valid-es256")] {
        assert_eq!(vector.statement_signature(), Ok(()));
        let receipt = Receipt::parse(vector.receipt).unwrap();
        assert_eq!(receipt.proof(), &Proof::Inclusion(vector.path()));
        assert_eq!((receipt.kid(), receipt.claims()), (None, None));
        let root = text(&vector.expected, "reconstructed_root").parse().unwrap();
        assert_eq!(receipt.verify_inclusion(&vector.entry(), &vector.log), Ok(root));
        // The other key is not the log's.
        assert!(receipt.verify_inclusion(&vector.entry(), &vector.issuer).is_err());
    }
}

#[test]
fn arch_04_scitt_cose_statements_name_no_key() {
    for vector in [vector!("valid-eddsa"), vector!("valid-es256"), vector!("fail-bad-statement-sig")] {
        let refused = SignedStatement::parse(vector.statement, MAX).unwrap_err();
        assert_eq!(refused, StatementError::NoKeyReference);
        assert_eq!(
            refused.to_string(),
            "the protected header names no key: it needs kid (label 4), x5t (34) or x5chain (33)"
        );
    }
}

#[test]
fn scitt_cose_fail_tampered_path() {
    let vector = vector!("fail-tampered-path");
    assert_eq!(vector.statement_signature(), Ok(()));
    let receipt = Receipt::parse(vector.receipt).unwrap();
    assert_eq!(receipt.proof(), &Proof::Inclusion(vector.path()));
    let refused = receipt.verify_inclusion(&vector.entry(), &vector.log);
    assert_eq!(refused, Err(ReceiptError::Signature(SignatureError::Invalid)));
}

#[test]
fn rcpt_06_scitt_cose_fail_unsupported_vds() {
    let vector = vector!("fail-unsupported-vds");
    assert_eq!(vector.statement_signature(), Ok(()));
    let refused = Receipt::parse(vector.receipt).unwrap_err();
    assert_eq!(refused, ReceiptError::UnknownVds(2));
    assert!(refused.is_unverifiable());
}

#[test]
fn scitt_cose_fail_bad_statement_sig() {
    let vector = vector!("fail-bad-statement-sig");
    assert_eq!(vector.statement_signature(), Err(SignatureError::Invalid));
    let receipt = Receipt::parse(vector.receipt).unwrap();
    assert!(receipt.verify_inclusion(&vector.entry(), &vector.log).is_ok());
}

/// A real statement of pyscitt and a real receipt of scitt-ccf-ledger. The statement has no subject; the receipt is of a
/// kind that is requested from IANA but not known here.
#[test]
fn rcpt_06_ccf_receipt_is_unverifiable() {
    let vector = vector!("valid-ccf-vds2");
    assert_eq!(vector.statement_signature(), Ok(()));
    assert_eq!(
        SignedStatement::parse(vector.statement, MAX).unwrap_err(),
        StatementError::MissingClaims(MissingClaim::Subject)
    );
    let refused = Receipt::parse(vector.receipt).unwrap_err();
    assert!(refused.is_unverifiable());
    assert_eq!(
        refused.to_string(),
        "the receipt cannot be verified here: unknown vds 2; only 1 (RFC9162_SHA256) is known"
    );
}

#[test]
fn trace_in_cose() {
    let expected: Value =
        serde_json::from_str(include_str!("../data/scitt-cose/trace-in-cose/expected.json")).unwrap();
    let transparent = include_bytes!("../data/scitt-cose/trace-in-cose/transparent.cose");
    let plain = include_bytes!("../data/scitt-cose/trace-in-cose/statement.cose");
    let receipt = include_bytes!("../data/scitt-cose/trace-in-cose/receipt.cose");
    let issuer = key(include_str!("../data/scitt-cose/trace-in-cose/issuer.pub"));
    let log = key(include_str!("../data/scitt-cose/trace-in-cose/log.pub"));

    let read = TransparentStatement::parse(transparent, MAX).unwrap();
    assert_eq!(read.statement.canonical(), plain);
    assert_eq!(read.receipt_bytes, [receipt]);
    assert_eq!(read.statement.entry_id().to_string(), text(&expected, "leaf_entry_hex"));
    assert_eq!(sha256(read.statement.payload()).to_string(), text(&expected, "payload_sha256"));
    let root =
        read.receipts[0].as_ref().unwrap().verify_inclusion(read.statement.entry_id().as_bytes(), &log);
    assert_eq!(root.unwrap().to_string(), text(&expected, "root"));

    // The log named its key in a way of its own.
    let kid = read.receipts[0].as_ref().unwrap().kid().unwrap().to_vec();
    let mut keys = KeySet::new([log.clone()]);
    let report = verify_transparent(&read.statement, receipt, &keys, None, Some(&issuer), None);
    assert_eq!(report.first_failure().unwrap().name, "receipt key");
    keys.insert(kid, log);
    let report = verify_transparent(&read.statement, receipt, &keys, None, Some(&issuer), None);
    assert!(report.is_valid(), "{report:#?}");
    assert!(matches!(report.checks.last().unwrap().outcome, Outcome::Passed(_)));
}

#[test]
fn real_receipt_for_a_trace_record() {
    let data: Value =
        serde_json::from_str(include_str!("../data/trace-registry/capsule-anchor-receipt.json")).unwrap();
    let log = PublicKey::ed25519(bytes(&data, "log_public_key_ed25519_hex").try_into().unwrap()).unwrap();
    let bytes_of = BASE64.decode(text(&data, "receipt_b64").as_bytes()).unwrap();
    let receipt = Receipt::parse(&bytes_of).unwrap();
    let entry = sha256(&bytes(&data, "anchor_leaf"));
    assert_eq!(entry.to_string(), text(&data, "entry_hash"));
    let root = receipt.verify_inclusion(entry.as_bytes(), &log).unwrap();
    assert_eq!(root.to_string(), text(&data, "root"));
    assert!(receipt.verify_inclusion(root.as_bytes(), &log).is_err());
}

#[test]
fn real_receipt_for_a_registry_checkpoint() {
    let response: Value =
        serde_json::from_str(include_str!("../data/trace-registry/witness-response-1.json")).unwrap();
    let keys: Value = serde_json::from_str(include_str!("../data/trace-registry/witness-keys.json")).unwrap();
    let log = PublicKey::ed25519(bytes(&keys, "witness_key_ed25519_hex").try_into().unwrap()).unwrap();
    let bytes_of = BASE64.decode(text(&response, "receipt_b64").as_bytes()).unwrap();
    assert_eq!(bytes_of, include_bytes!("../data/pyscitt/rfc9162-receipt-real.cose"));
    let receipt = Receipt::parse(&bytes_of).unwrap();
    let entry = bytes(&response, "entry_hash");
    let root = receipt.verify_inclusion(&entry, &log).unwrap();
    assert_eq!(root.to_string(), text(&keys, "root"));
    let Proof::Inclusion(proof) = receipt.proof() else { panic!("an inclusion receipt") };
    assert_eq!(Some(proof.size.get()), response["tree_size"].as_u64());
    assert_eq!(Some(proof.index.get()), response["leaf_index"].as_u64());
}

fn der(pem: &str) -> Vec<u8> {
    pem::parse(pem).unwrap().into_contents()
}

#[test]
fn arch_05_pyscitt_statement_with_certificate_chain() {
    let file = include_bytes!("../data/pyscitt/statement-cwt-x5c-es256.cose");
    let statement = SignedStatement::parse(file, MAX).unwrap();
    let header = statement.header();
    assert_eq!((header.issuer.as_str(), header.subject.as_str()), ("https://issuer.example", "feed1"));
    assert_eq!(header.content_type, Some(ContentType::Text("application/json".to_owned())));
    let (leaf, ca) =
        (der(include_str!("../data/pyscitt/leaf.pem")), der(include_str!("../data/pyscitt/ca.pem")));
    assert_eq!(header.x5chain, [leaf.clone(), ca]);
    assert!(header.x5chain_protected);
    assert_eq!(header.kid, None);
    assert_eq!(statement.canonical(), file);
    let (_, certificate) = X509Certificate::from_der(&leaf).unwrap();
    let key = PublicKey::from_spki_der(certificate.public_key().raw).unwrap();
    assert!(statement.verify(&key).is_ok());
}

#[test]
fn pyscitt_legacy_labels_are_explained() {
    let file = include_bytes!("../data/pyscitt/statement-legacy-391-392-x5c-es256.cose");
    let refused = SignedStatement::parse(file, MAX).unwrap_err();
    assert_eq!(refused, StatementError::LegacyClaims);
    assert_eq!(
        refused.to_string(),
        "issuer and feed stand in the early-draft labels 391 and 392; put iss and sub into CWT claims (label 15), with \
         pyscitt by signing with --uses-cwt"
    );
}

#[test]
fn pyscitt_bare_receipt_in_394_is_explained() {
    let file = include_bytes!("../data/pyscitt/embed-receipt-output.cose");
    let read = TransparentStatement::parse(file, MAX).unwrap();
    // The statement is the one without the receipt, and may be registered.
    let plain = include_bytes!("../data/pyscitt/statement-cwt-x5c-es256.cose");
    assert_eq!(read.statement.canonical(), plain);
    assert_eq!(read.receipts, [Err(ReceiptError::NotWrapped)]);
    assert_eq!(
        ReceiptError::NotWrapped.to_string(),
        "the receipt in label 394 is not wrapped in a byte string, as RFC 9942 wants it"
    );
    // What was there is the real receipt, and can be used as such.
    assert_eq!(read.receipt_bytes, [include_bytes!("../data/pyscitt/rfc9162-receipt-real.cose").as_slice()]);
}

#[test]
fn cose_key_of_a_certificate_that_is_none() {
    let file = include_bytes!("../data/pyscitt/ca.pem");
    assert!(PublicKey::from_spki_der(file).is_err());
    let refused = SignedStatement::parse(file, MAX).unwrap_err();
    assert!(matches!(refused, StatementError::Malformed(MalformedStatement::Message(_))), "{refused:?}");
}
