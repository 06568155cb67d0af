//! `hashedrekord` of Rekor v1: a SHA-256, a signature over it and the key, as sigstore's clients write it (systems.md
//! §1.2 e).
//!
//! The signature is kept and not checked: what was signed is not here, and an Ed25519 signature is over the content and
//! not over its digest.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use proofs::Hash;
use serde_json::{Map, Value};

use crate::json::{self, FaultKind, Limits, StrictError};
use crate::registrar::MAX_RECORD_BYTES;

/// Content type that the digest is registered with: Rekor does not say what was hashed.
pub const PREIMAGE_TYPE: &str = "application/octet-stream";

const LIMITS: Limits = Limits { depth: 8, values: 64 };
const API_VERSION: &str = "0.0.1";
const KIND: &str = "hashedrekord";
/// What a key or certificate in PEM begins with.
const PEM: &[u8] = b"-----BEGIN ";

/// An entry that can be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedRekord {
    /// The digest of what was signed.
    pub digest: Hash,
}

/// Why an entry cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RekorError {
    /// More than fits into a statement.
    #[error("an entry has at most {MAX_RECORD_BYTES} bytes")]
    TooLong,
    /// Not one strict JSON object.
    #[error(
        "the entry is not one JSON object in UTF-8 without duplicate members, of at most 8 levels and 64 values"
    )]
    Json,
    /// Another kind of entry, or another version.
    #[error("entries are of kind `{KIND}` and apiVersion `{API_VERSION}`")]
    Kind,
    /// No digest, or of another algorithm.
    #[error("spec.data.hash has algorithm `sha256` and value, 64 hexadecimal digits in lower case")]
    Hash,
    /// No signature.
    #[error("spec.signature.content is a signature in base64 or base64url")]
    Signature,
    /// No key.
    #[error("spec.signature.publicKey.content is a key or certificate in PEM, in base64")]
    Key,
}

impl HashedRekord {
    /// Reads an entry. Members that are not looked at may be there: the bytes are kept whole.
    ///
    /// # Errors
    ///
    /// [`RekorError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, RekorError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RekorError::TooLong);
        }
        let value = json::read(bytes, LIMITS).map_err(|error| match error {
            StrictError::NotUtf8 | StrictError::Syntax(_) => RekorError::Json,
            StrictError::Fault(fault) => match fault.kind {
                FaultKind::Duplicate | FaultKind::TooDeep | FaultKind::TooMany => RekorError::Json,
            },
        })?;
        let entry = value.as_object().ok_or(RekorError::Json)?;
        if text(entry, &["kind"]) != Some(KIND) || text(entry, &["apiVersion"]) != Some(API_VERSION) {
            return Err(RekorError::Kind);
        }
        let hash = |member| text(entry, &["spec", "data", "hash", member]);
        let digest = hash("value").filter(|_| hash("algorithm") == Some("sha256"));
        let digest = digest.and_then(|text| text.parse().ok()).ok_or(RekorError::Hash)?;
        let signature = text(entry, &["spec", "signature", "content"]).and_then(decoded);
        signature.filter(|bytes| !bytes.is_empty()).ok_or(RekorError::Signature)?;
        let key = text(entry, &["spec", "signature", "publicKey", "content"]);
        let key = key.and_then(|text| BASE64.decode(text.as_bytes()).ok());
        key.filter(|bytes| bytes.starts_with(PEM)).ok_or(RekorError::Key)?;
        Ok(Self { digest })
    }

    /// What the statement about it is about.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("urn:sha256:{}", self.digest)
    }
}

fn text<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a str> {
    let (first, rest) = path.split_first()?;
    let value = object.get(*first)?;
    if rest.is_empty() { value.as_str() } else { text(value.as_object()?, rest) }
}

/// Rekor writes base64; agent-manifest base64url without padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    BASE64.decode(text).or_else(|_| BASE64URL_NOPAD.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = include_bytes!("../tests/data/rekor/agent-manifest-0.15.0.json");

    fn with(pointer: &str, value: Value) -> Vec<u8> {
        let mut entry: Value = serde_json::from_slice(SENT).unwrap();
        *entry.pointer_mut(pointer).unwrap() = value;
        entry.to_string().into_bytes()
    }

    #[test]
    fn what_agent_manifest_sends_is_read() {
        let digest = "f3076d82fdee3c0d4c34fb7c1c9bb2ed82aad86bf527c074d4597265785f82f5";
        let entry = HashedRekord::parse(SENT).unwrap();
        assert_eq!(entry.digest.to_string(), digest);
        assert_eq!(entry.subject(), format!("urn:sha256:{digest}"));
        // As Rekor's own clients write it: padded base64.
        let padded = with("/spec/signature/content", "MEUCIQ==".into());
        assert_eq!(HashedRekord::parse(&padded), Ok(entry));
        let more =
            with("/spec/data/hash", serde_json::json!({ "algorithm": "sha256", "value": digest, "x": 1 }));
        assert_eq!(HashedRekord::parse(&more), Ok(entry));
    }

    #[test]
    fn everything_else_is_refused_with_the_reason() {
        let upper = "F3076D82FDEE3C0D4C34FB7C1C9BB2ED82AAD86BF527C074D4597265785F82F5";
        for (pointer, value, error) in [
            ("/kind", "rekord", RekorError::Kind),
            ("/apiVersion", "0.0.2", RekorError::Kind),
            ("/spec/data/hash/algorithm", "sha512", RekorError::Hash),
            ("/spec/data/hash/value", upper, RekorError::Hash),
            ("/spec/data/hash/value", "f307", RekorError::Hash),
            ("/spec/signature/content", "", RekorError::Signature),
            ("/spec/signature/content", "!", RekorError::Signature),
            ("/spec/signature/publicKey/content", "!", RekorError::Key),
            ("/spec/signature/publicKey/content", "aGVsbG8=", RekorError::Key),
            ("/spec/signature", "x", RekorError::Signature),
            ("/spec", "x", RekorError::Hash),
        ] {
            assert_eq!(HashedRekord::parse(&with(pointer, value.into())), Err(error), "{pointer} {value}");
        }
        let text = std::str::from_utf8(SENT).unwrap();
        let deep = format!("{}1{}", "[".repeat(9), "]".repeat(9));
        for bytes in [
            &b""[..],
            b"[]",
            b"\xff",
            text.replacen("\"kind\"", "\"kind\":\"x\",\"kind\"", 1).as_bytes(),
            text.replacen("{", &format!("{{\"x\":{deep},"), 1).as_bytes(),
            text.replacen("{", &format!("{{\"x\":[{}0],", "0,".repeat(64)), 1).as_bytes(),
        ] {
            assert_eq!(
                HashedRekord::parse(bytes),
                Err(RekorError::Json),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
        let long = [SENT, &vec![b' '; MAX_RECORD_BYTES]].concat();
        assert_eq!(HashedRekord::parse(&long), Err(RekorError::TooLong));
    }
}
