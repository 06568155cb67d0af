//! `tests/data/stele`, byte for byte: statements, entry ids, leaves, receipts of both kinds under both algorithms, and the
//! transparent statement.

use proofs::{
    Algorithm, ConsistencyProof, ContentType, Hash, InclusionProof, KeySet, LeafIndex, Receipt,
    ReceiptClaims, SignedStatement, Signer, StatementBuilder, TransparentStatement, TreeSize, UnixTime,
    attach, issue_consistency, issue_inclusion, leaf_hash, log_subject, verify_transparent,
};
use serde_json::Value;

use super::support::{MAX, TestSigner, bytes, text};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../data/stele/vectors.json")).unwrap()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap()
}

fn path(value: &Value) -> Vec<Hash> {
    value["path"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap().parse().unwrap()).collect()
}

fn root(value: &Value, name: &str) -> Hash {
    text(value, name).parse().unwrap()
}

fn signer(vector: &Value) -> TestSigner {
    TestSigner::golden(Algorithm::from_cose(vector["alg"].as_i64().unwrap()).unwrap())
}

fn statement(vectors: &Value, index: u64) -> &Value {
    &vectors["statements"][usize::try_from(index).unwrap()]
}

/// The vectors' times are 1790000000 plus the leaf index, or plus the newer size.
fn claims(vectors: &Value, subject: &str, later: u64) -> ReceiptClaims {
    ReceiptClaims {
        issuer: text(vectors, "service_iss").to_owned(),
        subject: subject.to_owned(),
        issued_at: Some(UnixTime::from_secs(number(vectors, "iat") + later)),
    }
}

#[test]
fn d1_statements_entry_ids_and_leaves() {
    let vectors = vectors();
    let signer = TestSigner::golden(Algorithm::EdDsa);
    assert_eq!(signer.public_key().thumbprint().as_bytes().to_vec(), bytes(&vectors, "kid"));
    assert_eq!(vectors["statements"].as_array().unwrap().len(), 12);
    for index in 0..12 {
        let vector = statement(&vectors, index);
        let built = StatementBuilder::new("https://issuer.example", text(vector, "sub"))
            .content_type(ContentType::Text("text/plain".to_owned()))
            .sign(format!("stele vector {index}").as_bytes(), &signer)
            .unwrap();
        assert_eq!(built, bytes(vector, "cbor"));
        let statement = SignedStatement::parse(&built, MAX).unwrap();
        assert_eq!(statement.entry_id().to_string(), text(vector, "entry_id"));
        assert_eq!(statement.canonical(), built);
        assert_eq!(leaf_hash(statement.entry_id().as_bytes()).to_string(), text(vector, "leaf"));
        assert_eq!(statement.twin_id(), None);
        assert!(statement.verify(signer.public_key()).is_ok());
    }
}

#[test]
fn d2_inclusion_receipts() {
    let vectors = vectors();
    for vector in vectors["receipts"].as_array().unwrap() {
        let index = number(vector, "index");
        let statement = statement(&vectors, index);
        let claims = claims(&vectors, text(statement, "sub"), index);
        let proof = InclusionProof {
            size: TreeSize::new(number(vector, "size")),
            index: LeafIndex::new(index),
            path: path(vector),
        };
        let (leaf, root) = (root(statement, "leaf"), root(vector, "root"));
        let signer = signer(vector);
        let issued = issue_inclusion(&claims, &proof, &leaf, &root, &signer).unwrap();
        assert_eq!(issued, bytes(vector, "receipt"));
        let receipt = Receipt::parse(&issued).unwrap();
        assert_eq!(receipt.protected(), bytes(vector, "protected"));
        assert_eq!(receipt.claims(), Some(&claims));
        let entry = bytes(statement, "entry_id");
        assert_eq!(receipt.verify_inclusion(&entry, signer.public_key()), Ok(root));

        let statement = SignedStatement::parse(&bytes(statement, "cbor"), MAX).unwrap();
        let keys = KeySet::new([signer.public_key().clone()]);
        let report = verify_transparent(
            &statement,
            &issued,
            &keys,
            Some(text(&vectors, "service_iss")),
            Some(signer.public_key()),
            None,
        );
        assert!(report.is_valid(), "{report:#?}");
    }
}

#[test]
fn d2_consistency_receipts() {
    let vectors = vectors();
    let subject = log_subject(&text(&vectors, "log_id").parse().unwrap());
    for vector in vectors["consistency_receipts"].as_array().unwrap() {
        let (old, new) = (number(vector, "size1"), number(vector, "size2"));
        let claims = claims(&vectors, &subject, new);
        let proof = ConsistencyProof { old: TreeSize::new(old), new: TreeSize::new(new), path: path(vector) };
        let (root1, root2) = (root(vector, "root1"), root(vector, "root2"));
        let signer = signer(vector);
        let issued = issue_consistency(&claims, &proof, &root1, &root2, &signer).unwrap();
        assert_eq!(issued, bytes(vector, "receipt"));
        let receipt = Receipt::parse(&issued).unwrap();
        assert_eq!(receipt.protected(), bytes(vector, "protected"));
        assert_eq!(receipt.verify_consistency(&root1, signer.public_key()), Ok(root2));
        assert!(receipt.verify_consistency(&root2, signer.public_key()).is_err());
    }
}

#[test]
fn arch_49_transparent_statement_is_the_same_entry() {
    let vectors = vectors();
    let vector = bytes(&vectors, "transparent_statement_8");
    let plain = SignedStatement::parse(&bytes(statement(&vectors, 8), "cbor"), MAX).unwrap();
    let receipt = bytes(&vectors["receipts"][3], "receipt");
    assert_eq!(attach(&plain, std::slice::from_ref(&receipt)), vector);
    let read = TransparentStatement::parse(&vector, MAX).unwrap();
    assert_eq!(read.statement.entry_id(), plain.entry_id());
    assert_eq!(read.receipt_bytes, [receipt]);
    assert_eq!(SignedStatement::parse(&vector, MAX).unwrap().canonical(), plain.canonical());
}
