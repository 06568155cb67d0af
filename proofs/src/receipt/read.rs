//! From bytes to [`Receipt`].

use ciborium::Value;

use super::proof::read_vdp;
use super::times::{Rounding, numeric_date};
use super::{MAX_RECEIPT_BYTES, Receipt, ReceiptClaims, ReceiptError, VDS_RFC9162_SHA256};
use crate::cose::Algorithm;
use crate::cose::label::{self, Label};
use crate::cose::sign1::{Field, Sign1};
use crate::statement::{Claims, MalformedStatement, MissingClaim, read_claims};
use crate::time::UnixTime;

/// Labels that may be marked critical in a receipt (COSE-06).
const UNDERSTOOD: [i64; 5] = [label::ALG, label::CRIT, label::KID, label::CWT_CLAIMS, label::VDS];

impl Receipt {
    /// Reads one receipt: a tagged COSE_Sign1 with `alg` and `vds` protected and `vdp` unprotected (RCPT-01 to RCPT-03).
    /// `kid` and claims may be missing, as in receipts made before RFC 9943; what is there has to be well-formed.
    ///
    /// # Errors
    /// [`ReceiptError`]; see [`ReceiptError::is_unverifiable`] for receipts of kinds unknown here.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLarge);
        }
        let message = Sign1::parse(bytes)?;
        let header = &message.header;
        let understood = |label: &Label| matches!(label, Label::Int(n) if UNDERSTOOD.contains(n));
        if let Some(label) = message.critical().into_iter().find(|label| !understood(label)) {
            return Err(ReceiptError::UnknownCritical(label));
        }
        match header.int(label::VDS).map(|field| field.value().into_integer().map(i64::try_from)) {
            Some(Ok(Ok(VDS_RFC9162_SHA256))) => {}
            Some(Ok(Ok(other))) => return Err(ReceiptError::UnknownVds(other)),
            _ => return Err(ReceiptError::NoVds),
        }
        let algorithm = algorithm(&message)?;
        let kid = match header.int(label::KID) {
            None => None,
            Some(field) => match field.value() {
                Value::Bytes(kid) => Some(kid),
                _ => return Err(wrong_kid(field).into()),
            },
        };
        let claims = header.int(label::CWT_CLAIMS).map(read_claims).transpose()?;
        let time = |claim, rounding| claims.as_ref().map_or(Ok(None), |claims| time(claims, claim, rounding));
        let issued_at = time(label::CLAIM_IAT, Rounding::Down)?;
        let expires_at = time(label::CLAIM_EXP, Rounding::Up)?;
        let not_before = time(label::CLAIM_NBF, Rounding::Up)?;
        let claims = match &claims {
            None => None,
            Some(claims) => Some(ReceiptClaims {
                issuer: text(claims, label::CLAIM_ISS, MissingClaim::Issuer)?,
                subject: text(claims, label::CLAIM_SUB, MissingClaim::Subject)?,
                issued_at,
            }),
        };
        let (first, further) = read_vdp(message.unprotected.int(label::VDP).ok_or(ReceiptError::NoProofs)?)?;
        Ok(Self {
            protected: message.protected.to_vec(),
            signature: message.signature.to_vec(),
            payload: message.payload.map(<[u8]>::to_vec),
            algorithm,
            kid,
            claims,
            expires_at,
            not_before,
            first,
            further,
        })
    }
}

fn algorithm(message: &Sign1<'_>) -> Result<Algorithm, ReceiptError> {
    match message.algorithm() {
        Ok(Some(number)) => {
            Algorithm::from_cose(number).ok_or(ReceiptError::UnknownAlgorithm { number: Some(number) })
        }
        Ok(None) => Err(ReceiptError::NoAlgorithm),
        Err(_) => Err(ReceiptError::UnknownAlgorithm { number: None }),
    }
}

fn text(claims: &Claims, claim: i64, missing: MissingClaim) -> Result<String, ReceiptError> {
    match claims.get(&Label::Int(claim)) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(ReceiptError::IncompleteClaims(missing)),
    }
}

fn time(claims: &Claims, claim: i64, rounding: Rounding) -> Result<Option<UnixTime>, ReceiptError> {
    let Some(value) = claims.get(&Label::Int(claim)) else { return Ok(None) };
    numeric_date(value, rounding).map(Some).ok_or(ReceiptError::Time { claim })
}

fn wrong_kid(field: &Field<'_>) -> MalformedStatement {
    MalformedStatement::LabelType {
        label: Label::Int(label::KID),
        expected: "a byte string",
        offset: field.offset,
    }
}
