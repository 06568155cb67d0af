//! The steps, in the order of standards §3.4.

use data_encoding::BASE64URL_NOPAD;

use super::{Check, Outcome, Report};
use crate::cose::{KeySet, PublicKey};
use crate::hash::{Hash, leaf_hash};
use crate::receipt::{Proof, Receipt};
use crate::statement::SignedStatement;
use crate::time::UnixTime;

const STATEMENT_FORM: &str = "statement form";
const RECEIPT_FORM: &str = "receipt form";
const ENTRY: &str = "entry";
const RECEIPT_KEY: &str = "receipt key";
const INCLUSION: &str = "inclusion";
const RECEIPT_SIGNATURE: &str = "receipt signature";
const SERVICE: &str = "service";
const SUBJECT: &str = "subject";
const VALIDITY: &str = "validity";
const STATEMENT_SIGNATURE: &str = "statement signature";

/// Without these a receipt proves nothing.
pub(super) const INDISPENSABLE: [&str; 3] = [INCLUSION, RECEIPT_SIGNATURE, SUBJECT];

/// How many bytes of a kid are shown.
const MAX_SHOWN: usize = 64;

/// How many keys are tried for one receipt (COSE-08).
const MAX_CANDIDATES: usize = 64;

#[derive(Default)]
struct Steps(Vec<Check>);

impl Steps {
    fn note(&mut self, name: &'static str, outcome: Outcome) {
        self.0.push(Check { name, outcome });
    }

    fn settle(&mut self, name: &'static str, result: Result<String, String>) {
        self.note(name, result.map_or_else(Outcome::Failed, Outcome::Passed));
    }
}

pub(super) fn run(
    statement: &SignedStatement,
    receipt: &[u8],
    keys: &KeySet,
    service: Option<&str>,
    issuer_key: Option<&PublicKey>,
    now: Option<UnixTime>,
) -> Report {
    let mut steps = Steps::default();
    steps.note(STATEMENT_FORM, Outcome::Passed("COSE_Sign1 with the required protected header".to_owned()));
    match Receipt::parse(receipt) {
        Ok(receipt) => {
            let form = format!("RFC 9942 {} receipt under {}", receipt.proof().name(), receipt.algorithm());
            steps.note(RECEIPT_FORM, Outcome::Passed(form));
            note_entry(&mut steps, statement);
            proof_and_signature(&mut steps, statement, &receipt, keys);
            steps.note(SERVICE, check_service(&receipt, service));
            steps.settle(SUBJECT, check_subject(&receipt, statement));
            steps.note(VALIDITY, check_validity(&receipt, now));
        }
        Err(error) => {
            steps.note(RECEIPT_FORM, Outcome::Failed(error.to_string()));
            note_entry(&mut steps, statement);
            for name in [RECEIPT_KEY, INCLUSION, RECEIPT_SIGNATURE, SERVICE, SUBJECT, VALIDITY] {
                steps.note(name, Outcome::NotChecked("the receipt could not be read".to_owned()));
            }
        }
    }
    steps.note(STATEMENT_SIGNATURE, check_statement(statement, issuer_key));
    Report { checks: steps.0 }
}

fn note_entry(steps: &mut Steps, statement: &SignedStatement) {
    let id = statement.entry_id();
    let entry = format!("entry id {id}, leaf hash {}", leaf_hash(id.as_bytes()));
    steps.note(ENTRY, Outcome::Passed(entry));
}

fn proof_and_signature(steps: &mut Steps, statement: &SignedStatement, receipt: &Receipt, keys: &KeySet) {
    let candidates = candidates(receipt, keys);
    steps.settle(RECEIPT_KEY, describe_key(&candidates, receipt));
    let root = receipt.inclusion_root(statement.entry_id().as_bytes());
    let place = match receipt.proof() {
        // Size and index are what the receipt says, not what anybody signed (RCPT-19).
        Proof::Inclusion(proof) => {
            format!("the path (as leaf {} of {}) leads to root", proof.index, proof.size)
        }
        Proof::Consistency(_) => String::new(),
    };
    steps.settle(INCLUSION, root.as_ref().map(|root| format!("{place} {root}")).map_err(ToString::to_string));
    let outcome = match (&root, candidates.is_empty()) {
        (Err(_), _) => Outcome::NotChecked("there is no root to check it over".to_owned()),
        (_, true) => Outcome::NotChecked("there is no key to check it with".to_owned()),
        (Ok(root), false) => {
            check_signature(receipt, root, &candidates).map_or_else(Outcome::Failed, Outcome::Passed)
        }
    };
    steps.note(RECEIPT_SIGNATURE, outcome);
}

/// The keys a receipt may be under: those its kid names, or without kid all of them, as far as they fit its algorithm.
fn candidates<'a>(receipt: &Receipt, keys: &'a KeySet) -> Vec<&'a PublicKey> {
    let fits = |key: &&PublicKey| key.allows(receipt.algorithm());
    match receipt.kid() {
        Some(kid) => keys.with_kid(kid).filter(fits).take(MAX_CANDIDATES).collect(),
        None => keys.iter().filter(fits).take(MAX_CANDIDATES).collect(),
    }
}

fn describe_key(candidates: &[&PublicKey], receipt: &Receipt) -> Result<String, String> {
    match (candidates, receipt.kid()) {
        ([], Some(kid)) => {
            let kid = BASE64URL_NOPAD.encode(kid.get(..MAX_SHOWN).unwrap_or(kid));
            Err(format!("no trusted key has the receipt's kid {kid} and serves {}", receipt.algorithm()))
        }
        ([], None) => Err(format!("no trusted key serves {}", receipt.algorithm())),
        ([key], Some(_)) => {
            Ok(format!("{} key {}, by the receipt's kid", key.key_type_name(), key.thumbprint()))
        }
        (_, Some(_)) => Ok(format!("{} keys have the receipt's kid", candidates.len())),
        (_, None) => Ok(format!("the receipt names no key; {} trusted keys fit", candidates.len())),
    }
}

fn check_signature(receipt: &Receipt, root: &Hash, candidates: &[&PublicKey]) -> Result<String, String> {
    let mut last = "there is no key to check it with".to_owned();
    for key in candidates {
        match receipt.verify_signature(root, key) {
            Ok(()) => return Ok(format!("signed over the root by key {}", key.thumbprint())),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

fn check_service(receipt: &Receipt, service: Option<&str>) -> Outcome {
    match (service, receipt.claims()) {
        (None, Some(claims)) => {
            Outcome::NotChecked(format!("the receipt names {:?}; no service to compare with", claims.issuer))
        }
        (None, None) => Outcome::NotChecked("the receipt names no service".to_owned()),
        (Some(_), None) => Outcome::Failed("the receipt has no claims (label 15)".to_owned()),
        (Some(service), Some(claims)) if service == claims.issuer => {
            Outcome::Passed(format!("the receipt is by {service:?}"))
        }
        (Some(service), Some(claims)) => {
            Outcome::Failed(format!("the receipt is by {:?}, not by {service:?}", claims.issuer))
        }
    }
}

fn check_subject(receipt: &Receipt, statement: &SignedStatement) -> Result<String, String> {
    let subject = &statement.header().subject;
    match receipt.claims() {
        None => Err("the receipt has no claims (label 15)".to_owned()),
        Some(claims) if claims.subject == *subject => Ok(format!("both name {subject:?}")),
        Some(claims) => {
            Err(format!("the receipt is about {:?}, the statement about {subject:?}", claims.subject))
        }
    }
}

fn check_validity(receipt: &Receipt, now: Option<UnixTime>) -> Outcome {
    let (from, until) = (receipt.not_before(), receipt.expires_at());
    match (now, from, until) {
        (_, None, None) => Outcome::Passed("the receipt has no time limit".to_owned()),
        (None, ..) => Outcome::NotChecked("the receipt is limited in time; no time to judge by".to_owned()),
        (Some(now), Some(from), _) if now < from => {
            Outcome::Failed(format!("the receipt is not valid before {from} (now {now}, Unix seconds)"))
        }
        (Some(now), _, Some(until)) if now >= until => {
            Outcome::Failed(format!("the receipt expired at {until} (now {now}, Unix seconds)"))
        }
        (Some(now), ..) => {
            Outcome::Passed(format!("within the receipt's time limits at {now} (Unix seconds)"))
        }
    }
}

fn check_statement(statement: &SignedStatement, issuer_key: Option<&PublicKey>) -> Outcome {
    let Some(key) = issuer_key else {
        return Outcome::NotChecked("no issuer key was given".to_owned());
    };
    match statement.check_signature(key) {
        Ok(_) => Outcome::Passed(format!("{:?} signed it", statement.header().issuer)),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
