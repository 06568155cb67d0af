//! Events that come in CloudEvents (version 1.0): which record is in one, and what is around it.
//!
//! An AIGP event is registered with its envelope, which its profile compares with it. Of an event of Agent Evidence,
//! whose profile knows no envelope, the data are registered, exactly the bytes that stand in the envelope, and the
//! attributes around them stand in the protected header as `ce-<name>`, as they do for every event in binary mode.

use bytes::Bytes;
use ciborium::Value;
use serde_json::{Map, Value as Json};

use super::RecordError;
use super::slices::member;
use crate::profile::{Kind, payload_object, recognise};

/// What the `type` of AIGP events begins with (the CloudEvents binding of AIGP, version 1).
const AIGP: &str = "org.aigp.v1.";

/// What attributes are called in a protected header.
const PREFIX: &str = "ce-";

/// Why an event is not taken, whatever is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloudEventError {
    /// Not version 1.0.
    #[error("`specversion` must be 1.0")]
    Version,
    /// An attribute is missing that every event has.
    #[error("an event has `id`, `source` and `type`, and none of them is empty")]
    Attributes,
    /// Neither of the systems.
    #[error(
        "the event is neither one of AIGP (its type begins with {AIGP}) nor one of Agent Evidence (by its data)"
    )]
    System,
    /// The type is that of another event.
    #[error("the type of the event is not {AIGP} and the event_type of its data in lower case")]
    Type,
}

/// The record in an event.
pub(super) struct Opened {
    pub(super) kind: Kind,
    pub(super) payload: Bytes,
    pub(super) headers: Vec<(String, Value)>,
}

/// Structured mode: the event is JSON.
pub(super) fn structured(event: Bytes) -> Result<Opened, RecordError> {
    let envelope = payload_object(&event).map_err(RecordError::Unreadable)?;
    let kind = check(|name| envelope.get(name).and_then(Json::as_str))?;
    if kind.starts_with(AIGP) {
        return Ok(Opened { kind: Kind::AigpCloudEvent, payload: event, headers: Vec::new() });
    }
    let data = envelope.get("data").and_then(Json::as_object);
    let range = data.filter(|data| is_agent_evidence(data)).and_then(|_| member(&event, "data"));
    let range = range.ok_or(CloudEventError::System)?;
    let around = envelope.iter().filter(|(name, _)| !matches!(name.as_str(), "data" | "data_base64"));
    let headers = around.filter_map(|(name, value)| Some((format!("{PREFIX}{name}"), attribute(value)?)));
    Ok(Opened { kind: Kind::EvidenceEvent, payload: event.slice(range), headers: headers.collect() })
}

/// Binary mode: the content is the event's data, and `headers` are its attributes.
pub(super) fn binary(data: Bytes, headers: Vec<(String, Value)>) -> Result<Opened, RecordError> {
    let attribute = |name: &str| {
        let found = headers.iter().find(|(known, _)| known.strip_prefix(PREFIX) == Some(name));
        found.and_then(|(_, value)| value.as_text())
    };
    let about = check(attribute)?;
    let event = payload_object(&data).map_err(RecordError::Unreadable)?;
    let kind = match about.strip_prefix(AIGP) {
        Some(about) => {
            let own = event.get("event_type").and_then(Json::as_str).unwrap_or_default();
            if own.to_ascii_lowercase() != about {
                return Err(CloudEventError::Type.into());
            }
            Kind::AigpEvent
        }
        None if is_agent_evidence(&event) => Kind::EvidenceEvent,
        None => return Err(CloudEventError::System.into()),
    };
    Ok(Opened { kind, payload: data, headers })
}

/// Checks what every event must have; its type.
fn check<'a>(attribute: impl Fn(&str) -> Option<&'a str>) -> Result<&'a str, CloudEventError> {
    if attribute("specversion") != Some("1.0") {
        return Err(CloudEventError::Version);
    }
    let all = ["id", "source", "type"].map(|name| attribute(name).filter(|value| !value.is_empty()));
    match all {
        [Some(_), Some(_), Some(kind)] => Ok(kind),
        _ => Err(CloudEventError::Attributes),
    }
}

fn is_agent_evidence(data: &Map<String, Json>) -> bool {
    recognise(data) == Some(Kind::EvidenceEvent)
}

/// A value that an attribute can have; others are no attributes (CloudEvents §3.1).
fn attribute(value: &Json) -> Option<Value> {
    match value {
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Bool(is) => Some(Value::Bool(*is)),
        Json::Number(number) => number.as_i64().map(Value::from),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
