//! A digest that somebody vouches for, with what they said about it: what other logs call a hashed record.

use bytes::Bytes;
use ciborium::Value;
use proofs::{ContentType, Hash, Label, Signer, StatementBuilder, StatementHeader};

use super::{
    SHA_256, SubmissionError, WrapError, check_content_type, check_producer, evidence_key, is_registrars,
    producer_label,
};
use crate::control::LogIdentity;

/// Protected header with what came with a digest, byte for byte: 1 to [`MAX_RECORD_BYTES`] bytes.
pub const RECORD_HEADER: &str = "stele.record";

/// The most that may be said about a digest, in bytes.
pub const MAX_RECORD_BYTES: usize = 16 * 1024;

/// A SHA-256 to be registered as a hash envelope (RFC 9995) of the registrar, whose preimage nobody sent.
///
/// Unlike of a record that was sent, more can be said about one digest: what was said is part of what it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestSubmission {
    /// The media type of what was hashed.
    pub content_type: String,
    /// What the digest is about: CWT `sub`.
    pub subject: String,
    /// Who sent it, as the door authenticated them.
    pub producer: Option<String>,
    /// The digest.
    pub digest: Hash,
    /// What was said about it, exactly as received.
    pub record: Bytes,
}

impl DigestSubmission {
    /// What it is known by, before it is signed.
    pub(crate) fn key(&self) -> [u8; 32] {
        let producer = self.producer.as_deref();
        evidence_key(&self.content_type, &self.digest, producer, true, Some(&self.record))
    }

    /// The statement that the registrar makes of it.
    pub(crate) fn wrap(&self, identity: &LogIdentity, registrar: &dyn Signer) -> Result<Vec<u8>, WrapError> {
        check_content_type(&self.content_type)?;
        check_producer(self.producer.as_deref())?;
        if !is_record(&self.record) {
            return Err(SubmissionError::Record.into());
        }
        let content_type = ContentType::Text(self.content_type.clone());
        let mut builder = StatementBuilder::new(&identity.genesis.issuer, self.subject.clone())
            .extra(record_label(), Value::Bytes(self.record.to_vec()));
        if let Some(producer) = &self.producer {
            builder = builder.extra(producer_label(), Value::Text(producer.clone()));
        }
        let builder = builder.hash_envelope(SHA_256, Some(content_type), None);
        Ok(builder.sign(self.digest.as_bytes(), registrar)?)
    }
}

/// The label [`RECORD_HEADER`].
pub(crate) fn record_label() -> Label {
    Label::Text(RECORD_HEADER.to_owned())
}

/// Whether these bytes can be a record.
pub(crate) fn is_record(record: &[u8]) -> bool {
    (1..=MAX_RECORD_BYTES).contains(&record.len())
}

/// What came with the digest in a statement that this log admitted. `None` for statements of everybody but the
/// registrar, whatever their headers say.
#[must_use]
pub fn record<'a>(header: &'a StatementHeader, identity: &LogIdentity) -> Option<&'a [u8]> {
    let own = is_registrars(header, identity);
    let record = header.extra(&record_label()).filter(|_| own)?;
    record.as_bytes().map(Vec::as_slice)
}
