use std::sync::Arc;

use bytes::Bytes;
use ciborium::Value;
use proofs::{ContentType, EntryId, Label, Receipt, SignedStatement, StatementBuilder, sha256};
use storage::memory::MemoryStore;

use super::{
    DigestSubmission, MAX_RECORD_BYTES, RECORD_HEADER, SHA_256, Submission, SubmissionError, key_of,
    producer, producer_label, record, record_label,
};
use crate::control::POLICY_CT;
use crate::error::RegisterError;
use crate::governance::{BadSignature, REGISTRAR_RULE, Refusal, RegistrarFault, Rejection};
use crate::registration::Registration;
use crate::settings::Settings;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::testing::{Bench, World};
use crate::{Collateral, fsck};

const SERVICE: &str = "https://ts.example";
/// Spaces and order that any serialiser would change.
const RECORD: &[u8] = b"{ \"b\":1.0,\r\n\t\"a\" : [ ]}";

fn evidence() -> Submission {
    Submission {
        content_type: "application/vnd.example.event+json".into(),
        subject: "urn:example:agent:7".into(),
        producer: Some("tenant-7/agent".into()),
        payload: Bytes::from_static(RECORD),
        headers: vec![("ce-id".into(), Value::Text("e1".into()))],
        envelope: false,
    }
}

fn issued(bench: &mut Bench, evidence: Submission) -> (proofs::EntryId, u64, Vec<u8>) {
    let answer = bench.submit_evidence(evidence);
    let Registration::Issued { id, index, receipt } = bench.drive(answer).unwrap() else { panic!() };
    (id, index.get(), receipt)
}

fn stored(bench: &Bench, id: proofs::EntryId) -> SignedStatement {
    let bytes = bench.runtime.block_on(bench.ledger.statement(id)).unwrap();
    SignedStatement::parse(&bytes, bytes.len()).unwrap()
}

#[test]
fn d17_the_registrar_wraps_the_exact_bytes_and_names_the_producer() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let (id, _, receipt) = issued(&mut bench, evidence());
    let statement = stored(&bench, id);
    assert_eq!(statement.payload(), RECORD);
    let header = statement.header();
    assert_eq!(header.issuer, SERVICE);
    assert_eq!(header.subject, "urn:example:agent:7");
    assert_eq!(header.content_type, Some(ContentType::Text("application/vnd.example.event+json".into())));
    let registrar = world.keys.registrar.public_key();
    assert_eq!(header.kid.as_deref(), Some(&registrar.thumbprint().as_bytes()[..]));
    assert_eq!(producer(header, &bench.ledger.identity()), Some("tenant-7/agent"));
    assert_eq!(header.extra(&Label::Text("ce-id".into())), Some(&Value::Text("e1".into())));
    statement.check_signature(registrar).unwrap();
    let receipt = Receipt::parse(&receipt).unwrap();
    receipt.verify_inclusion(id.as_bytes(), world.keys.receipts.public_key()).unwrap();
    assert_eq!(receipt.claims().unwrap().subject, "urn:example:agent:7");
    let record = bench.runtime.block_on(bench.ledger.collateral(id)).unwrap();
    assert_eq!(Collateral::decode(&record).unwrap().rule.as_deref(), Some(REGISTRAR_RULE));
    drop(bench);
    assert!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().is_clean());
}

#[test]
fn d17_confidential_bytes_enter_as_their_digest() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let (id, ..) = issued(&mut bench, Submission { envelope: true, ..evidence() });
    let statement = stored(&bench, id);
    assert_eq!(statement.payload(), sha256(RECORD).as_bytes());
    let envelope = statement.header().envelope.as_ref().unwrap();
    assert_eq!(
        envelope.preimage_content_type,
        Some(ContentType::Text("application/vnd.example.event+json".into()))
    );
    assert_eq!(
        key_of(&statement, &bench.ledger.identity()),
        Some(Submission { envelope: true, ..evidence() }.key())
    );
    assert_ne!(issued(&mut bench, evidence()).0, id, "open and confidential are two entries");
}

/// A registrar with ECDSA signs the same bytes differently each time, so the entry id cannot be what tells.
fn with_random_signatures() -> World {
    World::with_registrar(Arc::new(MemoryStore::new()), KeyAlgorithm::Es256)
}

#[test]
fn d17_the_same_bytes_by_the_same_producer_are_one_entry() {
    let world = with_random_signatures();
    let mut bench = world.bare_bench(Settings::default());
    let first = issued(&mut bench, evidence());
    let size = bench.ledger.head().tree.size;
    let again = Submission { subject: "urn:example:renamed".into(), headers: Vec::new(), ..evidence() };
    let (id, index, receipt) = issued(&mut bench, again);
    assert_eq!((id, index), (first.0, first.1));
    let subject = Receipt::parse(&receipt).unwrap().claims().unwrap().subject.clone();
    assert_eq!(subject, "urn:example:agent:7", "the subject of what is registered");
    assert_eq!(bench.ledger.head().tree.size, size);
    for other in [
        Submission { producer: Some("tenant-8".into()), ..evidence() },
        Submission { producer: None, ..evidence() },
        Submission { content_type: "application/json".into(), ..evidence() },
        Submission { payload: Bytes::from_static(b"{}"), ..evidence() },
    ] {
        assert_ne!(issued(&mut bench, other).0, first.0);
    }
    drop(bench);
    assert!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().is_clean());
}

#[test]
fn d17_fifty_at_once_make_one_entry_and_fifty_answers() {
    let world = with_random_signatures();
    let mut bench = world.bare_bench(Settings::default());
    let before = bench.ledger.head().tree.size.get();
    let answers: Vec<_> = (0..50).map(|_| bench.submit_evidence(evidence())).collect();
    bench.sequencer.step().unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for answer in answers {
        let Registration::Issued { id, index, receipt } = bench.answer(answer).unwrap() else { panic!() };
        assert_eq!(index.get(), before);
        let receipt = Receipt::parse(&receipt).unwrap();
        receipt.verify_inclusion(id.as_bytes(), world.keys.receipts.public_key()).unwrap();
        ids.insert(id);
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(bench.ledger.head().tree.size.get(), before + 1);
}

#[test]
fn d17_a_restart_still_knows_what_was_registered() {
    let world = with_random_signatures();
    let first = issued(&mut world.bare_bench(Settings::default()), evidence());
    let again = issued(&mut world.bare_bench(Settings::default()), evidence());
    assert_eq!((first.0, first.1), (again.0, again.1));
}

#[test]
fn what_cannot_be_wrapped_is_said_and_nothing_is_logged() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    let size = bench.ledger.head().tree.size;
    let header = |name: &str| {
        let bad = Submission { headers: vec![(name.to_owned(), Value::Null)], ..evidence() };
        let expected: String = name.chars().take(160).collect();
        (bad, SubmissionError::Header { name: if name.len() > 160 { expected + "…" } else { expected } })
    };
    let content_type =
        |name: &str| (Submission { content_type: name.into(), ..evidence() }, SubmissionError::ContentType);
    let by = |id: &str| (Submission { producer: Some(id.into()), ..evidence() }, SubmissionError::Producer);
    let twice = vec![("a".to_owned(), Value::Null), ("a".to_owned(), Value::Null)];
    let many = (0..65).map(|n| (n.to_string(), Value::Null)).collect();
    for (bad, expected) in [
        content_type(""),
        content_type("json"),
        content_type("a/\n"),
        content_type(&format!("a/{}", "b".repeat(254))),
        content_type(POLICY_CT),
        content_type("Application/vnd.Stele.erasure+json;x=1"),
        by(""),
        by("a\u{7}"),
        by(&"a".repeat(513)),
        header("stele.producer"),
        header(""),
        header(&"h".repeat(129)),
        (Submission { headers: twice, ..evidence() }, SubmissionError::Header { name: "a".into() }),
        (Submission { headers: many, ..evidence() }, SubmissionError::TooManyHeaders),
    ] {
        let answer = bench.submit_evidence(bad);
        match bench.drive(answer) {
            Err(RegisterError::Submission(error)) => assert_eq!(error, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
    let reserved = Submission { subject: "urn:stele:policy".into(), ..evidence() };
    let answer = bench.submit_evidence(reserved);
    assert!(matches!(
        bench.drive(answer),
        Err(RegisterError::Refused(Refusal::Rejected(Rejection::ReservedSubject { .. })))
    ));
    assert_eq!(bench.ledger.head().tree.size, size);
}

fn in_the_name_of_the_service(claimed: &proofs::PublicKey) -> StatementBuilder {
    StatementBuilder::new(SERVICE, "urn:example:1")
        .content_type(ContentType::Text("application/json".into()))
        .extra(Label::Int(4), Value::Bytes(claimed.thumbprint().as_bytes().to_vec()))
}

#[test]
fn nobody_else_registers_in_the_name_of_the_service() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let stranger = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let own = in_the_name_of_the_service(proofs::Signer::public_key(&stranger));
    let refused = bench.register(own.sign(b"{}", &stranger).unwrap());
    assert!(matches!(
        refused,
        Err(RegisterError::Refused(Refusal::Rejected(Rejection::ReservedIssuer { .. })))
    ));
    let claimed = in_the_name_of_the_service(world.keys.registrar.public_key());
    let refused = bench.register(claimed.sign(b"{}", &stranger).unwrap());
    let Err(RegisterError::Refused(Refusal::InvalidSignature(BadSignature::Signature { rule, .. }))) =
        refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(rule, REGISTRAR_RULE);
    // The operator's key signs control statements and nothing else.
    let operator = in_the_name_of_the_service(proofs::Signer::public_key(&world.operator));
    assert!(bench.register(operator.sign(b"{}", &world.operator).unwrap()).is_err());
}

#[test]
fn the_registrar_key_registers_no_control_statement_and_no_malformed_one() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let registrar = world.keys.registrar.as_ref();
    let built = || in_the_name_of_the_service(registrar.public_key());
    let policy = built().content_type(ContentType::Text(POLICY_CT.into())).sign(b"{}", registrar).unwrap();
    assert!(matches!(
        bench.register(policy),
        Err(RegisterError::Refused(Refusal::Rejected(Rejection::Control(_))))
    ));
    for (statement, fault) in [
        (built().content_type(ContentType::Id(50)), RegistrarFault::ContentType),
        (built().extra(producer_label(), Value::from(7)), RegistrarFault::Producer),
        (built().extra(producer_label(), Value::Text(String::new())), RegistrarFault::Producer),
    ] {
        match bench.register(statement.sign(b"{}", registrar).unwrap()) {
            Err(RegisterError::Refused(Refusal::Rejected(Rejection::Registrar(found)))) => {
                assert_eq!(found, fault);
            }
            other => panic!("{fault:?}: {other:?}"),
        }
    }
}

#[test]
fn the_policys_size_limit_is_the_registrars_too() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let policy = world.policy_with(&bench.ledger, |policy| policy.max_statement_bytes = 600);
    bench.must(policy);
    let large = Submission { payload: Bytes::from(vec![b'x'; 600]), ..evidence() };
    let answer = bench.submit_evidence(large);
    assert!(matches!(bench.drive(answer), Err(RegisterError::Refused(Refusal::TooLarge { limit: 600 }))));
    issued(&mut bench, evidence());
    // To the byte.
    let registrar = world.keys.registrar.as_ref();
    let of = |length: usize| {
        let built = in_the_name_of_the_service(registrar.public_key());
        let built = built.content_type(ContentType::Text("text/plain".into()));
        built.sign(&vec![b'x'; length], registrar).unwrap()
    };
    let fits = 300 + 600 - of(300).len();
    assert_eq!(of(fits).len(), 600);
    assert!(matches!(
        bench.register(of(fits + 1)),
        Err(RegisterError::Refused(Refusal::TooLarge { limit: 600 }))
    ));
    bench.register(of(fits)).unwrap();
}

#[test]
fn a_producer_named_by_anybody_else_does_not_count() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let statement = StatementBuilder::new(crate::testing::ISSUER, "urn:example:1")
        .content_type(ContentType::Text("application/json".into()))
        .extra(producer_label(), Value::Text("tenant-7/agent".into()))
        .sign(b"{}", &world.issuer)
        .unwrap();
    let (id, ..) = bench.must(statement);
    let statement = stored(&bench, id);
    let identity = bench.ledger.identity();
    assert_eq!(producer(statement.header(), &identity), None);
    assert_eq!(key_of(&statement, &identity), None);
}

fn digest() -> DigestSubmission {
    DigestSubmission {
        content_type: "application/octet-stream".into(),
        subject: "urn:sha256:x".into(),
        producer: Some("tenant-7".into()),
        digest: sha256(RECORD),
        record: Bytes::from_static(b"what was said"),
    }
}

fn digest_issued(bench: &mut Bench, digest: DigestSubmission) -> EntryId {
    let answer = bench.submit_digest(digest);
    match bench.drive(answer).unwrap() {
        Registration::Issued { id, .. } => id,
        Registration::Committed { .. } => panic!("a receipt was asked for"),
    }
}

#[test]
fn a_digest_enters_with_what_was_said_about_it() {
    let world = with_random_signatures();
    let mut bench = world.bare_bench(Settings::default());
    let id = digest_issued(&mut bench, digest());
    let statement = stored(&bench, id);
    let identity = bench.ledger.identity();
    assert_eq!(statement.payload(), sha256(RECORD).as_bytes());
    assert!(statement.header().envelope.is_some());
    assert_eq!(record(statement.header(), &identity), Some(&b"what was said"[..]));
    assert_eq!(producer(statement.header(), &identity), Some("tenant-7"));
    assert_eq!(key_of(&statement, &identity), Some(digest().key()));

    assert_eq!(digest_issued(&mut bench, digest()), id, "a retry is the same entry");
    let other = DigestSubmission { record: Bytes::from_static(b"something else"), ..digest() };
    let other = digest_issued(&mut bench, other);
    assert_ne!(other, id, "two things said about one digest are two entries");
    let plain = Submission { content_type: "application/octet-stream".into(), envelope: true, ..evidence() };
    let plain = Submission { producer: Some("tenant-7".into()), ..plain };
    assert_ne!(plain.key(), digest().key(), "nor is it the digest of bytes that were sent");
    drop(bench);
    assert!(fsck(world.store.as_ref(), &mut |_| {}).unwrap().is_clean());
}

#[test]
fn what_comes_with_a_digest_is_bounded() {
    let world = World::new();
    let mut bench = world.bare_bench(Settings::default());
    for (wrong, error) in [
        (DigestSubmission { record: Bytes::new(), ..digest() }, SubmissionError::Record),
        (
            DigestSubmission { record: vec![0; MAX_RECORD_BYTES + 1].into(), ..digest() },
            SubmissionError::Record,
        ),
        (DigestSubmission { producer: Some(String::new()), ..digest() }, SubmissionError::Producer),
        (DigestSubmission { content_type: "text".into(), ..digest() }, SubmissionError::ContentType),
    ] {
        let answer = bench.submit_digest(wrong);
        match bench.drive(answer) {
            Err(RegisterError::Submission(found)) => assert_eq!(found, error),
            other => panic!("{other:?}"),
        }
    }
    digest_issued(&mut bench, DigestSubmission { record: vec![0; MAX_RECORD_BYTES].into(), ..digest() });

    // The registrar's key around a record that is none.
    let identity = bench.ledger.identity();
    let forged = |value: Value, envelope: bool| {
        let builder = StatementBuilder::new(&identity.genesis.issuer, "urn:x").extra(record_label(), value);
        let content_type = ContentType::Text("application/octet-stream".into());
        let builder = if envelope {
            builder.hash_envelope(SHA_256, Some(content_type), None)
        } else {
            builder.content_type(content_type)
        };
        builder.sign(sha256(RECORD).as_bytes(), world.keys.registrar.as_ref()).unwrap()
    };
    for (value, envelope) in [
        (Value::Text("x".into()), true),
        (Value::Bytes(Vec::new()), true),
        (Value::Bytes(vec![0; MAX_RECORD_BYTES + 1]), true),
        (Value::Bytes(vec![0]), false),
    ] {
        match bench.register(forged(value, envelope)) {
            Err(RegisterError::Refused(refusal)) => {
                assert!(refusal.to_string().contains(RECORD_HEADER), "{refusal}");
            }
            other => panic!("{other:?}"),
        }
    }
}
