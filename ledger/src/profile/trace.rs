//! TRACE Trust Records v0.2, v0.1 where switched on, and `TraceRevocation/1.0` (systems.md §1.4).
//!
//! Ids of trace-tests where it has one; `TRACE_…` are ours.

mod record;
mod revocation;

use serde_json::{Map, Value};

use super::canonical;
use super::examination::Draft;
use super::examine::Circumstances;
use super::finding::Severity;
use super::kind::{Kind, System};
use super::look::text;
use super::term;
use crate::collateral::Examined;
use proofs::{Hash, LeafIndex, sha256};

pub(super) fn examine(
    kind: Kind,
    value: &Value,
    object: &Map<String, Value>,
    circumstances: &Circumstances<'_>,
    draft: &mut Draft,
) {
    super::json::check_integers(value, &mut draft.findings);
    if kind == Kind::TraceRevocation {
        revocation::examine(value, object, circumstances, draft);
    } else {
        record::examine(value, object, circumstances, draft);
    }
}

pub(super) fn subject(kind: Kind, object: &Map<String, Value>) -> Option<&str> {
    text(object, if kind == Kind::TraceRevocation { "compromised_key_id" } else { "subject" })
}

/// The leaf that a record has in the registry anchor format v1; `None` for what is no record, or broke TRACE's own rules.
pub(crate) fn anchor_leaf(examined: &Examined) -> Option<Hash> {
    let broken = examined.findings.iter().any(|finding| finding.severity == Severity::Error);
    if examined.profile != Kind::TraceRecord.profile() || broken {
        return None;
    }
    let leaf = examined.terms.iter().find(|known| known.code == term::TRACE_LEAF.code)?;
    leaf.value.strip_prefix("sha256:")?.parse().ok()
}

/// What the rows of the entries of TRACE begin with, and the first of them that is not before a leaf.
pub(crate) fn trace_rows(from: LeafIndex) -> (Vec<u8>, Vec<u8>) {
    let prefix = term::row_prefix(term::SYSTEM.code, System::Trace.name().as_bytes(), true);
    let first = [prefix.as_slice(), &from.get().to_be_bytes()].concat();
    (prefix, first)
}

/// The content-addressed locator of a record: lower-case hex of the SHA-256 of its JCS bytes without `transparency`
/// and `signature`, so that it can be computed before signing (systems.md §1.2). `None` for what is no JSON object.
#[must_use]
pub fn locator(payload: &[u8]) -> Option<String> {
    locator_of(super::json::read(payload).ok()?.as_object()?)
}

pub(super) fn locator_of(object: &Map<String, Value>) -> Option<String> {
    let bytes = canonical::jcs_without(object, &["transparency", "signature"])?;
    Some(sha256(&bytes).to_string())
}
