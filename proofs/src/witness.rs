//! What logs and witnesses say to each other (C2SP tlog-witness): the bodies of `add-checkpoint` and `sign-subtree`.

#[cfg(test)]
mod tests;

use data_encoding::BASE64;

use crate::hash::{Hash, sha256};
use crate::note::{NoteError, SignedNote, base64};
use crate::position::TreeSize;
use crate::tree::{Subtree, SubtreeError};

/// The largest number of proof lines of a request.
pub const MAX_PROOF_LINES: usize = 63;
/// The largest request that is read, in bytes: the proof and a note of [`crate::note::MAX_SIGNATURES`] ML-DSA lines.
pub const MAX_REQUEST_LEN: usize = 256 * 1024;
/// The media type of the size that a witness answers with 409.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// A request to cosign a checkpoint (`POST <submission prefix>/add-checkpoint`). Prints as the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness cosigned last, as the client knows it.
    pub old: TreeSize,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The new checkpoint.
    pub note: SignedNote,
}

/// A request to cosign a subtree (`POST <submission prefix>/sign-subtree`). Prints as the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignSubtree {
    /// Which leaves.
    pub subtree: Subtree,
    /// Their hash.
    pub hash: Hash,
    /// The proof that they are in the tree of the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint, cosigned by the witness.
    pub note: SignedNote,
}

/// Why a body is not such a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More than [`MAX_REQUEST_LEN`] bytes.
    #[error("the request is longer than {MAX_REQUEST_LEN} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("the request is not UTF-8")]
    NotUtf8,
    /// The first line is not `old <size>`, or `subtree <start> <end>`.
    #[error("the first line of the request does not read")]
    FirstLine,
    /// A line before the empty one is not the canonical base64 of 32 bytes.
    #[error("a hash of the request does not read")]
    Hash,
    /// More than [`MAX_PROOF_LINES`] proof lines.
    #[error("the request has more than {MAX_PROOF_LINES} proof lines")]
    TooManyLines,
    /// No empty line before the checkpoint.
    #[error("the request has no empty line before its checkpoint")]
    NoCheckpoint,
    /// The range is not a subtree.
    #[error(transparent)]
    Subtree(#[from] SubtreeError),
    /// What follows the empty line is not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// When the body has not the form of the specification.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let (first, hashes, note) = split(body)?;
        let old = first.strip_prefix("old ").and_then(size).ok_or(RequestError::FirstLine)?;
        if hashes.len() > MAX_PROOF_LINES {
            return Err(RequestError::TooManyLines);
        }
        Ok(Self { old: TreeSize::new(old), proof: hashes, note: SignedNote::parse(note)? })
    }
}

impl std::fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "old {}", self.old)?;
        write_hashes(f, &self.proof)?;
        write!(f, "\n{}", self.note)
    }
}

impl SignSubtree {
    /// Reads a body.
    ///
    /// # Errors
    /// When the body has not the form of the specification.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let (first, hashes, note) = split(body)?;
        let range = first.strip_prefix("subtree ").and_then(|range| range.split_once(' '));
        let (start, end) =
            range.and_then(|(start, end)| Some((size(start)?, size(end)?))).ok_or(RequestError::FirstLine)?;
        let subtree = Subtree::new(start, end)?;
        let (hash, proof) = hashes.split_first().ok_or(RequestError::Hash)?;
        if proof.len() > MAX_PROOF_LINES {
            return Err(RequestError::TooManyLines);
        }
        Ok(Self { subtree, hash: *hash, proof: proof.to_vec(), note: SignedNote::parse(note)? })
    }
}

impl std::fmt::Display for SignSubtree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "subtree {} {}", self.subtree.start(), self.subtree.end())?;
        write_hashes(f, &[self.hash])?;
        write_hashes(f, &self.proof)?;
        write!(f, "\n{}", self.note)
    }
}

/// The size in the body of a 409: a decimal and a newline.
#[must_use]
pub fn parse_size_body(body: &[u8]) -> Option<TreeSize> {
    size(str::from_utf8(body).ok()?.strip_suffix('\n')?).map(TreeSize::new)
}

/// Where below its monitoring prefix a witness serves the newest checkpoint of a log that it cosigned:
/// `<hex SHA-256 of the origin>/checkpoint` (WIT-06).
#[must_use]
pub fn monitoring_path(origin: &str) -> String {
    format!("{}/checkpoint", sha256(origin.as_bytes()))
}

fn write_hashes(f: &mut std::fmt::Formatter<'_>, hashes: &[Hash]) -> std::fmt::Result {
    hashes.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode_display(hash.as_ref())))
}

/// First line, hash lines, and the note behind the first empty line.
fn split(body: &[u8]) -> Result<(&str, Vec<Hash>, &str), RequestError> {
    if body.len() > MAX_REQUEST_LEN {
        return Err(RequestError::TooLong);
    }
    let body = str::from_utf8(body).map_err(|_| RequestError::NotUtf8)?;
    let (head, note) = body.split_once("\n\n").ok_or(RequestError::NoCheckpoint)?;
    let mut lines = head.split('\n');
    let first = lines.next().ok_or(RequestError::FirstLine)?;
    let mut hashes = Vec::new();
    for line in lines {
        // One more than a proof has: the hash of a subtree.
        if hashes.len() > MAX_PROOF_LINES {
            return Err(RequestError::TooManyLines);
        }
        let hash = base64::decode(line).and_then(|bytes| Hash::from_slice(&bytes));
        hashes.push(hash.ok_or(RequestError::Hash)?);
    }
    Ok((first, hashes, note))
}

/// A decimal number without a sign and without leading zeroes.
fn size(text: &str) -> Option<u64> {
    let canonical = text == "0" || text.starts_with(|first| matches!(first, '1'..='9'));
    canonical.then(|| text.parse().ok()).flatten()
}
