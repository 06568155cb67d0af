//! The decision on what the service registers in its own name (D17).

use ciborium::Value;
use proofs::{ContentType, SignedStatement, UnixTime};

use super::judge::{reserved_subject, verify};
use super::refusal::{Refusal, Rejection, shown};
use super::{Admitted, Evidence, Governance, REGISTRAR_RULE};
use crate::control::{self, ControlType};
use crate::registrar::{
    MAX_PRODUCER_BYTES, MAX_RECORD_BYTES, PRODUCER_HEADER, RECORD_HEADER, is_producer, is_record,
    is_registrars, producer_label, record_label,
};
use crate::trace_batch::check_batch;

/// A statement under the registrar's name that is not as the registrar makes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrarFault {
    /// The content has no media type.
    #[error("a statement of the registrar names the media type of its content")]
    ContentType,
    /// The producer's id is malformed.
    #[error(
        "the protected header `{PRODUCER_HEADER}` is text of 1 to {MAX_PRODUCER_BYTES} bytes without control characters"
    )]
    Producer,
    /// What came with a digest is malformed, or there is no digest.
    #[error(
        "the protected header `{RECORD_HEADER}` is a byte string of 1 to {MAX_RECORD_BYTES} bytes, in a hash envelope"
    )]
    Record,
}

impl Governance {
    /// Admits what is signed with the registrar key of the genesis statement, and nothing else under the service's
    /// name. No rule is asked: who may hand evidence to the registrar is the operator's setting, and whom it came
    /// from stands in the statement.
    pub(super) fn judge_registrar(
        &self,
        statement: SignedStatement,
        evaluated_at: UnixTime,
    ) -> Result<Admitted, Refusal> {
        let header = statement.header();
        if !is_registrars(header, self.identity()) {
            return Err(Rejection::ReservedIssuer { issuer: shown(&header.issuer) }.into());
        }
        if ControlType::of(header) == Some(ControlType::Manifest) {
            control::check_manifest(&statement, self.identity()).map_err(Rejection::from)?;
            return self.signed_by_registrar(statement);
        }
        if ControlType::of(header) == Some(ControlType::TraceBatch) {
            // Its leaves are hashed to compare them, so only the registrar can have that done.
            let admitted = self.signed_by_registrar(statement)?;
            check_batch(admitted.statement.statement(), self.identity()).map_err(Rejection::from)?;
            return Ok(admitted);
        }
        let limit = self.policy().max_statement_bytes;
        if statement.canonical().len() > limit {
            return Err(Refusal::TooLarge { limit });
        }
        check_form(&statement).map_err(Rejection::from)?;
        if reserved_subject(&header.subject) {
            return Err(Rejection::ReservedSubject { subject: shown(&header.subject) }.into());
        }
        let admitted = self.signed_by_registrar(statement)?;
        let examination =
            self.examine(admitted.statement.statement(), &admitted.evidence.key, evaluated_at)?;
        Ok(Admitted { examination, ..admitted })
    }

    fn signed_by_registrar(&self, statement: SignedStatement) -> Result<Admitted, Refusal> {
        let key = &self.identity().genesis.registrar;
        let verified = verify(statement, key, REGISTRAR_RULE)?;
        let evidence = Evidence {
            key: key.clone(),
            anchor: None,
            rule: REGISTRAR_RULE.to_owned(),
            chain: Vec::new(),
            unprotected_x5chain: Vec::new(),
        };
        Ok(Admitted { statement: verified, evidence, control: None, examination: None })
    }
}

fn check_form(statement: &SignedStatement) -> Result<(), RegistrarFault> {
    let header = statement.header();
    let content_type = match &header.envelope {
        Some(envelope) => envelope.preimage_content_type.as_ref(),
        None => header.content_type.as_ref(),
    };
    if !matches!(content_type, Some(ContentType::Text(_))) {
        return Err(RegistrarFault::ContentType);
    }
    if let Some(record) = header.extra(&record_label()) {
        let fits = record.as_bytes().is_some_and(|bytes| is_record(bytes));
        if !fits || header.envelope.is_none() {
            return Err(RegistrarFault::Record);
        }
    }
    match header.extra(&producer_label()) {
        None => Ok(()),
        Some(Value::Text(id)) if is_producer(id) => Ok(()),
        Some(_) => Err(RegistrarFault::Producer),
    }
}
