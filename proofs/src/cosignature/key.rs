//! The public keys of cosigners (C2SP tlog-cosignature, signed-note vkeys).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ML_DSA_44, UnparsedPublicKey};

use super::MAX_NAME_LEN;
use crate::cose::{Algorithm, KeyError, PublicKey};
use crate::note::key::{TYPE_ED25519, Vkey};
use crate::note::{KeyName, NoteKeyError, NoteKeyId, NoteSignature};

/// The type byte of an Ed25519 cosigner (NOTE-04).
const TYPE_COSIGNATURE_V1: u8 = 0x04;
/// The type byte of an ML-DSA-44 cosigner (NOTE-04).
const TYPE_ML_DSA_44: u8 = 0x06;

/// Length of an ML-DSA-44 public key (FIPS 204 table 2), in bytes.
pub const ML_DSA_44_PUBLIC_LEN: usize = 1312;
/// Length of an ML-DSA-44 signature (FIPS 204 table 2), in bytes.
pub const ML_DSA_44_SIGNATURE_LEN: usize = 2420;
const ED25519_SIGNATURE_LEN: usize = 64;

/// The two forms of a cosignature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CosignatureKind {
    /// `cosignature/v1` with Ed25519, type 0x04 (COSIG-01).
    Ed25519,
    /// ML-DSA-44 over checkpoints and subtrees, type 0x06 (COSIG-02).
    MlDsa44,
}

impl CosignatureKind {
    /// Length in bytes of the signature behind the time.
    #[must_use]
    pub const fn signature_len(self) -> usize {
        match self {
            Self::Ed25519 => ED25519_SIGNATURE_LEN,
            Self::MlDsa44 => ML_DSA_44_SIGNATURE_LEN,
        }
    }

    const fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => TYPE_COSIGNATURE_V1,
            Self::MlDsa44 => TYPE_ML_DSA_44,
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    Ed25519(PublicKey, [u8; 32]),
    MlDsa44(Box<[u8; ML_DSA_44_PUBLIC_LEN]>),
}

/// A public key that verifies cosignatures, and the name its owner goes by. Prints, and is read, as a vkey (NOTE-06).
#[derive(Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: KeyName,
    id: NoteKeyId,
    material: Material,
}

impl CosignerKey {
    /// An Ed25519 cosigner (type 0x04) from its 32 bytes (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// When the name is not one a key can have, or the bytes are not a canonical point of full order.
    pub fn ed25519(name: &str, key: &[u8; 32]) -> Result<Self, NoteKeyError> {
        let public = PublicKey::ed25519(*key).map_err(NoteKeyError::BadKey)?;
        Self::new(name, Material::Ed25519(public, *key))
    }

    /// An ML-DSA-44 cosigner (type 0x06) from its 1312 bytes (FIPS 204 algorithm 22).
    ///
    /// # Errors
    /// When the name is not one a key can have or longer than 255 bytes, or the key is of another length.
    pub fn ml_dsa_44(name: &str, key: &[u8]) -> Result<Self, NoteKeyError> {
        let key = <[u8; ML_DSA_44_PUBLIC_LEN]>::try_from(key)
            .map_err(|_| NoteKeyError::BadKey(KeyError::Length))?;
        if name.len() > MAX_NAME_LEN {
            return Err(NoteKeyError::BadName);
        }
        Self::new(name, Material::MlDsa44(Box::new(key)))
    }

    fn new(name: &str, material: Material) -> Result<Self, NoteKeyError> {
        let name = KeyName::new(name)?;
        let id = NoteKeyId::of(&name, material.kind().type_byte(), material.bytes());
        Ok(Self { name, id, material })
    }

    /// The name of the cosigner.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key: the first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key).
    #[must_use]
    pub fn id(&self) -> NoteKeyId {
        self.id
    }

    /// Which form of cosignature the key makes.
    #[must_use]
    pub fn kind(&self) -> CosignatureKind {
        self.material.kind()
    }

    /// The public key itself: 32 or 1312 bytes.
    #[must_use]
    pub fn public_bytes(&self) -> &[u8] {
        self.material.bytes()
    }

    /// Whether the signature claims to be by this key: name and id are both its own (NOTE-05).
    #[must_use]
    pub fn is_named_by(&self, signature: &NoteSignature) -> bool {
        self.name == signature.name && self.id == signature.key_id
    }

    /// Whether the signature is by this key, but of type 0x01, which is over the bare text of the note.
    #[must_use]
    pub fn is_plain(&self, signature: &NoteSignature) -> bool {
        self.kind() == CosignatureKind::Ed25519
            && self.name == signature.name
            && signature.key_id == NoteKeyId::of(&self.name, TYPE_ED25519, self.public_bytes())
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn verify_raw(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Ed25519(key, _) => key.verify(Algorithm::Ed25519, message, signature).is_ok(),
            Material::MlDsa44(key) => {
                UnparsedPublicKey::new(&ML_DSA_44, key.as_slice()).verify(message, signature).is_ok()
            }
        }
    }
}

impl Material {
    const fn kind(&self) -> CosignatureKind {
        match self {
            Self::Ed25519(..) => CosignatureKind::Ed25519,
            Self::MlDsa44(_) => CosignatureKind::MlDsa44,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(_, key) => key,
            Self::MlDsa44(key) => key.as_slice(),
        }
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, id, material } = self;
        Vkey { name, id: *id, kind: material.kind().type_byte(), key: material.bytes() }.fmt(f)
    }
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignerKey({}+{}, {:?})", self.name, self.id, self.kind())
    }
}

impl FromStr for CosignerKey {
    type Err = NoteKeyError;

    fn from_str(vkey: &str) -> Result<Self, Self::Err> {
        let (name, id, kind, key) = Vkey::split(vkey)?;
        let wrong_length = || NoteKeyError::BadKey(KeyError::Length);
        let key = match kind {
            TYPE_COSIGNATURE_V1 => {
                Self::ed25519(name, key.as_slice().try_into().map_err(|_| wrong_length())?)
            }
            TYPE_ML_DSA_44 => Self::ml_dsa_44(name, &key),
            other => Err(NoteKeyError::UnsupportedType(other)),
        }?;
        if key.id == id { Ok(key) } else { Err(NoteKeyError::WrongId) }
    }
}
