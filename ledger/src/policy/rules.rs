//! One rule of a policy: which issuers, which anchors, and what their statements must look like.

use std::collections::BTreeSet;
use std::fmt;

use proofs::{ContentType, Label, SignedStatement, UnixTime};
use serde::{Deserialize, Serialize};

use super::document::MAX_STATEMENT_BYTES;
use super::issuers::IssuerMatch;
use crate::governance::shown;
use crate::trust::{AnchorId, SelfCertifying};

/// The longest name of a rule, in characters.
pub const MAX_RULE_NAME: usize = 100;
/// The most elements in each list of one rule.
pub const MAX_RULE_ITEMS: usize = 256;

/// The longest content type and the longest label that a rule names, in bytes.
pub const MAX_RULE_TEXT: usize = 255;

/// A rule of the registration policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What refusals and collateral call the rule; unique in its policy.
    pub name: String,
    /// The issuers that the rule is about; at least one.
    pub issuers: Vec<IssuerMatch>,
    /// The trust anchors that vouch for them: keys and X.509 roots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anchors: Vec<AnchorId>,
    /// The DID methods whose names hold their own key, switched on for these issuers (D16).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_certified: Vec<SelfCertifying>,
    /// The content types admitted (label 3, or 259 of a hash envelope); all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_types: Option<Vec<ContentTypeName>>,
    /// Whether a statement must say its content type (ARCH-08).
    #[serde(default, skip_serializing_if = "is_false")]
    pub content_type_required: bool,
    /// Labels that must be in the protected header (ARCH-21).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_headers: Vec<HeaderName>,
    /// CWT claims that must be in label 15, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_claims: Vec<i64>,
    /// Whether the payload may be attached, or must be a hash envelope.
    #[serde(default, skip_serializing_if = "PayloadForm::is_any")]
    pub payload: PayloadForm,
    /// The largest canonical statement, in bytes, if smaller than the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_statement_bytes: Option<usize>,
    /// The rule's keys count from this second of Unix time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// The rule's keys count up to and including this second of Unix time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<u64>,
}

/// A content type that a rule admits: a media type, compared whole without regard to ASCII case, or a CoAP
/// Content-Format id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ContentTypeName {
    /// A media type; parameters count, so `a/b` does not admit `a/b; c=d`.
    Text(String),
    /// A CoAP Content-Format id.
    Id(u64),
}

/// A COSE header label that a rule requires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeaderName {
    /// A registered label.
    Int(i64),
    /// A label that is a text.
    Text(String),
}

/// The forms of payload that a rule admits; detached payloads are refused everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadForm {
    /// Attached, or a hash envelope.
    #[default]
    Any,
    /// Only the payload itself.
    Attached,
    /// Only its digest (RFC 9995).
    HashEnvelope,
}

impl PayloadForm {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    fn is_any(&self) -> bool {
        *self == Self::Any
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// What is wrong with one rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The name is empty, too long, has control characters, or begins with `stele.`.
    #[error("its name must have 1 to {MAX_RULE_NAME} printable characters and not begin with `stele.`")]
    Name,
    /// It is about nobody.
    #[error("it has no issuers")]
    NoIssuers,
    /// It trusts nobody.
    #[error("it names no anchors and no self-certifying method, so it could admit nothing")]
    NoAnchors,
    /// A list is longer than [`MAX_RULE_ITEMS`], or empty where that means "nothing".
    #[error("its list `{list}` must have 1 to {MAX_RULE_ITEMS} elements")]
    List {
        /// The field.
        list: &'static str,
    },
    /// A content type or a label is empty or longer than [`MAX_RULE_TEXT`].
    #[error("its list `{list}` has a text that is empty or longer than {MAX_RULE_TEXT} bytes")]
    Text {
        /// The field.
        list: &'static str,
    },
    /// The size limit is zero or above the hard cap.
    #[error("its max_statement_bytes must be 1 to {MAX_STATEMENT_BYTES}")]
    Size,
    /// It ends before it begins.
    #[error("its not_after is before its not_before")]
    Times,
}

/// The condition of a rule that a statement does not meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// No content type, but the rule wants one.
    #[error("a content type is required: put it in label 3 (or 259 of a hash envelope)")]
    ContentTypeMissing,
    /// A content type that the rule does not list.
    #[error("the content type `{found}` is not admitted; admitted are: {admitted}")]
    ContentType {
        /// What the statement says.
        found: String,
        /// What the rule lists.
        admitted: String,
    },
    /// A required label is absent.
    #[error("the protected header must have label {label}")]
    Header {
        /// The label.
        label: HeaderName,
    },
    /// A required claim is absent.
    #[error("the CWT claims (label 15) must have claim {claim}")]
    Claim {
        /// The claim's number.
        claim: i64,
    },
    /// The payload is attached, the rule wants its digest.
    #[error("the payload must be a hash envelope (RFC 9995), not attached")]
    NotHashEnvelope,
    /// The payload is a digest, the rule wants the payload.
    #[error("the payload must be attached, not a hash envelope")]
    HashEnvelope,
    /// Larger than the rule admits.
    #[error("the statement has {size} bytes, the limit is {limit}")]
    Size {
        /// Bytes of the canonical statement.
        size: usize,
        /// The rule's limit.
        limit: usize,
    },
    /// The rule does not count yet.
    #[error("its keys count only from Unix time {not_before} on")]
    TooEarly {
        /// Seconds.
        not_before: u64,
    },
    /// The rule does not count any more.
    #[error("its keys counted only until Unix time {not_after}")]
    TooLate {
        /// Seconds.
        not_after: u64,
    },
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(label) => write!(f, "{label}"),
            Self::Text(label) => write!(f, "`{label}`"),
        }
    }
}

impl fmt::Display for ContentTypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(name) => f.write_str(name),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

impl ContentTypeName {
    fn admits(&self, found: &ContentType) -> bool {
        match (self, found) {
            (Self::Text(name), ContentType::Text(found)) => name.eq_ignore_ascii_case(found),
            (Self::Id(id), ContentType::Id(found)) => id == found,
            _ => false,
        }
    }
}

impl HeaderName {
    fn label(&self) -> Label {
        match self {
            Self::Int(label) => Label::Int(*label),
            Self::Text(label) => Label::Text(label.clone()),
        }
    }
}

impl Rule {
    /// A rule with a name, issuers and anchors, and no conditions.
    pub fn new(name: impl Into<String>, issuers: Vec<IssuerMatch>, anchors: Vec<AnchorId>) -> Self {
        Self {
            name: name.into(),
            issuers,
            anchors,
            self_certified: Vec::new(),
            content_types: None,
            content_type_required: false,
            required_headers: Vec::new(),
            required_claims: Vec::new(),
            payload: PayloadForm::Any,
            max_statement_bytes: None,
            not_before: None,
            not_after: None,
        }
    }

    pub(crate) fn is_about(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|pattern| pattern.matches(issuer))
    }

    pub(crate) fn check(&self) -> Result<(), RuleError> {
        let length = self.name.chars().count();
        if !(1..=MAX_RULE_NAME).contains(&length)
            || self.name.chars().any(char::is_control)
            || self.name.starts_with("stele.")
        {
            return Err(RuleError::Name);
        }
        if self.issuers.is_empty() {
            return Err(RuleError::NoIssuers);
        }
        if self.anchors.is_empty() && self.self_certified.is_empty() {
            return Err(RuleError::NoAnchors);
        }
        let types = self.content_types.as_ref().map_or(1, Vec::len);
        for (list, length) in [
            ("issuers", self.issuers.len()),
            ("anchors", self.anchors.len()),
            ("self_certified", self.self_certified.len()),
            ("content_types", types),
            ("required_headers", self.required_headers.len()),
            ("required_claims", self.required_claims.len()),
        ] {
            if length > MAX_RULE_ITEMS || (list == "content_types" && length == 0) {
                return Err(RuleError::List { list });
            }
        }
        let fine = |text: &str| (1..=MAX_RULE_TEXT).contains(&text.len());
        let mut types = self.content_types.iter().flatten();
        if types.any(|name| matches!(name, ContentTypeName::Text(text) if !fine(text))) {
            return Err(RuleError::Text { list: "content_types" });
        }
        if self.required_headers.iter().any(|name| matches!(name, HeaderName::Text(text) if !fine(text))) {
            return Err(RuleError::Text { list: "required_headers" });
        }
        if self.max_statement_bytes.is_some_and(|limit| !(1..=MAX_STATEMENT_BYTES).contains(&limit)) {
            return Err(RuleError::Size);
        }
        match (self.not_before, self.not_after) {
            (Some(start), Some(end)) if end < start => Err(RuleError::Times),
            _ => Ok(()),
        }
    }

    pub(crate) fn anchor_ids(&self) -> BTreeSet<&AnchorId> {
        self.anchors.iter().collect()
    }

    /// Whether the rule's keys count at this time.
    pub(crate) fn counts_at(&self, time: UnixTime) -> Result<(), Unmet> {
        match (self.not_before, self.not_after) {
            (Some(not_before), _) if time.secs() < not_before => Err(Unmet::TooEarly { not_before }),
            (_, Some(not_after)) if time.secs() > not_after => Err(Unmet::TooLate { not_after }),
            _ => Ok(()),
        }
    }

    /// Whether the statement meets the rule's conditions on its form.
    pub(crate) fn admits(&self, statement: &SignedStatement) -> Result<(), Unmet> {
        let header = statement.header();
        let size = statement.canonical().len();
        if let Some(limit) = self.max_statement_bytes.filter(|limit| size > *limit) {
            return Err(Unmet::Size { size, limit });
        }
        match (self.payload, header.envelope.is_some()) {
            (PayloadForm::Attached, true) => return Err(Unmet::HashEnvelope),
            (PayloadForm::HashEnvelope, false) => return Err(Unmet::NotHashEnvelope),
            _ => {}
        }
        let preimage = header.envelope.as_ref().and_then(|envelope| envelope.preimage_content_type.as_ref());
        self.admits_content_type(header.content_type.as_ref().or(preimage))?;
        if let Some(label) = self.required_headers.iter().find(|name| !header.has(&name.label())) {
            return Err(Unmet::Header { label: label.clone() });
        }
        match self.required_claims.iter().find(|claim| header.claim(**claim).is_none()) {
            Some(&claim) => Err(Unmet::Claim { claim }),
            None => Ok(()),
        }
    }

    fn admits_content_type(&self, found: Option<&ContentType>) -> Result<(), Unmet> {
        match (found, &self.content_types) {
            (None, None) if !self.content_type_required => Ok(()),
            (None, _) => Err(Unmet::ContentTypeMissing),
            (Some(_), None) => Ok(()),
            (Some(found), Some(admitted)) if admitted.iter().any(|name| name.admits(found)) => Ok(()),
            (Some(found), Some(admitted)) => {
                let admitted: Vec<String> = admitted.iter().map(ToString::to_string).collect();
                Err(Unmet::ContentType { found: shown_type(found), admitted: shown(&admitted.join(", ")) })
            }
        }
    }
}

fn shown_type(found: &ContentType) -> String {
    match found {
        ContentType::Text(name) => shown(name),
        ContentType::Id(id) => id.to_string(),
    }
}
