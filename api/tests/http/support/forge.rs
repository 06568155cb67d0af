//! Messages that no builder of ours would make.

use ciborium::Value;
use proofs::cose::sign1;
use proofs::{KeyId, Signer};

use super::ISSUER;

/// A COSE_Sign1 in parts, signed when it is done.
#[derive(Clone)]
pub(crate) struct Forged {
    pub(crate) protected: Vec<(Value, Value)>,
    pub(crate) payload: Option<Vec<u8>>,
}

impl Forged {
    /// What a good statement of `signer` looks like.
    pub(crate) fn good(signer: &dyn Signer) -> Self {
        let kid: KeyId = signer.public_key().thumbprint();
        let claims = Value::Map(vec![
            (Value::from(1), Value::from(ISSUER)),
            (Value::from(2), Value::from("urn:example:forged")),
        ]);
        let protected = vec![
            (Value::from(1), Value::from(signer.algorithm().cose())),
            (Value::from(3), Value::from("text/plain")),
            (Value::from(4), Value::Bytes(kid.as_bytes().to_vec())),
            (Value::from(15), claims),
        ];
        Self { protected, payload: Some(b"forged".to_vec()) }
    }

    /// Sets, replaces or (with `None`) removes a protected header.
    pub(crate) fn with(mut self, label: i64, value: Option<Value>) -> Self {
        self.protected.retain(|(known, _)| *known != Value::from(label));
        self.protected.extend(value.map(|value| (Value::from(label), value)));
        self
    }

    /// Adds a protected header once more.
    pub(crate) fn with_more(mut self, label: i64, value: Value) -> Self {
        self.protected.push((Value::from(label), value));
        self
    }

    pub(crate) fn payload(mut self, payload: Option<&[u8]>) -> Self {
        self.payload = payload.map(<[u8]>::to_vec);
        self
    }

    /// The tagged message with a signature that verifies.
    pub(crate) fn sign(&self, signer: &dyn Signer) -> Vec<u8> {
        self.sign_over(self.payload.as_deref().unwrap_or_default(), signer)
    }

    fn sign_over(&self, payload: &[u8], signer: &dyn Signer) -> Vec<u8> {
        let mut protected = Vec::new();
        ciborium::into_writer(&Value::Map(self.protected.clone()), &mut protected).unwrap();
        let signature = signer.sign(&sign1::sig_structure(&protected, payload)).unwrap();
        sign1::write(&protected, &Value::Map(Vec::new()), self.payload.as_deref(), &signature)
    }
}

/// Claims with these pairs.
pub(crate) fn claims(pairs: &[(i64, Value)]) -> Option<Value> {
    Some(Value::Map(pairs.iter().map(|(name, value)| (Value::from(*name), value.clone())).collect()))
}

/// The other ECDSA P-256 signature: (r, n - s).
pub(crate) fn twin(statement: &[u8]) -> Vec<u8> {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut twin = statement.to_vec();
    let from = twin.len() - 32;
    let mut borrow = 0i16;
    for place in (0..32).rev() {
        let difference = i16::from(N[place]) - i16::from(twin[from + place]) - borrow;
        borrow = i16::from(difference < 0);
        twin[from + place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    twin
}
