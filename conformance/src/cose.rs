//! COSE_Sign1 read for doubting: the four parts as they came, and nothing of how `proofs` reads them.

use ciborium::Value;

/// Label of the CWT claims (RFC 9597).
pub const CLAIMS: i64 = 15;
/// Label of the verifiable data structure, protected (RFC 9942 §2).
pub const VDS: i64 = 395;
/// Label of its proofs, unprotected (RFC 9942 §2).
pub const VDP: i64 = 396;

/// The four parts of a tagged COSE_Sign1 (RFC 9052 §4.2).
#[derive(Clone, Debug)]
pub struct Sign1 {
    /// The protected header as received, without its byte string head.
    pub protected: Vec<u8>,
    /// The unprotected header.
    pub unprotected: Value,
    /// The payload; `None` is nil.
    pub payload: Option<Vec<u8>>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Sign1 {
    /// Reads `18([bstr, map, bstr / nil, bstr])` with nothing after it; says what is wrong otherwise.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let Value::Tag(18, inner) = decode(bytes)? else {
            return Err("no COSE_Sign1 with tag 18".into());
        };
        let Value::Array(parts) = *inner else {
            return Err("tag 18 holds no array".into());
        };
        let [protected, unprotected, payload, signature] = <[Value; 4]>::try_from(parts)
            .map_err(|parts| format!("COSE_Sign1 has {} parts instead of four", parts.len()))?;
        let payload = match payload {
            Value::Null => None,
            other => Some(other.into_bytes().map_err(|_| "the payload is neither bytes nor nil")?),
        };
        if !unprotected.is_map() {
            return Err("the unprotected header is no map".into());
        }
        Ok(Self {
            protected: protected.into_bytes().map_err(|_| "the protected header is no byte string")?,
            unprotected,
            payload,
            signature: signature.into_bytes().map_err(|_| "the signature is no byte string")?,
        })
    }

    /// The same object as bytes, with tag 18.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_tagged(Some(18))
    }

    /// The same object under another tag, or under none.
    pub fn encode_tagged(&self, tag: Option<u64>) -> Vec<u8> {
        let array = Value::Array(vec![
            Value::Bytes(self.protected.clone()),
            self.unprotected.clone(),
            self.payload.clone().map_or(Value::Null, Value::Bytes),
            Value::Bytes(self.signature.clone()),
        ]);
        encode(&match tag {
            Some(tag) => Value::Tag(tag, Box::new(array)),
            None => array,
        })
    }

    /// The form that a transparency service registers: the unprotected header empty (RFC 9943 §6.3).
    pub fn canonical(&self) -> Vec<u8> {
        Self { unprotected: Value::Map(Vec::new()), ..self.clone() }.encode()
    }

    /// The protected header, decoded.
    pub fn header(&self) -> Result<Vec<(Value, Value)>, String> {
        decode(&self.protected)?.into_map().map_err(|_| "the protected header holds no map".into())
    }

    /// The same object with its protected header edited and encoded anew; the signature no longer fits.
    pub fn with_header(&self, edit: impl FnOnce(&mut Vec<(Value, Value)>)) -> Result<Self, String> {
        let mut header = self.header()?;
        edit(&mut header);
        Ok(Self { protected: encode(&Value::Map(header)), ..self.clone() })
    }

    /// Sig_structure over this protected header and another payload (RFC 9052 §4.4).
    pub fn to_be_signed(&self, payload: &[u8]) -> Vec<u8> {
        encode(&Value::Array(vec![
            Value::Text("Signature1".into()),
            Value::Bytes(self.protected.clone()),
            Value::Bytes(Vec::new()),
            Value::Bytes(payload.to_vec()),
        ]))
    }
}

/// One CBOR item with nothing after it.
pub fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let value = ciborium::from_reader(&mut rest).map_err(|error| format!("no CBOR: {error}"))?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes follow the CBOR item", rest.len())) }
}

/// Definite lengths, shortest heads, map entries in the order given.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail; a value that cannot be written would give an empty item, which no
    // service accepts.
    if ciborium::into_writer(value, &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

/// The value under an integer label.
pub fn get(map: &[(Value, Value)], label: i64) -> Option<&Value> {
    map.iter().find(|(key, _)| *key == Value::from(label)).map(|(_, value)| value)
}

/// Whether every map has its keys in the bytewise order of their encodings, as RFC 8949 §4.2.1 wants.
pub fn is_ordered(value: &Value) -> bool {
    match value {
        Value::Map(entries) => {
            let keys: Vec<_> = entries.iter().map(|(key, _)| encode(key)).collect();
            keys.is_sorted_by(|a, b| a < b) && entries.iter().all(|(_, value)| is_ordered(value))
        }
        Value::Array(items) => items.iter().all(is_ordered),
        Value::Tag(_, inner) => is_ordered(inner),
        _ => true,
    }
}

/// Whether the bytes are one item in deterministic encoding.
pub fn is_deterministic(bytes: &[u8]) -> bool {
    decode(bytes).is_ok_and(|value| encode(&value) == bytes && is_ordered(&value))
}
