//! Bearer tokens (RFC 6750), known by their digests.

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use proofs::Hash;
use serde::Deserialize;

use super::{ReadSettings, StatementReaders};
use crate::problem::{Problem, TOKEN_NEEDED, TOKEN_UNKNOWN};

/// The SHA-256 of a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct TokenDigest(Hash);

/// The text is not the digest of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SHA-256 of a token is written as 64 lower-case hexadecimal digits")]
pub struct TokenDigestError;

impl TryFrom<String> for TokenDigest {
    type Error = TokenDigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|_| TokenDigestError)
    }
}

impl TokenDigest {
    /// The digest of a token: what stands in the configuration for it.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(proofs::sha256(token.as_bytes()))
    }

    /// Compares all bytes, whatever the first ones are.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let differences = self.0.as_bytes().iter().zip(other.0.as_bytes()).map(|(one, two)| one ^ two);
        differences.fold(0, |all, difference| all | difference) == 0
    }
}

/// What somebody who asks for statements may see, and how a cache may keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Everything, as everybody may.
    Anybody,
    /// Everything, by a token.
    Trusted,
    /// That there are statements, and no more.
    Stranger,
}

impl Reader {
    /// Who asks.
    ///
    /// # Errors
    ///
    /// 401 when a token is presented that is none: silence would look like an erased log.
    pub(crate) fn of(headers: &HeaderMap, settings: &ReadSettings) -> Result<Self, Problem> {
        if settings.statements == StatementReaders::Public {
            return Ok(Self::Anybody);
        }
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let Some(line) = lines.next() else { return Ok(Self::Stranger) };
        let token = line.to_str().ok().and_then(bearer).filter(|_| lines.next().is_none());
        let known = token.is_some_and(|token| {
            let presented = TokenDigest::of(token);
            settings.token_sha256.iter().fold(false, |known, digest| known | digest.is(&presented))
        });
        if known { Ok(Self::Trusted) } else { Err(unauthorized(true)) }
    }

    /// The same for a resource that a stranger cannot see at all.
    ///
    /// # Errors
    ///
    /// 401 also when no token is presented.
    pub(crate) fn of_whole(headers: &HeaderMap, settings: &ReadSettings) -> Result<Self, Problem> {
        match Self::of(headers, settings)? {
            Self::Stranger => Err(unauthorized(false)),
            reader => Ok(reader),
        }
    }

    /// `Cache-Control` and `Vary` of an answer that a cache may give to everybody as `public` says, if everybody may
    /// read it.
    pub(crate) fn caching(self, public: &'static str) -> (&'static str, &'static str) {
        match self {
            Self::Anybody => (public, "accept"),
            Self::Trusted => ("private, no-cache", "accept, authorization"),
            Self::Stranger => ("no-cache", "accept, authorization"),
        }
    }
}

/// The token of `Bearer TOKEN`; the scheme in any case (RFC 9110 §11.1).
pub(crate) fn bearer(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// 401 with the challenge of RFC 6750 §3.
fn unauthorized(presented: bool) -> Problem {
    let (row, challenge) = if presented {
        (&TOKEN_UNKNOWN, "Bearer realm=\"statements\", error=\"invalid_token\"")
    } else {
        (&TOKEN_NEEDED, "Bearer realm=\"statements\"")
    };
    Problem::of(row).header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
