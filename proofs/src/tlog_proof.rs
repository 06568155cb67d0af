//! Proofs that travel with the checkpoint they are about (C2SP tlog-proof).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64>              may be left out
//! index <decimal>
//! <base64 hash>               the inclusion path, the leaf's sibling first; none in a log of one entry
//!
//! <checkpoint>                as published, cosignatures included
//! ```
//!
//! Unlike a COSE receipt it authenticates the size of the tree and carries the signatures of witnesses (PROOF-03).

#[cfg(test)]
mod tests;

use std::fmt;

use data_encoding::BASE64;

use crate::checkpoint::{Checkpoint, CheckpointError, open_checkpoint};
use crate::hash::{Hash, leaf_hash};
use crate::note::{MAX_NOTE_LEN, NoteError, NoteVerifierKey, SignedNote, base64};
use crate::position::LeafIndex;
use crate::tree::{InclusionError, InclusionProof};

/// The first line.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// The most hashes of a path: a tree has at most 2^64 - 1 leaves.
const MAX_PATH: usize = 64;
/// The most extra data that is read, in bytes.
pub const MAX_EXTRA_LEN: usize = 65_536;
/// The longest proof that is read, in bytes: the longest note, path and extra data together.
pub const MAX_TLOG_PROOF_LEN: usize = MAX_NOTE_LEN + MAX_EXTRA_LEN * 4 / 3 + 4096;

/// A proof that is well formed; nothing is said about its truth before [`TlogProof::verify`]. Prints as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: LeafIndex,
    path: Vec<Hash>,
    checkpoint: SignedNote,
}

/// Why a text is not a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofSyntaxError {
    /// More than [`MAX_TLOG_PROOF_LEN`] bytes.
    #[error("the proof is longer than {MAX_TLOG_PROOF_LEN} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("the proof is not valid UTF-8")]
    NotUtf8,
    /// Another first line.
    #[error("the proof does not begin with {FIRST_LINE}")]
    FirstLine,
    /// No empty line between path and checkpoint.
    #[error("the proof has no checkpoint")]
    NoCheckpoint,
    /// The extra data is not the canonical base64 of at most [`MAX_EXTRA_LEN`] bytes.
    #[error("the extra data of the proof is not canonical base64 of at most {MAX_EXTRA_LEN} bytes")]
    Extra,
    /// No line with a decimal index without leading zeroes below 2^64.
    #[error("the proof has no index line")]
    Index,
    /// A line of the path is not the canonical base64 of 32 bytes, or there are more than 64.
    #[error("line {line} of the inclusion path is not a hash")]
    Path {
        /// Which line, counted from 1.
        line: usize,
    },
    /// The checkpoint is not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why a proof is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The checkpoint is not one that the log signed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The path does not lead from the entry to the root of the checkpoint.
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
}

impl TlogProof {
    /// Puts a path beside the checkpoint that it leads to.
    ///
    /// # Errors
    /// When the path has more than 64 hashes.
    pub fn new(proof: InclusionProof, checkpoint: SignedNote) -> Result<Self, TlogProofSyntaxError> {
        if proof.path.len() > MAX_PATH {
            return Err(TlogProofSyntaxError::Path { line: MAX_PATH + 1 });
        }
        Ok(Self { extra: None, index: proof.index, path: proof.path, checkpoint })
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// When the text is not one, or is larger than the limits of this module.
    pub fn parse(proof: impl AsRef<[u8]>) -> Result<Self, TlogProofSyntaxError> {
        let proof = proof.as_ref();
        if proof.len() > MAX_TLOG_PROOF_LEN {
            return Err(TlogProofSyntaxError::TooLong);
        }
        let proof = str::from_utf8(proof).map_err(|_| TlogProofSyntaxError::NotUtf8)?;
        let rest = proof.strip_prefix(FIRST_LINE).and_then(|rest| rest.strip_prefix('\n'));
        let rest = rest.ok_or(TlogProofSyntaxError::FirstLine)?;
        let (head, checkpoint) = rest.split_once("\n\n").ok_or(TlogProofSyntaxError::NoCheckpoint)?;
        let mut lines = head.split('\n').peekable();
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => Some(parse_extra(line).ok_or(TlogProofSyntaxError::Extra)?),
            None => None,
        };
        let index = lines.next().and_then(parse_index).ok_or(TlogProofSyntaxError::Index)?;
        let hash = |(line, text): (usize, &str)| {
            let hash = base64::decode(text).and_then(|bytes| Hash::from_slice(&bytes));
            hash.filter(|_| line <= MAX_PATH).ok_or(TlogProofSyntaxError::Path { line })
        };
        let path = (1..).zip(lines).map(hash).collect::<Result<_, _>>()?;
        Ok(Self { extra, index, path, checkpoint: SignedNote::parse(checkpoint)? })
    }

    /// Whether the log with this key holds `entry` at [`TlogProof::index`] (PROOF-02): gives the checkpoint that says
    /// so. What witnesses say of the checkpoint is for a policy to judge, on [`TlogProof::checkpoint`].
    ///
    /// # Errors
    /// When the log did not sign the checkpoint, or the path does not lead from the entry to its root.
    pub fn verify(&self, entry: &[u8], log: &NoteVerifierKey) -> Result<Checkpoint, TlogProofError> {
        let checkpoint = open_checkpoint(self.checkpoint.to_string(), log)?;
        let proof = InclusionProof { size: checkpoint.head.size, index: self.index, path: self.path.clone() };
        proof.verify(&leaf_hash(entry), &checkpoint.head.root)?;
        Ok(checkpoint)
    }

    /// The position of the entry; true once [`TlogProof::verify`] has said so.
    #[must_use]
    pub fn index(&self) -> LeafIndex {
        self.index
    }

    /// The checkpoint as it was published, with all its signatures, none of them looked at.
    #[must_use]
    pub fn checkpoint(&self) -> &SignedNote {
        &self.checkpoint
    }

    /// Data that somebody put beside the proof. **Nothing authenticates it** (PROOF-01).
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64.encode_display(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", BASE64.encode_display(hash.as_ref()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

fn parse_extra(line: &str) -> Option<Vec<u8>> {
    base64::decode(line.strip_prefix("extra ")?).filter(|extra| extra.len() <= MAX_EXTRA_LEN)
}

fn parse_index(line: &str) -> Option<LeafIndex> {
    let text = line.strip_prefix("index ")?;
    let canonical = text == "0" || text.starts_with(|first| matches!(first, '1'..='9'));
    canonical.then(|| text.parse().ok()).flatten().map(LeafIndex::new)
}
