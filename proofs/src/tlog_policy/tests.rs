use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::checkpoint::Origin;
use crate::cose::SignFailed;
use crate::cosignature::{Cosigner, cosign};
use crate::hash::leaf_hash;
use crate::note::{NoteKeyId, ed25519_vkey};
use crate::position::{TreeHead, TreeSize};

const ORIGIN: &str = "log.example/scitt";

struct Witness(CosignerKey, SigningKey);

impl Witness {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        Self(CosignerKey::ed25519(&format!("w{seed}"), &key.verifying_key().to_bytes()).unwrap(), key)
    }
}

impl Cosigner for Witness {
    fn key(&self) -> &CosignerKey {
        &self.0
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        Ok(self.1.sign(message).to_vec())
    }
}

fn log_key() -> SigningKey {
    SigningKey::from_bytes(&[99; 32])
}

fn log_vkey() -> NoteVerifierKey {
    ed25519_vkey(ORIGIN, &log_key().verifying_key().to_bytes()).unwrap()
}

/// A checkpoint by the log, cosigned by these witnesses.
fn note(witnesses: &[u8]) -> SignedNote {
    let head = TreeHead { size: TreeSize::new(7), root: leaf_hash(b"root") };
    let checkpoint = Checkpoint { origin: Origin::new(ORIGIN).unwrap(), head };
    let text = checkpoint.text();
    let vkey = log_vkey();
    let signature = log_key().sign(text.as_bytes()).to_vec();
    let mut lines = vec![NoteSignature { name: vkey.name().clone(), key_id: vkey.id(), signature }];
    for seed in witnesses {
        let time = UnixTime::from_secs(1_790_000_000 + u64::from(*seed));
        lines.push(cosign(&text, &checkpoint, time, &Witness::new(*seed)).unwrap());
    }
    SignedNote::new(text, lines).unwrap()
}

/// A policy with this log, six witnesses and these lines.
fn policy(lines: &str) -> Result<TlogPolicy, PolicySyntaxError> {
    let witnesses: String = (1..=6)
        .map(|seed| format!("witness W{seed} {} https://w{seed}.example/\n", Witness::new(seed).0))
        .collect();
    TlogPolicy::parse(format!("log {}\n{witnesses}{lines}", log_vkey()).as_bytes())
}

fn kind(lines: &str) -> PolicyErrorKind {
    policy(lines).unwrap_err().kind
}

/// The example of the specification: two of X and any of Y.
#[test]
fn policy_the_example_of_the_specification_is_evaluated() {
    let policy =
        policy("group X 2 W1 W2 W3\ngroup Y any W4 W5 W6\ngroup both all X Y\nquorum both\n").unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    assert_eq!(policy.witnesses()[0].url.as_deref(), Some("https://w1.example/"));
    for set in 0_u32..64 {
        let has = |at: usize| set >> at & 1 == 1;
        let x = (0..3).filter(|at| has(*at)).count() >= 2;
        let y = (3..6).any(has);
        assert_eq!(policy.is_quorum(has), x && y, "{set:06b}");
    }
}

#[test]
fn proof_02_a_checkpoint_needs_its_log_and_its_quorum() {
    let policy = policy("group two 2 W1 W2 W3\nquorum two\n").unwrap();
    let verified = policy.verify(note(&[1, 3, 6]).to_string()).unwrap();
    assert_eq!(verified.checkpoint.head.size.get(), 7);
    let time = |seed: u64| UnixTime::from_secs(1_790_000_000 + seed);
    assert_eq!(verified.cosigned, [(0, time(1)), (2, time(3)), (5, time(6))]);
    let refused = |witnesses: &[u8]| policy.verify(note(witnesses).to_string()).unwrap_err();
    assert_eq!(refused(&[]), PolicyVerifyError::NoQuorum { found: 0 });
    assert_eq!(refused(&[1, 4, 5, 6]), PolicyVerifyError::NoQuorum { found: 4 });
    assert_eq!(refused(&[1, 9]), PolicyVerifyError::NoQuorum { found: 1 }, "an unknown one does not count");
    let other = LogKey::Ed25519(ed25519_vkey(ORIGIN, &Witness::new(4).1.verifying_key().to_bytes()).unwrap());
    let error = policy.verify_for(note(&[1, 2]).to_string(), &[&other]).unwrap_err();
    assert_eq!(error, PolicyVerifyError::NoTrustedLog);
}

#[test]
fn note_05_a_known_signature_that_is_wrong_spoils_the_checkpoint() {
    let policy = policy("group two 2 W1 W2 W3\nquorum two\n").unwrap();
    let whole = note(&[1, 2, 3]);
    for line in 0..4 {
        let mut lines = whole.signatures().to_vec();
        lines[line].signature[20] ^= 1;
        let error =
            policy.verify(SignedNote::new(whole.text().into(), lines).unwrap().to_string()).unwrap_err();
        match line {
            0 => assert!(matches!(error, PolicyVerifyError::BadLogSignature { .. }), "{error}"),
            _ => assert!(matches!(error, PolicyVerifyError::BadCosignature { .. }), "{error}"),
        }
    }
}

/// One witness cannot be two, neither by a line sent twice nor by a plain signature beside its cosignature.
#[test]
fn ckpt_08_a_witness_counts_once() {
    let policy = policy("group two 2 W1 W2 W3\nquorum two\n").unwrap();
    let whole = note(&[1]);
    let mut twice = whole.signatures().to_vec();
    twice.push(twice[1].clone());
    let twice = SignedNote::new(whole.text().into(), twice).unwrap();
    let error = policy.verify(twice.to_string()).unwrap_err();
    assert!(matches!(error, PolicyVerifyError::DuplicateSignature { .. }), "{error}");

    let (witness, mut lines) = (Witness::new(2), whole.signatures().to_vec());
    let key_id = NoteKeyId::ed25519(witness.0.name(), &witness.1.verifying_key().to_bytes());
    let signature = witness.1.sign(whole.text().as_bytes()).to_vec();
    lines.push(NoteSignature { name: witness.0.name().clone(), key_id, signature });
    let plain = SignedNote::new(whole.text().into(), lines).unwrap();
    let error = policy.verify(plain.to_string()).unwrap_err();
    assert_eq!(error, PolicyVerifyError::NoQuorum { found: 1 });
}

#[test]
fn policy_quorums_may_be_one_witness_or_nobody() {
    let one = policy("quorum W2\n").unwrap();
    assert!(one.needs_witnesses() && one.is_quorum(|at| at == 1) && !one.is_quorum(|at| at != 1));
    let nobody = policy("quorum none\n").unwrap();
    assert!(!nobody.needs_witnesses() && nobody.is_quorum(|_| false));
}

#[test]
fn policy_lines_may_be_spaced_empty_and_commented() {
    let text = format!("# a comment\n\n \t\n\twitness\tA  {} \n  # more\nquorum A\n", Witness::new(1).0);
    assert_eq!(TlogPolicy::parse(text.as_bytes()).unwrap().witnesses().len(), 1);
    let octets =
        [b"witness \xff\xfe ", Witness::new(1).0.to_string().as_bytes(), b"\nquorum \xff\xfe\n"].concat();
    assert_eq!(TlogPolicy::parse(&octets).unwrap().witnesses()[0].name, b"\xff\xfe");
}

#[test]
fn policy_what_is_wrong_is_named_with_its_line() {
    use PolicyErrorKind as Kind;
    let w1 = Witness::new(1).0.to_string();
    let seven = Witness::new(7).0.to_string();
    for (lines, wanted) in [
        ("", Kind::NoQuorum),
        ("quorum none\nquorum none\n", Kind::QuorumTwice),
        ("quorum W7\n", Kind::UnknownName),
        ("quorum\n", Kind::Form("quorum <name>|none")),
        ("group none 1 W1\n", Kind::NameTaken),
        ("group W1 1 W2\n", Kind::NameTaken),
        ("group G 0 W1\n", Kind::Threshold),
        ("group G 3 W1 W2\n", Kind::Threshold),
        ("group G 01 W1 W2\n", Kind::Threshold),
        ("group G some W1 W2\n", Kind::Threshold),
        ("group G 1\n", Kind::Form("group <name> <k>|any|all <member>...")),
        ("group G 1 none\n", Kind::UnknownName),
        ("group G 1 G\n", Kind::UnknownName),
        ("group G 1 W1 W1\n", Kind::MemberTwice),
        ("group G 1 W1\ngroup H 1 W1\n", Kind::MemberTwice),
        ("logs\n", Kind::Keyword),
        ("quorum none\r\n", Kind::ControlCharacter),
        ("quorum none", Kind::NotEnded),
        (&format!("witness A {w1}\n"), Kind::DuplicateKey),
        (&format!("witness none {seven}\n"), Kind::NameTaken),
        (&format!("witness W1 {seven}\n"), Kind::NameTaken),
        ("witness A\n", Kind::Form("witness <name> <vkey> [<url>]")),
        (&format!("log {}\n", log_vkey()), Kind::DuplicateKey),
        (&format!("log {seven}\n"), Kind::Key(NoteKeyError::UnsupportedType(4))),
        (&format!("witness A {}\n", log_vkey()), Kind::Key(NoteKeyError::UnsupportedType(1))),
    ] {
        assert_eq!(kind(lines), wanted, "{lines:?}");
    }
    assert_eq!(policy("quorum none\nquorum none\n").unwrap_err().line, 9);
}

/// The same key under another name is the same witness.
#[test]
fn policy_a_key_under_another_name_is_a_duplicate() {
    let renamed = CosignerKey::ed25519("other", &Witness::new(1).1.verifying_key().to_bytes()).unwrap();
    assert_eq!(kind(&format!("witness A {renamed}\n")), PolicyErrorKind::DuplicateKey);
}

#[test]
fn policy_its_length_is_bounded() {
    let lines = "\n".repeat(MAX_LINES - 8);
    assert!(policy(&format!("{lines}quorum none\n")).is_ok());
    assert_eq!(kind(&format!("{lines}\n\nquorum none\n")), PolicyErrorKind::TooLong);
    let sized = |length: usize| format!("#{}", "x".repeat(length - 1));
    let kind_of = |length: usize| TlogPolicy::parse(sized(length).as_bytes()).unwrap_err().kind;
    assert_ne!(kind_of(MAX_POLICY_LEN), PolicyErrorKind::TooLong);
    assert_eq!(kind_of(MAX_POLICY_LEN + 1), PolicyErrorKind::TooLong);
    let long = format!("#{}\nquorum none\n", "x".repeat(MAX_POLICY_LEN));
    assert_eq!(TlogPolicy::parse(long.as_bytes()).unwrap_err().kind, PolicyErrorKind::TooLong);
}

#[test]
fn policy_a_log_is_told_with_its_key_and_its_place() {
    let ml_dsa = CosignerKey::ml_dsa_44("log.example/two", &[7; 1312]).unwrap();
    let file = format!("log {} https://log.example/\nlog {ml_dsa}\nquorum none\n", log_vkey());
    let policy = TlogPolicy::parse(file.as_bytes()).unwrap();
    let [one, two] = policy.logs() else { panic!("two logs") };
    assert_eq!((one.url.as_deref(), two.url.as_deref()), (Some("https://log.example/"), None));
    assert_eq!(one.key.to_string(), log_vkey().to_string());
    assert_eq!(two.key.to_string(), ml_dsa.to_string());
    assert_eq!(one.key.public_bytes(), log_key().verifying_key().as_bytes());
    assert_eq!(two.key.public_bytes(), [7; 1312]);
    let twice = format!("log {} https://log.example/\nlog {}\nquorum none\n", log_vkey(), log_vkey());
    assert_eq!(TlogPolicy::parse(twice.as_bytes()).unwrap_err().kind, PolicyErrorKind::DuplicateKey);
}
