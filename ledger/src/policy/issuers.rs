//! Which issuers a rule or an anchor is about: one name exactly, or all names below a URI.

use serde::{Deserialize, Serialize};

use super::uri::Uri;
use crate::control::is_issuer;

/// One pattern for issuer names.
///
/// Names are compared byte by byte, never normalised: `https://Acme.com` and `https://acme.com` are two issuers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerMatch {
    /// This name and no other.
    Exact(IssuerName),
    /// This URI and everything below it, by whole components.
    Prefix(IssuerPrefix),
}

impl IssuerMatch {
    /// A pattern for one name.
    ///
    /// # Errors
    /// [`PrefixError::NotAnIssuer`]
    pub fn exact(name: impl Into<String>) -> Result<Self, PrefixError> {
        IssuerName::try_from(name.into()).map(Self::Exact)
    }

    /// A pattern for a URI and everything below it.
    ///
    /// # Errors
    /// [`PrefixError`]
    pub fn prefix(prefix: impl Into<String>) -> Result<Self, PrefixError> {
        IssuerPrefix::try_from(prefix.into()).map(Self::Prefix)
    }

    /// Whether the pattern is about this issuer.
    pub fn matches(&self, issuer: &str) -> bool {
        match self {
            Self::Exact(name) => name.0 == issuer,
            Self::Prefix(prefix) => prefix.matches(issuer),
        }
    }
}

/// An issuer's whole name, as it stands in `iss` (ARCH-03).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssuerName(String);

/// A URI prefix that ends at the end of a component (D16).
///
/// With an authority, `https://acme.com` is a prefix of `https://acme.com`, `https://acme.com/x` and
/// `https://acme.com?x`, not of `https://acme.com.evil.org`, `https://acme.com:8443` or `https://acme.com@evil.org`;
/// `https://acme.com/a` is one of `https://acme.com/a/b`, not of `https://acme.com/ab`. Without one, as in
/// `urn:acme`, `did:web:acme.com` or `did:key`, components also end at a colon. A prefix that ends with `/` (or such
/// a colon) is only about names that go on from there, or end there. An issuer that is no URI, or whose path has a
/// segment `.` or `..`, matches no prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssuerPrefix(String);

/// Why a text is not an issuer's name or a usable prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Empty, too long, or a colon in what is not a URI.
    #[error("an issuer's name has 1 to 8192 bytes and, if it has a colon, is a URI")]
    NotAnIssuer,
    /// A prefix must be a URI.
    #[error("an issuer prefix must be a URI such as `https://acme.com` or `urn:acme`")]
    NotAUri,
    /// A query or fragment cannot be the end of a prefix.
    #[error("an issuer prefix has no query and no fragment")]
    Tail,
    /// The authority is empty or has user information.
    #[error("the authority of an issuer prefix is a host, without user information")]
    Authority,
    /// Only a scheme, which would be everybody.
    #[error("an issuer prefix says more than a scheme")]
    OnlyScheme,
    /// The path has a segment `.` or `..`.
    #[error("an issuer prefix has no segments `.` or `..`")]
    DotSegment,
}

impl TryFrom<String> for IssuerName {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        if is_issuer(&text) { Ok(Self(text)) } else { Err(PrefixError::NotAnIssuer) }
    }
}

impl From<IssuerName> for String {
    fn from(name: IssuerName) -> Self {
        name.0
    }
}

impl TryFrom<String> for IssuerPrefix {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        if !is_issuer(&text) {
            return Err(PrefixError::NotAUri);
        }
        let uri = Uri::parse(&text).ok_or(PrefixError::NotAUri)?;
        if !uri.tail.is_empty() {
            return Err(PrefixError::Tail);
        }
        if uri.authority.is_some_and(|authority| authority.is_empty() || authority.contains('@')) {
            return Err(PrefixError::Authority);
        }
        if uri.authority.is_none() && (uri.path.is_empty() || uri.path.starts_with(['/', ':'])) {
            return Err(PrefixError::OnlyScheme);
        }
        if uri.has_dot_segment() {
            return Err(PrefixError::DotSegment);
        }
        Ok(Self(text))
    }
}

impl From<IssuerPrefix> for String {
    fn from(prefix: IssuerPrefix) -> Self {
        prefix.0
    }
}

impl IssuerPrefix {
    fn matches(&self, issuer: &str) -> bool {
        let Some(rest) = issuer.strip_prefix(self.0.as_str()) else { return false };
        let Some(uri) = Uri::parse(issuer).filter(|uri| !uri.has_dot_segment()) else { return false };
        let ends: &[char] = if uri.authority.is_some() { &['/', '?', '#'] } else { &['/', '?', '#', ':'] };
        rest.is_empty() || rest.starts_with(ends) || self.0.ends_with(ends)
    }
}

#[cfg(test)]
mod tests;
