//! Public keys inside control documents, as JSON Web Keys (RFC 7517, RFC 8037).
//!
//! Only public signature keys: a private member is refused, because whatever a control statement says is public.

use proofs::{KeyError, PublicKey};
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

/// Members of RFC 7518 §6 and RFC 8037 §2 that hold secrets.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a JSON value is not a public signature key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// A member that holds secret bytes is present.
    #[error(
        "the JWK holds the private member `{member}`; publish the public part only, and replace this key"
    )]
    Private {
        /// The name of the member.
        member: &'static str,
    },
    /// The value of `kid` is not text.
    #[error("the member `kid` of the JWK is not a text")]
    KidNotText,
    /// The key itself is malformed or of an unsupported type.
    #[error("the JWK: {0}")]
    Key(#[from] KeyError),
}

/// Reads a public signature key.
pub(crate) fn from_value(jwk: &Value) -> Result<PublicKey, JwkError> {
    if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| jwk.get(member).is_some()) {
        return Err(JwkError::Private { member });
    }
    explicit_kid(jwk)?;
    Ok(PublicKey::from_jwk(jwk)?)
}

/// Writes a public key. `alg` stands by its COSE name, so that ESP256 stays ESP256; JOSE has no name for it.
pub(crate) fn to_value(key: &PublicKey) -> Value {
    let mut jwk = key.to_jwk();
    if let (Some(algorithm), Some(members)) = (key.algorithm(), jwk.as_object_mut()) {
        members.insert("alg".to_owned(), Value::from(algorithm.name()));
    }
    jwk
}

/// The explicit `kid` of a key, if it has one.
pub(crate) fn explicit_kid(jwk: &Value) -> Result<Option<String>, JwkError> {
    match jwk.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) => Ok(Some(kid.clone())),
        Some(_) => Err(JwkError::KidNotText),
    }
}

/// For `#[serde(with = "…")]` on a [`PublicKey`].
pub(crate) fn serialize<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&to_value(key), serializer)
}

/// For `#[serde(with = "…")]` on a [`PublicKey`].
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
    let value = Value::deserialize(deserializer)?;
    from_value(&value).map_err(serde::de::Error::custom)
}
