//! What a monitor looks for: a TOML file of rules.
//!
//! ```toml
//! [[rule]]
//! name = "somebody speaks in our name"
//! issuer = ["https://acme.example"]       # any of these, exactly
//!
//! [[rule]]
//! name = "anything about our agents"
//! subject_regex = '^spiffe://acme\.example/'
//! content_type = ["application/vnd.trace.record+json"]
//!
//! [[rule]]
//! name = "policy or trust anchors changed"
//! control = true
//! ```

#[cfg(test)]
mod tests;

use crate::failure::Failure;
use crate::files;
use ledger::trace_batch::BATCH_CT;
use proofs::manifest::MANIFEST_CT;
use proofs::{ContentType, EntryId, SignedStatement};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use std::path::Path;

/// The most rules of a file.
const MAX_RULES: usize = 10_000;
/// The largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 1024 * 1024;
/// What the content types of the log's own statements begin with. Collateral manifests and batches of TRACE records come
/// every few hundred entries and change nothing, so that nobody who looks for changes wants to hear of them.
const CONTROL_PREFIX: &str = "application/vnd.stele.";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// One rule. An entry matches when every condition that is there holds; of a list, one member is enough.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    #[serde(default)]
    issuer: Vec<String>,
    #[serde(default)]
    subject: Vec<String>,
    #[serde(default)]
    content_type: Vec<String>,
    #[serde(default)]
    entry_id: Vec<String>,
    #[serde(default)]
    index_term: Vec<String>,
    #[serde(default)]
    finding: Vec<String>,
    issuer_regex: Option<Pattern>,
    subject_regex: Option<Pattern>,
    payload_regex: Option<Pattern>,
    control: Option<bool>,
}

/// A regular expression over bytes, so that a payload need not be text.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let built = RegexBuilder::new(&text).size_limit(MAX_REGEX).build();
        built.map(Self).map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
    }
}

/// What rules look at.
pub(super) struct Subject<'a> {
    pub(super) statement: &'a SignedStatement,
    /// What the profile of its content type finds it under: `name=value`.
    pub(super) index_terms: &'a [String],
    /// The ids of what the profile found.
    pub(super) findings: &'a [String],
}

/// All rules of a file.
#[derive(Debug)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    /// Reads a file of rules; unknown keys are refused.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        Self::parse(&files::read_text(path)?)
            .map_err(|why| Failure::local(format_args!("{}: {why}", path.display())))
    }

    /// No rules: the log is followed, and nothing in it looked at.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Written { rule: rules } = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count().saturating_add(1));
            format!("line {line}: {}", error.message().lines().collect::<Vec<_>>().join(" "))
        })?;
        if rules.len() > MAX_RULES {
            return Err(format!("more than {MAX_RULES} rules"));
        }
        for (at, rule) in rules.iter().enumerate() {
            if rule.is_empty() {
                return Err(format!("rule {:?} has no condition and would match everything", rule.name));
            }
            if rules.iter().take(at).any(|other| other.name == rule.name) {
                return Err(format!("two rules are called {:?}", rule.name));
            }
            if let Some(id) = rule.entry_id.iter().find(|id| id.parse::<EntryId>().is_err()) {
                return Err(format!("rule {:?}: {id:?} is no entry id", rule.name));
            }
        }
        Ok(Self(rules))
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a rule needs what a profile says of a payload.
    pub(super) fn need_profiles(&self) -> bool {
        self.0.iter().any(|rule| !rule.index_term.is_empty() || !rule.finding.is_empty())
    }

    /// The names of the rules that match, in the order of the file.
    pub(super) fn matches(&self, subject: &Subject<'_>) -> Vec<&str> {
        self.0.iter().filter(|rule| rule.matches(subject)).map(|rule| rule.name.as_str()).collect()
    }
}

impl Rule {
    fn is_empty(&self) -> bool {
        let Self { issuer, subject, content_type, entry_id, index_term, finding, .. } = self;
        let lists = [issuer, subject, content_type, entry_id, index_term, finding];
        let patterns = [&self.issuer_regex, &self.subject_regex, &self.payload_regex];
        lists.iter().all(|list| list.is_empty())
            && patterns.iter().all(|pattern| pattern.is_none())
            && self.control.is_none()
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        let statement = subject.statement;
        let header = statement.header();
        let kind = content_type(statement).unwrap_or_default();
        let one_of = |list: &[String], value: &str| list.is_empty() || list.iter().any(|item| item == value);
        let any_of = |list: &[String], values: &[String]| {
            list.is_empty() || list.iter().any(|item| values.contains(item))
        };
        let fits = |pattern: &Option<Pattern>, value: &[u8]| {
            pattern.as_ref().is_none_or(|Pattern(regex)| regex.is_match(value))
        };
        one_of(&self.issuer, &header.issuer)
            && one_of(&self.subject, &header.subject)
            && one_of(&self.content_type, &kind)
            && (self.entry_id.is_empty() || one_of(&self.entry_id, &statement.entry_id().to_string()))
            && any_of(&self.index_term, subject.index_terms)
            && any_of(&self.finding, subject.findings)
            && self.control.is_none_or(|wanted| wanted == is_control(&kind))
            && fits(&self.issuer_regex, header.issuer.as_bytes())
            && fits(&self.subject_regex, header.subject.as_bytes())
            && fits(&self.payload_regex, statement.payload())
    }
}

/// Whether statements of this type say what is in force, or what happened to the log.
fn is_control(kind: &str) -> bool {
    kind.starts_with(CONTROL_PREFIX) && ![MANIFEST_CT, BATCH_CT].contains(&kind)
}

/// The content type of a statement as text; of a hash envelope that of what was hashed.
pub(super) fn content_type(statement: &SignedStatement) -> Option<String> {
    let header = statement.header();
    let hashed = || header.envelope.as_ref().and_then(|envelope| envelope.preimage_content_type.as_ref());
    header.content_type.as_ref().or_else(hashed).map(|content_type| match content_type {
        ContentType::Text(text) => text.clone(),
        ContentType::Id(id) => id.to_string(),
    })
}
