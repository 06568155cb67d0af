//! Why a statement's key is not known here, in sentences that its producer can act on.

use super::certificate::{LeafFault, MAX_CERTIFICATE_BYTES, MAX_CHAIN_CERTIFICATES};
use super::document::AnchorId;
use super::path::PathFault;
use super::self_certified::{SelfCertifying, SelfCertifyingError};

/// No anchor of the policy vouches for the statement's key as its issuer's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownKey {
    /// No rule is about the issuer.
    #[error(
        "no rule of the registration policy (index {policy}) is about the issuer `{issuer}`, so none of its keys is \
         known; ask the operator to trust it, or correct iss (claim 1 of label 15)"
    )]
    NoRule {
        /// `iss`, shortened.
        issuer: String,
        /// The index of the policy in force.
        policy: u64,
    },
    /// No registered key has this kid.
    #[error(
        "rule `{rule}` trusts no key with kid {kid} for the issuer; kid must be the RFC 9679 thumbprint of a key that \
         the operator has registered"
    )]
    NotRegistered {
        /// The rule.
        rule: String,
        /// The kid, base64url.
        kid: String,
    },
    /// The rule has registered keys only, the statement brings certificates.
    #[error(
        "rule `{rule}` trusts no X.509 root for the issuer; sign with a registered key and name it by kid"
    )]
    NoRoot {
        /// The rule.
        rule: String,
    },
    /// The chain does not lead to a root of the rule.
    #[error("rule `{rule}`, root `{root}`: {fault}")]
    NoPath {
        /// The rule.
        rule: String,
        /// The root that came nearest.
        root: AnchorId,
        /// Why not.
        fault: PathFault,
    },
    /// The chain is good but the leaf is not the issuer (D16).
    #[error(
        "rule `{rule}`: the certificate chain is good, but the leaf does not speak for the issuer `{issuer}`: it has \
         {names}; iss must equal a URI name of the leaf, or be https on a DNS name of it, or be bound by the anchor"
    )]
    NotBound {
        /// The rule.
        rule: String,
        /// `iss`, shortened.
        issuer: String,
        /// What the leaf names instead, shortened.
        names: String,
    },
    /// Too many certificates.
    #[error("x5chain has {found} certificates, at most {MAX_CHAIN_CERTIFICATES} are read")]
    ChainTooLong {
        /// How many there are.
        found: usize,
    },
    /// A certificate is too large.
    #[error("a certificate of x5chain has more than {MAX_CERTIFICATE_BYTES} bytes")]
    CertificateTooLarge,
    /// The leaf cannot sign statements.
    #[error(transparent)]
    Leaf(#[from] LeafFault),
    /// x5t without any chain.
    #[error(
        "x5t names a certificate, but there is no x5chain; send the chain, in the unprotected header if you like"
    )]
    NoChain,
    /// kid means another key than the leaf's (ARCH-13, X5-05).
    #[error(
        "kid does not mean the key of the leaf certificate; beside x5chain, kid must be the RFC 9679 thumbprint of \
         that key or the SHA-256 of that certificate, or be left out if x5t or x5chain is protected"
    )]
    KidDisagrees,
    /// The name holds no usable key.
    #[error("issuer `{issuer}`: {error}")]
    SelfCertifying {
        /// `iss`, shortened.
        issuer: String,
        /// What is wrong.
        error: SelfCertifyingError,
    },
    /// kid means another key than the one in the name.
    #[error(
        "kid does not mean the key in the {method} name; use its thumbprint, or the DID URL with its fragment"
    )]
    NotTheNamedKid {
        /// The method.
        method: SelfCertifying,
    },
    /// Another key is trusted for a name that holds its own key.
    #[error("rule `{rule}`: the key is not the one that the {method} name of the issuer holds")]
    NotTheNamedKey {
        /// The rule.
        rule: String,
        /// The method.
        method: SelfCertifying,
    },
}

/// A chain that would be good at another time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule `{rule}`, root `{root}`: {fault}")]
pub struct BadChain {
    /// The rule.
    pub rule: String,
    /// The root.
    pub root: AnchorId,
    /// When it would have been good.
    pub fault: PathFault,
}

/// Either of the two; they are different answers to a producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    Unknown(UnknownKey),
    Chain(BadChain),
}

impl From<UnknownKey> for Unresolved {
    fn from(fault: UnknownKey) -> Self {
        Self::Unknown(fault)
    }
}
