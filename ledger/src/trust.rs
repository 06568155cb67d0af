//! Whose key is it? Trust anchors, X.509 paths, self-certifying names, and how they bind a key to an issuer.
//!
//! A key counts for a statement when a rule about its issuer names an anchor that vouches for it:
//!
//! - a *registered key*, found by `kid`: the RFC 9679 thumbprint of the key, or the `kid` of its JWK as UTF-8;
//! - an *X.509 root*, when `x5chain` (or `x5t` and an unprotected `x5chain`) leads to it at the time of the
//!   decision, and the leaf is bound to the issuer (D16);
//! - the *name itself*, for `did:key` and `did:jwk`, where the rule switches that on.
//!
//! Every identifier in the protected header must mean the same key (ARCH-13). Certificates that come with a
//! statement never become anchors (X5-03), and nothing is fetched (X5-06).

mod anchors;
mod binding;
mod certificate;
mod document;
mod fault;
mod increment;
mod path;
mod resolve;
mod self_certified;
mod subject;

pub use anchors::{AnchorSet, Registered};
pub use binding::{Binding, BindingError};
pub use certificate::{LeafFault, MAX_CERTIFICATE_BYTES, MAX_CHAIN_CERTIFICATES, RootFault};
pub use document::{Anchor, AnchorError, AnchorId, KeyAnchor, MAX_BINDINGS, Material, RootAnchor};
pub use fault::{BadChain, UnknownKey};
pub use increment::{
    ANCHORS_VERSION, AnchorIncrement, AnchorsError, MAX_ANCHORS, MAX_ANCHORS_EVER, MAX_INCREMENT,
};
pub use path::PathFault;
pub use self_certified::{SelfCertifying, SelfCertifyingError};

pub(crate) use fault::Unresolved;
pub(crate) use resolve::{Candidate, Resolver};
