//! Why bytes are not an acceptable signed statement. Producers read these texts.

use super::certificate::MAX_CHAIN;
use super::claims::{LOG_SUBJECT_PREFIX, MAX_NAME};
use crate::cose::{Label, Sign1Error};

/// Why bytes are not an acceptable signed statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The form is wrong.
    #[error(transparent)]
    Malformed(#[from] MalformedStatement),
    /// Label 1 names an algorithm that is not verified here.
    #[error("{}", unsupported(*number))]
    UnsupportedAlgorithm {
        /// The number found; `None` if it was no 64-bit integer.
        number: Option<i64>,
    },
    /// The payload is nil (SCR-22).
    #[error("the payload is nil; attach it, or sign its digest as a hash envelope (RFC 9995)")]
    PayloadMissing,
    /// ARCH-02.
    #[error("{0}")]
    MissingClaims(MissingClaim),
    /// ARCH-04.
    #[error("the protected header names no key: it needs kid (label 4), x5t (34) or x5chain (33)")]
    NoKeyReference,
    /// COSE-06.
    #[error("label {0} is marked critical (crit, label 2) and not understood here")]
    UnknownCritical(Label),
    /// Issuer and feed as early drafts wrote them.
    #[error(
        "issuer and feed stand in the early-draft labels 391 and 392; put iss and sub into CWT claims \
         (label 15), with pyscitt by signing with --uses-cwt"
    )]
    LegacyClaims,
    /// A subject that would let a receipt for a statement pass for one about the log (D2).
    #[error(
        "the subject (sub) begins with {LOG_SUBJECT_PREFIX}, which is reserved for receipts about the log itself"
    )]
    ReservedSubject,
    /// More bytes than the caller allows.
    #[error("the statement is larger than the {limit} bytes accepted here")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl StatementError {
    /// A short constant name, for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnsupportedAlgorithm { .. } => "unsupported_algorithm",
            Self::PayloadMissing => "payload_missing",
            Self::MissingClaims(_) => "missing_claims",
            Self::NoKeyReference => "no_key_reference",
            Self::UnknownCritical(_) => "unknown_critical",
            Self::LegacyClaims => "legacy_claims",
            Self::ReservedSubject => "reserved_subject",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

/// Which of the claims every statement needs is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MissingClaim {
    /// There is no label 15.
    #[error("the protected header has no CWT claims (label 15) with iss and sub")]
    All,
    /// There is no claim 1.
    #[error("the CWT claims (label 15) have no issuer (iss, claim 1)")]
    Issuer,
    /// There is no claim 2.
    #[error("the CWT claims (label 15) have no subject (sub, claim 2)")]
    Subject,
}

/// What is wrong with a statement's form. Offsets are bytes from the start of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedStatement {
    /// Not a COSE_Sign1 in strict form.
    #[error(transparent)]
    Message(#[from] Sign1Error),
    /// A known label with a value of another type.
    #[error("label {label} is not {expected} (byte {offset})")]
    LabelType {
        /// The label.
        label: Label,
        /// What its value has to be.
        expected: &'static str,
        /// Where the value begins.
        offset: usize,
    },
    /// COSE-09.
    #[error("the protected header has no alg (label 1)")]
    NoAlgorithm,
    /// A claim key that is neither integer nor text.
    #[error("the CWT claims (label 15) have a key that is neither a 64-bit integer nor text (byte {offset})")]
    ClaimKey {
        /// Where the claims begin.
        offset: usize,
    },
    /// A known claim with a value of another type (CWT-03).
    #[error("CWT claim {} is not {expected} (claims at byte {offset})", claim_name(claim))]
    ClaimType {
        /// The claim.
        claim: Label,
        /// What its value has to be.
        expected: &'static str,
        /// Where the claims begin.
        offset: usize,
    },
    /// ARCH-03.
    #[error("the claim {name} has {characters} characters; 1 to {MAX_NAME} are accepted")]
    NameLength {
        /// `iss` or `sub`.
        name: &'static str,
        /// Length found, in characters.
        characters: usize,
    },
    /// ARCH-03.
    #[error("the issuer (iss) contains a colon but is not a URI, as it has to be beside x5t or x5chain")]
    IssuerNotUri,
    /// A chain of more than [`MAX_CHAIN`].
    #[error("label 33 (x5chain) has more than {MAX_CHAIN} certificates")]
    ChainTooLong,
    /// ARCH-06, ARCH-13.
    #[error("label 34 (x5t) is not the hash of the first certificate in label 33 (x5chain)")]
    CertificateMismatch,
    /// ARCH-07.
    #[error(
        "label 33 (x5chain) is unprotected and nothing signed vouches for it: protect it, or protect x5t, or let kid \
         be the SHA-256 thumbprint of its first certificate or that one's key"
    )]
    UnboundChain,
    /// A hash this library does not trust to name a certificate.
    #[error(
        "label 34 (x5t) uses a hash algorithm other than SHA-256 (-16), SHA-512/256, SHA-384 and SHA-512"
    )]
    CertificateHashAlgorithm,
    /// A digest that its algorithm does not make.
    #[error("label 34 (x5t) has a digest of {found} bytes; its algorithm makes {expected}")]
    CertificateHashLength {
        /// Length in bytes the algorithm has.
        expected: usize,
        /// Length in bytes found.
        found: usize,
    },
    /// RFC 9995 §3.
    #[error(
        "label {label} stands in the unprotected header; a hash envelope is described in the protected one"
    )]
    EnvelopeUnprotected {
        /// The label.
        label: Label,
    },
    /// HE-04.
    #[error(
        "label 3 (content type) stands beside label 258 (hash envelope); the type of the content goes into 259"
    )]
    EnvelopeContentType,
    /// A hash this library does not trust to name content.
    #[error(
        "label 258 (payload-hash-alg) is {number}; SHA-256 (-16), SHA-512/256 (-17), SHA-384 (-43) and SHA-512 (-44) \
         are accepted"
    )]
    EnvelopeAlgorithm {
        /// The number found.
        number: i64,
    },
    /// HE-03.
    #[error("the payload of this hash envelope has {found} bytes; a digest by its label 258 has {expected}")]
    EnvelopeLength {
        /// Length in bytes the algorithm has.
        expected: usize,
        /// Length in bytes found.
        found: usize,
    },
}

fn unsupported(number: Option<i64>) -> String {
    match number {
        Some(number) => format!("alg (label 1) is {number}, an algorithm that is not accepted here"),
        None => "alg (label 1) is not one of the integers accepted here".to_owned(),
    }
}

fn claim_name(claim: &Label) -> String {
    let name = match claim {
        Label::Int(1) => " (iss)",
        Label::Int(2) => " (sub)",
        Label::Int(4) => " (exp)",
        Label::Int(5) => " (nbf)",
        Label::Int(6) => " (iat)",
        _ => "",
    };
    match claim {
        // Claims have numbers of their own, so a label's name would mislead.
        Label::Int(number) => format!("{number}{name}"),
        text @ Label::Text(_) => text.to_string(),
    }
}
