//! Is this leaf the issuer? The binding of an X.509 leaf to `iss` (D16).

use serde::{Deserialize, Serialize};

use super::certificate::Leaf;
use super::document::hex;
use crate::control::is_issuer;
use crate::policy::uri::Uri;

const SPIFFE: &str = "spiffe://";
const SHA256_HEX_CHARS: usize = 64;

/// An anchor's word that certain leaves of its root speak for an issuer that they do not name.
///
/// At least one of `subject` and `spki_sha256` is there; all that are there must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Binding {
    issuer: String,
    subject: Option<String>,
    spki_sha256: Option<String>,
}

/// Why a binding is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The issuer is none.
    #[error("the `iss` of a binding is not an issuer's name")]
    Issuer,
    /// Neither subject nor key: that would be every leaf of the root.
    #[error(
        "a binding has `subject` or `spki_sha256`, else every leaf of the root could speak for the issuer"
    )]
    Open,
    /// The subject is empty.
    #[error(
        "the `subject` of a binding is an RFC 4514 name, as `openssl x509 -subject -nameopt RFC2253` prints it"
    )]
    Subject,
    /// Not a digest.
    #[error("`spki_sha256` is 64 lower-case hex digits")]
    Digest,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    iss: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spki_sha256: Option<String>,
}

impl TryFrom<Document> for Binding {
    type Error = BindingError;

    fn try_from(document: Document) -> Result<Self, BindingError> {
        Self::new(document.iss, document.subject, document.spki_sha256)
    }
}

impl From<Binding> for Document {
    fn from(binding: Binding) -> Self {
        Self { iss: binding.issuer, subject: binding.subject, spki_sha256: binding.spki_sha256 }
    }
}

impl Binding {
    /// A binding to `issuer` by the leaf's subject (RFC 4514), by the SHA-256 of its SubjectPublicKeyInfo (lower-case
    /// hex), or by both.
    ///
    /// # Errors
    /// [`BindingError`]
    pub fn new(
        issuer: String,
        subject: Option<String>,
        spki_sha256: Option<String>,
    ) -> Result<Self, BindingError> {
        if !is_issuer(&issuer) {
            return Err(BindingError::Issuer);
        }
        if subject.is_none() && spki_sha256.is_none() {
            return Err(BindingError::Open);
        }
        if subject.as_ref().is_some_and(String::is_empty) {
            return Err(BindingError::Subject);
        }
        let is_digest = |text: &String| {
            text.len() == SHA256_HEX_CHARS
                && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if !spki_sha256.as_ref().is_none_or(is_digest) {
            return Err(BindingError::Digest);
        }
        Ok(Self { issuer, subject, spki_sha256 })
    }

    fn fits(&self, issuer: &str, leaf: &Leaf) -> bool {
        self.issuer == issuer
            && self.subject.as_ref().is_none_or(|subject| leaf.subject() == Some(subject.as_str()))
            && self.spki_sha256.as_ref().is_none_or(|digest| *digest == hex(leaf.spki_sha256().as_bytes()))
    }
}

/// Whether the leaf is the issuer, or the anchor says so.
///
/// - `iss` equals a URI SAN, byte by byte; for `spiffe://` that SAN must be the only URI (SPIFFE X509-SVID §2).
/// - `iss` is an `https` URI whose host is a DNS SAN, without regard to ASCII case. A wildcard names no issuer: whoever
///   holds it would be every host below it. The path of `iss` is the host's own affair.
/// - a [`Binding`] of the root fits.
///
/// A common name counts for nothing.
pub(super) fn is_bound(issuer: &str, leaf: &Leaf, bindings: &[Binding]) -> bool {
    by_uri(issuer, leaf) || by_host(issuer, leaf) || bindings.iter().any(|binding| binding.fits(issuer, leaf))
}

fn by_uri(issuer: &str, leaf: &Leaf) -> bool {
    let uris = leaf.uri_names();
    let alone = uris.len() == 1 || !issuer.starts_with(SPIFFE);
    alone && uris.iter().any(|uri| uri == issuer)
}

fn by_host(issuer: &str, leaf: &Leaf) -> bool {
    let host = Uri::parse(issuer).filter(|uri| uri.scheme == "https").and_then(|uri| uri.host());
    host.is_some_and(|host| {
        leaf.dns_names().iter().any(|name| !name.contains('*') && name.eq_ignore_ascii_case(host))
    })
}
