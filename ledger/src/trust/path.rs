//! The path from a leaf to a registered root at one time (ARCH-16, RFC 5280 §6).

use std::cell::Cell;
use std::time::Duration;

use proofs::UnixTime;
use rustls_pki_types::CertificateDer;
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter,
    VerifiedPath, anchor_from_trusted_cert,
};

use super::certificate::{self, Validity};
use super::document::RootAnchor;
use crate::governance::shown;

/// id-kp-timeStamping and id-kp-OCSPSigning (RFC 5280 §4.2.1.12), the content of the DER identifiers.
const FOREIGN_PURPOSES: [&[u8]; 2] = [&[0x2b, 6, 1, 5, 5, 7, 3, 8], &[0x2b, 6, 1, 5, 5, 7, 3, 9]];

/// Why there is no path to a root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// A certificate of the path, or the root, had expired.
    #[error(
        "a certificate of the chain, or its root, expired at Unix time {not_after}; sign with a valid one"
    )]
    Expired {
        /// Seconds.
        not_after: i64,
    },
    /// A certificate of the path, or the root, is not valid yet.
    #[error("a certificate of the chain, or its root, is valid only from Unix time {not_before} on")]
    NotYetValid {
        /// Seconds.
        not_before: i64,
    },
    /// No certificate of the chain was issued by the root.
    #[error("the chain does not lead to the root; send the intermediate certificates in x5chain, leaf first")]
    NoPath,
    /// The certificates are not each certified by the next (X5-02).
    #[error("the certificates of x5chain are not in order; put the leaf first, each followed by its issuer")]
    Order,
    /// An intermediate may not sign certificates.
    #[error("an intermediate certificate's keyUsage has no keyCertSign")]
    CaKeyUsage,
    /// More intermediates than the root allows.
    #[error("there are more intermediate certificates than the root's path length allows")]
    PathLength,
    /// A certificate is only for OCSP responses or time stamps.
    #[error("a certificate of the chain is only for OCSP responses or time stamps (extended key usage)")]
    ForeignPurpose,
    /// Any other rule of RFC 5280.
    #[error("the chain is not valid: {}", in_words(.0))]
    Invalid(Error),
}

impl PathFault {
    /// Whether the chain would be good at another time.
    pub(super) fn is_about_time(&self) -> bool {
        matches!(self, Self::Expired { .. } | Self::NotYetValid { .. })
    }
}

/// The extended key usages that may stand on the path.
///
/// Statements have no purpose of their own, so none is required and any is accepted, with one exception: a
/// certificate that is only for OCSP responses or time stamps speaks for its CA, not for an issuer.
struct AnyPurpose<'a> {
    fault: &'a Cell<Option<PathFault>>,
}

impl ExtendedKeyUsageValidator for AnyPurpose<'_> {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut foreign = 0_usize;
        let mut own = 0_usize;
        for purpose in purposes {
            let purpose = purpose?;
            if FOREIGN_PURPOSES.iter().any(|oid| purpose == KeyPurposeId::new(oid)) {
                foreign += 1;
            } else {
                own += 1;
            }
        }
        if foreign > 0 && own == 0 {
            self.fault.set(Some(PathFault::ForeignPurpose));
            return Err(Error::ExtensionValueInvalid);
        }
        Ok(())
    }
}

/// Checks the path and gives it, leaf first, the root last.
///
/// The chain must be in order as far as it is used; certificates after that, such as the root itself, are not
/// looked at.
pub(super) fn to_root(root: &RootAnchor, chain: &[Vec<u8>], at: UnixTime) -> Result<Vec<Vec<u8>>, PathFault> {
    let Some((leaf, rest)) = chain.split_first() else { return Err(PathFault::NoPath) };
    match root.facts().validity_at(at) {
        Validity::Valid => {}
        Validity::NotYet { not_before } => return Err(PathFault::NotYetValid { not_before }),
        Validity::Over { not_after } => return Err(PathFault::Expired { not_after }),
    }
    let leaf_der = CertificateDer::from(leaf.as_slice());
    let entity = EndEntityCert::try_from(&leaf_der).map_err(PathFault::Invalid)?;
    let root_der = CertificateDer::from(root.der());
    let anchors = [anchor_from_trusted_cert(&root_der).map_err(PathFault::Invalid)?];
    let intermediates: Vec<CertificateDer<'_>> =
        rest.iter().map(|der| CertificateDer::from(der.as_slice())).collect();

    let own_fault = Cell::new(None);
    let check = |path: &VerifiedPath<'_>| match own_rules(path, root, &intermediates) {
        Ok(()) => Ok(()),
        Err(fault) => {
            own_fault.set(Some(fault));
            Err(Error::PathLenConstraintViolated)
        }
    };
    let time = rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(at.secs()));
    let found = entity.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &anchors,
        &intermediates,
        time,
        AnyPurpose { fault: &own_fault },
        None,
        Some(&check),
    );
    let path = found.map_err(|error| own_fault.take().unwrap_or_else(|| from_webpki(error)))?;
    let mut certificates = vec![leaf.clone()];
    certificates.extend(path.intermediate_certificates().map(|ca| ca.der().as_ref().to_vec()));
    certificates.push(root.der().to_vec());
    Ok(certificates)
}

/// What webpki does not check: order, `keyCertSign`, and the path length of the root.
fn own_rules(
    path: &VerifiedPath<'_>,
    root: &RootAnchor,
    sent: &[CertificateDer<'_>],
) -> Result<(), PathFault> {
    let used: Vec<CertificateDer<'_>> = path.intermediate_certificates().map(webpki::Cert::der).collect();
    if !sent.starts_with(&used) {
        return Err(PathFault::Order);
    }
    if !used.iter().all(|ca| certificate::ca_may_sign(ca)) {
        return Err(PathFault::CaKeyUsage);
    }
    if !root.facts().allows_intermediates(used.len()) {
        return Err(PathFault::PathLength);
    }
    Ok(())
}

/// webpki's own texts are the names of its variants, some with long lists in them.
fn in_words(error: &Error) -> String {
    let words = match error {
        Error::InvalidSignatureForPublicKey => "a certificate is not signed with the key of its issuer",
        Error::EndEntityUsedAsCa => "an intermediate certificate is not a CA's (basicConstraints CA:TRUE)",
        Error::PathLenConstraintViolated => {
            "there are more intermediate certificates than one of them allows"
        }
        Error::NameConstraintViolation => {
            "a CA's name constraints do not allow the leaf's names (constraints on URIs and directory names are \
             not read, so they allow none)"
        }
        Error::UnsupportedCriticalExtension => {
            "a certificate has a critical extension that is not known here"
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a certificate is signed with an algorithm that is not accepted, such as SHA-1"
        }
        other => return shown(&format!("{other:?}")),
    };
    words.to_owned()
}

fn from_webpki(error: Error) -> PathFault {
    let seconds = |time: rustls_pki_types::UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match error {
        Error::CertExpired { not_after, .. } => PathFault::Expired { not_after: seconds(not_after) },
        Error::CertNotValidYet { not_before, .. } => {
            PathFault::NotYetValid { not_before: seconds(not_before) }
        }
        Error::UnknownIssuer => PathFault::NoPath,
        other => PathFault::Invalid(other),
    }
}
