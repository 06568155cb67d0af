//! Cosignatures: somebody saw that a log only grew, and says when (C2SP tlog-cosignature).
//!
//! Two forms exist: Ed25519 `cosignature/v1` over time and text (type 0x04), and ML-DSA-44 over a structure that names
//! cosigner, log and subtree (type 0x06). A plain Ed25519 signature over the text alone (type 0x01), which some witnesses
//! emit, says nothing about time and is neither; it is told apart, never taken for one.

mod error;
mod key;
#[cfg(test)]
mod tests;

use std::fmt;

pub use error::{CosignError, CosignatureError};
pub use key::{CosignatureKind, CosignerKey, ML_DSA_44_PUBLIC_LEN, ML_DSA_44_SIGNATURE_LEN};

use crate::checkpoint::Checkpoint;
use crate::cose::SignFailed;
use crate::hash::Hash;
use crate::note::NoteSignature;
use crate::time::UnixTime;
use crate::tree::Subtree;

/// What the ML-DSA message starts with (COSIG-02), 12 bytes.
const SUBTREE_LABEL: &[u8] = b"subtree/v1\n\0";
/// The latest time a cosignature can bear (COSIG-03).
const MAX_TIMESTAMP: u64 = i64::MAX.unsigned_abs();
/// The longest name, of a cosigner or a log, that the ML-DSA message has room for (COSIG-02), in bytes.
const MAX_NAME_LEN: usize = 255;

/// Somebody who cosigns with one key. The private key lives elsewhere; this library only asks for a signature.
pub trait Cosigner: Send + Sync {
    /// The key that verifies the cosignatures, with the name it goes by.
    fn key(&self) -> &CosignerKey;

    /// The signature over `message`: 64 bytes for Ed25519 (RFC 8032), 2420 for ML-DSA-44 with an empty context (FIPS 204).
    ///
    /// # Errors
    /// [`SignFailed`] if the key store or library refuses.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed>;
}

/// What is cosigned: a subtree of a log; for a checkpoint the whole tree.
struct Claim<'c> {
    origin: &'c str,
    subtree: Subtree,
    hash: &'c Hash,
}

impl<'c> Claim<'c> {
    fn of(checkpoint: &'c Checkpoint) -> Self {
        let subtree = Subtree::whole(checkpoint.head.size);
        Self { origin: checkpoint.origin.as_str(), subtree, hash: &checkpoint.head.root }
    }

    /// The `cosigned_message` of COSIG-02; none when a name does not fit.
    fn message(&self, cosigner: &str, time: u64) -> Option<Vec<u8>> {
        let named = |name: &str| -> Option<Vec<u8>> {
            let len = u8::try_from(name.len()).ok().filter(|len| *len > 0)?;
            Some([&[len], name.as_bytes()].concat())
        };
        let (start, end) = (self.subtree.start().to_be_bytes(), self.subtree.end().to_be_bytes());
        let time = time.to_be_bytes();
        let (cosigner, origin) = (named(cosigner)?, named(self.origin)?);
        Some([SUBTREE_LABEL, &cosigner, &time, &origin, &start, &end, self.hash.as_ref()].concat())
    }
}

/// The message of `cosignature/v1` (COSIG-01): header, time, and the whole text of the note, extension lines included.
fn v1_message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// A signature line as a cosignature has it: time and signature. Its form is right; nothing is verified.
#[derive(Clone, Copy)]
struct Stamped<'s> {
    time: u64,
    signature: &'s [u8],
}

impl<'s> Stamped<'s> {
    fn parse(line: &'s NoteSignature, key: &CosignerKey) -> Result<Self, CosignatureError> {
        let kind = key.kind();
        if kind == CosignatureKind::Ed25519 && line.signature.len() == kind.signature_len() {
            return Err(CosignatureError::Plain);
        }
        let (time, signature) = line.signature.split_first_chunk().ok_or(CosignatureError::Length)?;
        if signature.len() != kind.signature_len() {
            return Err(CosignatureError::Length);
        }
        let time = u64::from_be_bytes(*time);
        if time > MAX_TIMESTAMP { Err(CosignatureError::Time) } else { Ok(Self { time, signature }) }
    }
}

impl CosignerKey {
    /// Verifies a signature line of a note as this key's cosignature of the checkpoint that `text`, the note's, spells,
    /// and gives the time it bears (COSIG-01, COSIG-02). Zero means that the cosigner does not claim to have seen no
    /// larger tree (COSIG-03).
    ///
    /// # Errors
    /// When the line is another key's, a plain signature, of another form, or does not verify.
    pub fn verify(
        &self,
        text: &str,
        checkpoint: &Checkpoint,
        line: &NoteSignature,
    ) -> Result<UnixTime, CosignatureError> {
        if self.is_plain(line) {
            return Err(CosignatureError::Plain);
        }
        if !self.is_named_by(line) {
            return Err(CosignatureError::OtherKey);
        }
        let Stamped { time, signature } = Stamped::parse(line, self)?;
        let message = match self.kind() {
            CosignatureKind::Ed25519 => Some(v1_message(text, time)),
            CosignatureKind::MlDsa44 => Claim::of(checkpoint).message(self.name().as_str(), time),
        };
        let message = message.ok_or(CosignatureError::Name)?;
        if self.verify_raw(&message, signature) {
            Ok(UnixTime::from_secs(time))
        } else {
            Err(CosignatureError::Invalid)
        }
    }

    /// Verifies a signature line as this key's cosignature of a subtree with this hash (tlog-witness `sign-subtree`,
    /// WIT-08). It bears no time.
    ///
    /// # Errors
    /// As [`CosignerKey::verify`]; [`CosignatureError::NoSubtrees`] for an Ed25519 key.
    pub fn verify_subtree(
        &self,
        origin: &str,
        subtree: Subtree,
        hash: &Hash,
        line: &NoteSignature,
    ) -> Result<(), CosignatureError> {
        if self.kind() != CosignatureKind::MlDsa44 {
            return Err(CosignatureError::NoSubtrees);
        }
        if !self.is_named_by(line) {
            return Err(CosignatureError::OtherKey);
        }
        let Stamped { time, signature } = Stamped::parse(line, self)?;
        if time != 0 {
            return Err(CosignatureError::Time);
        }
        let message = Claim { origin, subtree, hash }.message(self.name().as_str(), 0);
        let message = message.ok_or(CosignatureError::Name)?;
        if self.verify_raw(&message, signature) { Ok(()) } else { Err(CosignatureError::Invalid) }
    }
}

/// Cosigns a checkpoint: the signature line to be put under `text`, which is the text of its note.
///
/// # Errors
/// When the time cannot be borne, a name is too long, or the signer fails or signs wrongly. The line is verified before
/// it is given away.
pub fn cosign(
    text: &str,
    checkpoint: &Checkpoint,
    time: UnixTime,
    cosigner: &dyn Cosigner,
) -> Result<NoteSignature, CosignError> {
    let key = cosigner.key();
    let time =
        Some(time.secs()).filter(|time| (1..=MAX_TIMESTAMP).contains(time)).ok_or(CosignError::Time)?;
    let message = match key.kind() {
        CosignatureKind::Ed25519 => Some(v1_message(text, time)),
        CosignatureKind::MlDsa44 => Claim::of(checkpoint).message(key.name().as_str(), time),
    };
    let line = sign_line(cosigner, time, &message.ok_or(CosignError::Name)?)?;
    key.verify(text, checkpoint, &line).map_err(|_| CosignError::WrongSignature)?;
    Ok(line)
}

/// Cosigns a subtree, without a time (WIT-08). That the subtree is one of a log whose growth was seen is for the caller
/// to know ([`crate::tree::SubtreeProof`]).
///
/// # Errors
/// As [`cosign`]; [`CosignError::NoSubtrees`] for an Ed25519 key.
pub fn cosign_subtree(
    origin: &str,
    subtree: Subtree,
    hash: &Hash,
    cosigner: &dyn Cosigner,
) -> Result<NoteSignature, CosignError> {
    let key = cosigner.key();
    if key.kind() != CosignatureKind::MlDsa44 {
        return Err(CosignError::NoSubtrees);
    }
    let message = Claim { origin, subtree, hash }.message(key.name().as_str(), 0).ok_or(CosignError::Name)?;
    let line = sign_line(cosigner, 0, &message)?;
    key.verify_subtree(origin, subtree, hash, &line).map_err(|_| CosignError::WrongSignature)?;
    Ok(line)
}

fn sign_line(cosigner: &dyn Cosigner, time: u64, message: &[u8]) -> Result<NoteSignature, CosignError> {
    let signature = [&time.to_be_bytes()[..], &cosigner.sign(message)?].concat();
    Ok(NoteSignature { name: cosigner.key().name().clone(), key_id: cosigner.key().id(), signature })
}

impl fmt::Debug for dyn Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.key())
    }
}
