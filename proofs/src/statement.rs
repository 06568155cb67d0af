//! Signed statements (RFC 9943 §6): read strictly, named by their digest, verified into a type of their own.

mod builder;
mod certificate;
mod claims;
mod entry_id;
mod envelope;
mod error;
mod header;
mod twin;

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

pub use builder::StatementBuilder;
pub use certificate::{CertificateHash, MAX_CHAIN, kid_names_certificate};
pub(crate) use claims::read_field as read_claims;
pub use claims::{Claims, LOG_SUBJECT_PREFIX, MAX_NAME, log_subject};
pub use entry_id::{EntryId, EntryIdSyntaxError};
pub use envelope::HashEnvelope;
pub use error::{MalformedStatement, MissingClaim, StatementError};
pub use header::{ContentType, StatementHeader};

use ciborium::Value;

use crate::cose::label;
use crate::cose::sign1::{self, Sign1};
use crate::cose::{PublicKey, SignatureError};
use crate::hash::sha256;

/// A statement somebody signed, in canonical form: tag 18, the protected bytes as received, an empty unprotected header,
/// payload and signature as received (D1, ARCH-14). Its form is checked, its signature is not.
#[derive(Clone)]
pub struct SignedStatement {
    canonical: Vec<u8>,
    protected: Range<usize>,
    payload: Range<usize>,
    signature: Range<usize>,
    entry_id: EntryId,
    header: StatementHeader,
    /// Asked for several times on the way into the log, and a hash over everything.
    twin_id: OnceLock<Option<EntryId>>,
}

impl SignedStatement {
    /// Reads a signed statement of at most `max_len` bytes. Whatever the unprotected header holds is dropped (ARCH-14,
    /// ARCH-49), but for an `x5chain` that the protected header vouches for, which is kept in
    /// [`StatementHeader::x5chain`].
    ///
    /// # Errors
    /// [`StatementError`] says in one sentence which part is at fault.
    pub fn parse(bytes: &[u8], max_len: usize) -> Result<Self, StatementError> {
        if bytes.len() > max_len {
            return Err(StatementError::TooLarge { limit: max_len });
        }
        let message = Sign1::parse(bytes).map_err(MalformedStatement::Message)?;
        let header = StatementHeader::read(&message)?;
        let payload = message.payload.ok_or(StatementError::PayloadMissing)?;
        if let Some(envelope) = &header.envelope {
            envelope.check_length(payload.len())?;
        }
        Ok(Self::assemble(message.protected, payload, message.signature, header))
    }

    fn assemble(protected: &[u8], payload: &[u8], signature: &[u8], header: StatementHeader) -> Self {
        let canonical = canonical(protected, payload, signature);
        // The three strings are found from the end backwards: between them stand one byte of empty map and two heads.
        let end = canonical.len();
        let signature_at = end.saturating_sub(signature.len());
        let payload_end = signature_at.saturating_sub(head_length(signature.len()));
        let payload_at = payload_end.saturating_sub(payload.len());
        let protected_end = payload_at.saturating_sub(head_length(payload.len()) + 1);
        let protected_at = protected_end.saturating_sub(protected.len());
        Self {
            entry_id: EntryId::from_bytes(*sha256(&canonical).as_bytes()),
            protected: protected_at..protected_end,
            payload: payload_at..payload_end,
            signature: signature_at..end,
            canonical,
            header,
            twin_id: OnceLock::new(),
        }
    }

    /// SHA-256 of [`SignedStatement::canonical`]: the public handle of the registration, and the entry (D1).
    #[must_use]
    pub fn entry_id(&self) -> EntryId {
        self.entry_id
    }

    /// The canonical bytes.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The canonical bytes, without a copy.
    #[must_use]
    pub fn into_canonical(self) -> Vec<u8> {
        self.canonical
    }

    /// What the protected header says.
    #[must_use]
    pub fn header(&self) -> &StatementHeader {
        &self.header
    }

    /// The protected header's bytes as received, without the head of the byte string around them.
    #[must_use]
    pub fn protected(&self) -> &[u8] {
        self.part(&self.protected)
    }

    /// The payload: content, or the digest of a hash envelope.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.part(&self.payload)
    }

    /// The signature bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.part(&self.signature)
    }

    /// The entry id this statement would have with s replaced by the smaller of s and n-s (D7). ECDSA lets anybody turn
    /// (r, s) into (r, n-s) without the key; both have the same twin id. `None` for other algorithms and for a signature
    /// that cannot verify anyway because of its length or range. Equal to [`SignedStatement::entry_id`] when s is the
    /// smaller one already.
    #[must_use]
    pub fn twin_id(&self) -> Option<EntryId> {
        *self.twin_id.get_or_init(|| {
            let low = twin::low_s(self.header.algorithm, self.signature())?;
            let bytes = canonical(self.protected(), self.payload(), &low);
            Some(EntryId::from_bytes(*sha256(&bytes).as_bytes()))
        })
    }

    /// This statement as it was before canonicalisation took an `x5chain` (DER, leaf first) out of its unprotected header
    /// (ARCH-14, RFC 9360 §2): what an auditor needs to judge it again.
    ///
    /// # Errors
    /// When the protected header does not vouch for the chain, as [`SignedStatement::parse`] has it.
    pub fn with_x5chain(&self, chain: &[Vec<u8>]) -> Result<Self, StatementError> {
        let mut certificates: Vec<Value> = chain.iter().cloned().map(Value::Bytes).collect();
        let value = match certificates.pop() {
            Some(only) if certificates.is_empty() => only,
            last => Value::Array(certificates.into_iter().chain(last).collect()),
        };
        let unprotected = Value::Map(vec![(Value::from(label::X5CHAIN), value)]);
        let bytes = sign1::write(self.protected(), &unprotected, Some(self.payload()), self.signature());
        Self::parse(&bytes, bytes.len())
    }

    /// Verifies the issuer's signature (ARCH-12). The algorithm is checked against the key first (COSE-10).
    ///
    /// # Errors
    /// [`SignatureError`]
    pub fn verify(self, key: &PublicKey) -> Result<VerifiedStatement, SignatureError> {
        let key = self.check_signature(key)?;
        Ok(VerifiedStatement { statement: self, key: key.0 })
    }

    /// As [`SignedStatement::verify`], for a caller that tries several keys or only wants to know.
    ///
    /// # Errors
    /// [`SignatureError`]
    pub fn check_signature(&self, key: &PublicKey) -> Result<SignedBy, SignatureError> {
        let signed = sign1::sig_structure(self.protected(), self.payload());
        key.verify(self.header.algorithm, &signed, self.signature())?;
        Ok(SignedBy(key.clone(), self.entry_id))
    }

    /// The statement as verified by what [`SignedStatement::check_signature`] gave for it; `None` with what it gave for
    /// another one.
    #[must_use]
    pub fn verified(self, by: SignedBy) -> Option<VerifiedStatement> {
        (by.1 == self.entry_id).then_some(VerifiedStatement { statement: self, key: by.0 })
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.canonical.get(range.clone()).unwrap_or_default()
    }
}

/// Names the statement and shows nothing of it, so that no payload gets into a log by way of `{:?}`.
impl fmt::Debug for SignedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignedStatement").field(&self.entry_id()).finish()
    }
}

/// That one statement's signature verified, and under which key. Only [`SignedStatement::check_signature`] makes one.
#[derive(Debug, Clone)]
pub struct SignedBy(PublicKey, EntryId);

/// A statement whose signature verified: made by [`SignedStatement::verify`], or by [`SignedStatement::verified`] from
/// what only a check of its signature gives.
#[derive(Debug, Clone)]
pub struct VerifiedStatement {
    statement: SignedStatement,
    key: PublicKey,
}

impl VerifiedStatement {
    /// The statement.
    #[must_use]
    pub fn statement(&self) -> &SignedStatement {
        &self.statement
    }

    /// The key its signature verified under.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The statement, giving up the proof that it was verified.
    #[must_use]
    pub fn into_statement(self) -> SignedStatement {
        self.statement
    }
}

fn canonical(protected: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    sign1::write(protected, &Value::Map(Vec::new()), Some(payload), signature)
}

/// Length of the shortest head of a string of `length` bytes (RFC 8949 §3).
const fn head_length(length: usize) -> usize {
    match length {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}
