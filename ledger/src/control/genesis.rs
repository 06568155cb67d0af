//! The genesis document: what a log is, fixed for ever at index 0 (D3).

use data_encoding::BASE64URL_NOPAD;
use proofs::{CosignerKey, EntryId, KeyId, LogKey, Origin, PublicKey, note::ed25519_vkey};
use serde::{Deserialize, Serialize};

use super::json::{self, JsonError};
use super::jwk;
use crate::policy::uri;

/// The format of log and store that this code writes and reads.
pub const GENESIS_FORMAT: u32 = 1;

/// How a leaf is made: RFC 9162 §2.1.1 over an entry that is the SHA-256 of the canonical statement (D1).
pub const LEAF_RULE: &str = "rfc9162-sha256 over sha256(canonical signed statement)";

/// The longest issuer name, in bytes (ARCH-03).
pub const MAX_ISSUER_BYTES: usize = 8192;

/// What a log is: its names and the public keys of its roles (D3, D19).
///
/// The entry id of the statement that carries it is the id of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Version of the format; [`GENESIS_FORMAT`].
    pub format: u32,
    /// The `iss` of receipts and control statements.
    pub issuer: String,
    /// The origin line of checkpoints (C2SP tlog-checkpoint).
    pub origin: String,
    /// The key that signs receipts, with its algorithm.
    pub receipts: PublicKey,
    /// The key that signs checkpoints; Ed25519.
    pub checkpoints: PublicKey,
    /// The second key that signs checkpoints, ML-DSA-44 (CKPT-06), named as the origin; logs that were made before it
    /// was known have none.
    pub checkpoints_ml_dsa_44: Option<CosignerKey>,
    /// The key of the registrar, which wraps JSON evidence (D17).
    pub registrar: PublicKey,
    /// The operator's key, which signs the first control statements.
    pub operator: PublicKey,
}

/// Why a genesis document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Not JSON, or not the members that a genesis has.
    #[error("the genesis document does not read: {0}")]
    Json(#[from] JsonError),
    /// Another format than this code reads.
    #[error("the log has format {found}, this version reads {GENESIS_FORMAT}")]
    Format {
        /// The format that the document names.
        found: u32,
    },
    /// Another leaf rule than this code uses.
    #[error("the log hashes its leaves by another rule than `{LEAF_RULE}`")]
    LeafRule,
    /// The issuer is empty, too long, or has a colon without being a URI (ARCH-03).
    #[error("`iss` must have 1 to {MAX_ISSUER_BYTES} bytes and, if it has a colon, be a URI")]
    Issuer,
    /// The origin cannot stand in a checkpoint.
    #[error("`origin` cannot stand in a checkpoint")]
    Origin,
    /// The receipts key does not say its algorithm.
    #[error("the receipts key must name its algorithm (`alg`)")]
    ReceiptsAlgorithm,
    /// The checkpoint key is not Ed25519, which C2SP signed notes need.
    #[error("the checkpoints key must be an Ed25519 key")]
    CheckpointsKey,
    /// The second checkpoint key is no ML-DSA-44 key, or not named as the origin.
    #[error("the checkpoints_ml_dsa_44 key must be an ML-DSA-44 key (kty AKP) of this log")]
    MlDsaKey,
    /// Two roles have one key (D19).
    #[error("two roles have the same key; each role needs its own")]
    SharedKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    leaf: String,
    iss: String,
    origin: String,
    keys: Keys,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(with = "jwk")]
    receipts: PublicKey,
    #[serde(with = "jwk")]
    checkpoints: PublicKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoints_ml_dsa_44: Option<AkpJwk>,
    #[serde(with = "jwk")]
    registrar: PublicKey,
    #[serde(with = "jwk")]
    operator: PublicKey,
}

/// An ML-DSA public key as a JWK (kty AKP of the JOSE registry).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AkpJwk {
    kty: String,
    alg: String,
    #[serde(rename = "pub")]
    public: String,
}

const AKP: &str = "AKP";
const ML_DSA_44: &str = "ML-DSA-44";

impl AkpJwk {
    fn of(key: &CosignerKey) -> Self {
        let public = BASE64URL_NOPAD.encode(key.public_bytes());
        Self { kty: AKP.to_owned(), alg: ML_DSA_44.to_owned(), public }
    }

    fn key(&self, origin: &str) -> Result<CosignerKey, GenesisError> {
        let bytes = BASE64URL_NOPAD.decode(self.public.as_bytes()).map_err(|_| GenesisError::MlDsaKey)?;
        if self.kty != AKP || self.alg != ML_DSA_44 {
            return Err(GenesisError::MlDsaKey);
        }
        CosignerKey::ml_dsa_44(origin, &bytes).map_err(|_| GenesisError::MlDsaKey)
    }
}

impl Genesis {
    /// Reads and checks a genesis document; unknown and duplicate members are refused.
    ///
    /// # Errors
    /// [`GenesisError`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, GenesisError> {
        let Document { format, leaf, iss, origin, keys } = json::parse(bytes)?;
        let Keys { receipts, checkpoints, checkpoints_ml_dsa_44, registrar, operator } = keys;
        if leaf != LEAF_RULE {
            return Err(GenesisError::LeafRule);
        }
        let checkpoints_ml_dsa_44 = checkpoints_ml_dsa_44.map(|key| key.key(&origin)).transpose()?;
        let genesis = Self {
            format,
            issuer: iss,
            origin,
            receipts,
            checkpoints,
            checkpoints_ml_dsa_44,
            registrar,
            operator,
        };
        genesis.check()?;
        Ok(genesis)
    }

    /// Writes the document; refuses what [`Genesis::from_json`] would refuse.
    ///
    /// # Errors
    /// [`GenesisError`]
    pub fn to_json(&self) -> Result<Vec<u8>, GenesisError> {
        self.check()?;
        Ok(json::write(&Document {
            format: self.format,
            leaf: LEAF_RULE.to_owned(),
            iss: self.issuer.clone(),
            origin: self.origin.clone(),
            keys: Keys {
                receipts: self.receipts.clone(),
                checkpoints: self.checkpoints.clone(),
                checkpoints_ml_dsa_44: self.checkpoints_ml_dsa_44.as_ref().map(AkpJwk::of),
                registrar: self.registrar.clone(),
                operator: self.operator.clone(),
            },
        })?)
    }

    /// The keys that checkpoints of this log verify under: Ed25519 first (TILE-02), then ML-DSA-44 if it has one
    /// (CKPT-06).
    #[must_use]
    pub fn checkpoint_keys(&self) -> Vec<LogKey> {
        let ed25519 = self.checkpoints.ed25519_bytes();
        let ed25519 = ed25519.and_then(|key| ed25519_vkey(&self.origin, &key).ok()).map(LogKey::Ed25519);
        ed25519.into_iter().chain(self.checkpoints_ml_dsa_44.clone().map(LogKey::MlDsa44)).collect()
    }

    fn check(&self) -> Result<(), GenesisError> {
        if self.format != GENESIS_FORMAT {
            return Err(GenesisError::Format { found: self.format });
        }
        if !is_issuer(&self.issuer) {
            return Err(GenesisError::Issuer);
        }
        if Origin::new(&self.origin).is_err() {
            return Err(GenesisError::Origin);
        }
        if self.receipts.algorithm().is_none() {
            return Err(GenesisError::ReceiptsAlgorithm);
        }
        if self.checkpoints.ed25519_bytes().is_none() {
            return Err(GenesisError::CheckpointsKey);
        }
        let named = |key: &CosignerKey| {
            key.kind() == proofs::CosignatureKind::MlDsa44 && key.name().as_str() == self.origin
        };
        if !self.checkpoints_ml_dsa_44.as_ref().is_none_or(named) {
            return Err(GenesisError::MlDsaKey);
        }
        let roles = [&self.receipts, &self.checkpoints, &self.registrar, &self.operator];
        let mut kids: Vec<KeyId> = roles.map(PublicKey::thumbprint).to_vec();
        kids.sort_unstable();
        kids.dedup();
        if kids.len() != roles.len() {
            return Err(GenesisError::SharedKey);
        }
        Ok(())
    }
}

/// RFC 8392 StringOrURI with the length rule of ARCH-03.
pub(crate) fn is_issuer(text: &str) -> bool {
    (1..=MAX_ISSUER_BYTES).contains(&text.len()) && (!text.contains(':') || uri::Uri::parse(text).is_some())
}

/// A log: its id and what its genesis says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The entry id of the genesis statement.
    pub log_id: EntryId,
    /// What the genesis statement says.
    pub genesis: Genesis,
}
