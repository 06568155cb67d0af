//! Who sends, by the bearer token (RFC 6750) they present; or as the password of Basic (RFC 7617), for clients that
//! know no other way; or, where nothing of the kind is presented, by the certificate they showed in TLS.
//!
//! An answer never tells whether a token exists: one that is unknown and one that is missing are refused alike, and
//! what a known one may not do is told only to whoever holds it.

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{Extensions, HeaderMap, HeaderValue};
use data_encoding::BASE64;

use super::{ClientNames, EvidenceDoor, Known, Producers, Sender};
use crate::problem::{CREDENTIALS_NEEDED, EVIDENCE_CLOSED, OUT_OF_SCOPE, Problem};
use crate::reading::{TokenDigest, bearer};

const CHALLENGE: &str = "Bearer realm=\"evidence\"";

impl Producers {
    /// Who sends this request to the door.
    ///
    /// # Errors
    ///
    /// 403 where nobody may hand in anything, 401 without a token that is known, 403 for one that is not for this door.
    pub(crate) fn sender(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        door: EvidenceDoor,
    ) -> Result<&Sender, Problem> {
        if !self.are_any() {
            return Err(Problem::of(&EVIDENCE_CLOSED));
        }
        let found = match extensions.get::<ClientNames>() {
            Some(names) if !headers.contains_key(AUTHORIZATION) => self.named(names),
            _ => self.holding(headers),
        };
        let Some(known) = found else {
            let challenge = HeaderValue::from_static(CHALLENGE);
            return Err(Problem::of(&CREDENTIALS_NEEDED).header(WWW_AUTHENTICATE, challenge));
        };
        if !known.doors.contains(&door) {
            let detail = format_args!("it is not for the door `{}`", door.name());
            return Err(Problem::of(&OUT_OF_SCOPE).because(detail));
        }
        Ok(&known.sender)
    }

    /// Whose token it is.
    fn holding(&self, headers: &HeaderMap) -> Option<&Known> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let line = lines.next().and_then(|line| line.to_str().ok()).filter(|_| lines.next().is_none());
        let token = line.and_then(|line| bearer(line).map(str::to_owned).or_else(|| password(line)));
        let presented = TokenDigest::of(token.as_deref().unwrap_or_default());
        // All of them are compared, and each whole, so that time tells nothing about any.
        let mut found = None;
        for known in &self.0 {
            let is = known.tokens.iter().fold(false, |is, token| is | token.is(&presented));
            if is {
                found = Some(known);
            }
        }
        found.filter(|_| token.is_some())
    }

    /// Whose certificate it is. One with the names of two producers is nobody's: either could be meant.
    fn named(&self, names: &ClientNames) -> Option<&Known> {
        let is = |known: &&Known| known.names.iter().any(|name| names.0.contains(name));
        let mut found = self.0.iter().filter(is);
        found.next().filter(|_| found.next().is_none())
    }
}

/// The password of `Basic`; whoever presents it may call themselves what they like.
fn password(line: &str) -> Option<String> {
    let (scheme, credentials) = line.split_once(' ')?;
    let credentials = Some(credentials.trim()).filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(BASE64.decode(credentials.as_bytes()).ok()?).ok()?;
    let (_, password) = decoded.split_once(':')?;
    (!password.is_empty()).then(|| password.to_owned())
}
