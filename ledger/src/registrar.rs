//! What the service registers in its own name, signed with its registrar key (D17, D19).
//!
//! The registrar is the identity under which evidence that nobody signed gets onto the log: the bytes exactly as they
//! were received become the payload (or, if they are confidential, their SHA-256 becomes it, RFC 9995), and the
//! authenticated producer's id stands in the protected header [`PRODUCER_HEADER`]. That label counts only where `iss`
//! is the service's own and the signature is the registrar's: [`producer`] reads it, and nothing else should.
//!
//! The same bytes of the same type by the same producer are one entry (an *evidence key*), whatever else of the
//! header has changed since, so that a producer may repeat what was not answered.

mod digest;

use bytes::Bytes;
use ciborium::Value;
use proofs::{
    ContentType, Hash, Label, SignFailed, SignedStatement, Signer, StatementBuilder, StatementHeader, cbor,
    sha256,
};

use crate::control::{ControlType, LogIdentity};

pub use digest::{DigestSubmission, MAX_RECORD_BYTES, RECORD_HEADER, record};
pub(crate) use digest::{is_record, record_label};

/// Protected header with the id of the authenticated producer: text of 1 to [`MAX_PRODUCER_BYTES`] bytes.
pub const PRODUCER_HEADER: &str = "stele.producer";

/// The longest producer id, in bytes.
pub const MAX_PRODUCER_BYTES: usize = 512;

/// The most protected headers of a submission's own.
pub const MAX_EXTRA_HEADERS: usize = 64;

/// The longest name of a protected header of a submission's own, in bytes.
pub const MAX_HEADER_NAME_BYTES: usize = 128;

/// The longest content type of a submission, in bytes.
pub const MAX_CONTENT_TYPE_BYTES: usize = 255;

/// Names of headers that only the log itself gives meaning to.
const RESERVED_HEADERS: &str = "stele.";

/// `SHA-256` in the COSE algorithms registry (RFC 9054 §2.1).
const SHA_256: i64 = -16;

/// Evidence to be wrapped into a statement of the registrar.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The media type of `payload`.
    pub content_type: String,
    /// What the evidence is about: CWT `sub`.
    pub subject: String,
    /// Who sent it, as the door authenticated them; `None` for what the service itself observed.
    pub producer: Option<String>,
    /// The bytes, which are never changed.
    pub payload: Bytes,
    /// Further protected headers, text labels only; their values have to be strict CBOR.
    pub headers: Vec<(String, Value)>,
    /// Log only the SHA-256 of `payload` (RFC 9995), because the content is confidential.
    pub envelope: bool,
}

/// Why a submission cannot be wrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionError {
    /// No media type, or one that belongs to the log itself.
    #[error(
        "the content type must be a media type of at most {MAX_CONTENT_TYPE_BYTES} bytes, and not one of the log's own"
    )]
    ContentType,
    /// The producer's id is empty, too long, or has control characters.
    #[error("a producer's id must have 1 to {MAX_PRODUCER_BYTES} bytes and no control characters")]
    Producer,
    /// Nothing was said about a digest, or too much.
    #[error("what comes with a digest has 1 to {MAX_RECORD_BYTES} bytes")]
    Record,
    /// Too many further headers.
    #[error("evidence may bring at most {MAX_EXTRA_HEADERS} headers")]
    TooManyHeaders,
    /// A further header is not the submission's to set, or is there twice.
    #[error(
        "the header `{name}` cannot be set: a name has 1 to {MAX_HEADER_NAME_BYTES} bytes, does not begin with `{RESERVED_HEADERS}` and stands once"
    )]
    Header {
        /// Its name, shortened.
        name: String,
    },
}

impl Submission {
    /// What this evidence is known by, before it is signed.
    pub(crate) fn key(&self) -> [u8; 32] {
        let digest = sha256(&self.payload);
        evidence_key(&self.content_type, &digest, self.producer.as_deref(), self.envelope, None)
    }

    fn check(&self) -> Result<(), SubmissionError> {
        check_content_type(&self.content_type)?;
        check_producer(self.producer.as_deref())?;
        if self.headers.len() > MAX_EXTRA_HEADERS {
            return Err(SubmissionError::TooManyHeaders);
        }
        for (at, (name, _)) in self.headers.iter().enumerate() {
            let own =
                (1..=MAX_HEADER_NAME_BYTES).contains(&name.len()) && !name.starts_with(RESERVED_HEADERS);
            let again = self.headers.iter().take(at).any(|(earlier, _)| earlier == name);
            if !own || again {
                return Err(SubmissionError::Header { name: crate::governance::shown(name) });
            }
        }
        Ok(())
    }

    /// The statement that the registrar makes of it.
    pub(crate) fn wrap(self, identity: &LogIdentity, registrar: &dyn Signer) -> Result<Vec<u8>, WrapError> {
        self.check()?;
        let content_type = ContentType::Text(self.content_type);
        let mut builder = StatementBuilder::new(&identity.genesis.issuer, self.subject);
        for (name, value) in self.headers {
            builder = builder.extra(Label::Text(name), value);
        }
        if let Some(producer) = self.producer {
            builder = builder.extra(producer_label(), Value::Text(producer));
        }
        if self.envelope {
            let digest = sha256(&self.payload);
            let builder = builder.hash_envelope(SHA_256, Some(content_type), None);
            return Ok(builder.sign(digest.as_bytes(), registrar)?);
        }
        Ok(builder.content_type(content_type).sign(&self.payload, registrar)?)
    }
}

fn check_content_type(content_type: &str) -> Result<(), SubmissionError> {
    let name = ContentType::Text(content_type.to_owned());
    let long = content_type.len() > MAX_CONTENT_TYPE_BYTES;
    let media_type = content_type.contains('/') && !content_type.chars().any(char::is_control);
    if long || !media_type || ControlType::of_type(&name).is_some() {
        return Err(SubmissionError::ContentType);
    }
    Ok(())
}

fn check_producer(producer: Option<&str>) -> Result<(), SubmissionError> {
    if producer.is_none_or(is_producer) { Ok(()) } else { Err(SubmissionError::Producer) }
}

/// Why no statement was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WrapError {
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    #[error(transparent)]
    Sign(#[from] SignFailed),
}

/// The label [`PRODUCER_HEADER`].
#[must_use]
pub fn producer_label() -> Label {
    Label::Text(PRODUCER_HEADER.to_owned())
}

/// Who sent the evidence in a statement that this log admitted: the producer id that the registrar vouches for.
/// `None` for statements of everybody else, whatever their headers say.
#[must_use]
pub fn producer<'a>(header: &'a StatementHeader, identity: &LogIdentity) -> Option<&'a str> {
    let own = is_registrars(header, identity);
    header.extra(&producer_label()).filter(|_| own).and_then(Value::as_text)
}

/// Whether a header claims to be the registrar's: issued as the service itself and named by the key's thumbprint.
pub(crate) fn is_registrars(header: &StatementHeader, identity: &LogIdentity) -> bool {
    let key = identity.genesis.registrar.thumbprint();
    let by_kid = header.kid.as_deref() == Some(key.as_bytes().as_slice());
    let by_certificate = header.x5t.is_some() || (header.x5chain_protected && !header.x5chain.is_empty());
    header.issuer == identity.genesis.issuer && by_kid && !by_certificate
}

/// Whether a text can be a producer's id.
#[must_use]
pub fn is_producer(id: &str) -> bool {
    (1..=MAX_PRODUCER_BYTES).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// What a statement of the registrar is known by beside its id; `None` for every other statement, and for what the
/// log registers about itself.
pub(crate) fn key_of(statement: &SignedStatement, identity: &LogIdentity) -> Option<[u8; 32]> {
    let header = statement.header();
    if !is_registrars(header, identity) || ControlType::of(header).is_some() {
        return None;
    }
    let producer = header.extra(&producer_label()).and_then(Value::as_text);
    let (content_type, envelope) = match &header.envelope {
        Some(envelope) => (envelope.preimage_content_type.as_ref(), true),
        None => (header.content_type.as_ref(), false),
    };
    let Some(ContentType::Text(name)) = content_type else { return None };
    if !envelope {
        return Some(evidence_key(name, &sha256(statement.payload()), producer, false, None));
    }
    let digest: [u8; 32] = statement.payload().try_into().ok()?;
    let record = header.extra(&record_label()).and_then(Value::as_bytes).map(Vec::as_slice);
    Some(evidence_key(name, &Hash::new(digest), producer, true, record))
}

/// SHA-256 of the deterministic CBOR (RFC 8949 §4.2.1) of
/// `["stele evidence key v1", content type, SHA-256(payload), producer or null, envelope]` (D17), and of a digest that came
/// with a record, one element more: SHA-256(record).
fn evidence_key(
    content_type: &str,
    digest: &Hash,
    producer: Option<&str>,
    envelope: bool,
    record: Option<&[u8]>,
) -> [u8; 32] {
    let mut key = vec![
        Value::Text("stele evidence key v1".to_owned()),
        Value::Text(content_type.to_owned()),
        Value::Bytes(digest.as_bytes().to_vec()),
        producer.map_or(Value::Null, |producer| Value::Text(producer.to_owned())),
        Value::Bool(envelope),
    ];
    key.extend(record.map(|record| Value::Bytes(sha256(record).as_bytes().to_vec())));
    *sha256(&cbor::encode(&Value::Array(key))).as_bytes()
}

#[cfg(test)]
mod tests;
