//! x5chain and x5t (RFC 9360): which certificates a statement vouches for. Whether they are trusted is not decided here.

use ciborium::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::MalformedStatement;
use super::header::wrong_type;
use crate::cose::label::{self, Label};
use crate::cose::sign1::{Field, Sign1};
use crate::cose::{DigestAlgorithm, PublicKey};
use crate::hash::sha256;

/// How many certificates a chain may have.
pub const MAX_CHAIN: usize = 16;

/// Label 34: the hash of the leaf certificate's DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateHash {
    /// The hash algorithm.
    pub algorithm: DigestAlgorithm,
    /// The digest, of the length the algorithm has.
    pub hash: Vec<u8>,
}

impl CertificateHash {
    /// True if `der` is the certificate meant.
    #[must_use]
    pub fn matches(&self, der: &[u8]) -> bool {
        self.algorithm.digest(der) == self.hash
    }

    pub(super) fn read(message: &Sign1<'_>) -> Result<Option<Self>, MalformedStatement> {
        let Some(field) = message.header.int(label::X5T) else { return Ok(None) };
        let wrong = wrong_type(label::X5T, "an array of hash algorithm and digest", field);
        let Value::Array(items) = field.value() else { return Err(wrong) };
        let [algorithm, Value::Bytes(hash)] = items.as_slice() else { return Err(wrong) };
        let algorithm = match algorithm {
            Value::Integer(number) => i64::try_from(*number).ok().and_then(DigestAlgorithm::from_cose),
            Value::Text(_) => None,
            _ => return Err(wrong),
        };
        let algorithm = algorithm.ok_or(MalformedStatement::CertificateHashAlgorithm)?;
        if hash.len() != algorithm.length() {
            return Err(MalformedStatement::CertificateHashLength {
                expected: algorithm.length(),
                found: hash.len(),
            });
        }
        Ok(Some(Self { algorithm, hash: hash.clone() }))
    }
}

/// True if `kid` is the SHA-256 of this certificate, or the SHA-256 thumbprint (RFC 9679) of the key in it: only then
/// does a protected kid vouch for a certificate that nobody signed (ARCH-07, X5-05).
#[must_use]
pub fn kid_names_certificate(kid: &[u8], der: &[u8]) -> bool {
    kid == sha256(der).as_bytes() || leaf_key(der).is_some_and(|key| kid == key.thumbprint().as_bytes())
}

fn leaf_key(der: &[u8]) -> Option<PublicKey> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    PublicKey::from_spki_der(certificate.public_key().raw).ok()
}

/// The chain a statement vouches for.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) protected: bool,
}

/// Reads label 33 from whichever header has it and checks what binds it to the protected one.
pub(super) fn read_chain(
    message: &Sign1<'_>,
    kid: Option<&[u8]>,
    x5t: Option<&CertificateHash>,
) -> Result<Chain, MalformedStatement> {
    let (field, protected) =
        match (message.header.int(label::X5CHAIN), message.unprotected.int(label::X5CHAIN)) {
            (Some(field), _) => (field, true),
            (None, Some(field)) => (field, false),
            (None, None) => return Ok(Chain::default()),
        };
    let certificates = certificates(field)?;
    let leaf = certificates.first().map_or(&[][..], Vec::as_slice);
    match (x5t, kid) {
        (Some(x5t), _) if !x5t.matches(leaf) => Err(MalformedStatement::CertificateMismatch),
        (Some(_), _) => Ok(Chain { certificates, protected }),
        _ if protected => Ok(Chain { certificates, protected }),
        (None, Some(kid)) if kid_names_certificate(kid, leaf) => Ok(Chain { certificates, protected }),
        (None, _) => Err(MalformedStatement::UnboundChain),
    }
}

fn certificates(field: &Field<'_>) -> Result<Vec<Vec<u8>>, MalformedStatement> {
    let wrong = |expected| MalformedStatement::LabelType {
        label: Label::Int(label::X5CHAIN),
        expected,
        offset: field.offset,
    };
    match field.value() {
        Value::Bytes(one) => Ok(vec![one]),
        Value::Array(items) => {
            if items.len() < 2 {
                return Err(wrong("a bare byte string for one certificate, or an array of two or more"));
            }
            if items.len() > MAX_CHAIN {
                return Err(MalformedStatement::ChainTooLong);
            }
            let certificates = items.into_iter().map(Value::into_bytes).collect::<Result<Vec<_>, _>>();
            certificates.map_err(|_| wrong("made of byte strings"))
        }
        _ => Err(wrong("a byte string or an array of byte strings")),
    }
}
