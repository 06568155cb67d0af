//! The registration policy: who may register what (ARCH-17, D4).
//!
//! A policy is a JSON document in a signed statement on the log itself (ARCH-18). It names the operator key that
//! signs control statements, the algorithms that issuers may use, and rules. A rule is about issuers; it says which
//! trust anchors vouch for them and what their statements must look like. A statement is admitted when one rule
//! about its issuer finds its key, the signature verifies, and that rule's conditions hold; rules are tried in the
//! order of the document.

mod document;
mod issuers;
mod rules;
pub(crate) mod uri;

pub use document::{
    DEFAULT_STATEMENT_BYTES, MAX_ISSUERS, MAX_RULES, MAX_STATEMENT_BYTES, POLICY_VERSION, Policy, PolicyError,
};
pub use issuers::{IssuerMatch, IssuerName, IssuerPrefix, PrefixError};
pub use rules::{
    ContentTypeName, HeaderName, MAX_RULE_ITEMS, MAX_RULE_NAME, MAX_RULE_TEXT, PayloadForm, Rule, RuleError,
    Unmet,
};
