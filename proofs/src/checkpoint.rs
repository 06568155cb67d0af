//! Checkpoints: a tree head as a signed note (C2SP tlog-checkpoint).

use std::fmt;

use data_encoding::BASE64;

use crate::cose::{SignFailed, Signer};
use crate::hash::{Hash, empty_root};
use crate::note::{
    KeyName, NoteError, NoteKeyError, NoteSignature, NoteVerifierKey, SignedNote, VerifyNoteError, base64,
    ed25519_vkey,
};
use crate::position::{TreeHead, TreeSize};
use crate::tree::{ConsistencyError, ConsistencyProof};

/// The longest origin a log can choose, in bytes: what the ML-DSA cosignature has room for (COSIG-02).
pub const MAX_ORIGIN_LEN: usize = 255;

/// The name a log goes by in its checkpoints. It looks like a URL without a scheme, and nobody resolves it
/// (CKPT-01).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

/// The text cannot be the origin of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is 1 to {MAX_ORIGIN_LEN} bytes without spaces, plus signs and control characters")]
pub struct OriginError;

impl Origin {
    /// Takes a text as the origin of a log. As a log's key bears the origin as its name (CKPT-05), the rules
    /// of [`KeyName`] hold.
    ///
    /// # Errors
    /// When the text is empty, too long, or holds a character that an origin should not have.
    pub fn new(origin: &str) -> Result<Self, OriginError> {
        if origin.len() > MAX_ORIGIN_LEN || KeyName::new(origin).is_err() {
            return Err(OriginError);
        }
        Ok(Self(origin.to_owned()))
    }

    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a checkpoint says: this log had this head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// Its size and root.
    pub head: TreeHead,
}

/// Why a text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointSyntaxError {
    /// Fewer than three lines, an empty line, or no newline at the end.
    #[error("a checkpoint is at least three lines, none of them empty")]
    Lines,
    /// The first line is empty or holds a control character (CKPT-01).
    #[error("the first line of the checkpoint is not an origin")]
    Origin,
    /// The second line is not a decimal number without leading zeroes below 2^64 (CKPT-02).
    #[error("the second line of the checkpoint is not a tree size")]
    Size,
    /// The third line is not the canonical base64 of 32 bytes (CKPT-02, CKPT-08).
    #[error("the third line of the checkpoint is not a root hash")]
    Root,
    /// The size is 0 and the root is not that of the empty tree (CKPT-02).
    #[error("the checkpoint gives the empty tree a root that it does not have")]
    EmptyRoot,
}

/// Why a note is not a checkpoint to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes are not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Two signature lines have the same name and key id (CKPT-08).
    #[error("the checkpoint has two signatures by {name} under one key id")]
    DuplicateSignature {
        /// The name of both.
        name: KeyName,
    },
    /// The log's signature is missing or not valid.
    #[error(transparent)]
    Signature(#[from] VerifyNoteError),
    /// The text that was signed is not that of a checkpoint.
    #[error(transparent)]
    Syntax(#[from] CheckpointSyntaxError),
    /// The key is not named as the origin, so it is not this log's (CKPT-05).
    #[error("the checkpoint is of {origin}, the key is of {key}")]
    OtherOrigin {
        /// The origin of the checkpoint.
        origin: Origin,
        /// The name of the key.
        key: KeyName,
    },
}

/// Why a checkpoint could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignCheckpointError {
    /// The signer's key is not an Ed25519 key (TILE-02).
    #[error("a checkpoint is signed with an Ed25519 key, not with {0}")]
    NotEd25519(&'static str),
    /// The origin is no name for a key.
    #[error(transparent)]
    Key(#[from] NoteKeyError),
    /// The signer made no signature.
    #[error(transparent)]
    Signer(#[from] SignFailed),
    /// The signature is not one that the public key verifies.
    #[error("the signer made a signature that its public key does not verify")]
    WrongSignature,
    /// What resulted is not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why one checkpoint does not continue another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContradictionError {
    /// They are of two logs.
    #[error("the checkpoints are of two logs, {older} and {newer}")]
    OtherOrigin {
        /// The origin of the older one.
        older: Origin,
        /// The origin of the newer one.
        newer: Origin,
    },
    /// The proof is about other sizes.
    #[error("the proof is not about the sizes of the two checkpoints")]
    OtherSizes,
    /// The proof does not show it.
    #[error(transparent)]
    Proof(#[from] ConsistencyError),
}

impl Checkpoint {
    /// The text that is signed: three lines, no extensions (CKPT-03).
    #[must_use]
    pub fn text(&self) -> String {
        let root = BASE64.encode(self.head.root.as_ref());
        format!("{}\n{}\n{root}\n", self.origin, self.head.size)
    }

    /// Reads the text of a checkpoint. Extension lines are passed over (CKPT-03). The origin may be one that
    /// [`Origin::new`] refuses: readers must not expect it to follow the recommendation (CKPT-01).
    ///
    /// # Errors
    /// When the text is not that of a checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointSyntaxError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointSyntaxError::Lines)?;
        if lines.split('\n').any(str::is_empty) {
            return Err(CheckpointSyntaxError::Lines);
        }
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointSyntaxError::Lines);
        };
        if origin.contains(|c| c < ' ') {
            return Err(CheckpointSyntaxError::Origin);
        }
        let size = parse_size(size).ok_or(CheckpointSyntaxError::Size)?;
        let root = base64::decode(root).and_then(|root| Hash::from_slice(&root));
        let root = root.ok_or(CheckpointSyntaxError::Root)?;
        if size == TreeSize::EMPTY && root != empty_root() {
            return Err(CheckpointSyntaxError::EmptyRoot);
        }
        Ok(Self { origin: Origin(origin.to_owned()), head: TreeHead { size, root } })
    }

    /// Whether this checkpoint continues `older`, which is to be seen before a log signs it (CKPT-04): same
    /// log, and the proof leads from one root to the other. Everything continues the empty tree; the path is
    /// then empty.
    ///
    /// # Errors
    /// When it is not proven.
    pub fn continues(&self, older: &Self, proof: &ConsistencyProof) -> Result<(), ContradictionError> {
        if self.origin != older.origin {
            return Err(ContradictionError::OtherOrigin {
                older: older.origin.clone(),
                newer: self.origin.clone(),
            });
        }
        if (proof.old, proof.new) != (older.head.size, self.head.size) {
            return Err(ContradictionError::OtherSizes);
        }
        if older.head.size == TreeSize::EMPTY && proof.path.is_empty() {
            return Ok(());
        }
        Ok(proof.verify(&older.head.root, &self.head.root)?)
    }
}

/// Signs a checkpoint with the log's Ed25519 key (TILE-02, type 0x01), under the log's origin as the key's
/// name (CKPT-05), and gives the whole note. The signature is verified before the note is given away. That
/// nothing was signed before which contradicts this is for the caller to know ([`Checkpoint::continues`]).
///
/// # Errors
/// When the origin cannot name a key, the key is of another type, or the signer fails or signs wrongly.
pub fn sign_checkpoint(checkpoint: &Checkpoint, signer: &dyn Signer) -> Result<String, SignCheckpointError> {
    let public_key = signer.public_key();
    let wrong_type = SignCheckpointError::NotEd25519(public_key.key_type_name());
    let bytes = public_key.ed25519_bytes().ok_or(wrong_type)?;
    let key = ed25519_vkey(checkpoint.origin.as_str(), &bytes)?;
    let text = checkpoint.text();
    let signature = signer.sign(text.as_bytes())?;
    if !key.verify(text.as_bytes(), &signature) {
        return Err(SignCheckpointError::WrongSignature);
    }
    let signature = NoteSignature { name: key.name().clone(), key_id: key.id(), signature };
    Ok(SignedNote::new(text, vec![signature])?.to_string())
}

/// Reads a checkpoint that a log signed with this key, whose name is the log's origin (CKPT-05). Other
/// signatures, those of witnesses for example, are ignored (CKPT-07).
///
/// # Errors
/// When the note is not well formed, not signed by the key, or not a checkpoint of the log the key is named
/// after.
pub fn open_checkpoint(note: impl AsRef<[u8]>, key: &NoteVerifierKey) -> Result<Checkpoint, CheckpointError> {
    let note = SignedNote::parse(note)?;
    let mut seen: Vec<_> = note.signatures().iter().map(|line| (&line.name, line.key_id)).collect();
    seen.sort_unstable();
    if let Some([(name, _), _]) = seen.array_windows().find(|[one, next]| one == next) {
        return Err(CheckpointError::DuplicateSignature { name: (*name).clone() });
    }
    note.verify(std::slice::from_ref(key))?;
    let checkpoint = Checkpoint::parse(note.text())?;
    if checkpoint.origin.as_str() != key.name().as_str() {
        return Err(CheckpointError::OtherOrigin { origin: checkpoint.origin, key: key.name().clone() });
    }
    Ok(checkpoint)
}

/// A decimal number without a sign and without leading zeroes.
fn parse_size(text: &str) -> Option<TreeSize> {
    let canonical = text == "0" || text.starts_with(|first| matches!(first, '1'..='9'));
    canonical.then(|| text.parse().ok()).flatten().map(TreeSize::new)
}

#[cfg(test)]
mod tests;
