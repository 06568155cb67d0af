//! What `stele verify` tells.

use super::tlog;
use crate::console::printable;
use proofs::{Check, EntryId, Outcome, Report};
use serde_json::json;

/// Everything that was found.
pub(super) struct Verdict {
    entry_id: Option<EntryId>,
    reports: Vec<Report>,
    content: Option<Check>,
    /// Whether the report is about a tlog-proof.
    proof: bool,
}

impl Verdict {
    pub(super) fn new(entry_id: EntryId, reports: Vec<Report>, content: Option<Check>) -> Self {
        Self { entry_id: Some(entry_id), reports, content, proof: false }
    }

    /// What was found about a tlog-proof.
    pub(super) fn of_proof(entry_id: EntryId, report: Report, content: Option<Check>) -> Self {
        Self { entry_id: Some(entry_id), reports: vec![report], content, proof: true }
    }

    /// There is no statement to check anything of.
    pub(super) fn unreadable(why: String) -> Self {
        let form = Check { name: "statement form", outcome: Outcome::Failed(why) };
        Self { entry_id: None, reports: vec![Report { checks: vec![form] }], content: None, proof: false }
    }

    /// One valid receipt, and nothing else that failed.
    pub(super) fn is_valid(&self) -> bool {
        self.reports.iter().any(|report| self.holds(report)) && !self.content.iter().any(has_failed)
    }

    fn holds(&self, report: &Report) -> bool {
        if self.proof { tlog::is_valid(report) } else { report.is_valid() }
    }

    /// For a person: a line a check, and the verdict last.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        let several = self.reports.len() > 1;
        for (number, report) in (1..).zip(&self.reports) {
            if several {
                lines.push(format!("receipt {number} of {}", self.reports.len()));
            }
            lines.extend(report.checks.iter().map(line));
        }
        lines.extend(self.content.iter().map(line));
        lines.push(match (self.is_valid(), self.failure()) {
            (true, _) => "VALID: the statement is registered".to_owned(),
            (false, Some(check)) => format!("NOT VALID: {} failed", check.name),
            (false, None) => "NOT VALID: too little could be checked".to_owned(),
        });
        lines.join("\n")
    }

    fn failure(&self) -> Option<&Check> {
        let in_receipts = self.reports.iter().find_map(Report::first_failure);
        self.content.iter().find(|check| has_failed(check)).or(in_receipts)
    }

    /// For a script.
    pub(super) fn json(&self) -> serde_json::Value {
        let receipts: Vec<_> = self
            .reports
            .iter()
            .map(|report| {
                json!({ "valid": self.holds(report), "checks": report.checks.iter().map(as_json).collect::<Vec<_>>() })
            })
            .collect();
        json!({
            "valid": self.is_valid(),
            "entry_id": self.entry_id.map(|id| id.to_string()),
            (if self.proof { "proofs" } else { "receipts" }): receipts,
            "content": self.content.as_ref().map(as_json),
            "failed": self.failure().filter(|_| !self.is_valid()).map(|check| check.name),
        })
    }
}

const fn has_failed(check: &Check) -> bool {
    matches!(check.outcome, Outcome::Failed(_))
}

fn line(check: &Check) -> String {
    let word = match check.outcome {
        Outcome::Passed(_) => "ok",
        Outcome::Failed(_) => "FAILED",
        Outcome::NotChecked(_) => "not checked",
    };
    format!("{word:11}  {:19}  {}", check.name, printable(check.outcome.text()))
}

fn as_json(check: &Check) -> serde_json::Value {
    let word = match check.outcome {
        Outcome::Passed(_) => "ok",
        Outcome::Failed(_) => "failed",
        Outcome::NotChecked(_) => "not checked",
    };
    json!({ "check": check.name, "outcome": word, "detail": check.outcome.text() })
}
