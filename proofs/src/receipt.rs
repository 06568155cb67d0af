//! Receipts (RFC 9942): a signed tree head and a proof that leads to it, in one COSE_Sign1.
//!
//! What entry bytes a log hashes, and which claims it writes, are parameters here; Stele's own rules are D1 and D2. The
//! root is signed, sizes and indices are not: they are what the proof claims, never what somebody vouched for (RCPT-19).

mod error;
mod issue;
mod proof;
mod read;
mod times;
mod verify;

pub use error::ReceiptError;
pub use issue::{IssueError, issue_consistency, issue_inclusion};
pub use proof::{MAX_CONSISTENCY_PATH, MAX_INCLUSION_PATH, MAX_PROOFS, Proof};

use crate::cose::Algorithm;
use crate::time::UnixTime;

/// The largest receipt accepted, in bytes.
pub const MAX_RECEIPT_BYTES: usize = 256 * 1024;

/// The verifiable data structure known here: the tree of RFC 9162 with SHA-256 (RFC 9942 §5).
pub const VDS_RFC9162_SHA256: i64 = 1;

/// The CWT claims of a receipt (ARCH-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptClaims {
    /// Claim 1: the transparency service.
    pub issuer: String,
    /// Claim 2: the subject of the statement, or of the log for a consistency receipt (D2).
    pub subject: String,
    /// Claim 6: when the entry was registered (D2).
    pub issued_at: Option<UnixTime>,
}

/// A receipt whose form is checked; its proof and signature are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    protected: Vec<u8>,
    signature: Vec<u8>,
    payload: Option<Vec<u8>>,
    algorithm: Algorithm,
    kid: Option<Vec<u8>>,
    claims: Option<ReceiptClaims>,
    expires_at: Option<UnixTime>,
    not_before: Option<UnixTime>,
    first: Proof,
    further: Vec<Proof>,
}

impl Receipt {
    /// Label 1 of the protected header.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Label 4 of the protected header.
    #[must_use]
    pub fn kid(&self) -> Option<&[u8]> {
        self.kid.as_deref()
    }

    /// Issuer, subject and time; `None` if the receipt has no label 15, as receipts from before RFC 9943 do not.
    #[must_use]
    pub fn claims(&self) -> Option<&ReceiptClaims> {
        self.claims.as_ref()
    }

    /// CWT claim 4: from this second on the receipt is void (RCPT-11).
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// CWT claim 5: before this second the receipt is not yet valid (RCPT-11).
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// The first proof.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.first
    }

    /// Every proof; all are of one kind and all have to verify (RCPT-18).
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// The protected header's bytes as received.
    #[must_use]
    pub fn protected(&self) -> &[u8] {
        &self.protected
    }

    /// The signature bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}
