//! COSE_Sign1 (RFC 9052 §4.2), read strictly, its protected bytes kept as they came.

mod error;
mod headers;

use ciborium::Value;
use ciborium_ll::Header;

pub use error::{Part, Sign1Error};
pub use headers::{Field, Headers};

use super::label::{self, Label};
use super::{Algorithm, PublicKey, SignatureError};
use crate::cbor::{Cursor, encode, write_bytes, write_head};

/// The CBOR tag of COSE_Sign1 (RFC 9052 §2).
pub const TAG: u64 = 18;
/// The largest protected header accepted, in bytes. Decoded, a header takes many times its size.
pub const MAX_HEADER_BYTES: usize = 128 * 1024;
/// How many labels each of the two headers may have.
pub const MAX_LABELS: usize = 256;

/// A COSE_Sign1 message, borrowed from the bytes it was read from.
#[derive(Debug, Clone)]
pub struct Sign1<'a> {
    /// The protected header's bytes exactly as received, without the head of the byte string around them.
    pub protected: &'a [u8],
    /// What the protected header says.
    pub header: Headers<'a>,
    /// What the unprotected header says. Nobody signed it.
    pub unprotected: Headers<'a>,
    /// The payload; `None` is nil, which means detached, and is not the same as an empty payload (COSE-04).
    pub payload: Option<&'a [u8]>,
    /// The signature bytes.
    pub signature: &'a [u8],
}

impl<'a> Sign1<'a> {
    /// Reads one message: tag 18, an array of four, everything in strict CBOR, no label in both headers (COSE-05),
    /// `crit` in its proper form and place (COSE-06).
    ///
    /// # Errors
    /// [`Sign1Error`] names the part and the byte.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Sign1Error> {
        let cbor = |part| move |error| Sign1Error::Cbor { part, error };
        let mut whole = Cursor::new(bytes);
        whole.skip_item().map_err(cbor(Part::Message))?;
        whole.finish().map_err(cbor(Part::Message))?;

        let mut cursor = Cursor::new(bytes);
        match cursor.head().map_err(cbor(Part::Message))? {
            Header::Tag(TAG) => {}
            Header::Tag(found) => return Err(Sign1Error::OtherTag { found }),
            _ => return Err(Sign1Error::Untagged),
        }
        let offset = cursor.offset();
        if cursor.head().map_err(cbor(Part::Message))? != Header::Array(Some(4)) {
            return Err(Sign1Error::NotFour { offset });
        }
        let protected = byte_string(&mut cursor, Part::Protected)?;
        let protected_at = cursor.offset().saturating_sub(protected.len());
        let unprotected_at = cursor.offset();
        let unprotected = cursor.skip_item().map_err(cbor(Part::Unprotected))?;
        let payload = match cursor.clone().head().map_err(cbor(Part::Payload))? {
            Header::Simple(ciborium_ll::simple::NULL) => {
                cursor.skip_item().map_err(cbor(Part::Payload))?;
                None
            }
            _ => Some(byte_string(&mut cursor, Part::Payload)?),
        };
        let signature = byte_string(&mut cursor, Part::Signature)?;

        if protected.len() > MAX_HEADER_BYTES {
            return Err(Sign1Error::HeaderTooLong { length: protected.len() });
        }
        let header = Headers::parse_protected(protected, protected_at)?;
        let unprotected = Headers::parse(unprotected, unprotected_at, Part::Unprotected)?;
        if let Some(label) = header.labels().find(|label| unprotected.get(label).is_some()) {
            return Err(Sign1Error::LabelTwice { label: label.clone() });
        }
        let message = Self { protected, header, unprotected, payload, signature };
        message.check_critical()?;
        Ok(message)
    }

    /// The labels `crit` lists, or none (RFC 9052 §3.1).
    #[must_use]
    pub fn critical(&self) -> Vec<Label> {
        match self.header.int(label::CRIT).map(Field::value) {
            Some(Value::Array(labels)) => labels.iter().filter_map(Label::from_value).collect(),
            _ => Vec::new(),
        }
    }

    /// The number of the algorithm in the protected header: `None` if there is no `alg`, `Err` with the field if it is
    /// not an integer.
    ///
    /// # Errors
    /// The field, when it holds something else than a 64-bit integer.
    pub fn algorithm(&self) -> Result<Option<i64>, &Field<'a>> {
        let Some(field) = self.header.int(label::ALG) else { return Ok(None) };
        match field.value() {
            Value::Integer(number) => i64::try_from(number).map(Some).map_err(|_| field),
            _ => Err(field),
        }
    }

    /// The bytes a signature over `payload` covers. See [`sig_structure`].
    #[must_use]
    pub fn signed_bytes(&self, payload: &[u8]) -> Vec<u8> {
        sig_structure(self.protected, payload)
    }

    /// Verifies the signature over `payload`, whether the message carries it or not.
    ///
    /// # Errors
    /// [`SignatureError`]
    pub fn verify(
        &self,
        algorithm: Algorithm,
        payload: &[u8],
        key: &PublicKey,
    ) -> Result<(), SignatureError> {
        key.verify(algorithm, &self.signed_bytes(payload), self.signature)
    }

    fn check_critical(&self) -> Result<(), Sign1Error> {
        if self.unprotected.int(label::CRIT).is_some() {
            return Err(Sign1Error::CriticalUnprotected);
        }
        let Some(field) = self.header.int(label::CRIT) else { return Ok(()) };
        let malformed = Sign1Error::CriticalForm { offset: field.offset };
        let Value::Array(items) = field.value() else { return Err(malformed) };
        let labels: Option<Vec<_>> = items.iter().map(Label::from_value).collect();
        let labels = labels.filter(|labels| !labels.is_empty()).ok_or(malformed)?;
        match labels.into_iter().find(|label| self.header.get(label).is_none()) {
            Some(label) => Err(Sign1Error::CriticalAbsent { label }),
            None => Ok(()),
        }
    }
}

/// The Sig_structure `["Signature1", protected, h'', payload]` (RFC 9052 §4.4). An empty header map is signed as the
/// zero-length string, also when it arrived as `41 a0` (COSE-03).
#[must_use]
pub fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    const EMPTY_MAP: &[u8] = &[0xa0];
    const CONTEXT: &str = "Signature1";
    let signed = if protected == EMPTY_MAP { &[] } else { protected };
    // Room for three heads beside what is known.
    let mut out = Vec::with_capacity(CONTEXT.len() + signed.len() + payload.len() + 32);
    write_head(&mut out, Header::Array(Some(4)));
    write_head(&mut out, Header::Text(Some(CONTEXT.len())));
    out.extend_from_slice(CONTEXT.as_bytes());
    write_bytes(&mut out, signed);
    write_bytes(&mut out, &[]);
    write_bytes(&mut out, payload);
    out
}

/// Writes a tagged COSE_Sign1: `protected` verbatim, `unprotected` (a map) deterministically, no payload as nil.
#[must_use]
pub fn write(protected: &[u8], unprotected: &Value, payload: Option<&[u8]>, signature: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(protected.len() + payload.map_or(0, <[u8]>::len) + signature.len() + 32);
    write_head(&mut out, Header::Tag(TAG));
    write_head(&mut out, Header::Array(Some(4)));
    write_bytes(&mut out, protected);
    out.extend_from_slice(&encode(unprotected));
    match payload {
        Some(payload) => write_bytes(&mut out, payload),
        None => write_head(&mut out, Header::Simple(ciborium_ll::simple::NULL)),
    }
    write_bytes(&mut out, signature);
    out
}

fn byte_string<'a>(cursor: &mut Cursor<'a>, part: Part) -> Result<&'a [u8], Sign1Error> {
    let offset = cursor.offset();
    match cursor.head() {
        Ok(Header::Bytes(Some(length))) => {
            cursor.take(length).map_err(|error| Sign1Error::Cbor { part, error })
        }
        Ok(_) => Err(Sign1Error::WrongType { part, offset }),
        Err(error) => Err(Sign1Error::Cbor { part, error }),
    }
}

#[cfg(test)]
mod tests {
    use coset::{ProtectedHeader, SignatureContext, sig_structure_data};

    use super::*;

    #[test]
    fn cose_03_the_signed_bytes_are_those_of_coset() {
        for protected in [0, 1, 23, 24, 255, 256, 65_535, 65_536].map(|length| vec![0x5a; length]) {
            for payload in [0, 1, 23, 24, 255, 256, 65_535, 65_536].map(|length| vec![0xa5; length]) {
                let header =
                    ProtectedHeader { original_data: Some(protected.clone()), ..ProtectedHeader::default() };
                let theirs = sig_structure_data(SignatureContext::CoseSign1, header, None, &[], &payload);
                assert_eq!(sig_structure(&protected, &payload), theirs);
            }
        }
    }
}
