//! Trust anchors as they are registered: increments that add and retire (D4).

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use proofs::{KeyId, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::binding::Binding;
use super::certificate::{MAX_CERTIFICATE_BYTES, RootFacts, RootFault};
use crate::control::jwk::{self, JwkError};
use crate::policy::IssuerMatch;
use crate::profile::System;

/// The most bindings of one root, and the most issuer patterns of one anchor.
pub const MAX_BINDINGS: usize = 256;
const MAX_ID_BYTES: usize = 64;

/// The name of a trust anchor: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit; unique in its log
/// for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AnchorId(String);

impl TryFrom<String> for AnchorId {
    type Error = AnchorError;

    fn try_from(text: String) -> Result<Self, AnchorError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fine = (1..=MAX_ID_BYTES).contains(&text.len())
            && text.bytes().all(plain)
            && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if fine { Ok(Self(text)) } else { Err(AnchorError::Id) }
    }
}

impl AnchorId {
    /// The id, if it has the form of one.
    ///
    /// # Errors
    /// [`AnchorError::Id`]
    pub fn new(text: impl Into<String>) -> Result<Self, AnchorError> {
        Self::try_from(text.into())
    }
}

impl From<AnchorId> for String {
    fn from(id: AnchorId) -> Self {
        id.0
    }
}

impl fmt::Display for AnchorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One trust anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Anchor {
    id: AnchorId,
    issuers: Option<Vec<IssuerMatch>>,
    /// The systems whose payloads hold signatures under this key; empty for an anchor of statements.
    embedded: Vec<System>,
    material: Material,
}

/// What an anchor trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// One key.
    Key(KeyAnchor),
    /// Whatever an X.509 root vouches for.
    Root(Box<RootAnchor>),
}

/// A registered key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAnchor {
    key: PublicKey,
    kid: String,
    thumbprint: KeyId,
}

/// A registered X.509 root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootAnchor {
    der: Vec<u8>,
    bindings: Vec<Binding>,
    facts: RootFacts,
}

/// Why an anchor is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// The id has another form than [`AnchorId`] says.
    #[error("an anchor id has 1 to {MAX_ID_BYTES} of A-Z a-z 0-9 . _ - and begins with a letter or digit")]
    Id,
    /// Neither key nor root, or both.
    #[error("an anchor has either `key` or `root`")]
    Material,
    /// `bindings` beside a key.
    #[error("`bindings` belong to a `root`; a `key` has `issuers`")]
    Bindings,
    /// `embedded` beside a root.
    #[error("`embedded` belongs to a `key`: signatures inside payloads are checked with keys only")]
    Embedded,
    /// A list is empty or longer than [`MAX_BINDINGS`].
    #[error("the list `{list}` of an anchor must have 1 to {MAX_BINDINGS} elements, or be left out")]
    List {
        /// The field.
        list: &'static str,
    },
    /// The JWK is not a usable public key.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// The root is not base64.
    #[error("`root` is not the base64 of a DER certificate")]
    Base64,
    /// The root cannot be one.
    #[error(transparent)]
    Root(#[from] RootFault),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    id: AnchorId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuers: Option<Vec<IssuerMatch>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bindings: Option<Vec<Binding>>,
    /// The systems whose payloads hold signatures under `key`. Such an anchor vouches for no statement, whatever rules
    /// name it; `issuers` then says for which subjects of records the key counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    embedded: Option<Vec<System>>,
}

impl Anchor {
    /// A key; `issuers` restricts whom it may speak for beyond what the rules say.
    ///
    /// # Errors
    /// [`AnchorError::List`]
    pub fn key(id: AnchorId, key: PublicKey, issuers: Option<Vec<IssuerMatch>>) -> Result<Self, AnchorError> {
        check_list("issuers", issuers.as_deref())?;
        Ok(Self { id, issuers, embedded: Vec::new(), material: Material::Key(KeyAnchor::new(key, None)) })
    }

    /// A key that signatures inside payloads of these systems are checked with.
    ///
    /// # Errors
    /// [`AnchorError::List`] without a system.
    pub fn embedded_key(
        id: AnchorId,
        key: PublicKey,
        kid: Option<String>,
        systems: Vec<System>,
    ) -> Result<Self, AnchorError> {
        check_list("embedded", Some(&systems))?;
        Ok(Self { id, issuers: None, embedded: systems, material: Material::Key(KeyAnchor::new(key, kid)) })
    }

    /// An X.509 root in DER; `bindings` say for which issuers its leaves speak without naming them.
    ///
    /// # Errors
    /// [`AnchorError::Root`] for what cannot be a root, [`AnchorError::List`].
    pub fn root(id: AnchorId, der: Vec<u8>, bindings: Vec<Binding>) -> Result<Self, AnchorError> {
        let facts = RootFacts::read(&der)?;
        if bindings.len() > MAX_BINDINGS {
            return Err(AnchorError::List { list: "bindings" });
        }
        Ok(Self {
            id,
            issuers: None,
            embedded: Vec::new(),
            material: Material::Root(Box::new(RootAnchor { der, bindings, facts })),
        })
    }

    /// Its name.
    pub fn id(&self) -> &AnchorId {
        &self.id
    }

    /// What it trusts.
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// The systems whose payloads hold signatures under this key; empty for an anchor of statements.
    pub fn embedded(&self) -> &[System] {
        &self.embedded
    }

    /// Whether the anchor itself allows this issuer; a rule must name it as well.
    pub fn may_speak_for(&self, issuer: &str) -> bool {
        self.issuers.as_ref().is_none_or(|list| list.iter().any(|pattern| pattern.matches(issuer)))
    }
}

impl KeyAnchor {
    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether a `kid` header means this key: the 32 bytes of its RFC 9679 thumbprint, or the `kid` of its JWK as
    /// UTF-8, which is the thumbprint in base64url where the JWK gave none.
    pub fn is_meant_by(&self, kid: &[u8]) -> bool {
        kid == self.thumbprint.as_bytes() || kid == self.kid.as_bytes()
    }

    fn new(key: PublicKey, kid: Option<String>) -> Self {
        let thumbprint = key.thumbprint();
        Self { key, kid: kid.unwrap_or_else(|| thumbprint.to_string()), thumbprint }
    }
}

impl RootAnchor {
    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bindings of its leaves to issuers.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    pub(super) fn facts(&self) -> &RootFacts {
        &self.facts
    }
}

fn check_list<T>(list: &'static str, items: Option<&[T]>) -> Result<(), AnchorError> {
    match items {
        Some(items) if !(1..=MAX_BINDINGS).contains(&items.len()) => Err(AnchorError::List { list }),
        _ => Ok(()),
    }
}

impl TryFrom<Document> for Anchor {
    type Error = AnchorError;

    fn try_from(document: Document) -> Result<Self, AnchorError> {
        let Document { id, key, root, issuers, bindings, embedded } = document;
        check_list("issuers", issuers.as_deref())?;
        check_list("bindings", bindings.as_deref())?;
        check_list("embedded", embedded.as_deref())?;
        if root.is_some() && embedded.is_some() {
            return Err(AnchorError::Embedded);
        }
        let mut anchor = match (key, root) {
            (Some(_), None) if bindings.is_some() => return Err(AnchorError::Bindings),
            (Some(jwk), None) => {
                let key = jwk::from_value(&jwk)?;
                let kid = jwk::explicit_kid(&jwk)?;
                let embedded = Vec::new();
                Self { id, issuers: None, embedded, material: Material::Key(KeyAnchor::new(key, kid)) }
            }
            (None, Some(root)) => {
                if root.len() > BASE64.encode_len(MAX_CERTIFICATE_BYTES) {
                    return Err(RootFault::TooLarge.into());
                }
                let der = BASE64.decode(root.as_bytes()).map_err(|_| AnchorError::Base64)?;
                Self::root(id, der, bindings.unwrap_or_default())?
            }
            _ => return Err(AnchorError::Material),
        };
        anchor.issuers = issuers;
        anchor.embedded = embedded.unwrap_or_default();
        Ok(anchor)
    }
}

impl From<Anchor> for Document {
    fn from(anchor: Anchor) -> Self {
        let Anchor { id, issuers, embedded, material } = anchor;
        let embedded = (!embedded.is_empty()).then_some(embedded);
        match material {
            Material::Key(KeyAnchor { key, kid, .. }) => {
                let mut jwk = jwk::to_value(&key);
                if let Some(members) = jwk.as_object_mut() {
                    members.insert("kid".to_owned(), Value::String(kid));
                }
                Self { id, key: Some(jwk), root: None, issuers, bindings: None, embedded }
            }
            Material::Root(root) => {
                let RootAnchor { der, bindings, .. } = *root;
                let bindings = (!bindings.is_empty()).then_some(bindings);
                Self { id, key: None, root: Some(BASE64.encode(&der)), issuers, bindings, embedded }
            }
        }
    }
}

/// Lower-case hex, as digests stand in documents.
pub(super) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests;
