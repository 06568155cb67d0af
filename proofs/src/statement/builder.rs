//! Making signed statements.

use std::collections::BTreeMap;

use ciborium::Value;

use super::ContentType;
use crate::cbor;
use crate::cose::label::{self, Label};
use crate::cose::sign1;
use crate::cose::{SignFailed, Signer};

/// Collects a protected header and signs a statement with it. Nothing is checked that [`super::SignedStatement::parse`]
/// checks; later calls replace what earlier ones set under the same label.
#[derive(Debug, Clone)]
pub struct StatementBuilder {
    header: BTreeMap<Label, Value>,
    claims: BTreeMap<Label, Value>,
}

impl StatementBuilder {
    /// A statement of `issuer` about `subject`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        let claims = [
            (Label::Int(label::CLAIM_ISS), Value::Text(issuer.into())),
            (Label::Int(label::CLAIM_SUB), Value::Text(subject.into())),
        ];
        Self { header: BTreeMap::new(), claims: claims.into() }
    }

    /// Sets label 3.
    #[must_use]
    pub fn content_type(self, content_type: ContentType) -> Self {
        self.extra(Label::Int(label::CONTENT_TYPE), content_type.to_value())
    }

    /// Sets any label of the protected header. `alg` and the CWT claims are set by signing, and so is `kid`
    /// unless it or an x5chain is set here.
    #[must_use]
    pub fn extra(mut self, label: Label, value: Value) -> Self {
        self.header.insert(label, value);
        self
    }

    /// Sets one CWT claim.
    #[must_use]
    pub fn claim(mut self, number: i64, value: Value) -> Self {
        self.claims.insert(Label::Int(number), value);
        self
    }

    /// Makes it a hash envelope (RFC 9995): the payload to sign is the digest by `hash_alg`.
    #[must_use]
    pub fn hash_envelope(
        mut self,
        hash_alg: i64,
        preimage_content_type: Option<ContentType>,
        location: Option<String>,
    ) -> Self {
        self = self.extra(Label::Int(label::PAYLOAD_HASH_ALG), Value::from(hash_alg));
        if let Some(content_type) = preimage_content_type {
            self = self.extra(Label::Int(label::PREIMAGE_CONTENT_TYPE), content_type.to_value());
        }
        if let Some(location) = location {
            self = self.extra(Label::Int(label::PAYLOAD_LOCATION), Value::Text(location));
        }
        self
    }

    /// Puts a certificate chain, DER, leaf first, into the protected header; then no kid is written (X5-01).
    #[must_use]
    pub fn x5chain(self, certificates: Vec<Vec<u8>>) -> Self {
        let mut values: Vec<Value> = certificates.into_iter().map(Value::Bytes).collect();
        let value = match (values.len(), values.pop()) {
            (1, Some(one)) => one,
            (_, last) => {
                values.extend(last);
                Value::Array(values)
            }
        };
        self.extra(Label::Int(label::X5CHAIN), value)
    }

    /// Signs `payload` and gives the whole statement, deterministically encoded.
    ///
    /// # Errors
    /// [`SignFailed`] if the signer makes no signature.
    pub fn sign(mut self, payload: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignFailed> {
        self.header.insert(Label::Int(label::ALG), Value::from(signer.algorithm().cose()));
        self.header.insert(Label::Int(label::CWT_CLAIMS), map(&self.claims));
        if !self.header.contains_key(&Label::Int(label::X5CHAIN)) {
            let kid = signer.public_key().thumbprint().as_bytes().to_vec();
            self.header.entry(Label::Int(label::KID)).or_insert(Value::Bytes(kid));
        }
        let protected = cbor::encode(&map(&self.header));
        let signature = signer.sign(&sign1::sig_structure(&protected, payload))?;
        Ok(sign1::write(&protected, &Value::Map(Vec::new()), Some(payload), &signature))
    }
}

fn map(entries: &BTreeMap<Label, Value>) -> Value {
    Value::Map(entries.iter().map(|(label, value)| (label.to_value(), value.clone())).collect())
}
