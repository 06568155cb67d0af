use super::*;
use ledger::PrivateKey;
use proofs::cose::DigestAlgorithm;
use proofs::cose::label;
use proofs::{
    ContentType, InclusionProof, LeafIndex, ReceiptClaims, SignedStatement, Signer, StatementBuilder,
    TreeSize, UnixTime, attach, issue_inclusion, leaf_hash, node_hash,
};

/// A key for tests only: its bytes are the seed of RFC 8032 §7.1, test 1.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";

fn key() -> PrivateKey {
    PrivateKey::from_pem(KEY).unwrap()
}

fn statement() -> Vec<u8> {
    StatementBuilder::new("https://acme.example", "urn:example:model:7")
        .content_type(ContentType::Text("application/vnd.acme+json".to_owned()))
        .claim(label::CLAIM_IAT, 1_790_000_000_u64.into())
        .sign(br#"{"b":[1,2],"a":{"deep":true}}"#, &key())
        .unwrap()
}

fn receipt(statement: &[u8]) -> Vec<u8> {
    let statement = SignedStatement::parse(statement, statement.len()).unwrap();
    let leaf = leaf_hash(statement.entry_id().as_bytes());
    let neighbour = leaf_hash(b"neighbour");
    let claims = ReceiptClaims {
        issuer: "https://ts.example".to_owned(),
        subject: statement.header().subject.clone(),
        issued_at: Some(UnixTime::from_secs(1_790_000_000)),
    };
    let proof = InclusionProof { size: TreeSize::new(2), index: LeafIndex::new(1), path: vec![neighbour] };
    issue_inclusion(&claims, &proof, &leaf, &node_hash(&neighbour, &leaf), &key()).unwrap()
}

fn shown(bytes: &[u8]) -> String {
    let (kind, node) = recognise(bytes).unwrap();
    let mut lines = vec![kind.to_owned()];
    node.render(1, &mut lines);
    lines.join("\n")
}

#[test]
fn a_statement_reads_well() {
    let expected = "\
signed statement
  entry id   82f9a2e1be26fc2bd67c6dee54c5e3d5cb2c9aab3a1cb3e1f37a3b4ba1aa2fd3
  protected header (signed)
    1 (alg)           -8 (EdDSA)
    3 (content type)  application/vnd.acme+json
    4 (kid)           hm7vvWcYyIRs193-Q_x0qx2qxFOP-FFOouwtQQpBV0M (base64url)
    15 (CWT claims)
      1 (iss)  https://acme.example
      2 (sub)  urn:example:model:7
      6 (iat)  1790000000 (Mon, 21 Sep 2026 14:13:20 GMT)
  payload
    bytes  29
    content
      {
        \"b\": [
          1,
          2
        ],
        \"a\": {
          \"deep\": true
        }
      }
  signature  64 bytes, ";
    let shown = shown(&statement());
    let entry = SignedStatement::parse(&statement(), 4096).unwrap().entry_id().to_string();
    let expected =
        expected.replace("82f9a2e1be26fc2bd67c6dee54c5e3d5cb2c9aab3a1cb3e1f37a3b4ba1aa2fd3", &entry);
    assert!(shown.starts_with(&expected), "{shown}");
}

#[test]
fn a_receipt_reads_well() {
    let shown = shown(&receipt(&statement()));
    let expected = format!(
        "receipt\n  protected header (signed)\n    1 (alg)    -8 (EdDSA)\n    4 (kid)    {} (base64url)\n    15 (CWT claims)\n      \
         1 (iss)  https://ts.example\n      2 (sub)  urn:example:model:7\n      6 (iat)  1790000000 (Mon, 21 Sep 2026 14:13:20 GMT)\n    \
         395 (vds)  1 (RFC9162_SHA256)\n  inclusion proof (not signed)\n    tree size   2\n    leaf index  1\n    path\n      {}\n  \
         payload    detached: the root of the tree\n  signature  64 bytes, ",
        key().public_key().thumbprint(),
        leaf_hash(b"neighbour")
    );
    assert!(shown.starts_with(&expected), "{shown}");
}

#[test]
fn a_transparent_statement_shows_its_receipts_and_a_corrupt_one_does_not_spoil_it() {
    let bytes = statement();
    let parsed = SignedStatement::parse(&bytes, bytes.len()).unwrap();
    let whole = attach(&parsed, &[b"rubbish".to_vec(), receipt(&bytes)]);
    let shown = shown(&whole);
    assert!(shown.starts_with("transparent statement\n  entry id"), "{shown}");
    assert!(shown.contains("\n  receipt 1  no receipt: "), "{shown}");
    assert!(shown.contains("\n  receipt 2\n    protected header (signed)\n"), "{shown}");
    assert!(!shown.contains("unprotected header"), "the receipts are shown once: {shown}");
}

#[test]
fn a_hash_envelope_shows_its_digest() {
    let bytes = StatementBuilder::new("https://acme.example", "urn:example:model:7")
        .hash_envelope(
            DigestAlgorithm::Sha256.cose(),
            Some(ContentType::Id(50)),
            Some("https://acme.example/model.bin".to_owned()),
        )
        .sign(proofs::sha256(b"x").as_bytes(), &key())
        .unwrap();
    let shown = shown(&bytes);
    assert!(shown.contains("    258 (payload-hash-alg)       -16 (SHA-256)\n"), "{shown}");
    assert!(shown.contains("    260 (payload-location)       https://acme.example/model.bin\n"), "{shown}");
    let digest = proofs::sha256(b"x");
    assert!(shown.contains(&format!("    digest  SHA-256 {digest} of content kept elsewhere\n")), "{shown}");
}

#[test]
fn foreign_text_in_a_statement_cannot_drive_the_terminal() {
    let bytes = StatementBuilder::new("https://acme.example", "red \u{1b}[31m\u{202e}")
        .content_type(ContentType::Text("text/plain".to_owned()))
        .sign("one\ntwo\u{1b}[2J".as_bytes(), &key())
        .unwrap();
    let shown = shown(&bytes);
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
    assert!(shown.contains("      one\n      two\\u{1b}[2J\n"), "{shown}");
}

#[test]
fn a_key_and_a_key_set_are_told_apart_and_a_private_key_stays_private() {
    let public = key().public_key().clone();
    let kid = public.thumbprint().to_string();
    for (bytes, kind) in [
        (public.to_cose(), "COSE key\n"),
        (KeySet::new([public.clone()]).encode(), "COSE key set\n  key 1\n"),
        (public.to_pem().into_bytes(), "public key\n"),
        (public.to_jwk().to_string().into_bytes(), "public key\n"),
        (KEY.as_bytes().to_vec(), "private key; its public half\n"),
    ] {
        let shown = shown(&bytes);
        assert!(shown.starts_with(kind), "{shown}");
        assert!(shown.contains(&kid), "{shown}");
        assert!(!shown.contains("9d61b19d") && !shown.contains("nWGxne"), "{shown}");
    }
}

#[test]
fn a_checkpoint_shows_its_head() {
    let note = "ts.example/log\n3\ndQqSytq+xqmcgs59FJgSva6u9js82QFRbW1vb21AAOQ=\n\n\
                — ts.example/log AAAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QA==\n";
    let shown = shown(note.as_bytes());
    assert!(
        shown.starts_with("checkpoint\n  origin     ts.example/log\n  tree size  3\n  root       75"),
        "{shown}"
    );
    assert!(shown.contains("signed by  ts.example/log (key id 00000001), not verified here"), "{shown}");
}

#[test]
fn what_is_nothing_is_refused_in_one_line() {
    assert!(recognise(b"\xd2\x84\x40").unwrap_err().contains("byte"), "a broken COSE_Sign1 says where");
    assert!(recognise(b"").is_err());
    assert!(recognise(b"hello \xff").is_err());
    assert_eq!(recognise(b"\x83\x01\x02\x03").unwrap().0, "CBOR, of no kind that Stele knows");
}

#[test]
fn json_has_numbers_as_numbers() {
    let (_, node) = recognise(&receipt(&statement())).unwrap();
    let json = node.json();
    assert_eq!(json["inclusion proof (not signed)"]["leaf index"], 1);
    assert_eq!(json["protected header (signed)"]["1 (alg)"], -8);
}
