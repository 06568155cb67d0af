//! What a producer may write.

use serde::{Deserialize, Serialize};

use crate::profile::System;

/// The longest prefix of subjects, in bytes.
const MAX_PREFIX_BYTES: usize = 1024;

/// Systems and subjects that a producer may write about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Records of these systems; `None` for all.
    pub systems: Option<Vec<System>>,
    /// Records about these subjects; `None` for all.
    pub subjects: Option<Vec<SubjectPrefix>>,
}

impl Scope {
    pub(crate) fn admits_system(&self, system: System) -> bool {
        self.systems.as_ref().is_none_or(|systems| systems.contains(&system))
    }

    /// Whether it reaches this subject.
    #[must_use]
    pub fn admits_subject(&self, subject: &str) -> bool {
        self.subjects.as_ref().is_none_or(|all| all.iter().any(|prefix| prefix.admits(subject)))
    }
}

/// The beginning of subjects, by whole components.
///
/// `spiffe://acme.example` is one of itself and of `spiffe://acme.example/agent`, not of
/// `spiffe://acme.example.evil/agent`. A prefix that ends in a character that is neither letter nor digit says itself
/// where the component ends: `agent.` is one of `agent.trading`. A subject with a segment `.` or `..` has no prefix but
/// itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectPrefix(String);

/// The text is no prefix of subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a prefix of subjects has 1 to {MAX_PREFIX_BYTES} bytes and no control characters")]
pub struct SubjectPrefixError;

impl TryFrom<String> for SubjectPrefix {
    type Error = SubjectPrefixError;

    fn try_from(text: String) -> Result<Self, SubjectPrefixError> {
        let fits = (1..=MAX_PREFIX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(SubjectPrefixError) }
    }
}

impl From<SubjectPrefix> for String {
    fn from(prefix: SubjectPrefix) -> Self {
        prefix.0
    }
}

impl SubjectPrefix {
    pub(super) fn admits(&self, subject: &str) -> bool {
        let Some(rest) = subject.strip_prefix(self.0.as_str()) else { return false };
        let is_dots = |segment: &str| {
            let segment = segment.to_ascii_lowercase().replace("%2e", ".");
            segment == "." || segment == ".."
        };
        let ends = rest.starts_with(['/', '?', '#']) || !self.0.ends_with(char::is_alphanumeric);
        rest.is_empty() || (ends && !subject.split('/').any(is_dots))
    }
}
