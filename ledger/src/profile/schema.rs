//! The systems' own JSON Schemas, in the binary, compiled once; nothing is fetched.
//!
//! A schema belongs to the version of a profile: a test pins the digest of each, so that another schema is another
//! version.

mod telling;

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::json::Json;
use jsonschema::{PatternOptions, ValidationError, Validator};
use proofs::{Hash, sha256};
use serde_json::Value;

use super::finding::{Findings, MAX_FINDINGS};
use crate::json::below;
use telling::{Errors, Seen, Shown};

const UNAVAILABLE: &str = "SCHEMA_UNAVAILABLE";

/// How many errors are looked at: some are passed over.
const MAX_TOLD: usize = MAX_FINDINGS * 2;

/// One schema.
pub(crate) struct Schema {
    name: &'static str,
    text: &'static str,
    /// Decides.
    compiled: LazyLock<Option<Validator>>,
    /// Tells where what was found invalid is so.
    telling: LazyLock<Option<Validator<Shown>>>,
}

macro_rules! schemas {
    ($($id:ident = $file:literal, $formats:literal;)+) => {
        $(pub(crate) static $id: Schema = Schema {
            name: $file,
            text: include_str!(concat!("../../schemas/profiles/", $file)),
            compiled: LazyLock::new(|| {
                compile(include_str!(concat!("../../schemas/profiles/", $file)), $formats, |_| {})
            }),
            telling: LazyLock::new(|| {
                compile(include_str!(concat!("../../schemas/profiles/", $file)), $formats, telling::shallow)
            }),
        };)+

        static ALL: &[&Schema] = &[$(&$id),+];
    };
}

schemas! {
    TRACE_V01 = "trace/trace-v0.1.json", false;
    TRACE_V02 = "trace/trace-v0.2.json", false;
    TRACE_REVOCATION = "trace/trace-revocation.json", false;
    AIGP_V08 = "aigp/aigp-event.v0.8.schema.json", true;
    AIGP_V12 = "aigp/aigp-event.v0.12.constraints.schema.json", true;
    AIGP_V13 = "aigp/aigp-event.v0.13.constraints.schema.json", true;
    EVIDENCE_PACK = "agent-evidence/agentevidence-pack.schema.json", true;
    EVIDENCE_EVENT = "agent-evidence/agentevidence-event.schema.json", true;
    EVIDENCE_CLAIM_MAP = "agent-evidence/agentevidence-claim-map.schema.json", true;
    EVIDENCE_SOURCE_MAP = "agent-evidence/agentevidence-source-map.schema.json", true;
    EVIDENCE_PROVENANCE = "agent-evidence/agentevidence-provenance.schema.json", true;
    EVIDENCE_REPLAY = "agent-evidence/agentevidence-replay.schema.json", true;
    EVIDENCE_VERIFICATION = "agent-evidence/agentevidence-verification.schema.json", true;
    EVIDENCE_MANIFEST = "agent-evidence/agentevidence-export-manifest.schema.json", true;
    IATP_ATTESTATION = "iatp/attestation-record.schema.json", true;
    IATP_MANIFEST = "iatp/capability-manifest.pydantic.schema.json", true;
    IATP_MANIFEST_REPO = "iatp/capability_manifest.repo.json", true;
    IATP_REPUTATION = "iatp/ReputationEvent.schema.json", true;
    AGENT_TRACE = "agent-trace/trace-record.readme.schema.json", true;
}

/// Patterns are matched in linear time whatever the payload is. `format` counts where the system's own validator makes
/// it count; TRACE's does not, and records in the field name no URI where the schema has `format: uri`.
fn compile<F: Json>(text: &str, formats: bool, change: fn(&mut Value)) -> Option<Validator<F>> {
    let mut schema: Value = serde_json::from_str(text).ok()?;
    change(&mut schema);
    let options = jsonschema::options_for::<F>();
    let options = options.should_validate_formats(formats).with_pattern_options(PatternOptions::regex());
    options.build(&schema).ok()
}

/// The schemas of the profiles in this build, by name, with the SHA-256 of their text; a profile of one version has
/// one schema for ever.
pub fn schema_digests() -> impl Iterator<Item = (&'static str, Hash)> {
    ALL.iter().map(|schema| (schema.name, sha256(schema.text.as_bytes())))
}

impl Schema {
    pub(crate) fn is_valid(&self, value: &Value) -> bool {
        self.compiled.as_ref().is_some_and(|validator| validator.is_valid(value))
    }

    /// Reports where the value breaks the schema; `describe` says under which id, or passes it over.
    pub(crate) fn check(
        &self,
        value: &Value,
        findings: &mut Findings,
        describe: impl Fn(&str) -> Option<&'static str>,
    ) {
        self.check_at(value, "", findings, describe);
    }

    /// The same for a value that stands somewhere in the payload.
    pub(crate) fn check_at(
        &self,
        value: &Value,
        place: &str,
        findings: &mut Findings,
        describe: impl Fn(&str) -> Option<&'static str>,
    ) {
        if self.is_valid(value) {
            return;
        }
        let Some(validator) = self.telling.as_ref() else {
            findings.error(UNAVAILABLE, "", "this build cannot read the schema of the profile");
            return;
        };
        let errors = Errors::default();
        for error in validator.iter_errors(Seen::new(value, &errors)).take(MAX_TOLD) {
            let pointer = pointer(&error);
            if let Some(id) = describe(&pointer) {
                findings.error(
                    id,
                    format!("{place}{pointer}"),
                    format_args!("breaks the schema at {}", error.schema_path()),
                );
            }
        }
    }
}

/// Where it is: for a missing or unexpected member, the member itself.
fn pointer(error: &ValidationError<'_>) -> String {
    let at = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            property.as_str().map_or_else(|| at.to_owned(), |name| below(at, name))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.first().map_or_else(|| at.to_owned(), |name| below(at, name))
        }
        _ => at.to_owned(),
    }
}

#[cfg(test)]
mod tests;
