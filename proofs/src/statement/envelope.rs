//! Hash envelopes (RFC 9995): the payload is the digest of the content.

use ciborium::Value;

use super::MalformedStatement;
use super::header::{ContentType, wrong_type};
use crate::cose::DigestAlgorithm;
use crate::cose::label::{self, Label};
use crate::cose::sign1::Sign1;

/// What labels 258 to 260 say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashEnvelope {
    /// Label 258, the COSE number of the hash algorithm; one that [`DigestAlgorithm`] knows.
    pub hash_alg: i64,
    /// Label 259, the type of the content.
    pub preimage_content_type: Option<ContentType>,
    /// Label 260, where the content may be found. Never followed (HE-06).
    pub location: Option<String>,
}

impl HashEnvelope {
    /// HE-03.
    pub(super) fn check_length(&self, found: usize) -> Result<(), MalformedStatement> {
        let expected = DigestAlgorithm::from_cose(self.hash_alg).map_or(0, DigestAlgorithm::length);
        if found == expected { Ok(()) } else { Err(MalformedStatement::EnvelopeLength { expected, found }) }
    }
}

/// Reads the three labels; `None` without label 258.
pub(super) fn read(message: &Sign1<'_>) -> Result<Option<HashEnvelope>, MalformedStatement> {
    let labels = [label::PAYLOAD_HASH_ALG, label::PREIMAGE_CONTENT_TYPE, label::PAYLOAD_LOCATION];
    if let Some(label) = labels.into_iter().find(|label| message.unprotected.int(*label).is_some()) {
        return Err(MalformedStatement::EnvelopeUnprotected { label: Label::Int(label) });
    }
    let Some(field) = message.header.int(label::PAYLOAD_HASH_ALG) else { return Ok(None) };
    let content_type_here = message.header.int(label::CONTENT_TYPE).is_some();
    if content_type_here || message.unprotected.int(label::CONTENT_TYPE).is_some() {
        return Err(MalformedStatement::EnvelopeContentType);
    }
    let wrong = wrong_type(label::PAYLOAD_HASH_ALG, "an integer", field);
    let Value::Integer(number) = field.value() else { return Err(wrong) };
    let hash_alg = i64::try_from(number).map_err(|_| wrong)?;
    if DigestAlgorithm::from_cose(hash_alg).is_none() {
        return Err(MalformedStatement::EnvelopeAlgorithm { number: hash_alg });
    }
    let location = match message.header.int(label::PAYLOAD_LOCATION) {
        None => None,
        Some(field) => match field.value() {
            Value::Text(location) => Some(location),
            _ => return Err(wrong_type(label::PAYLOAD_LOCATION, "text", field)),
        },
    };
    let preimage_content_type = ContentType::read_optional(message, label::PREIMAGE_CONTENT_TYPE)?;
    Ok(Some(HashEnvelope { hash_alg, preimage_content_type, location }))
}
