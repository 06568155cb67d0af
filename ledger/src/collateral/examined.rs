//! What a profile said, as collateral keeps it.
//!
//! One CBOR array: profile (tstr), whether the terms are all (bool), findings, terms, links. A finding is
//! `[id, severity (0 info, 1 warning, 2 error), pointer, message, ? as_of]`, with `as_of` (the entry's own index) for
//! log findings; a term `[number of its name, value]`; a link the beginning of an index row that no query reaches.

use std::borrow::Cow;

use ciborium::Value;

use super::CollateralError;
use crate::profile::{Examination, Finding, IndexTerm, MAX_FINDINGS, MAX_TERMS, Severity};

/// More than any examination has links.
const MAX_LINKS: usize = 8;
/// Findings of the payload and of the log together.
const MAX_ALL_FINDINGS: usize = MAX_FINDINGS * 2;

/// What a profile said about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// The profile with its version.
    pub profile: String,
    /// Whether `terms` are all there would be.
    pub complete: bool,
    /// Payload findings, then log findings.
    pub findings: Vec<Finding>,
    /// What the entry can be found by, beside issuer, subject and content type of the statement.
    pub terms: Vec<IndexTerm>,
    /// The beginnings of further index rows, which later log findings look for.
    pub links: Vec<Vec<u8>>,
}

impl Examined {
    pub(crate) fn new(examination: &Examination, log_findings: Vec<Finding>) -> Self {
        let mut findings = examination.findings.clone();
        findings.extend(log_findings);
        Self {
            profile: examination.kind.profile().to_owned(),
            complete: examination.complete,
            findings,
            terms: examination.terms.clone(),
            links: examination.links.clone(),
        }
    }

    /// Whether this is what a replay of the examination gives: the same profile, terms, and payload findings by id,
    /// severity and place. Messages may change, and log findings are another question (D18).
    #[must_use]
    pub fn says(&self, examination: &Examination) -> bool {
        let key = |finding: &Finding| (finding.id.clone(), finding.severity, finding.pointer.clone());
        let kept = self.findings.iter().filter(|finding| finding.as_of.is_none()).map(key);
        self.profile == examination.kind.profile()
            && self.complete == examination.complete
            && self.terms == examination.terms
            && self.links == examination.links
            && kept.eq(examination.findings.iter().map(key))
    }

    pub(super) fn to_value(&self) -> Value {
        let finding = |finding: &Finding| {
            let text = |text: &str| Value::Text(text.to_owned());
            let mut fields = vec![
                text(&finding.id),
                Value::from(finding.severity.code()),
                text(&finding.pointer),
                text(&finding.message),
            ];
            fields.extend(finding.as_of.map(Value::from));
            Value::Array(fields)
        };
        let term =
            |term: &IndexTerm| Value::Array(vec![Value::from(term.code), Value::Text(term.value.clone())]);
        Value::Array(vec![
            Value::Text(self.profile.clone()),
            Value::Bool(self.complete),
            Value::Array(self.findings.iter().map(finding).collect()),
            Value::Array(self.terms.iter().map(term).collect()),
            Value::Array(self.links.iter().map(|link| Value::Bytes(link.clone())).collect()),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CollateralError> {
        let [profile, complete, findings, terms, links] = exactly(value)?;
        Ok(Self {
            profile: text(profile)?,
            complete: complete.into_bool().map_err(|_| CollateralError::Shape)?,
            findings: list(findings, MAX_ALL_FINDINGS, finding)?,
            terms: list(terms, MAX_TERMS, |value| {
                let [code, value] = exactly(value)?;
                Ok(IndexTerm { code: number(code)?, value: text(value)? })
            })?,
            links: list(links, MAX_LINKS, |value| value.into_bytes().map_err(|_| CollateralError::Shape))?,
        })
    }
}

fn finding(value: Value) -> Result<Finding, CollateralError> {
    let mut fields = value.into_array().map_err(|_| CollateralError::Shape)?;
    let as_of = if fields.len() == 5 { fields.pop().map(number).transpose()? } else { None };
    let [id, severity, pointer, message] = exactly(Value::Array(fields))?;
    Ok(Finding {
        id: Cow::Owned(text(id)?),
        severity: Severity::from_code(number(severity)?).ok_or(CollateralError::Shape)?,
        pointer: text(pointer)?,
        message: text(message)?,
        as_of,
    })
}

fn exactly<const N: usize>(value: Value) -> Result<[Value; N], CollateralError> {
    let items = value.into_array().map_err(|_| CollateralError::Shape)?;
    items.try_into().map_err(|_| CollateralError::Shape)
}

fn text(value: Value) -> Result<String, CollateralError> {
    value.into_text().map_err(|_| CollateralError::Shape)
}

fn number<T: TryFrom<i128>>(value: Value) -> Result<T, CollateralError> {
    let number = value.into_integer().map_err(|_| CollateralError::Shape)?;
    T::try_from(i128::from(number)).map_err(|_| CollateralError::Shape)
}

fn list<T>(
    value: Value,
    most: usize,
    read: impl Fn(Value) -> Result<T, CollateralError>,
) -> Result<Vec<T>, CollateralError> {
    let items = value.into_array().map_err(|_| CollateralError::Shape)?;
    if items.len() > most { Err(CollateralError::Shape) } else { items.into_iter().map(read).collect() }
}
