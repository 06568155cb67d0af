//! An event in a CloudEvent, structured mode.

use serde_json::{Map, Value};

use super::super::examination::Draft;
use super::super::examine::Circumstances;
use super::super::look::text;
use super::super::term;
use super::{REQUIREMENT, SCHEMA, event};

const TYPE: &str = "org.aigp.v1.";
const OTHER: &str = "CLOUDEVENT_OTHER_SYSTEM";

/// Extension attributes and the members of the event that they repeat.
const EXTENSIONS: [(&str, &str); 6] = [
    ("aigpagentid", "agent_id"),
    ("aigporgid", "org_id"),
    ("aigpcategory", "event_category"),
    ("aigpclassification", "data_classification"),
    ("aigpseverity", "severity"),
    ("aigphashtype", "hash_type"),
];

pub(super) fn examine(envelope: &Map<String, Value>, circumstances: &Circumstances<'_>, draft: &mut Draft) {
    draft.terms.text(&term::AIGP_CE_SOURCE, text(envelope, "source"));
    draft.terms.text(&term::AIGP_CE_ID, text(envelope, "id"));
    let findings = &mut draft.findings;
    if text(envelope, "specversion") != Some("1.0") {
        findings.error(SCHEMA, "/specversion", "not a CloudEvent of version 1.0");
    }
    for required in ["id", "source", "type"] {
        if text(envelope, required).is_none_or(str::is_empty) {
            findings.error(SCHEMA, format!("/{required}"), "a CloudEvent must have it");
        }
    }
    let kind = text(envelope, "type").unwrap_or_default();
    let Some(kind) = kind.strip_prefix(TYPE) else {
        findings.info(OTHER, "/type", "a CloudEvent, but not of AIGP: only its envelope was examined");
        return;
    };
    let Some((value, data)) = envelope.get("data").and_then(|value| Some((value, value.as_object()?))) else {
        findings.error(SCHEMA, "/data", "the data of the CloudEvent is not a JSON object");
        return;
    };
    if text(data, "event_type").map(str::to_ascii_lowercase).as_deref() != Some(kind) {
        findings.error(SCHEMA, "/type", "the type of the CloudEvent is not that of the event in it");
    }
    let organisation = text(data, "org_id").filter(|org| !org.is_empty()).unwrap_or("default");
    let source = format!("aigp://{organisation}/{}", text(data, "agent_id").unwrap_or_default());
    if text(envelope, "source").is_some_and(|given| given != source) {
        findings.warning(REQUIREMENT, "/source", "the source is not the organisation and agent of the event");
    }
    for (extension, member) in EXTENSIONS {
        if text(envelope, extension).is_some_and(|given| text(data, member) != Some(given)) {
            findings.warning(
                REQUIREMENT,
                format!("/{extension}"),
                "the attribute is not what the event says",
            );
        }
    }
    event::examine(value, data, "/data", circumstances, draft);
}
