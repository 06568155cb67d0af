//! One certificate, read with the two parsers that must agree on it.
//!
//! Names and the public key are taken from `rustls-webpki`, which also checks the path, so that no difference
//! between parsers can put one key on the path and another under the signature. `x509-parser` shows what webpki
//! does not: key usage, the subject as text, path length and validity of a root.

use std::fmt;

use proofs::{Hash, PublicKey, UnixTime, sha256};
use rustls_pki_types::CertificateDer;
use webpki::{EndEntityCert, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

use super::subject;

/// The most certificates in `x5chain`.
pub const MAX_CHAIN_CERTIFICATES: usize = 8;
/// The largest certificate, in bytes of DER.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

/// The end-entity certificate of a statement.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    key: PublicKey,
    uri_names: Vec<String>,
    dns_names: Vec<String>,
    subject: Option<String>,
    spki_sha256: Hash,
}

/// Why a leaf cannot sign statements at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafFault {
    /// Not a certificate that both parsers read: X.509 version 3, DER.
    #[error("the first certificate of x5chain is not a readable X.509 v3 certificate")]
    Unreadable,
    /// `basicConstraints` says CA.
    #[error(
        "the first certificate of x5chain is a CA's; sign with an end-entity certificate and put it first"
    )]
    IsCa,
    /// `keyUsage` is there without `digitalSignature` (D16).
    #[error("the leaf certificate's keyUsage has no digitalSignature; have one issued that may sign")]
    KeyUsage,
    /// The key is not one that statements can be signed with.
    #[error("the key of the leaf certificate is of a kind that cannot sign statements here")]
    Key,
}

/// What a root certificate says about paths below it; webpki does not look there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RootFacts {
    path_len: Option<u32>,
    not_before: i64,
    not_after: i64,
}

/// Why a certificate cannot be a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootFault {
    /// Larger than [`MAX_CERTIFICATE_BYTES`].
    #[error("the root certificate has more than {MAX_CERTIFICATE_BYTES} bytes")]
    TooLarge,
    /// Not a certificate that both parsers read: X.509 version 3, DER.
    #[error("the root is not a readable X.509 v3 certificate in DER")]
    Unreadable,
    /// Not a CA's certificate.
    #[error("the root certificate is not a CA's (basicConstraints CA:TRUE)")]
    NotCa,
    /// `keyUsage` is there without `keyCertSign`.
    #[error("the root certificate's keyUsage has no keyCertSign")]
    KeyUsage,
}

/// Whether the time is within a validity, and if not, how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    NotYet { not_before: i64 },
    Over { not_after: i64 },
}

impl Leaf {
    pub(super) fn read(der: &[u8]) -> Result<Self, LeafFault> {
        let certificate = parse(der).ok_or(LeafFault::Unreadable)?;
        let der = CertificateDer::from(der);
        let entity = EndEntityCert::try_from(&der).map_err(|_| LeafFault::Unreadable)?;
        if is_ca(&certificate).ok_or(LeafFault::Unreadable)? {
            return Err(LeafFault::IsCa);
        }
        let usage = certificate.key_usage().map_err(|_| LeafFault::Unreadable)?;
        if usage.is_some_and(|usage| !usage.value.digital_signature()) {
            return Err(LeafFault::KeyUsage);
        }
        let spki = entity.subject_public_key_info();
        Ok(Self {
            key: PublicKey::from_spki_der(spki.as_ref()).map_err(|_| LeafFault::Key)?,
            uri_names: entity.valid_uri_names().map(ToOwned::to_owned).collect(),
            dns_names: entity.valid_dns_names().map(ToOwned::to_owned).collect(),
            subject: subject::rfc4514(certificate.subject()),
            spki_sha256: sha256(spki.as_ref()),
        })
    }

    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn uri_names(&self) -> &[String] {
        &self.uri_names
    }

    pub(super) fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    pub(super) fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    pub(super) fn spki_sha256(&self) -> &Hash {
        &self.spki_sha256
    }
}

/// For refusals: the names of a leaf, so that whoever made it sees what it speaks for.
impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        let names: Vec<&str> =
            self.uri_names.iter().chain(&self.dns_names).take(SHOWN).map(String::as_str).collect();
        match (names.is_empty(), &self.subject) {
            (false, _) => f.write_str(&names.join(", ")),
            (true, Some(subject)) => write!(f, "no URI or DNS name, only the subject {subject}"),
            (true, None) => f.write_str("no URI or DNS name"),
        }
    }
}

impl RootFacts {
    pub(super) fn read(der: &[u8]) -> Result<Self, RootFault> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(RootFault::TooLarge);
        }
        let certificate = parse(der).ok_or(RootFault::Unreadable)?;
        anchor_from_trusted_cert(&CertificateDer::from(der)).map_err(|_| RootFault::Unreadable)?;
        if !is_ca(&certificate).ok_or(RootFault::Unreadable)? {
            return Err(RootFault::NotCa);
        }
        if !may_sign_certificates(&certificate) {
            return Err(RootFault::KeyUsage);
        }
        let constraints = certificate.basic_constraints().ok().flatten();
        let validity = certificate.validity();
        Ok(Self {
            path_len: constraints.and_then(|constraints| constraints.value.path_len_constraint),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }

    /// Whether this many CA certificates may stand between root and leaf.
    pub(super) fn allows_intermediates(&self, count: usize) -> bool {
        self.path_len.is_none_or(|limit| u32::try_from(count).is_ok_and(|count| count <= limit))
    }

    /// RFC 5280 §6.1 leaves the validity of a trust anchor open; here an expired root vouches for nobody.
    pub(super) fn validity_at(&self, time: UnixTime) -> Validity {
        let now = i64::try_from(time.secs()).unwrap_or(i64::MAX);
        if now < self.not_before {
            Validity::NotYet { not_before: self.not_before }
        } else if now > self.not_after {
            Validity::Over { not_after: self.not_after }
        } else {
            Validity::Valid
        }
    }
}

/// Whether a CA certificate's `keyUsage`, if present, has `keyCertSign` (RFC 5280 §4.2.1.3); webpki does not look.
pub(super) fn ca_may_sign(der: &[u8]) -> bool {
    parse(der).is_some_and(|certificate| may_sign_certificates(&certificate))
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(certificate)
}

fn is_ca(certificate: &X509Certificate<'_>) -> Option<bool> {
    let constraints = certificate.basic_constraints().ok()?;
    Some(constraints.is_some_and(|constraints| constraints.value.ca))
}

fn may_sign_certificates(certificate: &X509Certificate<'_>) -> bool {
    certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}
