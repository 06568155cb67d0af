use super::*;
use crate::http::scripted::{Answer, Script};
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::cose::label;
use proofs::{
    ContentType, InclusionProof, LeafIndex, ReceiptClaims, Signer, StatementBuilder, TreeSize, attach,
    issue_inclusion, leaf_hash, node_hash, sha256,
};

struct Scene {
    folder: tempfile::TempDir,
    issuer: PrivateKey,
    service: PrivateKey,
    statement: Vec<u8>,
    receipt: Vec<u8>,
}

fn scene() -> Scene {
    let issuer = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let service = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let statement = StatementBuilder::new("https://acme.example", "urn:example:7")
        .content_type(ContentType::Text("text/plain".to_owned()))
        .claim(label::CLAIM_IAT, 1_790_000_000_u64.into())
        .sign(b"content", &issuer)
        .unwrap();
    let receipt = receipt(&statement, &service);
    let scene = Scene { folder: tempfile::tempdir().unwrap(), issuer, service, statement, receipt };
    scene.write("s.cose", &scene.statement);
    scene.write("r.cose", &scene.receipt);
    scene.write("keys.cbor", &KeySet::new([scene.service.public_key().clone()]).encode());
    scene.write("issuer.pem", scene.issuer.public_key().to_pem().as_bytes());
    scene.write("content.txt", b"content");
    scene.write("other.txt", b"other");
    scene
}

fn receipt(statement: &[u8], service: &PrivateKey) -> Vec<u8> {
    let statement = SignedStatement::parse(statement, statement.len()).unwrap();
    let leaf = leaf_hash(statement.entry_id().as_bytes());
    let neighbour = sha256(b"neighbour");
    let claims = ReceiptClaims {
        issuer: "https://ts.example".to_owned(),
        subject: statement.header().subject.clone(),
        issued_at: None,
    };
    let proof = InclusionProof { size: TreeSize::new(2), index: LeafIndex::new(1), path: vec![neighbour] };
    issue_inclusion(&claims, &proof, &leaf, &node_hash(&neighbour, &leaf), service).unwrap()
}

impl Scene {
    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    /// Runs `stele verify` with these arguments; words with a dot are files of the scene.
    fn verify(&self, line: &str) -> (Result<Exit, Failure>, String) {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: Args,
        }
        let is_file = |word: &str| word.contains('.') && !word.contains("://");
        let word = |word: &str| match is_file(word) {
            true => self.folder.path().join(word).display().to_string(),
            false => word.to_owned(),
        };
        let words = std::iter::once("verify".to_owned()).chain(line.split_whitespace().map(word));
        let args = Line::try_parse_from(words).unwrap().args;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run(&args, &mut Console::new(&mut out, &mut err));
        (exit, String::from_utf8(out).unwrap())
    }
}

#[test]
fn he_06_the_content_is_a_check_of_its_own() {
    let key = PrivateKey::generate(KeyAlgorithm::Es384).unwrap();
    for hash in [
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha512_256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ] {
        let digest = hash.digest(b"content");
        let envelope = StatementBuilder::new("https://acme.example", "urn:example:7")
            .hash_envelope(hash.cose(), None, Some("https://acme.example/content".to_owned()))
            .sign(&digest, &key)
            .unwrap();
        let envelope = SignedStatement::parse(&envelope, envelope.len()).unwrap();
        // Whatever is said of the content, the signature stands, and without content nothing is said of it.
        envelope.check_signature(key.public_key()).unwrap();
        let passes = |content: &[u8]| matches!(check_content(&envelope, content).outcome, Outcome::Passed(_));
        assert!(passes(b"content"), "{hash:?}");
        assert!(!passes(b"other") && !passes(&digest) && !passes(b""), "{hash:?}");
    }
}

#[test]
fn a_registered_statement_is_valid_and_every_check_is_told() {
    let scene = scene();
    let (exit, text) = scene.verify(
        "--statement s.cose --receipt r.cose --keys keys.cbor --service https://ts.example --issuer-key issuer.pem --content content.txt",
    );
    assert_eq!(exit.unwrap(), Exit::Done, "{text}");
    for line in text.lines().filter(|line| !line.starts_with("VALID")) {
        assert!(line.starts_with("ok           "), "{text}");
    }
    for check in [
        "statement form",
        "receipt key",
        "inclusion",
        "receipt signature",
        "service",
        "subject",
        "validity",
        "statement signature",
        "content",
    ] {
        assert!(text.contains(&format!("ok           {check:19}  ")), "{check} is missing from\n{text}");
    }
    assert!(text.ends_with("VALID: the statement is registered\n"), "{text}");
}

#[test]
fn what_was_not_given_is_not_checked_and_still_valid() {
    let scene = scene();
    let (exit, text) = scene.verify("--statement s.cose --receipt r.cose --keys keys.cbor");
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(text.contains("not checked  service"), "{text}");
    assert!(text.contains("not checked  statement signature"), "{text}");
}

#[test]
fn each_failure_is_named_and_has_one_exit_code() {
    let scene = scene();
    let mut tampered = scene.statement.clone();
    let at = tampered.windows(7).position(|window| window == b"content").unwrap();
    tampered[at] ^= 1;
    scene.write("t.cose", &tampered);
    let stranger = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    scene.write("strangers.cbor", &KeySet::new([stranger.public_key().clone()]).encode());
    scene.write("rubbish.cose", b"\xd2\x84");
    for (line, part) in [
        ("--statement t.cose --receipt r.cose --keys keys.cbor", "NOT VALID: receipt signature failed"),
        ("--statement s.cose --receipt r.cose --keys strangers.cbor", "NOT VALID: receipt key failed"),
        (
            "--statement s.cose --receipt r.cose --keys keys.cbor --service https://other.example",
            "NOT VALID: service failed",
        ),
        (
            "--statement s.cose --receipt r.cose --keys keys.cbor --content other.txt",
            "NOT VALID: content failed",
        ),
        (
            "--statement s.cose --receipt r.cose --keys keys.cbor --issuer-key keys.cbor",
            "NOT VALID: statement signature failed",
        ),
        ("--statement s.cose --receipt rubbish.cose --keys keys.cbor", "NOT VALID: receipt form failed"),
        ("--statement rubbish.cose --receipt r.cose --keys keys.cbor", "NOT VALID: statement form failed"),
    ] {
        let (exit, text) = scene.verify(line);
        assert_eq!(exit.unwrap(), Exit::Refused, "{line}\n{text}");
        assert_eq!(text.lines().last().unwrap(), part, "{line}\n{text}");
    }
}

#[test]
fn one_valid_receipt_of_several_is_enough() {
    let scene = scene();
    let stranger = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let statement = SignedStatement::parse(&scene.statement, 4096).unwrap();
    let theirs = receipt(&scene.statement, &stranger);
    scene.write("both.cose", &attach(&statement, &[theirs.clone(), scene.receipt.clone()]));
    scene.write("theirs.cose", &attach(&statement, &[theirs]));
    let (exit, text) = scene.verify("both.cose --keys keys.cbor");
    assert_eq!(exit.unwrap(), Exit::Done, "{text}");
    assert!(text.contains("receipt 1 of 2\n") && text.contains("receipt 2 of 2\n"), "{text}");
    assert_eq!(scene.verify("theirs.cose --keys keys.cbor").0.unwrap(), Exit::Refused);
}

#[test]
fn json_has_one_word_for_scripts() {
    let scene = scene();
    let (_, text) = scene.verify(
        "--statement s.cose --receipt r.cose --keys keys.cbor --service https://other.example --json",
    );
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["valid"], &report["failed"]), (&false.into(), &"service".into()));
}

#[test]
fn a_plain_statement_asks_for_its_receipt() {
    let scene = scene();
    let failure = scene.verify("s.cose --keys keys.cbor").0.unwrap_err();
    assert_eq!(failure.exit, Exit::Local);
    assert!(failure.hint.unwrap().contains("--receipt"));
}

#[test]
fn scr_10_a_retired_key_is_asked_for_by_its_kid() {
    let scene = scene();
    // A set with another key, then the single key the receipt names. Leaked: the script wants static bytes.
    let current = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let set: &'static [u8] = KeySet::new([current.public_key().clone()]).encode().leak();
    let retired: &'static [u8] = scene.service.public_key().to_cose().leak();
    let answers: Vec<Answer> = vec![(200, &[], set), (200, &[], retired)];
    let script = Script::play(answers.leak());
    let (exit, text) = scene.verify(&format!("--statement s.cose --receipt r.cose --url {}", script.url));
    assert_eq!(exit.unwrap(), Exit::Done, "{text}");
    let asked = script.asked();
    assert_eq!(asked[0].line, "get /.well-known/scitt-keys");
    let kid = scene.service.public_key().thumbprint().to_string().to_ascii_lowercase();
    assert_eq!(asked[1].line, format!("get /.well-known/scitt-keys/{kid}"));
    assert!(asked.iter().all(|asked| asked.headers.contains(&"accept: application/cbor".to_owned())));
}
