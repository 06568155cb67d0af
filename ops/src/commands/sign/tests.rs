use super::*;
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::Signer;

struct Scene {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

impl Scene {
    fn new(kind: KeyAlgorithm) -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap(), key: PrivateKey::generate(kind).unwrap() };
        files::write_secret(&scene.path("key.pem"), scene.key.to_pem().unwrap().as_bytes()).unwrap();
        std::fs::write(scene.path("file"), b"content").unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn args(&self) -> Args {
        Args {
            key: self.path("key.pem"),
            issuer: "https://acme.example".to_owned(),
            subject: "urn:example:7".to_owned(),
            content_type: "text/plain".to_owned(),
            hash_envelope: false,
            location: None,
            issued_at: None,
            x5chain: None,
            alg: None,
            output: self.path("s.cose"),
            json: true,
            file: self.path("file"),
        }
    }

    fn sign(&self, args: &Args) -> Result<SignedStatement, Failure> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        run(args, &mut Console::new(&mut out, &mut err))?;
        let bytes = std::fs::read(&args.output).unwrap();
        let statement = SignedStatement::parse(&bytes, bytes.len()).unwrap();
        let told: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(told["entry_id"], statement.entry_id().to_string());
        statement.check_signature(self.key.public_key()).unwrap();
        Ok(statement)
    }
}

#[test]
fn a_statement_holds_the_file_and_names_its_key() {
    let scene = Scene::new(KeyAlgorithm::Ed25519);
    let statement = scene.sign(&scene.args()).unwrap();
    let header = statement.header();
    assert_eq!(statement.payload(), b"content");
    assert_eq!(header.kid.as_deref(), Some(scene.key.public_key().thumbprint().as_bytes().as_slice()));
    assert_eq!(header.content_type, Some(ContentType::Text("text/plain".to_owned())));
    assert_eq!(header.claim(label::CLAIM_IAT), None);
}

#[test]
fn he_01_a_hash_envelope_holds_the_digest_type_and_place() {
    let scene = Scene::new(KeyAlgorithm::Es256);
    let mut args = scene.args();
    args.hash_envelope = true;
    args.location = Some("https://acme.example/file".to_owned());
    args.content_type = "50".to_owned();
    let statement = scene.sign(&args).unwrap();
    let envelope = statement.header().envelope.clone().unwrap();
    assert_eq!(statement.payload(), proofs::sha256(b"content").as_bytes());
    assert_eq!(envelope.preimage_content_type, Some(ContentType::Id(50)));
    assert_eq!(envelope.location.as_deref(), Some("https://acme.example/file"));
    assert_eq!(statement.header().content_type, None, "HE-04");
}

#[test]
fn he_05_the_digest_is_as_strong_as_the_signature() {
    for (kind, hash) in [
        (KeyAlgorithm::Ed25519, DigestAlgorithm::Sha256),
        (KeyAlgorithm::Es256, DigestAlgorithm::Sha256),
        (KeyAlgorithm::Es384, DigestAlgorithm::Sha384),
    ] {
        let scene = Scene::new(kind);
        let mut args = scene.args();
        args.hash_envelope = true;
        let statement = scene.sign(&args).unwrap();
        assert_eq!(statement.header().envelope.as_ref().unwrap().hash_alg, hash.cose(), "{kind:?}");
        assert_eq!(statement.payload(), hash.digest(b"content"), "{kind:?}");
    }
}

#[test]
fn scr_36_issued_at_goes_into_the_claims() {
    let scene = Scene::new(KeyAlgorithm::Ed25519);
    let mut args = scene.args();
    args.issued_at = Some("1790000000".parse().unwrap());
    let statement = scene.sign(&args).unwrap();
    assert_eq!(statement.header().claim(label::CLAIM_IAT), Some(&1_790_000_000_u64.into()));
    assert_eq!("now".parse(), Ok(IssuedAt::Now));
    assert!("soon".parse::<IssuedAt>().is_err());
}

#[test]
fn the_algorithm_can_be_chosen_where_the_key_fits() {
    let scene = Scene::new(KeyAlgorithm::Ed25519);
    let mut args = scene.args();
    args.alg = Some(algorithm("ed25519").unwrap());
    assert_eq!(scene.sign(&args).unwrap().header().algorithm, Algorithm::Ed25519);
    args.alg = Some(algorithm("ES256").unwrap());
    assert!(scene.sign(&args).unwrap_err().message.contains("cannot sign with ES256"));
    assert!(algorithm("RS256").is_err());
}

#[test]
fn what_services_would_refuse_is_not_written() {
    let scene = Scene::new(KeyAlgorithm::Ed25519);
    let mut args = scene.args();
    args.subject = "urn:stele:log:x".to_owned();
    let failure = scene.sign(&args).unwrap_err();
    assert!(failure.message.contains("services refuse"), "{}", failure.message);
    assert!(!args.output.exists());
}

#[test]
fn a_large_file_is_digested_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let content = vec![7; 300_000];
    std::fs::write(&path, &content).unwrap();
    assert_eq!(digest(&path, DigestAlgorithm::Sha256).unwrap(), proofs::sha256(&content).as_bytes());
    for algorithm in [DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        assert_eq!(digest(&path, algorithm).unwrap(), algorithm.digest(&content), "{algorithm:?}");
    }
}
