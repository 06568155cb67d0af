//! Signed notes: text with signatures under it (C2SP signed-note).
//!
//! The text means nothing until a signature by a known key verifies.

pub(crate) mod base64;
pub mod key;

pub use key::{KeyName, NoteKeyError, NoteKeyId, NoteVerifierKey, ed25519_vkey};

use std::fmt;

use data_encoding::BASE64;

/// The largest note that is read, in bytes. Even 64 post-quantum signatures stay far below it.
pub const MAX_NOTE_LEN: usize = 1_000_000;
/// The largest number of signatures of a note; readers must accept 16 (NOTE-05).
pub const MAX_SIGNATURES: usize = 64;

/// What a signature line starts with: an em dash (U+2014) and a space (NOTE-02).
const SIGNATURE_START: &str = "\u{2014} ";

/// One signature line of a note (NOTE-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: KeyName,
    /// The short id of the key, which is no more than a hint (NOTE-03).
    pub key_id: NoteKeyId,
    /// The signature itself; its form depends on the type of the key.
    pub signature: Vec<u8>,
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [&self.key_id.as_bytes()[..], &self.signature].concat();
        writeln!(f, "{SIGNATURE_START}{} {}", self.name, BASE64.encode_display(&blob))
    }
}

/// A note that is well formed; nothing is said about its signatures. Prints as the whole note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Why bytes are not a signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More than [`MAX_NOTE_LEN`] bytes.
    #[error("the note is longer than {MAX_NOTE_LEN} bytes")]
    TooLong,
    /// Not UTF-8 (NOTE-01).
    #[error("the note is not valid UTF-8")]
    NotUtf8,
    /// A character below U+0020 that is not a newline (NOTE-01).
    #[error("the note holds a control character")]
    ControlCharacter,
    /// The text does not end in a newline (NOTE-01).
    #[error("the text of the note does not end in a newline")]
    TextNotEnded,
    /// No empty line with signatures after it (NOTE-01).
    #[error("the note has no signatures")]
    NoSignatures,
    /// More than [`MAX_SIGNATURES`] signatures.
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A line after the last empty one is no signature (NOTE-02, CKPT-08).
    #[error("line {line} after the text of the note is not a signature")]
    BadSignatureLine {
        /// Which line, counted from 1 after the empty one.
        line: usize,
    },
}

/// Why a well-formed note is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyNoteError {
    /// Every signature is by a key that is not known (NOTE-05).
    #[error("the note is not signed by a known key")]
    NoKnownKey,
    /// A signature that names a known key does not verify under it (NOTE-05).
    #[error("the signature by {name} on the note is not valid")]
    BadSignature {
        /// The name of the key.
        name: KeyName,
    },
}

impl SignedNote {
    /// Puts signatures under a text.
    ///
    /// # Errors
    /// When what results is not a note that [`SignedNote::parse`] reads.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::TextNotEnded);
        }
        let note = Self { text, signatures };
        let whole = note.to_string();
        // A signature without bytes is written but not read, so the reader has the last word.
        Self::parse(&whole)?;
        Ok(note)
    }

    /// Reads a note (NOTE-01, NOTE-02). Base64 that is not canonical is refused (CKPT-08), so that a note has
    /// one spelling.
    ///
    /// # Errors
    /// When the bytes are not a signed note, or larger than the limits of this module.
    pub fn parse(note: impl AsRef<[u8]>) -> Result<Self, NoteError> {
        let note = note.as_ref();
        if note.len() > MAX_NOTE_LEN {
            return Err(NoteError::TooLong);
        }
        let note = str::from_utf8(note).map_err(|_| NoteError::NotUtf8)?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::ControlCharacter);
        }
        // The newline in front of the last empty line belongs to the text.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let signatures = signature_lines(lines)?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The same text with one more signature under it. A line that is there already is not added again.
    ///
    /// # Errors
    /// When there are [`MAX_SIGNATURES`] already, or the note would become too long.
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(self);
        }
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        if self.to_string().len() > MAX_NOTE_LEN { Err(NoteError::TooLong) } else { Ok(self) }
    }

    /// The text, with its final newline: what is signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Verifies the signatures by keys that are known and ignores all others (NOTE-05). Gives those of
    /// `known` that signed, each once, in the order of the signatures.
    ///
    /// # Errors
    /// When no known key signed, or one of their signatures is not valid.
    pub fn verify<'k>(
        &self,
        known: &'k [NoteVerifierKey],
    ) -> Result<Vec<&'k NoteVerifierKey>, VerifyNoteError> {
        let mut signers = Vec::new();
        for signature in &self.signatures {
            let mut named = known.iter().filter(|key| key.is_named_by(signature)).peekable();
            if named.peek().is_none() {
                continue;
            }
            let Some(signer) = named.find(|key| key.verify(self.text.as_bytes(), &signature.signature))
            else {
                return Err(VerifyNoteError::BadSignature { name: signature.name.clone() });
            };
            if !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        if signers.is_empty() { Err(VerifyNoteError::NoKnownKey) } else { Ok(signers) }
    }
}

/// Reads signature lines that stand alone, as a witness answers them (tlog-witness): at least one, each ended by a
/// newline.
///
/// # Errors
/// When there is none, one is not a signature line, or there are more than the limits of this module allow.
pub fn parse_signatures(lines: &[u8]) -> Result<Vec<NoteSignature>, NoteError> {
    if lines.len() > MAX_NOTE_LEN {
        return Err(NoteError::TooLong);
    }
    let lines = str::from_utf8(lines).map_err(|_| NoteError::NotUtf8)?;
    let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
    signature_lines(lines)
}

fn signature_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    if lines.split('\n').count() > MAX_SIGNATURES {
        return Err(NoteError::TooManySignatures);
    }
    let signature = |(line, text)| parse_line(text).ok_or(NoteError::BadSignatureLine { line });
    (1..).zip(lines.split('\n')).map(signature).collect()
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, blob) = line.strip_prefix(SIGNATURE_START)?.split_once(' ')?;
    let name = KeyName::new(name).ok()?;
    let blob = base64::decode(blob)?;
    let (key_id, signature) = blob.split_first_chunk()?;
    if signature.is_empty() {
        return None;
    }
    Some(NoteSignature { name, key_id: NoteKeyId::new(*key_id), signature: signature.to_vec() })
}

#[cfg(test)]
mod tests;
