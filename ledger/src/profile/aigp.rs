//! AIGP governance events, flat and in CloudEvents (systems.md §2.4).
//!
//! All ids are the nine of AIGP's verifier report. Dialects are told apart by the members of the Merkle object first,
//! because clients write a `spec_version` that their events do not keep to.

mod cloud_event;
mod event;
mod merkle;
mod report;
mod signature;

use serde_json::{Map, Value};

use super::examination::Draft;
use super::examine::Circumstances;
use super::kind::Kind;
use super::look::{at, text};

pub use report::verifier_report;

pub(super) const SCHEMA: &str = "SCHEMA_VALIDATION_FAILED";
pub(super) const REQUIREMENT: &str = "PROFILE_REQUIREMENT_FAILED";
pub(super) const MERKLE: &str = "MERKLE_ROOT_MISMATCH";
pub(super) const PROOF: &str = "INCLUSION_PROOF_INVALID";
pub(super) const SIGNATURE: &str = "SIGNATURE_VERIFICATION_FAILED";
pub(super) const CAUSE: &str = "BROKEN_CAUSAL_REF";

pub(super) fn examine(
    kind: Kind,
    value: &Value,
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    draft: &mut Draft,
) {
    if kind == Kind::AigpCloudEvent {
        cloud_event::examine(object, circumstances, draft);
    } else {
        event::examine(value, object, "", circumstances, draft);
    }
}

pub(super) fn subject(kind: Kind, object: &Map<String, Value>) -> Option<&str> {
    let event = if kind == Kind::AigpCloudEvent { at(object, &["data"])?.as_object()? } else { object };
    text(event, "agent_id").filter(|agent| !agent.is_empty())
}
