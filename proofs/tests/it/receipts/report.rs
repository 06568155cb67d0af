//! The report that `stele verify` prints: which check fails for which lie.

use ciborium::Value;
use proofs::tree::{ConsistencyError, InclusionError};
use proofs::{
    KeySet, Outcome, ReceiptError, Report, SignatureError, Signer, UnixTime, attach, issue_consistency,
    log_subject, verify_transparent,
};

use super::{Draft, Log, consistency_value, inclusion_value};

const SERVICE: &str = "https://ts.example";

fn keys(log: &Log) -> KeySet {
    KeySet::new([log.service.public_key().clone()])
}

fn at(secs: u64) -> Option<UnixTime> {
    Some(UnixTime::from_secs(secs))
}

fn verify(log: &Log, leaf: usize, receipt: &[u8]) -> Report {
    let issuer = Some(log.issuer.public_key());
    verify_transparent(&log.statements[leaf], receipt, &keys(log), Some(SERVICE), issuer, at(100))
}

fn names(report: &Report) -> Vec<&'static str> {
    report.checks.iter().map(|check| check.name).collect()
}

fn outcome<'a>(report: &'a Report, name: &str) -> &'a Outcome {
    &report.checks.iter().find(|check| check.name == name).unwrap().outcome
}

fn fails_at(report: &Report, name: &str) {
    assert!(!report.is_valid());
    let failure = report.first_failure().unwrap();
    assert_eq!(failure.name, name, "{report:#?}");
    assert!(failure.to_string().starts_with(&format!("{name}: FAILED: ")));
}

const ORDER: [&str; 10] = [
    "statement form",
    "receipt form",
    "entry",
    "receipt key",
    "inclusion",
    "receipt signature",
    "service",
    "subject",
    "validity",
    "statement signature",
];

#[test]
fn a_good_receipt_passes_every_check() {
    let log = Log::new(9);
    let report = verify(&log, 4, &log.receipt(4, 9));
    assert_eq!(names(&report), ORDER);
    assert!(report.is_valid());
    assert!(report.checks.iter().all(|check| matches!(check.outcome, Outcome::Passed(_))), "{report:#?}");
    assert_eq!(report.first_failure(), None);
    assert!(outcome(&report, "entry").text().contains(&log.id(4).to_string()));
    assert!(outcome(&report, "inclusion").text().contains(&log.root(9).to_string()));
}

#[test]
fn a_report_is_valid_with_what_is_indispensable_and_without_a_failure() {
    let log = Log::new(9);
    let good = verify(&log, 4, &log.receipt(4, 9));
    for at in 0..good.checks.len() {
        let judged = |outcome: Outcome| {
            let mut report = good.clone();
            report.checks[at].outcome = outcome;
            report.is_valid()
        };
        let name = good.checks[at].name;
        let indispensable = ["inclusion", "receipt signature", "subject"].contains(&name);
        assert_eq!(judged(Outcome::NotChecked("why".to_owned())), !indispensable, "{name}");
        assert!(!judged(Outcome::Failed("why".to_owned())), "{name}");
        let mut shorter = good.clone();
        shorter.checks.remove(at);
        assert_eq!(shorter.is_valid(), !indispensable, "{name}");
    }
}

#[test]
fn what_is_not_given_is_not_checked() {
    let log = Log::new(9);
    let report = verify_transparent(&log.statements[4], &log.receipt(4, 9), &keys(&log), None, None, None);
    assert!(report.is_valid());
    for name in ["service", "statement signature"] {
        assert!(matches!(outcome(&report, name), Outcome::NotChecked(_)));
    }
    // Without a limit there is nothing to check a time against.
    assert!(matches!(outcome(&report, "validity"), Outcome::Passed(_)));
    assert!(report.checks.last().unwrap().to_string().starts_with("statement signature: not checked: "));
}

#[test]
fn an_unreadable_receipt_leaves_the_rest_unchecked() {
    let log = Log::new(9);
    let report = verify(&log, 4, b"junk");
    fails_at(&report, "receipt form");
    assert_eq!(names(&report), ORDER);
    assert!(matches!(outcome(&report, "receipt signature"), Outcome::NotChecked(_)));
    assert!(matches!(outcome(&report, "statement signature"), Outcome::Passed(_)));
    let ccf = Draft::of(&log, 4, 9).with(395, 2).sign(&log, &log.root(9));
    let report = verify(&log, 4, &ccf);
    fails_at(&report, "receipt form");
    assert!(outcome(&report, "receipt form").text().contains("unknown vds 2"));
}

#[test]
fn scr_17_the_key_is_found_by_kid() {
    let log = Log::new(9);
    let empty = KeySet::default();
    let receipt = log.receipt(4, 9);
    let report = verify_transparent(&log.statements[4], &receipt, &empty, None, None, None);
    fails_at(&report, "receipt key");
    assert!(matches!(outcome(&report, "receipt signature"), Outcome::NotChecked(_)));
    // The right key under another name does not count, a receipt without a kid may use any.
    let other_name = Draft::of(&log, 4, 9).with(4, Value::Bytes(b"x".to_vec())).sign(&log, &log.root(9));
    fails_at(&verify(&log, 4, &other_name), "receipt key");
    let nameless = Draft::of(&log, 4, 9).without(4).sign(&log, &log.root(9));
    assert!(verify(&log, 4, &nameless).is_valid());
    let stranger = KeySet::new([log.issuer.public_key().clone()]);
    let report = verify_transparent(&log.statements[4], &nameless, &stranger, None, None, None);
    fails_at(&report, "receipt signature");
}

#[test]
fn cose_08_every_key_of_that_name_is_tried() {
    let log = Log::new(9);
    let mut keys = KeySet::default();
    let kid = log.service.public_key().thumbprint().as_bytes().to_vec();
    keys.insert(kid.clone(), log.issuer.public_key().clone());
    keys.insert(kid, log.service.public_key().clone());
    let report = verify_transparent(&log.statements[4], &log.receipt(4, 9), &keys, None, None, None);
    assert!(report.is_valid(), "{report:#?}");
}

#[test]
fn cose_10_a_key_bound_to_another_algorithm_is_no_candidate() {
    let log = Log::under(9, proofs::Algorithm::Es256);
    let report = verify(&log, 4, &log.receipt(4, 9));
    assert!(report.is_valid());
    let receipt = Draft::of(&log, 4, 9).with(1, -8).sign(&log, &log.root(9));
    fails_at(&verify(&log, 4, &receipt), "receipt key");
}

#[test]
fn another_statements_receipt() {
    let log = Log::new(9);
    fails_at(&verify(&log, 5, &log.receipt(4, 9)), "receipt signature");
    let mut report = verify(&log, 5, &log.receipt(4, 9));
    assert!(matches!(outcome(&report, "subject"), Outcome::Failed(_)));
    report.checks.clear();
    assert!(!report.is_valid());
}

#[test]
fn a_path_that_leads_nowhere() {
    let log = Log::new(9);
    let mut proof = log.inclusion(4, 9);
    proof.path.pop();
    let receipt = Draft::of(&log, 4, 9).proofs(-1, vec![inclusion_value(&proof)]).sign(&log, &log.root(9));
    let report = verify(&log, 4, &receipt);
    fails_at(&report, "inclusion");
    assert!(matches!(outcome(&report, "receipt signature"), Outcome::NotChecked(_)));
}

/// ARCH-43: the signature covers the root and the subject, the proof is for another leaf of the same tree.
#[test]
fn rcpt_20_only_the_subject_tells_a_swapped_proof() {
    let log = Log::new(9);
    let swapped = Draft::of(&log, 4, 9)
        .proofs(-1, vec![inclusion_value(&log.inclusion(5, 9))])
        .sign(&log, &log.root(9));
    let report = verify(&log, 5, &swapped);
    fails_at(&report, "subject");
    assert!(matches!(outcome(&report, "receipt signature"), Outcome::Passed(_)));
}

#[test]
fn d2_a_consistency_receipt_is_no_inclusion_receipt() {
    let log = Log::new(9);
    let mut claims = log.claims(4);
    claims.subject = log_subject(&log.id(0));
    let proof = log.consistency(4, 9);
    let issued = issue_consistency(&claims, &proof, &log.root(4), &log.root(9), &log.service).unwrap();
    let report = verify(&log, 4, &issued);
    fails_at(&report, "inclusion");
    // Relabelled as inclusion, its signature stands and its subject gives it away.
    let relabelled = Draft::of(&log, 4, 9).claim(2, claims.subject.as_str()).sign(&log, &log.root(9));
    fails_at(&verify(&log, 4, &relabelled), "subject");
    let with_proof =
        Draft::of(&log, 4, 9).proofs(-2, vec![consistency_value(&proof)]).sign(&log, &log.root(9));
    fails_at(&verify(&log, 4, &with_proof), "inclusion");
}

#[test]
fn arch_43_another_service() {
    let log = Log::new(9);
    let receipt = Draft::of(&log, 4, 9).claim(1, "https://other.example").sign(&log, &log.root(9));
    fails_at(&verify(&log, 4, &receipt), "service");
    let without = Draft::of(&log, 4, 9).without(15).sign(&log, &log.root(9));
    fails_at(&verify(&log, 4, &without), "service");
    // Nothing says what such a receipt is about, whoever made it.
    let report = verify_transparent(&log.statements[4], &without, &keys(&log), None, None, None);
    fails_at(&report, "subject");
}

#[test]
fn rcpt_11_time_limits() {
    let log = Log::new(9);
    let limited = Draft::of(&log, 4, 9).claim(5, 50).claim(4, 200).sign(&log, &log.root(9));
    let judged = |now: Option<UnixTime>| {
        verify_transparent(&log.statements[4], &limited, &keys(&log), Some(SERVICE), None, now)
    };
    for (secs, valid) in [(0, false), (49, false), (50, true), (199, true), (200, false), (u64::MAX, false)] {
        assert_eq!(judged(at(secs)).is_valid(), valid, "{secs}");
    }
    fails_at(&judged(at(49)), "validity");
    fails_at(&judged(at(200)), "validity");
    assert!(matches!(outcome(&judged(None), "validity"), Outcome::NotChecked(_)));
    let expiring = Draft::of(&log, 4, 9).claim(4, 200).sign(&log, &log.root(9));
    let report = verify_transparent(&log.statements[4], &expiring, &keys(&log), None, None, at(300));
    fails_at(&report, "validity");
}

#[test]
fn the_statements_own_signature() {
    let log = Log::new(9);
    let wrong = Some(log.service.public_key());
    let receipt = log.receipt(4, 9);
    let report = verify_transparent(&log.statements[4], &receipt, &keys(&log), Some(SERVICE), wrong, None);
    fails_at(&report, "statement signature");
}

#[test]
fn a_transparent_statement_is_verified_without_its_receipts() {
    let log = Log::new(9);
    let bytes = attach(&log.statements[4], &[log.receipt(4, 9)]);
    let read = proofs::TransparentStatement::parse(&bytes, crate::it::support::MAX).unwrap();
    let report = verify_transparent(
        &read.statement,
        &read.receipt_bytes[0],
        &keys(&log),
        Some(SERVICE),
        Some(log.issuer.public_key()),
        None,
    );
    assert!(report.is_valid(), "{report:#?}");
}

#[test]
fn every_receipt_error_has_a_kind() {
    for (error, kind) in [
        (ReceiptError::UnknownVds(2), "unverifiable"),
        (ReceiptError::Inclusion(InclusionError::RootMismatch), "proof"),
        (ReceiptError::Consistency(ConsistencyError::OldRootMismatch), "proof"),
        (ReceiptError::DifferentRoots, "proof"),
        (ReceiptError::PayloadMismatch, "payload"),
        (ReceiptError::Signature(SignatureError::Invalid), "signature"),
        (ReceiptError::OtherProof { wanted: "inclusion", found: "consistency" }, "other_proof"),
        (ReceiptError::NoVds, "malformed"),
    ] {
        assert_eq!(error.kind(), kind, "{error:?}");
    }
}
