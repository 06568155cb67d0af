//! Names, ids and public keys of those who sign notes (C2SP signed-note).

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};

use super::{NoteSignature, base64};
use crate::cose::{Algorithm, KeyError, PublicKey};
use crate::hash::sha256;

/// The type byte of an Ed25519 key that signs the text of a note itself (NOTE-04). Keys of other types are
/// told from it by their id, so that one key may serve several uses under one name.
pub(crate) const TYPE_ED25519: u8 = 0x01;

/// The name of a key: not empty, no Unicode space, no `+`, no control character (NOTE-01, NOTE-02). For a
/// log's own key it is the log's origin (CKPT-05).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

/// Why something cannot be a key that verifies notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteKeyError {
    /// The name breaks the rules of [`KeyName`].
    #[error("the name of a note key is not empty and holds no space, no plus sign and no control character")]
    BadName,
    /// Not `<name>+<8 hex digits>+<base64>` (NOTE-06).
    #[error("a note key is written <name>+<8 hexadecimal digits>+<base64>")]
    Syntax,
    /// A signature type that is not verified here (NOTE-04).
    #[error("note keys of type {0:#04x} are not supported")]
    UnsupportedType(u8),
    /// Not a canonical Ed25519 point of full order, or not a key of the length of its type.
    #[error("the note key is not a usable public key")]
    BadKey(#[source] KeyError),
    /// The id is not that of name and key (NOTE-03).
    #[error("the id of the note key does not belong to its name and key")]
    WrongId,
}

impl KeyName {
    /// Takes a text as a name.
    ///
    /// # Errors
    /// [`NoteKeyError::BadName`].
    pub fn new(name: &str) -> Result<Self, NoteKeyError> {
        let forbidden = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if name.is_empty() || name.contains(forbidden) {
            return Err(NoteKeyError::BadName);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The short id of a key, four bytes (NOTE-03). Prints as 8 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoteKeyId([u8; 4]);

impl NoteKeyId {
    /// Takes four bytes as an id.
    #[must_use]
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The id of an Ed25519 key of this name: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key)
    /// (NOTE-03).
    #[must_use]
    pub fn ed25519(name: &KeyName, key: &[u8; 32]) -> Self {
        Self::of(name, TYPE_ED25519, key)
    }

    /// The same for a key of any type.
    pub(crate) fn of(name: &KeyName, kind: u8, key: &[u8]) -> Self {
        let digest = sha256(&[name.as_str().as_bytes(), b"\n", &[kind], key].concat());
        let [a, b, c, d, ..] = *digest.as_bytes();
        Self([a, b, c, d])
    }

    /// The four bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for NoteKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

/// A public key that verifies signatures on notes: Ed25519, type 0x01. Prints, and is read, as a vkey,
/// `<name>+<8 hex digits of id>+<base64(type ‖ key)>` (NOTE-06).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifierKey {
    name: KeyName,
    id: NoteKeyId,
    bytes: [u8; 32],
    key: PublicKey,
}

/// The verifier key of this name for an Ed25519 public key (RFC 8032 §5.1.5).
///
/// # Errors
/// When the name is not one a key can have, or the bytes are not a canonical point of full order.
pub fn ed25519_vkey(name: &str, key: &[u8; 32]) -> Result<NoteVerifierKey, NoteKeyError> {
    let name = KeyName::new(name)?;
    let id = NoteKeyId::ed25519(&name, key);
    let public = PublicKey::ed25519(*key).map_err(NoteKeyError::BadKey)?;
    Ok(NoteVerifierKey { name, id, bytes: *key, key: public })
}

impl NoteVerifierKey {
    /// The name of the key.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key.
    #[must_use]
    pub fn id(&self) -> NoteKeyId {
        self.id
    }

    /// The public key, 32 bytes (RFC 8032 §5.1.5).
    #[must_use]
    pub fn ed25519_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Whether the signature claims to be by this key: name and id are both its own (NOTE-05).
    #[must_use]
    pub fn is_named_by(&self, signature: &NoteSignature) -> bool {
        self.name == signature.name && self.id == signature.key_id
    }

    /// Whether `signature` is this key's over `message` (RFC 8032 §5.1.7, without cofactor, small orders
    /// refused).
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(Algorithm::Ed25519, message, signature).is_ok()
    }
}

impl fmt::Display for NoteVerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Vkey { name: &self.name, id: self.id, kind: TYPE_ED25519, key: &self.bytes }.fmt(f)
    }
}

impl FromStr for NoteVerifierKey {
    type Err = NoteKeyError;

    fn from_str(vkey: &str) -> Result<Self, Self::Err> {
        let (name, id, kind, key) = Vkey::split(vkey)?;
        if kind != TYPE_ED25519 {
            return Err(NoteKeyError::UnsupportedType(kind));
        }
        let wrong_length = |_| NoteKeyError::BadKey(KeyError::Length);
        let vkey = ed25519_vkey(name, key.as_slice().try_into().map_err(wrong_length)?)?;
        if vkey.id == id { Ok(vkey) } else { Err(NoteKeyError::WrongId) }
    }
}

/// The parts of a vkey, of any type (NOTE-06).
pub(crate) struct Vkey<'k> {
    pub(crate) name: &'k KeyName,
    pub(crate) id: NoteKeyId,
    pub(crate) kind: u8,
    pub(crate) key: &'k [u8],
}

impl fmt::Display for Vkey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.kind], self.key].concat();
        write!(f, "{}+{}+{}", self.name, self.id, BASE64.encode_display(&typed))
    }
}

impl Vkey<'_> {
    /// Name, id, type byte and key of a text. Whether they belong together is for the caller to see.
    pub(crate) fn split(vkey: &str) -> Result<(&str, NoteKeyId, u8, Vec<u8>), NoteKeyError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteKeyError::Syntax);
        };
        let id = HEXLOWER.decode(id.as_bytes()).map_err(|_| NoteKeyError::Syntax)?;
        let id = NoteKeyId(id.try_into().map_err(|_| NoteKeyError::Syntax)?);
        let typed = base64::decode(typed).ok_or(NoteKeyError::Syntax)?;
        let (kind, key) = typed.split_first().ok_or(NoteKeyError::Syntax)?;
        Ok((name, id, *kind, key.to_vec()))
    }
}

#[cfg(test)]
mod tests;
