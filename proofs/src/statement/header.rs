//! What a statement's protected header says, read once.

use std::collections::BTreeMap;

use ciborium::Value;

use super::certificate::{self, CertificateHash};
use super::claims::{self, Claims};
use super::envelope::{self, HashEnvelope};
use super::{MalformedStatement, StatementError};
use crate::cose::Algorithm;
use crate::cose::label::{self, Label};
use crate::cose::sign1::{Field, Sign1};

/// Labels that may be marked critical, because what they say is acted upon (COSE-06).
const UNDERSTOOD: [i64; 10] = [
    label::ALG,
    label::CRIT,
    label::CONTENT_TYPE,
    label::KID,
    label::CWT_CLAIMS,
    label::X5CHAIN,
    label::X5T,
    label::PAYLOAD_HASH_ALG,
    label::PREIMAGE_CONTENT_TYPE,
    label::PAYLOAD_LOCATION,
];

/// What the payload is (label 3; RFC 9052 §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// A media type.
    Text(String),
    /// A CoAP content format.
    Id(u64),
}

impl ContentType {
    fn read(label: i64, field: &Field<'_>) -> Result<Self, MalformedStatement> {
        let wrong = wrong_type(label, "text or an unsigned integer", field);
        match field.value() {
            Value::Text(text) => Ok(Self::Text(text)),
            Value::Integer(number) => u64::try_from(number).map(Self::Id).map_err(|_| wrong),
            _ => Err(wrong),
        }
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Id(id) => Value::from(*id),
        }
    }

    pub(super) fn read_optional(message: &Sign1<'_>, label: i64) -> Result<Option<Self>, MalformedStatement> {
        message.header.int(label).map(|field| Self::read(label, field)).transpose()
    }
}

/// The protected header of a statement. Everything in it is signed, but for `x5chain` when
/// [`StatementHeader::x5chain_protected`] is false.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementHeader {
    /// Label 1.
    pub algorithm: Algorithm,
    /// CWT claim 1.
    pub issuer: String,
    /// CWT claim 2.
    pub subject: String,
    /// Label 3; for a hash envelope see [`HashEnvelope::preimage_content_type`].
    pub content_type: Option<ContentType>,
    /// Label 4.
    pub kid: Option<Vec<u8>>,
    /// Label 34.
    pub x5t: Option<CertificateHash>,
    /// Label 33 in DER, leaf first; empty if there is none. An unprotected chain is here only if `x5t` is the hash of
    /// its leaf, or `kid` the SHA-256 thumbprint of its leaf or the leaf's key (ARCH-06, ARCH-07).
    pub x5chain: Vec<Vec<u8>>,
    /// True if `x5chain` stands in the protected header.
    pub x5chain_protected: bool,
    /// Labels 258 to 260, if the payload is a digest (RFC 9995).
    pub envelope: Option<HashEnvelope>,
    /// Every CWT claim of label 15.
    pub claims: Claims,
    fields: BTreeMap<Label, Value>,
}

impl StatementHeader {
    /// The value of any label of the protected header, those above included.
    #[must_use]
    pub fn extra(&self, label: &Label) -> Option<&Value> {
        self.fields.get(label)
    }

    /// True if the protected header has this label.
    #[must_use]
    pub fn has(&self, label: &Label) -> bool {
        self.fields.contains_key(label)
    }

    /// Every label of the protected header, integers first.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.fields.keys()
    }

    /// The CWT claim with this number.
    #[must_use]
    pub fn claim(&self, number: i64) -> Option<&Value> {
        self.claims.get(&Label::Int(number))
    }

    pub(super) fn read(message: &Sign1<'_>) -> Result<Self, StatementError> {
        if let Some(label) = message.critical().into_iter().find(|label| !understood(label)) {
            return Err(StatementError::UnknownCritical(label));
        }
        let algorithm = algorithm(message)?;
        let content_type = ContentType::read_optional(message, label::CONTENT_TYPE)?;
        let kid = kid(message)?;
        let x5t = CertificateHash::read(message)?;
        let chain = certificate::read_chain(message, kid.as_deref(), x5t.as_ref())?;
        let envelope = envelope::read(message)?;
        let claims = claims::read(message)?;
        if kid.is_none() && x5t.is_none() && !chain.protected {
            return Err(StatementError::NoKeyReference);
        }
        let (issuer, subject) = claims::issuer_and_subject(&claims, x5t.is_some() || chain.protected)?;
        Ok(Self {
            algorithm,
            issuer,
            subject,
            content_type,
            kid,
            x5t,
            x5chain: chain.certificates,
            x5chain_protected: chain.protected,
            envelope,
            claims,
            fields: message.header.iter().map(|(label, field)| (label.clone(), field.value())).collect(),
        })
    }
}

fn understood(label: &Label) -> bool {
    matches!(label, Label::Int(number) if UNDERSTOOD.contains(number))
}

fn algorithm(message: &Sign1<'_>) -> Result<Algorithm, StatementError> {
    match message.algorithm() {
        Ok(Some(number)) => {
            Algorithm::from_cose(number).ok_or(StatementError::UnsupportedAlgorithm { number: Some(number) })
        }
        Ok(None) => Err(MalformedStatement::NoAlgorithm.into()),
        Err(_) => Err(StatementError::UnsupportedAlgorithm { number: None }),
    }
}

fn kid(message: &Sign1<'_>) -> Result<Option<Vec<u8>>, MalformedStatement> {
    let Some(field) = message.header.int(label::KID) else { return Ok(None) };
    match field.value() {
        Value::Bytes(kid) => Ok(Some(kid)),
        _ => Err(wrong_type(label::KID, "a byte string", field)),
    }
}

pub(super) fn wrong_type(label: i64, expected: &'static str, field: &Field<'_>) -> MalformedStatement {
    MalformedStatement::LabelType { label: Label::Int(label), expected, offset: field.offset }
}
