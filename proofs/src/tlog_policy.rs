//! Which logs are trusted, and which witnesses have to have seen a checkpoint (C2SP tlog-policy).

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use parse::{MAX_LINES, MAX_POLICY_LEN, PolicyErrorKind, PolicySyntaxError};

use crate::checkpoint::{Checkpoint, CheckpointSyntaxError};
use crate::cosignature::{CosignatureError, CosignerKey};
use crate::note::{KeyName, NoteError, NoteKeyError, NoteSignature, NoteVerifierKey, SignedNote};
use crate::time::UnixTime;

/// A public key by which a log signs checkpoints: plain Ed25519 (type 0x01, TILE-02) or ML-DSA-44 (type 0x06, CKPT-06).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKey {
    /// Type 0x01.
    Ed25519(NoteVerifierKey),
    /// Type 0x06.
    MlDsa44(CosignerKey),
}

impl LogKey {
    /// The name of the key, which is the origin of the log (CKPT-05).
    #[must_use]
    pub fn name(&self) -> &KeyName {
        match self {
            Self::Ed25519(key) => key.name(),
            Self::MlDsa44(key) => key.name(),
        }
    }

    /// The public key itself.
    #[must_use]
    pub fn public_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key.ed25519_bytes(),
            Self::MlDsa44(key) => key.public_bytes(),
        }
    }

    /// Whether the signature claims to be by this key.
    #[must_use]
    pub fn is_named_by(&self, line: &NoteSignature) -> bool {
        match self {
            Self::Ed25519(key) => key.is_named_by(line),
            Self::MlDsa44(key) => key.is_named_by(line),
        }
    }

    /// Whether the signature line is this key's over the checkpoint that `text`, the note's, spells.
    #[must_use]
    pub fn verify(&self, text: &str, checkpoint: &Checkpoint, line: &NoteSignature) -> bool {
        match self {
            Self::Ed25519(key) => key.is_named_by(line) && key.verify(text.as_bytes(), &line.signature),
            Self::MlDsa44(key) => key.verify(text, checkpoint, line).is_ok(),
        }
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519(key) => key.fmt(f),
            Self::MlDsa44(key) => key.fmt(f),
        }
    }
}

impl FromStr for LogKey {
    type Err = NoteKeyError;

    fn from_str(vkey: &str) -> Result<Self, Self::Err> {
        match vkey.parse() {
            Ok(key) => Ok(Self::Ed25519(key)),
            Err(NoteKeyError::UnsupportedType(_)) => {
                let key: CosignerKey = vkey.parse()?;
                // A log signs with type 0x01; type 0x04 is for those who are no log (CKPT-08).
                match key.kind() {
                    crate::cosignature::CosignatureKind::MlDsa44 => Ok(Self::MlDsa44(key)),
                    crate::cosignature::CosignatureKind::Ed25519 => Err(NoteKeyError::UnsupportedType(4)),
                }
            }
            Err(other) => Err(other),
        }
    }
}

/// A log of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, named as its origin.
    pub key: LogKey,
    /// Where it is, if the policy says so.
    pub url: Option<String>,
}

/// A witness of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// What the policy calls it: bytes of any kind.
    pub name: Vec<u8>,
    /// Its key.
    pub key: CosignerKey,
    /// Its submission prefix, if the policy says so.
    pub url: Option<String>,
}

/// One of the names that a group or the quorum is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// A policy as its file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogPolicy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A checkpoint that a policy accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Who cosigned it and when: a place in [`TlogPolicy::witnesses`] and the time, each witness once.
    pub cosigned: Vec<(usize, UnixTime)>,
}

/// Why a policy does not accept a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyVerifyError {
    /// The bytes are not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not that of a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointSyntaxError),
    /// Two signature lines have the same name and key id (CKPT-08).
    #[error("the checkpoint has two signatures by {name} under one key id")]
    DuplicateSignature {
        /// The name of both.
        name: KeyName,
    },
    /// No log of the policy signed it.
    #[error("the checkpoint is not signed by a log that is trusted")]
    NoTrustedLog,
    /// A signature that names a log of the policy does not verify (NOTE-05).
    #[error("the signature by the log {name} is not valid")]
    BadLogSignature {
        /// The name of the key.
        name: KeyName,
    },
    /// A signature that names a witness of the policy does not verify (NOTE-05).
    #[error("the cosignature by {name} is not valid: {why}")]
    BadCosignature {
        /// The name of the key.
        name: KeyName,
        /// Why.
        why: CosignatureError,
    },
    /// Too few witnesses cosigned.
    #[error("{found} witnesses cosigned the checkpoint, which is not the quorum")]
    NoQuorum {
        /// How many of the policy did.
        found: usize,
    },
}

impl TlogPolicy {
    /// The logs, in the order of the file.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether the quorum asks for anybody at all: `false` for `quorum none`.
    #[must_use]
    pub fn needs_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// Whether these witnesses, by their places in [`TlogPolicy::witnesses`], are a quorum.
    #[must_use]
    pub fn is_quorum(&self, cosigned: impl Fn(usize) -> bool) -> bool {
        let Some(quorum) = self.quorum else { return true };
        // A group names earlier ones only, so one pass in order settles all of them.
        let mut settled: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |member: &Member, settled: &[bool]| match *member {
            Member::Witness(at) => cosigned(at),
            Member::Group(at) => settled.get(at).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|member| holds(member, &settled)).count();
            settled.push(count >= group.threshold);
        }
        holds(&quorum, &settled)
    }

    /// Whether the checkpoint is signed by a log of the policy and cosigned by its quorum.
    ///
    /// # Errors
    /// When it is not, or a signature by a known key is not valid.
    pub fn verify(&self, note: impl AsRef<[u8]>) -> Result<Witnessed, PolicyVerifyError> {
        let keys: Vec<&LogKey> = self.logs.iter().map(|log| &log.key).collect();
        self.verify_for(note, &keys)
    }

    /// [`TlogPolicy::verify`] with logs that are known from elsewhere instead of those of the policy.
    ///
    /// # Errors
    /// As [`TlogPolicy::verify`].
    pub fn verify_for(
        &self,
        note: impl AsRef<[u8]>,
        logs: &[&LogKey],
    ) -> Result<Witnessed, PolicyVerifyError> {
        let note = SignedNote::parse(note)?;
        let checkpoint = verify_log(&note, logs)?;
        let cosigned = self.cosigned(&note, &checkpoint)?;
        if self.is_quorum(|witness| cosigned.iter().any(|(at, _)| *at == witness)) {
            Ok(Witnessed { checkpoint, cosigned })
        } else {
            Err(PolicyVerifyError::NoQuorum { found: cosigned.len() })
        }
    }

    /// The witnesses of the policy that cosigned, each with its time. Lines of others are passed over (CKPT-07).
    ///
    /// # Errors
    /// When a line that names a witness of the policy is not its cosignature (NOTE-05).
    pub fn cosigned(
        &self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<(usize, UnixTime)>, PolicyVerifyError> {
        let mut cosigned = Vec::new();
        for line in note.signatures() {
            for (at, witness) in self.witnesses.iter().enumerate() {
                match witness.key.verify(note.text(), checkpoint, line) {
                    Ok(time) => cosigned.push((at, time)),
                    // A plain signature by the key of a witness is not wrong: it is just no cosignature.
                    Err(CosignatureError::OtherKey | CosignatureError::Plain) => {}
                    Err(why) => {
                        return Err(PolicyVerifyError::BadCosignature { name: line.name.clone(), why });
                    }
                }
            }
        }
        Ok(cosigned)
    }
}

/// Reads the checkpoint of a note that one of these logs signed (TILE-02, CKPT-05 to CKPT-08). Every line that names one
/// of the keys must verify.
///
/// # Errors
/// When none did, a line that names one does not verify, or the note is no checkpoint.
pub fn verify_log(note: &SignedNote, logs: &[&LogKey]) -> Result<Checkpoint, PolicyVerifyError> {
    let mut seen: Vec<_> = note.signatures().iter().map(|line| (&line.name, line.key_id)).collect();
    seen.sort_unstable();
    if let Some([(name, _), _]) = seen.array_windows().find(|[one, next]| one == next) {
        return Err(PolicyVerifyError::DuplicateSignature { name: (*name).clone() });
    }
    let checkpoint = Checkpoint::parse(note.text())?;
    let mut signed = false;
    for line in note.signatures() {
        let mut named = logs
            .iter()
            .filter(|key| key.name().as_str() == checkpoint.origin.as_str() && key.is_named_by(line))
            .peekable();
        if named.peek().is_none() {
            continue;
        }
        if !named.any(|key| key.verify(note.text(), &checkpoint, line)) {
            return Err(PolicyVerifyError::BadLogSignature { name: line.name.clone() });
        }
        signed = true;
    }
    if signed { Ok(checkpoint) } else { Err(PolicyVerifyError::NoTrustedLog) }
}
