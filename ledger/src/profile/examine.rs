//! From a payload, or a statement, to what its profile says.

use proofs::{ContentType, EntryId, PublicKey, SignedStatement, UnixTime};
use serde_json::{Map, Value};

use super::examination::{Draft, Examination};
use super::finding::{Finding, Severity};
use super::kind::{Kind, ProfileRule, Switch, System};
use super::recognise::recognise;
use super::term::SYSTEM;
use super::{agent_evidence, agent_trace, aigp, iatp, json, trace};
use crate::policy::MAX_STATEMENT_BYTES;
use crate::trust::AnchorSet;

const TOO_LARGE: &str = "PAYLOAD_TOO_LARGE";
const NOT_OBJECT: &str = "JSON_NOT_AN_OBJECT";
const NOT_LOGGED: &str = "PAYLOAD_NOT_LOGGED";

/// Everything that an examination may look at beside the payload.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The trust anchors in force; those for embedded signatures count here.
    pub anchors: &'a AnchorSet,
    /// The recorded time of the decision.
    pub evaluated_at: UnixTime,
    /// The issuer of the service, which is the base of its locators.
    pub service: &'a str,
    /// Which log this is.
    pub log_id: EntryId,
    /// What the policy switches on.
    pub switches: &'a [Switch],
    /// `sub` of the statement around the payload, if there is one yet.
    pub subject: Option<&'a str>,
    /// The key that signed the statement around the payload, if there is one yet.
    pub key: Option<&'a PublicKey>,
}

impl Circumstances<'_> {
    pub(crate) fn has(&self, switch: Switch) -> bool {
        self.switches.contains(&switch)
    }
}

/// Examines one payload, exactly as received.
#[must_use]
pub fn examine(kind: Kind, payload: &[u8], circumstances: &Circumstances<'_>) -> Examination {
    let mut draft = Draft::default();
    draft.terms.system(kind.system());
    if payload.len() > MAX_STATEMENT_BYTES {
        draft.findings.error(TOO_LARGE, "", "the payload is larger than any statement may be");
        return draft.finish(kind);
    }
    let value = match json::read(payload) {
        Ok(value) => value,
        Err(finding) => {
            draft.findings.push(finding);
            return draft.finish(kind);
        }
    };
    let Some(object) = value.as_object() else {
        draft.findings.error(NOT_OBJECT, "", "the payload is not a JSON object");
        return draft.finish(kind);
    };
    match kind.system() {
        System::Trace => trace::examine(kind, &value, object, circumstances, &mut draft),
        System::Aigp => aigp::examine(kind, &value, object, circumstances, &mut draft),
        System::AgentEvidence => agent_evidence::examine(kind, &value, object, &mut draft),
        System::Iatp => iatp::examine(kind, &value, object, circumstances, &mut draft),
        System::AgentTrace => agent_trace::examine(payload, &value, object, &mut draft),
    }
    draft.finish(kind)
}

/// Examines the payload of a statement, if a rule is about its content type. Of a hash envelope there is nothing to
/// examine, which is a finding.
#[must_use]
pub fn examine_statement<'r>(
    statement: &SignedStatement,
    rules: &'r [ProfileRule],
    circumstances: &Circumstances<'_>,
) -> Option<(&'r ProfileRule, Examination)> {
    let content_type = content_type(statement)?;
    let rule = ProfileRule::about(rules, content_type)?;
    let kind = Kind::of_profile(&rule.profile)?;
    if statement.header().envelope.is_some() {
        let mut draft = Draft::default();
        draft.terms.add(&SYSTEM, kind.system().name());
        let message = "only the digest of the payload is on the log, so its profile could not examine it";
        draft.findings.warning(NOT_LOGGED, "", message);
        return Some((rule, draft.finish(kind)));
    }
    let circumstances = Circumstances {
        switches: &rule.switches,
        subject: Some(statement.header().subject.as_str()),
        ..*circumstances
    };
    Some((rule, examine(kind, statement.payload(), &circumstances)))
}

/// The content type of what the statement is about, if it is a media type.
pub(crate) fn content_type(statement: &SignedStatement) -> Option<&str> {
    let header = statement.header();
    let preimage = header.envelope.as_ref().and_then(|envelope| envelope.preimage_content_type.as_ref());
    match header.content_type.as_ref().or(preimage)? {
        ContentType::Text(text) => Some(text),
        ContentType::Id(_) => None,
    }
}

/// The record's own subject, by the one rule of its system: TRACE `subject`; a TRACE revocation the key it revokes;
/// AIGP `agent_id`; an Agent Evidence document its own id; IATP `agent_id`; Agent Trace `vcs.revision`, or the
/// record's id without one. `None` where the payload cannot be read or names none.
#[must_use]
pub fn subject_of(kind: Kind, payload: &[u8]) -> Option<String> {
    own_subject(kind, json::read(payload).ok()?.as_object()?)
}

/// The JSON object that a payload is.
///
/// # Errors
/// The finding that says why nobody could read it.
pub(crate) fn payload_object(payload: &[u8]) -> Result<Map<String, Value>, Finding> {
    if payload.len() > MAX_STATEMENT_BYTES {
        let message = "the payload is larger than any statement may be";
        return Err(Finding::new(TOO_LARGE, Severity::Error, "", message));
    }
    match json::read(payload)? {
        Value::Object(object) => Ok(object),
        _ => Err(Finding::new(NOT_OBJECT, Severity::Error, "", "the payload is not a JSON object")),
    }
}

/// What a payload is, as far as it has to be known before it is wrapped.
pub(crate) struct Seen {
    /// `None` for JSON of none of the five systems.
    pub(crate) kind: Option<Kind>,
    /// The record's own subject.
    pub(crate) subject: Option<String>,
}

/// Recognises a payload, unless its kind was named, and reads its subject.
///
/// # Errors
/// The finding that says why nobody could read it.
pub(crate) fn see(named: Option<Kind>, payload: &[u8]) -> Result<Seen, Finding> {
    let object = payload_object(payload)?;
    let kind = named.or_else(|| recognise(&object));
    Ok(Seen { kind, subject: kind.and_then(|kind| own_subject(kind, &object)) })
}

fn own_subject(kind: Kind, object: &Map<String, Value>) -> Option<String> {
    let subject = match kind.system() {
        System::Trace => trace::subject(kind, object),
        System::Aigp => aigp::subject(kind, object),
        System::AgentEvidence => agent_evidence::subject(kind, object),
        System::Iatp => iatp::subject(object),
        System::AgentTrace => agent_trace::subject(object),
    };
    subject.map(str::to_owned)
}
