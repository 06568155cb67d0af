//! What an examination gives.

use super::finding::{Finding, Findings, Severity};
use super::kind::{Enforce, Kind};
use super::probe::Probe;
use super::term::{IndexTerm, Terms};

/// What a profile says about one payload. A pure function of what it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What was examined, and by which profile.
    pub kind: Kind,
    /// The record's own subject: what `sub` of a statement that wraps it should be.
    pub subject: Option<String>,
    /// Payload findings, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What the entry can be found by.
    pub terms: Vec<IndexTerm>,
    /// Whether `terms` are all there would be.
    pub complete: bool,
    /// Digests of the record by name, in the system's own spelling.
    pub digests: Vec<(&'static str, String)>,
    /// What only the log can answer.
    pub probes: Vec<Probe>,
    /// Rows that later probes look for; no term of a query.
    pub(crate) links: Vec<Vec<u8>>,
}

impl Examination {
    /// Whether a policy that enforces so much refuses the payload.
    #[must_use]
    pub fn refuses(&self, enforce: Enforce) -> bool {
        let least = match enforce {
            Enforce::Report => return false,
            Enforce::Errors => Severity::Error,
            Enforce::Warnings => Severity::Warning,
        };
        self.findings.iter().any(|finding| finding.severity >= least)
    }

    /// The digest with this name.
    #[must_use]
    pub fn digest(&self, name: &str) -> Option<&str> {
        self.digests.iter().find(|(known, _)| *known == name).map(|(_, digest)| digest.as_str())
    }
}

/// An examination in the making.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) subject: Option<String>,
    pub(crate) findings: Findings,
    pub(crate) terms: Terms,
    pub(crate) digests: Vec<(&'static str, String)>,
    pub(crate) probes: Vec<Probe>,
    pub(crate) links: Vec<Vec<u8>>,
}

impl Draft {
    pub(crate) fn finish(self, kind: Kind) -> Examination {
        let Self { subject, mut findings, terms, digests, probes, links } = self;
        let (terms, complete) = terms.finish(&mut findings);
        Examination { kind, subject, findings: findings.finish(), terms, complete, digests, probes, links }
    }
}
