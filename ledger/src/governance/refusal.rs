//! Why a statement is not admitted, as its producer reads it.

use proofs::Algorithm;

use super::registrar::RegistrarFault;
use crate::control::ControlFault;
use crate::policy::Unmet;
use crate::profile::Finding;
use crate::trust::{BadChain, UnknownKey};

/// A statement is not admitted; the text says which rule and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No trusted key or chain of the issuer.
    #[error(transparent)]
    UnknownIssuerKey(#[from] UnknownKey),
    /// The signature does not verify, or its chain is of another time.
    #[error(transparent)]
    InvalidSignature(#[from] BadSignature),
    /// The policy does not list the algorithm.
    #[error("the registration policy does not allow {}; it allows {allowed}", .algorithm.name())]
    AlgorithmNotAllowed {
        /// The statement's.
        algorithm: Algorithm,
        /// The policy's, by name.
        allowed: String,
    },
    /// Larger than the policy admits.
    #[error("the statement has more than {limit} bytes, which is the limit of the registration policy")]
    TooLarge {
        /// Bytes of the canonical statement.
        limit: usize,
    },
    /// The policy says no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Refusal {
    /// A label for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownIssuerKey(_) => "unknown_issuer_key",
            Self::InvalidSignature(_) => "invalid_signature",
            Self::AlgorithmNotAllowed { .. } => "algorithm_not_allowed",
            Self::TooLarge { .. } => "too_large",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// The signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// It does not verify with the key that the statement names.
    #[error(
        "rule `{rule}`: the signature does not verify with the key {kid} of the issuer; sign the Sig_structure of \
         RFC 9052 section 4.4 with that key, and do not change header or payload afterwards"
    )]
    Signature {
        /// The rule that trusts the key.
        rule: String,
        /// The thumbprint of the key.
        kid: String,
    },
    /// The key is not one for this algorithm (COSE-10, ALG-03).
    #[error("rule `{rule}`: the key {kid} of the issuer cannot be used with {}", .algorithm.name())]
    Algorithm {
        /// The rule that trusts the key.
        rule: String,
        /// The thumbprint of the key.
        kid: String,
        /// The statement's algorithm.
        algorithm: Algorithm,
    },
    /// The chain would be good at another time.
    #[error(transparent)]
    Chain(#[from] BadChain),
}

/// The registration policy says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A condition of a rule is not met.
    #[error("rule `{rule}` of the registration policy: {unmet}")]
    Rule {
        /// The rule.
        rule: String,
        /// Its condition.
        unmet: Unmet,
    },
    /// A control statement that does not fit.
    #[error(transparent)]
    Control(#[from] ControlFault),
    /// A subject that belongs to the log itself.
    #[error(
        "the subject `{subject}` is reserved: subjects that begin with `urn:stele:` are the log's own; choose another"
    )]
    ReservedSubject {
        /// `sub`, shortened.
        subject: String,
    },
    /// A statement of the registrar that is not as it makes them.
    #[error(transparent)]
    Registrar(#[from] RegistrarFault),
    /// The profile of the payload says no.
    #[error("profile {profile} of the payload: {}", reasons(.findings, *.left_out))]
    Profile {
        /// The profile with its version.
        profile: &'static str,
        /// All payload findings, also those that would not refuse.
        findings: Vec<Finding>,
        /// How many of them are not here, where there is room for the worst only.
        left_out: usize,
    },
    /// The service's own name.
    #[error(
        "the issuer `{issuer}` is this service itself, and its key did not sign this; use your own name as iss"
    )]
    ReservedIssuer {
        /// `iss`, shortened.
        issuer: String,
    },
}

/// What refuses before what does not; the rest is counted.
fn reasons(findings: &[Finding], left_out: usize) -> String {
    const SHOWN: usize = 3;
    let mut worst: Vec<&Finding> = findings.iter().collect();
    worst.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let told: Vec<String> = worst.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = findings.len().saturating_add(left_out).saturating_sub(told.len());
    let rest = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    told.join("; ") + &rest
}

/// Text of a producer inside a sentence: without control characters, and not long.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 160;
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut start: String = text.chars().take(SHOWN_CHARS).map(printable).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        start.push('…');
    }
    start
}
