//! The URL under which the world reaches the service.

use axum::http::Uri;
use proofs::EntryId;
use thiserror::Error;

/// The configured public base URL, without a slash at its end: `https://ts.example` or
/// `https://example.org/ts`.
///
/// Every `Location` is made from it and never from the request's `Host`, which anybody can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// Why a text is no public URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PublicUrlError {
    /// It cannot be read as a URL.
    #[error("the public URL is not a URL")]
    NotAUrl,
    /// It does not begin with `https://host` or `http://host`.
    #[error("the public URL must begin with https:// or http:// and name a host")]
    NoHttpHost,
    /// It has parts that a base for other URLs cannot have.
    #[error("the public URL must have no user, query or fragment")]
    TooMuch,
}

impl PublicUrl {
    /// Reads a base URL; slashes at its end are dropped.
    ///
    /// # Errors
    ///
    /// See [`PublicUrlError`].
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        if text.contains(['#', '@', '?']) {
            return Err(PublicUrlError::TooMuch);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PublicUrlError::NotAUrl);
        }
        let uri: Uri = text.parse().map_err(|_| PublicUrlError::NotAUrl)?;
        let http = matches!(uri.scheme_str(), Some("http" | "https"));
        if !http || uri.host().is_none_or(str::is_empty) {
            return Err(PublicUrlError::NoHttpHost);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The URL as text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The receipt resource of an entry, the same in 200, 201, 202, 204 and 503 (SCR-25).
    pub(crate) fn entry(&self, id: &EntryId) -> String {
        format!("{}/entries/{id}", self.0)
    }

    /// The statement of an entry.
    pub(crate) fn statement(&self, id: &EntryId) -> String {
        format!("{}/statements/{id}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_are_dropped() {
        assert_eq!(PublicUrl::parse("https://ts.example/").unwrap().as_str(), "https://ts.example");
        assert_eq!(PublicUrl::parse("http://[::1]:8080/a/").unwrap().as_str(), "http://[::1]:8080/a");
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for (text, error) in [
            ("", PublicUrlError::NotAUrl),
            ("ts.example", PublicUrlError::NoHttpHost),
            ("/entries", PublicUrlError::NoHttpHost),
            ("ftp://ts.example", PublicUrlError::NoHttpHost),
            ("https://me@ts.example", PublicUrlError::TooMuch),
            ("https://ts.example/?a=b", PublicUrlError::TooMuch),
            ("https://ts.example/#top", PublicUrlError::TooMuch),
            ("https://ts .example", PublicUrlError::NotAUrl),
            ("https://ts.example/\u{e9}", PublicUrlError::NotAUrl),
            ("https://ts.example\r\nX: y", PublicUrlError::NotAUrl),
        ] {
            assert_eq!(PublicUrl::parse(text), Err(error), "{text}");
        }
    }
}
