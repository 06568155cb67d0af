//! One thing that an examination found.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

/// The most findings of one examination; what is beyond is counted by one last finding.
pub const MAX_FINDINGS: usize = 64;
/// The longest JSON pointer of a finding, in bytes; a longer one is cut.
pub const MAX_POINTER_BYTES: usize = 256;
/// The longest message of a finding, in bytes; a longer one is cut.
pub const MAX_MESSAGE_BYTES: usize = 256;

/// Says that there were more findings than are kept.
const TOO_MANY: &str = "FINDINGS_TRUNCATED";

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A rule of the system that its real clients break, or that a reader should weigh.
    Warning,
    /// The system's own rules say that this is not one of its records.
    Error,
}

impl Severity {
    /// The number that collateral keeps.
    pub(crate) const fn code(self) -> u64 {
        match self {
            Self::Info => 0,
            Self::Warning => 1,
            Self::Error => 2,
        }
    }

    pub(crate) const fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(Self::Info),
            1 => Some(Self::Warning),
            2 => Some(Self::Error),
            _ => None,
        }
    }
}

/// One thing that an examination found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is: the source system's id, or ours.
    pub id: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// Where in the payload: a JSON pointer (RFC 6901), empty for the whole of it; at most [`MAX_POINTER_BYTES`].
    pub pointer: String,
    /// A sentence for a person; at most [`MAX_MESSAGE_BYTES`]. It repeats no value of the payload.
    pub message: String,
    /// For a log finding: it is about the entries with a smaller index than this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<u64>,
}

impl Finding {
    /// A finding; pointer and message are cut to their bounds.
    pub(crate) fn new(
        id: &'static str,
        severity: Severity,
        pointer: impl Into<String>,
        message: impl fmt::Display,
    ) -> Self {
        Self {
            id: Cow::Borrowed(id),
            severity,
            pointer: cut(pointer.into(), MAX_POINTER_BYTES),
            message: cut(message.to_string(), MAX_MESSAGE_BYTES),
            as_of: None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the payload" } else { &self.pointer };
        write!(f, "{} at {place}: {}", self.id, self.message)
    }
}

/// Leaves at most so many of them, the worst; how many went.
pub(crate) fn keep_worst(findings: &mut Vec<Finding>, most: usize) -> usize {
    let left_out = findings.len().saturating_sub(most);
    if left_out > 0 {
        findings.sort_by_key(|finding| Reverse(finding.severity));
        findings.truncate(most);
        findings.shrink_to_fit();
    }
    left_out
}

/// Findings as they come, bounded.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    dropped: Option<(usize, Severity)>,
}

impl Findings {
    pub(crate) fn error(&mut self, id: &'static str, pointer: impl Into<String>, message: impl fmt::Display) {
        self.push(Finding::new(id, Severity::Error, pointer, message));
    }

    pub(crate) fn warning(
        &mut self,
        id: &'static str,
        pointer: impl Into<String>,
        message: impl fmt::Display,
    ) {
        self.push(Finding::new(id, Severity::Warning, pointer, message));
    }

    pub(crate) fn info(&mut self, id: &'static str, pointer: impl Into<String>, message: impl fmt::Display) {
        self.push(Finding::new(id, Severity::Info, pointer, message));
    }

    pub(crate) fn push(&mut self, finding: Finding) {
        // One place is kept for the finding that says how many are missing.
        if self.kept.len() < MAX_FINDINGS.saturating_sub(1) {
            self.kept.push(finding);
        } else {
            let (count, worst) = self.dropped.unwrap_or((0, Severity::Info));
            self.dropped = Some((count.saturating_add(1), worst.max(finding.severity)));
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.dropped.is_some()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.kept.iter().any(|finding| finding.severity == Severity::Error)
            || self.dropped.is_some_and(|(_, worst)| worst == Severity::Error)
    }

    pub(crate) fn finish(self) -> Vec<Finding> {
        let mut kept = self.kept;
        if let Some((_, worst)) = self.dropped {
            // Not how many: loops stop early once the list is full, so the number would mean nothing.
            kept.push(Finding::new(TOO_MANY, worst, "", "there are more findings than are kept"));
        }
        kept
    }
}

fn cut(text: String, bytes: usize) -> String {
    if text.len() > bytes { shortened(&text, bytes) } else { text }
}

/// At most `bytes` of `text`, cut between two characters.
pub(crate) fn shortened(text: &str, bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}
