//! Names that hold their own key: `did:key` and `did:jwk` (D16).
//!
//! The whole of `iss` is the DID, without path, query or fragment. `kid` means its key if it is the RFC 9679
//! thumbprint, the DID URL of the key (`did:key:z…#z…`, `did:jwk:…#0`), or that URL's fragment with its `#` alone.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use proofs::{Curve, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control::{json, jwk};

const DID_KEY: &str = "did:key:";
const DID_JWK: &str = "did:jwk:";
/// The longest key text: a did:jwk of the largest RSA key, with room.
const MAX_KEY_TEXT: usize = 4096;

/// A DID method whose names hold their own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfCertifying {
    /// `did:key`: Ed25519, P-256, P-384 or P-521 as a multicodec in base58btc.
    #[serde(rename = "did:key")]
    DidKey,
    /// `did:jwk`: a JWK in base64url.
    #[serde(rename = "did:jwk")]
    DidJwk,
}

/// Why a name does not hold a usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelfCertifyingError {
    /// A path, query or fragment, or too long.
    #[error("iss must be the DID alone, without path, query or fragment")]
    Form,
    /// Not base58btc behind `z`, or not base64url.
    #[error("the key in the DID is not encoded as its method says")]
    Encoding,
    /// A multicodec other than Ed25519, P-256, P-384 and P-521.
    #[error("the key in the DID is none of Ed25519, P-256, P-384 and P-521")]
    Codec,
    /// Not a point, not a public JWK, or a key that is refused everywhere.
    #[error("the key in the DID is not a usable public signature key")]
    Key,
}

/// A DID read: its key and the fragment that names it.
#[derive(Clone, Debug)]
pub(super) struct NamedKey {
    pub(super) key: PublicKey,
    fragment: String,
}

impl fmt::Display for SelfCertifying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DidKey => "did:key",
            Self::DidJwk => "did:jwk",
        })
    }
}

impl SelfCertifying {
    /// The method of an issuer's name; DIDs are lower case here (DID Core §3.1).
    pub(super) fn of(issuer: &str) -> Option<Self> {
        if issuer.starts_with(DID_KEY) {
            Some(Self::DidKey)
        } else if issuer.starts_with(DID_JWK) {
            Some(Self::DidJwk)
        } else {
            None
        }
    }

    pub(super) fn read(self, issuer: &str) -> Result<NamedKey, SelfCertifyingError> {
        let prefix = match self {
            Self::DidKey => DID_KEY,
            Self::DidJwk => DID_JWK,
        };
        let text = issuer.strip_prefix(prefix).ok_or(SelfCertifyingError::Form)?;
        if text.len() > MAX_KEY_TEXT || text.contains(['/', '?', '#', ':', ';']) {
            return Err(SelfCertifyingError::Form);
        }
        match self {
            Self::DidKey => Ok(NamedKey { key: read_multikey(text)?, fragment: text.to_owned() }),
            Self::DidJwk => Ok(NamedKey { key: read_jwk(text)?, fragment: "0".to_owned() }),
        }
    }
}

impl NamedKey {
    pub(super) fn is_meant_by(&self, kid: &[u8], issuer: &str) -> bool {
        if kid == self.key.thumbprint().as_bytes() {
            return true;
        }
        let Ok(kid) = std::str::from_utf8(kid) else { return false };
        let relative = kid.strip_prefix(issuer).unwrap_or(kid);
        relative.strip_prefix('#') == Some(self.fragment.as_str())
    }
}

/// did:key §3: multibase `z`, an unsigned varint, and the key; EC keys are compressed points.
fn read_multikey(text: &str) -> Result<PublicKey, SelfCertifyingError> {
    const MAX_BASE58: usize = 128;
    let encoded = text.strip_prefix('z').ok_or(SelfCertifyingError::Encoding)?;
    if encoded.len() > MAX_BASE58 {
        return Err(SelfCertifyingError::Encoding);
    }
    let bytes = bs58::decode(encoded).into_vec().map_err(|_| SelfCertifyingError::Encoding)?;
    let Some((codec, key)) = bytes.split_first_chunk::<2>() else {
        return Err(SelfCertifyingError::Encoding);
    };
    let key = match codec {
        [0xed, 0x01] => {
            let key = key.try_into().map_err(|_| SelfCertifyingError::Key)?;
            PublicKey::ed25519(key)
        }
        [0x80, 0x24] => return compressed(Curve::P256, key),
        [0x81, 0x24] => return compressed(Curve::P384, key),
        [0x82, 0x24] => return compressed(Curve::P521, key),
        _ => return Err(SelfCertifyingError::Codec),
    };
    key.map_err(|_| SelfCertifyingError::Key)
}

/// A compressed point (SEC 1 §2.3.4): 02 or 03, and x.
fn compressed(curve: Curve, point: &[u8]) -> Result<PublicKey, SelfCertifyingError> {
    let key = match point.split_first() {
        Some((2, x)) => PublicKey::ec2_compressed(curve, x, false),
        Some((3, x)) => PublicKey::ec2_compressed(curve, x, true),
        _ => return Err(SelfCertifyingError::Key),
    };
    key.map_err(|_| SelfCertifyingError::Key)
}

fn read_jwk(text: &str) -> Result<PublicKey, SelfCertifyingError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| SelfCertifyingError::Encoding)?;
    let jwk: Value = json::parse(&bytes).map_err(|_| SelfCertifyingError::Encoding)?;
    jwk::from_value(&jwk).map_err(|_| SelfCertifyingError::Key)
}

#[cfg(test)]
mod tests;
