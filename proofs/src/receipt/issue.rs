//! Making receipts (D2).

use ciborium::Value;

use super::{Proof, ReceiptClaims, VDS_RFC9162_SHA256};
use crate::cbor;
use crate::cose::label;
use crate::cose::sign1::{self, sig_structure};
use crate::cose::{SignFailed, Signer};
use crate::hash::Hash;
use crate::tree::{ConsistencyError, ConsistencyProof, InclusionError, InclusionProof};

/// Why no receipt was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// RCPT-16: the receipt of a tree of one leaf, or of equal sizes, cannot be written down.
    #[error("a proof without a path cannot be put into a receipt")]
    EmptyPath,
    /// The path does not lead from this leaf to this root: tree and proof contradict each other.
    #[error("the inclusion proof contradicts the tree: {0}")]
    Inclusion(#[from] InclusionError),
    /// The path does not lead from one root to the other.
    #[error("the consistency proof contradicts the tree: {0}")]
    Consistency(#[from] ConsistencyError),
    /// The signer's algorithm and key do not go together.
    #[error("the receipt key cannot serve the receipt algorithm")]
    KeyDoesNotFit,
    /// The signer made no signature.
    #[error(transparent)]
    Sign(#[from] SignFailed),
}

/// Issues an inclusion receipt for `leaf`, a leaf hash, under `root`. The proof is folded back to the root first, so
/// that nothing false is signed whatever the caller read.
///
/// # Errors
/// [`IssueError`]
pub fn issue_inclusion(
    claims: &ReceiptClaims,
    proof: &InclusionProof,
    leaf: &Hash,
    root: &Hash,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    if proof.path.is_empty() {
        return Err(IssueError::EmptyPath);
    }
    proof.verify(leaf, root)?;
    issue(claims, &Proof::Inclusion(proof.clone()), root, signer)
}

/// Issues a consistency receipt from `old_root` to `new_root`, which is what is signed (RCPT-04).
///
/// # Errors
/// [`IssueError`]
pub fn issue_consistency(
    claims: &ReceiptClaims,
    proof: &ConsistencyProof,
    old_root: &Hash,
    new_root: &Hash,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    if proof.path.is_empty() {
        return Err(IssueError::EmptyPath);
    }
    proof.verify(old_root, new_root)?;
    issue(claims, &Proof::Consistency(proof.clone()), new_root, signer)
}

fn issue(
    claims: &ReceiptClaims,
    proof: &Proof,
    root: &Hash,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    let (algorithm, key) = (signer.algorithm(), signer.public_key());
    if !key.allows(algorithm) {
        return Err(IssueError::KeyDoesNotFit);
    }
    let mut cwt = vec![
        (Value::from(label::CLAIM_ISS), Value::from(claims.issuer.as_str())),
        (Value::from(label::CLAIM_SUB), Value::from(claims.subject.as_str())),
    ];
    if let Some(issued_at) = claims.issued_at {
        cwt.push((Value::from(label::CLAIM_IAT), Value::from(issued_at.secs())));
    }
    let protected = cbor::encode(&Value::Map(vec![
        (Value::from(label::ALG), Value::from(algorithm.cose())),
        (Value::from(label::KID), Value::Bytes(key.thumbprint().as_bytes().to_vec())),
        (Value::from(label::CWT_CLAIMS), Value::Map(cwt)),
        (Value::from(label::VDS), Value::from(VDS_RFC9162_SHA256)),
    ]));
    let signature = signer.sign(&sig_structure(&protected, root.as_bytes()))?;
    Ok(sign1::write(&protected, &proof.to_vdp(), None, &signature))
}
