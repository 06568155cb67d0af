//! COSE_Key (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4).

use ciborium::Value;

use super::{Curve, KeyError, Material, PublicKey};
use crate::cbor;
use crate::cose::Algorithm;

const KTY: i64 = 1;
const KID: i64 = 2;
const ALG: i64 = 3;
const KEY_OPS: i64 = 4;

const KTY_OKP: i64 = 1;
const KTY_EC2: i64 = 2;
const KTY_RSA: i64 = 3;

/// Curve of OKP and EC2 keys; modulus of RSA keys.
const CRV_OR_N: i64 = -1;
/// x coordinate of OKP and EC2 keys; exponent of RSA keys.
const X_OR_E: i64 = -2;
const Y: i64 = -3;
const D: i64 = -4;
/// RSA: d, p, q, dP, dQ, qInv, and what multi-prime keys add.
const RSA_PRIVATE: std::ops::RangeInclusive<i64> = -12..=-3;

const CRV_ED25519: i64 = 6;

const OP_VERIFY: i64 = 2;

struct Parameters(Vec<(Value, Value)>);

impl Parameters {
    fn get(&self, label: i64) -> Option<&Value> {
        self.0.iter().find(|(key, _)| *key == Value::from(label)).map(|(_, value)| value)
    }

    fn bytes(&self, label: i64, name: &'static str) -> Result<&[u8], KeyError> {
        let value = self.get(label).ok_or(KeyError::Missing(name))?;
        value.as_bytes().map(Vec::as_slice).ok_or(KeyError::WrongType(name))
    }

    fn number(&self, label: i64, name: &'static str) -> Result<Option<i64>, KeyError> {
        let Some(value) = self.get(label) else { return Ok(None) };
        let number = value.as_integer().and_then(|number| i64::try_from(number).ok());
        number.map(Some).ok_or(KeyError::WrongType(name))
    }
}

impl PublicKey {
    /// Reads one COSE_Key; y may be its sign bit (KT-01). Its kid is not kept: a key is named by its thumbprint, a key set
    /// by what it says.
    ///
    /// # Errors
    /// [`KeyError`]: not strict CBOR, an unsupported type, a private key, `alg` or `key_ops` that contradict its use, or
    /// material that [`PublicKey::ed25519`], [`PublicKey::ec2`], [`PublicKey::ec2_compressed`] or [`PublicKey::rsa`]
    /// refuse.
    pub fn from_cose(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_cose_with_kid(bytes).map(|(key, _)| key)
    }

    pub(crate) fn from_cose_with_kid(bytes: &[u8]) -> Result<(Self, Option<Vec<u8>>), KeyError> {
        let Value::Map(entries) = cbor::decode(bytes)? else { return Err(KeyError::NotAMap) };
        let parameters = Parameters(entries);
        let key = material(&parameters)?;
        verifying_allowed(&parameters)?;
        let kid = match parameters.get(KID) {
            None => None,
            Some(Value::Bytes(kid)) => Some(kid.clone()),
            Some(_) => return Err(KeyError::WrongType("kid")),
        };
        let key = match parameters.get(ALG) {
            None => key,
            Some(alg) => {
                let number = alg.as_integer().and_then(|number| i64::try_from(number).ok());
                let algorithm =
                    number.and_then(Algorithm::from_cose).ok_or(KeyError::UnsupportedAlgorithm)?;
                key.with_algorithm(algorithm)?
            }
        };
        Ok((key, kid))
    }

    /// The COSE_Key in deterministic CBOR: public parameters, the thumbprint as kid, `alg` if bound (SCR-17, SCR-19).
    #[must_use]
    pub fn to_cose(&self) -> Vec<u8> {
        cbor::encode(&self.to_cose_value(self.thumbprint().as_bytes()))
    }

    pub(crate) fn to_cose_value(&self, kid: &[u8]) -> Value {
        let Value::Map(mut entries) = self.material.required_parameters() else { return Value::Null };
        entries.push((Value::from(KID), Value::Bytes(kid.to_vec())));
        if let Some(algorithm) = self.algorithm {
            entries.push((Value::from(ALG), Value::from(algorithm.cose())));
        }
        Value::Map(entries)
    }
}

impl Material {
    /// What RFC 9679 §4 hashes: the parameters without which it would be another key.
    pub(super) fn required_parameters(&self) -> Value {
        let pair = |label: i64, value: Value| (Value::from(label), value);
        Value::Map(match self {
            Self::Ed25519(key) => vec![
                pair(KTY, Value::from(KTY_OKP)),
                pair(CRV_OR_N, Value::from(CRV_ED25519)),
                pair(X_OR_E, Value::Bytes(key.to_bytes().to_vec())),
            ],
            Self::Ec2 { curve, x, y, .. } => vec![
                pair(KTY, Value::from(KTY_EC2)),
                pair(CRV_OR_N, Value::from(curve.cose())),
                pair(X_OR_E, Value::Bytes(x.clone())),
                pair(Y, Value::Bytes(y.clone())),
            ],
            Self::Rsa { n, e } => vec![
                pair(KTY, Value::from(KTY_RSA)),
                pair(CRV_OR_N, Value::Bytes(n.clone())),
                pair(X_OR_E, Value::Bytes(e.clone())),
            ],
        })
    }
}

fn material(parameters: &Parameters) -> Result<PublicKey, KeyError> {
    let kty = match parameters.get(KTY) {
        None => return Err(KeyError::Missing("kty")),
        Some(Value::Text(_)) => return Err(KeyError::Unsupported),
        Some(_) => parameters.number(KTY, "kty")?,
    };
    let private = match kty {
        Some(KTY_RSA) => RSA_PRIVATE.clone().any(|label| parameters.get(label).is_some()),
        _ => parameters.get(D).is_some(),
    };
    if private {
        return Err(KeyError::Private);
    }
    match kty {
        Some(KTY_OKP) => {
            if parameters.number(CRV_OR_N, "crv")?.ok_or(KeyError::Missing("crv"))? != CRV_ED25519 {
                return Err(KeyError::Unsupported);
            }
            let x = parameters.bytes(X_OR_E, "x")?;
            PublicKey::ed25519(x.try_into().map_err(|_| KeyError::Length)?)
        }
        Some(KTY_EC2) => {
            let crv = parameters.number(CRV_OR_N, "crv")?.ok_or(KeyError::Missing("crv"))?;
            let curve =
                Curve::ALL.into_iter().find(|curve| curve.cose() == crv).ok_or(KeyError::Unsupported)?;
            let x = parameters.bytes(X_OR_E, "x")?;
            match parameters.get(Y) {
                // True is the odd y (RFC 9053 §7.1.1).
                Some(Value::Bool(y_is_odd)) => PublicKey::ec2_compressed(curve, x, *y_is_odd),
                _ => PublicKey::ec2(curve, x, parameters.bytes(Y, "y")?),
            }
        }
        Some(KTY_RSA) => {
            PublicKey::rsa(parameters.bytes(CRV_OR_N, "modulus")?, parameters.bytes(X_OR_E, "exponent")?)
        }
        _ => Err(KeyError::Unsupported),
    }
}

fn verifying_allowed(parameters: &Parameters) -> Result<(), KeyError> {
    let operations = match parameters.get(KEY_OPS) {
        None => return Ok(()),
        Some(Value::Array(operations)) => operations,
        Some(_) => return Err(KeyError::WrongType("key_ops")),
    };
    if operations.contains(&Value::from(OP_VERIFY)) { Ok(()) } else { Err(KeyError::NotForVerifying) }
}
