//! Keys that signatures inside payloads are checked with: anchors on the log, and JWKs in the payloads.

use data_encoding::BASE64URL_NOPAD;
use proofs::{Algorithm, PublicKey, sha256};
use serde_json::Value;

use super::kind::System;
use crate::trust::{Anchor, AnchorSet, KeyAnchor, Material};

/// The RFC 7638 thumbprint of a public JWK, base64url.
pub(crate) fn jwk_thumbprint(jwk: &Value) -> Option<String> {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    // RFC 7638 §3.2 and RFC 8037 §2: required members in lexicographic order, no white space.
    let names: &[&str] = match member("kty")? {
        "OKP" => &["crv", "kty", "x"],
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let mut text = String::from("{");
    for name in names {
        let value = Value::from(member(name)?);
        let comma = if text.len() > 1 { "," } else { "" };
        text.push_str(&format!("{comma}\"{name}\":{value}"));
    }
    text.push('}');
    Some(BASE64URL_NOPAD.encode(sha256(text.as_bytes()).as_bytes()))
}

/// The RFC 7638 thumbprint of a key.
pub(crate) fn key_thumbprint(key: &PublicKey) -> Option<String> {
    jwk_thumbprint(&key.to_jwk())
}

/// The anchors in force for signatures inside payloads of a system.
pub(crate) fn embedded(anchors: &AnchorSet, system: System) -> impl Iterator<Item = (&Anchor, &KeyAnchor)> {
    anchors.embedded(system).filter_map(|anchor| match anchor.material() {
        Material::Key(key) => Some((anchor, key)),
        Material::Root(_) => None,
    })
}

/// Whether a text in a payload means this anchor's key: its JWK `kid`, or its RFC 7638 thumbprint.
pub(crate) fn is_meant(key: &KeyAnchor, name: &str) -> bool {
    key.is_meant_by(name.as_bytes()) || key_thumbprint(key.public_key()).is_some_and(|own| own == name)
}

/// Checks a signature under any algorithm that the key has of this family.
pub(crate) fn verifies(key: &PublicKey, algorithms: &[Algorithm], message: &[u8], signature: &[u8]) -> bool {
    let mut usable = algorithms.iter().filter(|algorithm| key.allows(**algorithm));
    usable.next().is_some_and(|algorithm| key.verify(*algorithm, message, signature).is_ok())
}

/// Ed25519 under either of its COSE names.
pub(crate) const ED25519: [Algorithm; 2] = [Algorithm::EdDsa, Algorithm::Ed25519];
