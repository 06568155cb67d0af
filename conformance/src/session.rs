//! What one run has seen so far: registrations, receipts, heads. Every receipt that any check meets is
//! verified here and joins the others, so that a contradiction between two of them is found wherever they
//! came from.

use std::collections::BTreeMap;

use ciborium::Value;
use proofs::{Hash, KeySet};

use crate::{
    cose,
    fixtures::Fixtures,
    problem::Problem,
    receipt::Receipt,
    report::Outcome,
    target::{Answer, Target, TargetError},
};

/// Why a check did not pass.
#[derive(Clone, Debug)]
pub(crate) enum Doubt {
    /// The service does not do what is asked.
    Failed(String),
    /// It cannot be seen.
    NotChecked(String),
}

/// The result of a check or of a step of it.
pub(crate) type Verdict<T = ()> = Result<T, Doubt>;

impl From<TargetError> for Doubt {
    fn from(error: TargetError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<String> for Doubt {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<&str> for Doubt {
    fn from(why: &str) -> Self {
        Self::Failed(why.to_owned())
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Ok(()) => Self::Passed,
            Err(Doubt::Failed(why)) => Self::Failed(why),
            Err(Doubt::NotChecked(why)) => Self::NotChecked(why),
        }
    }
}

/// Fails the check with a sentence unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err($crate::session::Doubt::Failed(format!($($why)+)));
        }
    };
}
pub(crate) use ensure;

/// One statement that the service says it registered.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) statement: Vec<u8>,
    pub(crate) location: String,
    pub(crate) receipt: Receipt,
    pub(crate) bytes: Vec<u8>,
}

/// The state that the checks of one run share.
pub(crate) struct Session<'a> {
    pub(crate) target: &'a Target,
    pub(crate) fixtures: &'a Fixtures,
    pub(crate) registered: Vec<Registered>,
    /// Every signed head seen: root and where it was seen, by size.
    pub(crate) heads: BTreeMap<u64, (Hash, String)>,
    /// The entry at each index that a receipt has named.
    pub(crate) entries: BTreeMap<u64, Vec<u8>>,
    used: usize,
    keys: Option<KeySet>,
}

/// Headers of an ordinary registration.
pub(crate) const REGISTER: &[(&str, &str)] =
    &[("content-type", "application/cose"), ("accept", "application/cose")];

/// Where the keys stand.
pub(crate) const KEYS: &str = "/.well-known/scitt-keys";

impl<'a> Session<'a> {
    pub(crate) fn new(target: &'a Target, fixtures: &'a Fixtures) -> Self {
        let (registered, heads, entries) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { target, fixtures, registered, heads, entries, used: 0, keys: None }
    }

    /// A statement that was not registered yet.
    pub(crate) fn fresh(&mut self) -> Verdict<Vec<u8>> {
        let next = self.fixtures.statements.get(self.used);
        let fresh = next.ok_or_else(|| Doubt::NotChecked("the fixtures hold too few statements".into()))?;
        self.used += 1;
        Ok(fresh.clone())
    }

    /// A statement to be spoiled, registered or not.
    pub(crate) fn template(&self) -> Verdict<cose::Sign1> {
        let first = self.fixtures.statements.first();
        let first = first.ok_or_else(|| Doubt::NotChecked("the fixtures hold no statement".into()))?;
        Ok(cose::Sign1::read(first)?)
    }

    pub(crate) fn keys(&mut self) -> Verdict<KeySet> {
        if let Some(known) = &self.keys {
            return Ok(known.clone());
        }
        let answer = self.target.get(KEYS, &[("accept", "application/cbor")])?;
        ensure!(answer.status == 200, "GET {KEYS} answered {}", answer.status);
        let keys =
            KeySet::parse(&answer.body).map_err(|error| format!("the key set is unusable: {error}"))?;
        self.keys = Some(keys.clone());
        Ok(keys)
    }

    /// Submits a statement; the answer may be anything.
    pub(crate) fn submit(&self, statement: &[u8]) -> Verdict<Answer> {
        Ok(self.target.post("/entries", REGISTER, statement)?)
    }

    /// Submits a statement that must be registered at once.
    pub(crate) fn register(&mut self, statement: &[u8]) -> Verdict<Registered> {
        let answer = self.submit(statement)?;
        if answer.status == 202 {
            return Err(Doubt::NotChecked("the service registers asynchronously".into()));
        }
        self.accept(statement, &answer)
    }

    /// Takes a 201 or 200 with a receipt for a statement and verifies it.
    pub(crate) fn accept(&mut self, statement: &[u8], answer: &Answer) -> Verdict<Registered> {
        ensure!(
            matches!(answer.status, 200 | 201),
            "a statement that should be registered got {}{}",
            answer.status,
            Problem::read(answer).map(|problem| format!(" {problem:?}")).unwrap_or_default()
        );
        let location = answer.header("location").ok_or("the answer has no Location")?.to_owned();
        let receipt = self.verify(statement, &answer.body)?;
        let bytes = answer.body.clone();
        let registered = Registered { statement: statement.to_vec(), location, receipt, bytes };
        self.registered.push(registered.clone());
        Ok(registered)
    }

    /// Verifies a receipt for a statement offline and notes the head that it signs.
    pub(crate) fn verify(&mut self, statement: &[u8], receipt: &[u8]) -> Verdict<Receipt> {
        let keys = self.keys()?;
        let receipt = Receipt::read(receipt)?;
        let entry = self.fixtures.leaf_rule.entry(statement)?;
        let root = receipt.verify_inclusion(&entry, &keys)?;
        let subject = subject_of(statement)?;
        ensure!(
            receipt.subject == subject,
            "the receipt's sub is {:?}, the statement's {subject:?}",
            receipt.subject
        );
        let (index, size) = receipt.inclusion()?;
        self.note_head(size, root, "a receipt")?;
        let held = self.entries.entry(index).or_insert_with(|| entry.clone());
        ensure!(*held == entry, "two entries at index {index}");
        Ok(receipt)
    }

    /// Notes a signed head; two roots at one size are a failure.
    pub(crate) fn note_head(&mut self, size: u64, root: Hash, source: &str) -> Verdict {
        if let Some((known, earlier)) = self.heads.get(&size) {
            ensure!(
                *known == root,
                "two signed roots at size {size}: {known} in {earlier}, {root} in {source}"
            );
            return Ok(());
        }
        self.heads.insert(size, (root, source.to_owned()));
        Ok(())
    }

    /// Submits something that has to be refused, and reads why.
    pub(crate) fn refused(&self, what: &str, body: &[u8], status: u16, title: &str) -> Verdict {
        let answer = self.submit(body)?;
        ensure!(
            answer.status == status,
            "{what} got {} instead of {status} {title:?}: {:?}",
            answer.status,
            Problem::read(&answer)
        );
        let problem = Problem::read(&answer)?;
        ensure!(problem.title == title, "{what} got {problem:?} instead of {title:?}");
        Ok(())
    }

    /// A registration made before, or a new one.
    pub(crate) fn any_registered(&mut self) -> Verdict<Registered> {
        match self.registered.first() {
            Some(known) => Ok(known.clone()),
            None => {
                let fresh = self.fresh()?;
                self.register(&fresh)
            }
        }
    }
}

/// The sub of a statement.
pub(crate) fn subject_of(statement: &[u8]) -> Verdict<String> {
    let header = cose::Sign1::read(statement)?.header()?;
    let claims = cose::get(&header, cose::CLAIMS).and_then(Value::as_map).ok_or("no CWT claims")?;
    Ok(cose::get(claims, 2).and_then(Value::as_text).ok_or("no sub")?.to_owned())
}
