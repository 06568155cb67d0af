//! Control statements: genesis, policy and trust anchors, signed and on the log like everything else (D4, ARCH-18).
//!
//! A policy or trust anchors statement carries, protected, the id of its log and the entry id that it follows: the
//! statement of its kind in force, or the genesis statement for the first. So none can be replayed here or on another
//! log, and going back to an old policy is a new entry. It is signed by the operator key of the policy in force; a
//! policy that names another operator key carries that key's acceptance too, so that no typing error locks the
//! operator out.

mod document;
mod fault;
mod genesis;
mod headers;
pub(crate) mod json;
pub(crate) mod jwk;
mod make;
mod notice;

pub use document::{ControlChange, ControlKind};
pub use fault::ControlFault;
pub use genesis::{GENESIS_FORMAT, Genesis, GenesisError, LEAF_RULE, LogIdentity, MAX_ISSUER_BYTES};
pub use headers::{
    ACCEPTANCE_HEADER, FOLLOWS_HEADER, LOG_HEADER, acceptance_label, acceptance_message, follows_label,
    log_label,
};
pub use json::JsonError;
pub use jwk::JwkError;
pub use make::{
    LogRef, MakeError, anchors_statement, erasure_statement, genesis_statements, incident_statement,
    policy_statement,
};
pub use notice::{Erasure, Incident, MAX_REASON_BYTES, NoticeError};

pub(crate) use document::{
    Change, ControlType, Force, check_manifest, check_place, check_tied, read_change, read_genesis,
};
pub(crate) use genesis::is_issuer;
pub(crate) use headers::follows;

/// Content type of the genesis statement.
pub const GENESIS_CT: &str = "application/vnd.stele.genesis+json";
/// Content type of a registration policy.
pub const POLICY_CT: &str = "application/vnd.stele.policy+json";
/// Content type of an increment of the trust anchors.
pub const ANCHORS_CT: &str = "application/vnd.stele.trust-anchors+json";

/// Content type of the erasure of a statement.
pub const ERASURE_CT: &str = "application/vnd.stele.erasure+json";
/// Content type of an incident statement.
pub const INCIDENT_CT: &str = "application/vnd.stele.incident+json";

/// Subject of the genesis statement.
pub const GENESIS_SUBJECT: &str = "urn:stele:genesis";
/// Subject of a registration policy.
pub const POLICY_SUBJECT: &str = "urn:stele:policy";
/// Subject of an increment of the trust anchors.
pub const ANCHORS_SUBJECT: &str = "urn:stele:trust-anchors";
/// Subject of the erasure of a statement.
pub const ERASURE_SUBJECT: &str = "urn:stele:erasure";
/// Subject of an incident statement.
pub const INCIDENT_SUBJECT: &str = "urn:stele:incident";
/// Subject of a collateral manifest.
pub const MANIFEST_SUBJECT: &str = "urn:stele:collateral-manifest";

#[cfg(test)]
mod tests;
