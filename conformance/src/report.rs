//! What a run found, as text for a person and as JSON for a script.

use std::fmt;

use serde::Serialize;

/// How one check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// The service does what the requirements ask.
    Passed,
    /// It does not.
    Failed(String),
    /// The service or the fixtures do not let this be seen.
    NotChecked(String),
}

/// One check and its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The name of the check; it starts with the ids of its requirements.
    pub check: &'static str,
    /// The requirements concerned, for instance `SCR-23`.
    pub requirements: Vec<String>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// All findings of a run, in the order of the checks.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The service's URL.
    pub target: String,
    /// One finding a check.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether no check failed. A check that could not be made is no failure; see [`Report::not_checked`].
    pub fn is_conformant(&self) -> bool {
        self.failed().next().is_none()
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.outcome, Outcome::Failed(_)))
    }

    /// The checks that could not be made.
    pub fn not_checked(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.outcome, Outcome::NotChecked(_)))
    }

    /// The report as one JSON object: `{target, findings: [{check, requirements, outcome, why?}]}`.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.target)?;
        for finding in &self.findings {
            match &finding.outcome {
                Outcome::Passed => writeln!(out, "  passed       {}", finding.check)?,
                Outcome::Failed(why) => writeln!(out, "  FAILED       {}: {why}", finding.check)?,
                Outcome::NotChecked(why) => writeln!(out, "  not checked  {}: {why}", finding.check)?,
            }
        }
        let (all, failed) = (self.findings.len(), self.failed().count());
        let open = self.not_checked().count();
        write!(out, "{all} checks: {} passed, {failed} failed, {open} not checked", all - failed - open)
    }
}
