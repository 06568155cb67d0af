//! Why a receipt proves nothing.

use super::proof::{MAX_CONSISTENCY_PATH, MAX_INCLUSION_PATH, MAX_PROOFS};
use super::{MAX_RECEIPT_BYTES, VDS_RFC9162_SHA256};
use crate::cbor::ScanError;
use crate::cose::{Label, Sign1Error, SignatureError};
use crate::statement::{MalformedStatement, MissingClaim};
use crate::tree::{ConsistencyError, InclusionError};

/// Why a receipt proves nothing. Offsets are bytes from the start of the receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// More than [`MAX_RECEIPT_BYTES`].
    #[error("the receipt is larger than {MAX_RECEIPT_BYTES} bytes")]
    TooLarge,
    /// An element of label 394 that is a receipt itself, as drafts before RFC 9942 had it, not a byte string around one.
    #[error("the receipt in label 394 is not wrapped in a byte string, as RFC 9942 wants it")]
    NotWrapped,
    /// Not a COSE_Sign1 in strict form.
    #[error("the receipt is malformed: {0}")]
    Malformed(#[from] Sign1Error),
    /// A protected header value of the wrong type.
    #[error("the receipt is malformed: {0}")]
    Header(#[from] MalformedStatement),
    /// There are claims, but not those every receipt needs (ARCH-02).
    #[error("the receipt is malformed: {0}")]
    IncompleteClaims(MissingClaim),
    /// A time that is negative, not finite or beyond 64 bits.
    #[error("the receipt is malformed: CWT claim {claim} is not a time")]
    Time {
        /// The claim's number.
        claim: i64,
    },
    /// COSE-06.
    #[error("the receipt cannot be verified here: label {0} is critical and not understood")]
    UnknownCritical(Label),
    /// RCPT-02.
    #[error("the receipt is malformed: no alg (label 1) in its protected header")]
    NoAlgorithm,
    /// An algorithm this library does not verify.
    #[error("the receipt cannot be verified here: unknown alg{}", number.map(|n| format!(" {n}")).unwrap_or_default())]
    UnknownAlgorithm {
        /// The number found; `None` if it was no 64-bit integer.
        number: Option<i64>,
    },
    /// RCPT-02.
    #[error("the receipt is malformed: no vds (label 395) as an integer in its protected header")]
    NoVds,
    /// RCPT-06.
    #[error(
        "the receipt cannot be verified here: unknown vds {0}; only {VDS_RFC9162_SHA256} (RFC9162_SHA256) is known"
    )]
    UnknownVds(i64),
    /// RCPT-03.
    #[error("the receipt is malformed: no vdp (label 396) in its unprotected header")]
    NoProofs,
    /// RCPT-06.
    #[error("the receipt cannot be verified here: unknown proof type {0} in vdp (label 396)")]
    UnknownProofType(Label),
    /// Inclusion and consistency in one receipt.
    #[error("the receipt is malformed: vdp (label 396) holds proofs of more than one type")]
    MixedProofs,
    /// More than [`MAX_PROOFS`].
    #[error("the receipt is malformed: vdp (label 396) holds more than {MAX_PROOFS} proofs")]
    TooManyProofs,
    /// The proof's CBOR is not strict.
    #[error("the receipt is malformed: the proof is not acceptable CBOR: {0}")]
    ProofCbor(ScanError),
    /// Something in vdp has the wrong shape.
    #[error("the receipt is malformed: {what} in vdp (label 396) is not {expected} (byte {offset})")]
    ProofShape {
        /// Which part.
        what: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// Where it begins.
        offset: usize,
    },
    /// RCPT-16.
    #[error("the receipt is malformed: its proof has an empty path")]
    EmptyPath,
    /// RCPT-17.
    #[error(
        "the receipt is malformed: a path of {length} hashes; an inclusion path has at most {MAX_INCLUSION_PATH}, a \
         consistency path {MAX_CONSISTENCY_PATH}"
    )]
    PathTooLong {
        /// Length found.
        length: usize,
    },
    /// RCPT-17.
    #[error("the receipt is malformed: a path element that is not 32 bytes long (byte {offset})")]
    PathElement {
        /// Where it begins.
        offset: usize,
    },
    /// A consistency receipt where an inclusion receipt was wanted, or the reverse.
    #[error("the receipt proves {found}, not {wanted}")]
    OtherProof {
        /// What was asked for.
        wanted: &'static str,
        /// What the receipt has.
        found: &'static str,
    },
    /// The inclusion path leads nowhere.
    #[error("the receipt does not verify: {0}")]
    Inclusion(#[from] InclusionError),
    /// The consistency path leads nowhere, or not from the old root.
    #[error("the receipt does not verify: {0}")]
    Consistency(#[from] ConsistencyError),
    /// RCPT-18.
    #[error("the receipt does not verify: its proofs lead to different roots")]
    DifferentRoots,
    /// RCPT-05.
    #[error("the receipt does not verify: its attached payload is not the root its proof leads to")]
    PayloadMismatch,
    /// The signature is not one over the recomputed root.
    #[error("the receipt does not verify: {0}")]
    Signature(#[from] SignatureError),
}

impl ReceiptError {
    /// True if the receipt may be good, but this library lacks what it takes to know (RCPT-06, ARCH-41).
    #[must_use]
    pub fn is_unverifiable(&self) -> bool {
        matches!(
            self,
            Self::UnknownVds(_)
                | Self::UnknownProofType(_)
                | Self::UnknownAlgorithm { .. }
                | Self::UnknownCritical(_)
        )
    }

    /// A short constant name, for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            error if error.is_unverifiable() => "unverifiable",
            Self::Inclusion(_) | Self::Consistency(_) | Self::DifferentRoots => "proof",
            Self::PayloadMismatch => "payload",
            Self::Signature(_) => "signature",
            Self::OtherProof { .. } => "other_proof",
            _ => "malformed",
        }
    }
}
