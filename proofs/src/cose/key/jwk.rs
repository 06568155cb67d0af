//! JWK (RFC 7517, RFC 7518 §6, RFC 8037).

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::{Curve, KeyError, Material, PublicKey};
use crate::cose::Algorithm;

impl PublicKey {
    /// Reads a public JWK of type OKP (Ed25519), EC (P-256, P-384, P-521) or RSA. Its `kid` is not kept.
    ///
    /// # Errors
    /// [`KeyError`], as for [`PublicKey::from_cose`]; a private JWK is refused.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let object = jwk.as_object().ok_or(KeyError::NotAMap)?;
        if object.contains_key("d") || object.contains_key("k") {
            return Err(KeyError::Private);
        }
        let key = match text(object, "kty")? {
            "OKP" if text(object, "crv")? == "Ed25519" => {
                Self::ed25519(bytes(object, "x")?.try_into().map_err(|_| KeyError::Length)?)?
            }
            "EC" => {
                let crv = text(object, "crv")?;
                let curve =
                    Curve::ALL.into_iter().find(|curve| curve.name() == crv).ok_or(KeyError::Unsupported)?;
                Self::ec2(curve, &bytes(object, "x")?, &bytes(object, "y")?)?
            }
            "RSA" => Self::rsa(&bytes(object, "n")?, &bytes(object, "e")?)?,
            _ => return Err(KeyError::Unsupported),
        };
        may_verify(object)?;
        match object.get("alg") {
            None => Ok(key),
            Some(_) => {
                let name = text(object, "alg")?;
                key.with_algorithm(Algorithm::from_name(name).ok_or(KeyError::UnsupportedAlgorithm)?)
            }
        }
    }

    /// The public JWK: key parameters, `kid` (the COSE thumbprint, so that one key has one name everywhere) and, if
    /// bound, `alg` by the name JOSE has for it.
    #[must_use]
    pub fn to_jwk(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let mut jwk = match &*self.material {
            Material::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key.as_bytes()) })
            }
            Material::Ec2 { curve, x, y, .. } => {
                json!({ "kty": "EC", "crv": curve.name(), "x": encode(x), "y": encode(y) })
            }
            Material::Rsa { n, e } => json!({ "kty": "RSA", "n": encode(n), "e": encode(e) }),
        };
        if let Some(object) = jwk.as_object_mut() {
            object.insert("kid".to_owned(), Value::from(self.thumbprint().to_string()));
            if let Some(algorithm) = self.algorithm {
                object.insert("alg".to_owned(), Value::from(jose_name(algorithm)));
            }
        }
        jwk
    }
}

/// JOSE never had polymorphic ECDSA names, so it has no ESP* (RFC 9864 §2.1).
fn jose_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Esp256 => Algorithm::Es256.name(),
        Algorithm::Esp384 => Algorithm::Es384.name(),
        Algorithm::Esp512 => Algorithm::Es512.name(),
        other => other.name(),
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, KeyError> {
    object.get(name).ok_or(KeyError::Missing(name))?.as_str().ok_or(KeyError::WrongType(name))
}

fn bytes(object: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyError> {
    BASE64URL_NOPAD.decode(text(object, name)?.as_bytes()).map_err(|_| KeyError::NotBase64(name))
}

fn may_verify(object: &Map<String, Value>) -> Result<(), KeyError> {
    let for_signatures = object.get("use").is_none_or(|purpose| purpose == "sig");
    let operations = match object.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => return Err(KeyError::WrongType("key_ops")),
    };
    if for_signatures && operations { Ok(()) } else { Err(KeyError::NotForVerifying) }
}
