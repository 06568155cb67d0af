//! What a decision needed beyond the statement (D12, ARCH-24), kept with the entry so that it can be replayed.
//!
//! # Encoding
//!
//! One deterministic CBOR map (RFC 8949 §4.2.1); absent means "none":
//!
//! | key | value | meaning |
//! |---|---|---|
//! | 1 | uint | format version, 1 |
//! | 2 | uint | leaf index of the policy that judged it (absent for genesis and the first policy) |
//! | 3 | uint | leaf index of the newest trust anchors then (absent for the first three entries) |
//! | 4 | uint | `evaluated_at`, seconds: the time of certificate and token checks (D6) |
//! | 5 | uint | `registered_at`, seconds (D6) |
//! | 6 | bstr .size 32 | RFC 9679 thumbprint of the key that verified; absent where it equals the statement's kid |
//! | 7 | tstr | id of the trust anchor that vouched for the key |
//! | 8 | tstr | name of the policy rule that admitted it |
//! | 9 | \[+ bstr\] | x5chain that arrived unprotected and was stripped (ARCH-14), DER, leaf first |
//! | 10 | array | what the profile of the content type said ([`Examined`]); absent where none examined it |

mod examined;

use ciborium::Value;
use proofs::{KeyId, LeafIndex, UnixTime};

pub use examined::Examined;

const FORMAT: u64 = 1;

/// The record that stands beside an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collateral {
    /// The policy that judged the statement.
    pub policy: Option<LeafIndex>,
    /// The newest trust anchors at that moment.
    pub anchors: Option<LeafIndex>,
    /// When it was judged.
    pub evaluated_at: UnixTime,
    /// When its round was committed.
    pub registered_at: UnixTime,
    /// The key that verified, where the statement's kid does not name it.
    pub key: Option<KeyId>,
    /// The trust anchor that vouched for the key.
    pub anchor: Option<String>,
    /// The rule that admitted the statement.
    pub rule: Option<String>,
    /// Certificates that came unprotected, leaf first.
    pub stripped_x5chain: Vec<Vec<u8>>,
    /// What the profile of its content type said.
    pub examined: Option<Examined>,
}

/// Why bytes are no collateral record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CollateralError {
    /// Not one strict CBOR item.
    #[error("the collateral is not strict CBOR")]
    Cbor,
    /// Not the map this version knows, or not in its deterministic form.
    #[error("the collateral is not a record of format 1")]
    Shape,
}

impl Collateral {
    /// The deterministic encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut pairs = vec![(1u64, Value::from(FORMAT))];
        let mut put = |key: u64, value: Option<Value>| pairs.extend(value.map(|v| (key, v)));
        put(2, self.policy.map(|i| Value::from(i.get())));
        put(3, self.anchors.map(|i| Value::from(i.get())));
        put(4, Some(Value::from(self.evaluated_at.secs())));
        put(5, Some(Value::from(self.registered_at.secs())));
        put(6, self.key.map(|k| Value::Bytes(k.as_bytes().to_vec())));
        put(7, self.anchor.clone().map(Value::Text));
        put(8, self.rule.clone().map(Value::Text));
        put(9, (!self.stripped_x5chain.is_empty()).then(|| certificates(&self.stripped_x5chain)));
        put(10, self.examined.as_ref().map(Examined::to_value));
        let map = pairs.into_iter().map(|(key, value)| (Value::from(key), value)).collect();
        proofs::cbor::encode(&Value::Map(map))
    }

    /// Reads a record back; accepts only what [`Self::encode`] writes.
    ///
    /// # Errors
    ///
    /// [`CollateralError`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, CollateralError> {
        let Value::Map(pairs) = proofs::cbor::decode(bytes).map_err(|_| CollateralError::Cbor)? else {
            return Err(CollateralError::Shape);
        };
        let mut fields = Fields(pairs);
        if fields.uint(1)? != Some(FORMAT) {
            return Err(CollateralError::Shape);
        }
        let record = Self {
            policy: fields.uint(2)?.map(LeafIndex::new),
            anchors: fields.uint(3)?.map(LeafIndex::new),
            evaluated_at: fields.uint(4)?.map(UnixTime::from_secs).ok_or(CollateralError::Shape)?,
            registered_at: fields.uint(5)?.map(UnixTime::from_secs).ok_or(CollateralError::Shape)?,
            key: fields.key_id(6)?,
            anchor: fields.text(7)?,
            rule: fields.text(8)?,
            stripped_x5chain: fields.certificates(9)?,
            examined: fields.take(10).map(Examined::from_value).transpose()?,
        };
        // One record has one spelling, so that manifests over collateral are well defined (D12).
        if record.encode() == bytes { Ok(record) } else { Err(CollateralError::Shape) }
    }
}

fn certificates(chain: &[Vec<u8>]) -> Value {
    Value::Array(chain.iter().map(|der| Value::Bytes(der.clone())).collect())
}

struct Fields(Vec<(Value, Value)>);

impl Fields {
    fn take(&mut self, key: u64) -> Option<Value> {
        let at = self.0.iter().position(|(k, _)| *k == Value::from(key))?;
        Some(self.0.swap_remove(at).1)
    }

    fn uint(&mut self, key: u64) -> Result<Option<u64>, CollateralError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = value.as_integer().and_then(|i| u64::try_from(i).ok());
        number.map(Some).ok_or(CollateralError::Shape)
    }

    fn text(&mut self, key: u64) -> Result<Option<String>, CollateralError> {
        self.take(key).map(|value| value.into_text().map_err(|_| CollateralError::Shape)).transpose()
    }

    fn key_id(&mut self, key: u64) -> Result<Option<KeyId>, CollateralError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let bytes: Option<[u8; 32]> = value.into_bytes().ok().and_then(|b| b.try_into().ok());
        bytes.map(|b| Some(KeyId::new(b))).ok_or(CollateralError::Shape)
    }

    fn certificates(&mut self, key: u64) -> Result<Vec<Vec<u8>>, CollateralError> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let items = value.into_array().map_err(|_| CollateralError::Shape)?;
        items.into_iter().map(|item| item.into_bytes().map_err(|_| CollateralError::Shape)).collect()
    }
}

#[cfg(test)]
mod tests;
