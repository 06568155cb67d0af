//! Which documents there are, by content type, and what a policy says about them.

use serde::{Deserialize, Serialize};

/// The most profile rules of one policy.
pub const MAX_PROFILE_RULES: usize = 64;
const MAX_CONTENT_TYPE: usize = 255;

/// A system of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// TRACE Trust Records.
    Trace,
    /// AIGP governance events.
    Aigp,
    /// Agent Evidence documents.
    AgentEvidence,
    /// IATP attestations.
    Iatp,
    /// Agent Trace records.
    AgentTrace,
}

impl System {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Aigp, Self::AgentEvidence, Self::Iatp, Self::AgentTrace];

    /// Its name, in documents and index terms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Aigp => "aigp",
            Self::AgentEvidence => "agent-evidence",
            Self::Iatp => "iatp",
            Self::AgentTrace => "agent-trace",
        }
    }
}

/// One kind of document, with the version of the profile that examines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the content types say what each is")]
pub enum Kind {
    TraceRecord,
    TraceRevocation,
    AigpEvent,
    AigpCloudEvent,
    EvidencePack,
    EvidenceEvent,
    EvidenceClaimMap,
    EvidenceSourceMap,
    EvidenceProvenance,
    EvidenceReplay,
    EvidenceVerification,
    EvidenceManifest,
    IatpAttestation,
    IatpManifest,
    IatpReputation,
    AgentTraceRecord,
}

/// Kind, profile, content type. Only Agent Trace registers a media type of its own; the other names are ours.
const KINDS: [(Kind, System, &str, &str); 16] = {
    use Kind::{
        AgentTraceRecord, AigpCloudEvent, AigpEvent, EvidenceClaimMap, EvidenceEvent, EvidenceManifest,
        EvidencePack, EvidenceProvenance, EvidenceReplay, EvidenceSourceMap, EvidenceVerification,
        IatpAttestation, IatpManifest, IatpReputation, TraceRecord, TraceRevocation,
    };
    use System::{AgentEvidence, AgentTrace, Aigp, Iatp, Trace};
    [
        (TraceRecord, Trace, "trace@1", "application/vnd.trace.record+json"),
        (TraceRevocation, Trace, "trace-revocation@1", "application/vnd.trace.revocation+json"),
        (AigpEvent, Aigp, "aigp@1", "application/vnd.aigp.event+json"),
        (AigpCloudEvent, Aigp, "aigp-cloudevent@1", "application/cloudevents+json"),
        (EvidencePack, AgentEvidence, "agent-evidence-pack@1", "application/vnd.agent-evidence.pack+json"),
        (EvidenceEvent, AgentEvidence, "agent-evidence-event@1", "application/vnd.agent-evidence.event+json"),
        (
            EvidenceClaimMap,
            AgentEvidence,
            "agent-evidence-claim-map@1",
            "application/vnd.agent-evidence.claim-map+json",
        ),
        (
            EvidenceSourceMap,
            AgentEvidence,
            "agent-evidence-source-map@1",
            "application/vnd.agent-evidence.source-map+json",
        ),
        (
            EvidenceProvenance,
            AgentEvidence,
            "agent-evidence-provenance@1",
            "application/vnd.agent-evidence.provenance+json",
        ),
        (
            EvidenceReplay,
            AgentEvidence,
            "agent-evidence-replay@1",
            "application/vnd.agent-evidence.replay+json",
        ),
        (
            EvidenceVerification,
            AgentEvidence,
            "agent-evidence-verification@1",
            "application/vnd.agent-evidence.verification+json",
        ),
        (
            EvidenceManifest,
            AgentEvidence,
            "agent-evidence-export-manifest@1",
            "application/vnd.agent-evidence.export-manifest+json",
        ),
        (IatpAttestation, Iatp, "iatp-attestation@1", "application/vnd.iatp.attestation+json"),
        (IatpManifest, Iatp, "iatp-capability-manifest@1", "application/vnd.iatp.capability-manifest+json"),
        (IatpReputation, Iatp, "iatp-reputation-event@1", "application/vnd.iatp.reputation-event+json"),
        (AgentTraceRecord, AgentTrace, "agent-trace@1", "application/vnd.agent-trace.record+json"),
    ]
};

impl Kind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, ..)| *kind)
    }

    fn row(self) -> (System, &'static str, &'static str) {
        // Every kind has its row, which a test checks.
        let row = KINDS.iter().find(|(kind, ..)| *kind == self);
        row.map_or((System::Trace, "", ""), |(_, system, profile, content_type)| {
            (*system, profile, content_type)
        })
    }

    /// Whose it is.
    #[must_use]
    pub fn system(self) -> System {
        self.row().0
    }

    /// The profile that examines it, with its version, as policy and collateral name it.
    #[must_use]
    pub fn profile(self) -> &'static str {
        self.row().1
    }

    /// Its content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        self.row().2
    }

    /// The kind that a profile examines; `None` for a profile that this version lacks.
    #[must_use]
    pub fn of_profile(profile: &str) -> Option<Self> {
        KINDS.iter().find(|(_, _, name, _)| *name == profile).map(|(kind, ..)| *kind)
    }

    /// The kind with this content type; parameters and ASCII case do not count.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let essence = essence(content_type);
        KINDS.iter().find(|(.., name)| name.eq_ignore_ascii_case(essence)).map(|(kind, ..)| *kind)
    }
}

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Which findings of a payload refuse it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforce {
    /// None: everything is only reported.
    Report,
    /// Errors: what the system itself says is not one of its records.
    #[default]
    Errors,
    /// Errors and warnings.
    Warnings,
}

/// A leniency or strictness of one profile that is off unless the policy names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// TRACE: records of the superseded v0.1 profile are examined instead of refused.
    #[serde(rename = "trace-v0.1")]
    TraceV01,
    /// AIGP: an empty `governance_hash` is legal for `AGENT_REGISTERED`, `AGENT_APPROVED` and `AGENT_DEACTIVATED`.
    AigpEmptyLifecycleHash,
}

impl Switch {
    fn system(self) -> System {
        match self {
            Self::TraceV01 => System::Trace,
            Self::AigpEmptyLifecycleHash => System::Aigp,
        }
    }
}

/// What a policy says about payloads of one content type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileRule {
    /// The profile with its version, as [`Kind::profile`].
    pub profile: String,
    /// The content type whose payloads it examines, if another than the profile's own; parameters and ASCII case do
    /// not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Which findings refuse.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enforce: Enforce,
    /// What is switched on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<Switch>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_default(enforce: &Enforce) -> bool {
    *enforce == Enforce::default()
}

/// What is wrong with a profile rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileRuleError {
    /// A profile that this version does not have.
    #[error("there is no such profile; there are: {known}")]
    Unknown {
        /// All there are.
        known: String,
    },
    /// A content type that is none.
    #[error("a content type has 1 to {MAX_CONTENT_TYPE} bytes, with one `/` and without parameters")]
    ContentType,
    /// A switch of another system.
    #[error("the switch belongs to another system")]
    Switch,
    /// A content type that another rule has.
    #[error("another profile has this content type")]
    Taken,
}

impl ProfileRule {
    /// The rule for a kind as a new log has it.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self {
            profile: kind.profile().to_owned(),
            content_type: None,
            enforce: Enforce::default(),
            switches: Vec::new(),
        }
    }

    /// The content type whose payloads the rule is about.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref().or_else(|| Kind::of_profile(&self.profile).map(Kind::content_type))
    }

    /// The rule about a content type. Asked for every statement, so the common no costs one look at each kind.
    pub(crate) fn about<'r>(rules: &'r [Self], content_type: &str) -> Option<&'r Self> {
        let essence = essence(content_type);
        let kind = Kind::of_content_type(essence);
        rules.iter().find(|rule| match &rule.content_type {
            Some(own) => own.eq_ignore_ascii_case(essence),
            None => kind.is_some_and(|kind| kind.profile() == rule.profile),
        })
    }

    pub(crate) fn check(&self) -> Result<(), ProfileRuleError> {
        let Some(kind) = Kind::of_profile(&self.profile) else {
            let known: Vec<&str> = Kind::all().map(Kind::profile).collect();
            return Err(ProfileRuleError::Unknown { known: known.join(", ") });
        };
        let fine = |text: &String| {
            text.len() <= MAX_CONTENT_TYPE
                && text.split_once('/').is_some_and(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty())
                && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
        };
        if !self.content_type.as_ref().is_none_or(fine) {
            return Err(ProfileRuleError::ContentType);
        }
        if self.switches.iter().any(|switch| switch.system() != kind.system()) {
            return Err(ProfileRuleError::Switch);
        }
        Ok(())
    }
}
