//! Index terms: what an entry can be found by.

use std::borrow::Cow;

use proofs::{LeafIndex, SignedStatement};

use super::examine::content_type;
use super::finding::Findings;
use super::kind::System;

/// The most terms of one entry.
pub const MAX_TERMS: usize = 128;
/// The longest value of a term, in bytes.
pub const MAX_TERM_BYTES: usize = 256;

const OVERFLOW: &str = "INDEX_TERMS_TRUNCATED";
/// Ends the value of a term in a row, so that no value is the beginning of another; no value holds it.
const END: u8 = 0;

/// What the values of a term are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// Compared byte by byte.
    Text,
    /// A number up to 2^64-1, kept as 16 hexadecimal digits, so that ranges can be asked for.
    Number,
}

/// One name that entries can be searched by.
#[derive(Debug, PartialEq, Eq)]
pub struct TermName {
    /// Its number in rows and collateral; never used for another.
    pub code: u8,
    /// As it stands in a query.
    pub name: &'static str,
    /// What its values are.
    pub kind: TermKind,
    /// What it finds, in one line.
    pub about: &'static str,
}

macro_rules! terms {
    ($($id:ident = $code:literal, $name:literal, $kind:ident, $about:literal;)+) => {
        $(pub(crate) static $id: TermName =
            TermName { code: $code, name: $name, kind: TermKind::$kind, about: $about };)+

        /// Every name there is.
        pub static TERM_NAMES: &[&TermName] = &[$(&$id),+];
    };
}

terms! {
    ISSUER = 1, "issuer", Text, "CWT iss of the signed statement";
    SUBJECT = 2, "subject", Text, "CWT sub of the signed statement";
    CONTENT_TYPE = 3, "content_type", Text, "content type of the payload (label 3, or 259 of a hash envelope)";
    SYSTEM = 4, "system", Text, "trace, aigp, agent-evidence, iatp or agent-trace";

    TRACE_RECORD = 10, "trace.record_digest", Text, "sha256: of the JCS bytes of the complete record";
    TRACE_LEAF = 11, "trace.anchor_leaf", Text, "sha256: leaf in the TRACE registry anchor format v1";
    TRACE_LOCATOR = 12, "trace.locator", Text, "sha256 (hex) of the JCS bytes without transparency and signature";
    TRACE_SUBJECT = 13, "trace.subject", Text, "SPIFFE id or DID of the workload";
    TRACE_DOMAIN = 14, "trace.trust_domain", Text, "SPIFFE trust domain, or DID method";
    TRACE_KEY = 15, "trace.key", Text, "RFC 7638 thumbprint of cnf.jwk, or its kid";
    TRACE_BUNDLE = 16, "trace.policy_bundle", Text, "policy.bundle_hash";
    TRACE_MEASUREMENT = 17, "trace.measurement", Text, "runtime.measurement";
    TRACE_PLATFORM = 18, "trace.platform", Text, "runtime.platform";
    TRACE_MODEL = 19, "trace.model", Text, "model.provider/model.model_id";
    TRACE_WEIGHTS = 20, "trace.weights_digest", Text, "model.weights_digest";
    TRACE_TRANSCRIPT = 21, "trace.tool_transcript", Text, "tool_transcript.hash";
    TRACE_BUILD = 22, "trace.build_digest", Text, "build_provenance.digest";
    TRACE_DATA_CLASS = 23, "trace.data_class", Text, "data_class";
    TRACE_SOURCE_EVENT = 24, "trace.source_event_id", Text, "origin.source_event_id";
    TRACE_REFERENCE = 25, "trace.reference", Text, "references[].id";
    TRACE_CREDENTIAL = 26, "trace.credential_id", Text, "delegation.credential_id";
    TRACE_PARENT = 27, "trace.parent", Text, "delegation.parent_record_hash";
    TRACE_IAT = 28, "trace.iat", Number, "iat, seconds";
    TRACE_REVOKED = 29, "trace.revoked_key", Text, "compromised_key_id of a TraceRevocation/1.0";
    TRACE_PRODUCER = 30, "trace.producer", Text, "origin.producer";

    AIGP_TRACE = 60, "aigp.trace_id", Text, "trace_id";
    AIGP_AGENT = 61, "aigp.agent_id", Text, "agent_id";
    AIGP_SEQUENCE = 62, "aigp.sequence_number", Number, "sequence_number";
    AIGP_EVENT = 63, "aigp.event_id", Text, "event_id";
    AIGP_ORG = 64, "aigp.org_id", Text, "org_id";
    AIGP_TENANT = 65, "aigp.tenant_id", Text, "tenant_id";
    AIGP_TYPE = 66, "aigp.event_type", Text, "event_type";
    AIGP_CATEGORY = 67, "aigp.event_category", Text, "event_category";
    AIGP_HASH = 68, "aigp.governance_hash", Text, "governance_hash";
    AIGP_LEAF = 69, "aigp.leaf_hash", Text, "hash of a governed resource";
    AIGP_RESOURCE = 70, "aigp.resource_name", Text, "resource_name of a governed resource";
    AIGP_POLICY = 71, "aigp.policy", Text, "policy_name, and policy_name@policy_version";
    AIGP_PROMPT = 72, "aigp.prompt", Text, "prompt_name, and prompt_name@prompt_version";
    AIGP_TEMPLATE = 73, "aigp.template_hash", Text, "template_hash";
    AIGP_PARENT = 74, "aigp.parent_hash", Text, "parent_hash";
    AIGP_CAUSE = 75, "aigp.causality_ref", Text, "causality_ref: events caused by the one named";
    AIGP_SEVERITY = 76, "aigp.severity", Text, "severity";
    AIGP_CLASS = 77, "aigp.data_classification", Text, "data_classification";
    AIGP_TIME = 78, "aigp.event_time", Number, "event_time, Unix seconds";
    AIGP_KEY = 79, "aigp.signature_key_id", Text, "signature_key_id";
    AIGP_CE_SOURCE = 80, "aigp.ce_source", Text, "CloudEvents source";
    AIGP_CE_ID = 81, "aigp.ce_id", Text, "CloudEvents id";
    AIGP_AIGP_HASH = 82, "aigp.aigp_hash", Text, "aigp_hash, opaque";

    EVIDENCE_PACK = 100, "evidence.pack_id", Text, "evidence_pack_id, of packs and manifests";
    EVIDENCE_EXPORT = 101, "evidence.export_id", Text, "export_id";
    EVIDENCE_SCOPE = 102, "evidence.scope", Text, "a member of scope, as name=value (session_id=s1)";
    EVIDENCE_CLAIM = 103, "evidence.claim_id", Text, "claim_id";
    EVIDENCE_SOURCE = 104, "evidence.source_id", Text, "source_id";
    EVIDENCE_URI = 105, "evidence.source_uri", Text, "uri of a source";
    EVIDENCE_CHECK = 106, "evidence.verification_id", Text, "verification_id";
    EVIDENCE_REVIEW = 107, "evidence.review_id", Text, "review_id";
    EVIDENCE_STATUS = 108, "evidence.status", Text, "status of a pack";
    EVIDENCE_PRODUCER = 109, "evidence.producer", Text, "producer.id";
    EVIDENCE_TRACE = 110, "evidence.trace_id", Text, "trace_id";
    EVIDENCE_SPAN = 111, "evidence.span_id", Text, "span_id";
    EVIDENCE_FILE = 112, "evidence.file_hash", Text, "hash of a file of a manifest";
    EVIDENCE_TOOL_CALL = 113, "evidence.tool_call_id", Text, "tool_call_id";
    EVIDENCE_ACTION = 114, "evidence.action_id", Text, "action_id";
    EVIDENCE_ID = 115, "evidence.id", Text, "id of an event, claim map, source map, provenance graph or replay";

    IATP_AGENT = 140, "iatp.agent_id", Text, "agent_id";
    IATP_CODEBASE = 141, "iatp.codebase_hash", Text, "codebase_hash";
    IATP_CONFIG = 142, "iatp.config_hash", Text, "config_hash";
    IATP_KEY = 143, "iatp.signing_key_id", Text, "signing_key_id (not covered by the signature)";
    IATP_TIME = 144, "iatp.timestamp", Number, "timestamp, Unix seconds";
    IATP_TRACE = 145, "iatp.trace_id", Text, "trace_id";
    IATP_EVENT = 146, "iatp.event_id", Text, "event_id of a reputation event";
    IATP_SEVERITY = 147, "iatp.severity", Text, "severity of a reputation event";

    AT_REVISION = 170, "agent-trace.revision", Text, "vcs.revision, and type:revision";
    AT_PATH = 171, "agent-trace.path", Text, "path of a file";
    AT_ID = 172, "agent-trace.id", Text, "id of the record";
    AT_CONVERSATION = 173, "agent-trace.conversation", Text, "url of a conversation";
    AT_RELATED = 174, "agent-trace.related", Text, "url of something related to a conversation";
    AT_MODEL = 175, "agent-trace.model_id", Text, "model_id of a contributor";
    AT_CONTRIBUTOR = 176, "agent-trace.contributor", Text, "human, ai, mixed or unknown";
    AT_TOOL = 177, "agent-trace.tool", Text, "tool.name";
    AT_HASH = 178, "agent-trace.content_hash", Text, "content_hash of a range";
    AT_TIME = 179, "agent-trace.timestamp", Number, "timestamp, Unix seconds";
    AT_SESSION = 180, "agent-trace.session_id", Text, "metadata.session_id";
    AT_METADATA_CONVERSATION = 181, "agent-trace.conversation_id", Text, "metadata.conversation_id";
    AT_TOOL_USE = 182, "agent-trace.tool_use_id", Text, "metadata.tool_use_id";
}

impl TermName {
    /// The name with this number.
    #[must_use]
    pub fn of_code(code: u8) -> Option<&'static Self> {
        TERM_NAMES.iter().find(|term| term.code == code).copied()
    }

    /// The name as it stands in a query.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Self> {
        TERM_NAMES.iter().find(|term| term.name == name).copied()
    }

    /// The value of a number, as rows keep it.
    #[must_use]
    pub fn number(value: u64) -> String {
        format!("{value:016x}")
    }
}

/// One thing that an entry can be found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexTerm {
    /// Number of its [`TermName`].
    pub code: u8,
    /// Its value, at most [`MAX_TERM_BYTES`], without NUL.
    pub value: String,
}

impl IndexTerm {
    pub(crate) fn new(name: &TermName, value: impl Into<String>) -> Option<Self> {
        let value = value.into();
        let fits = (1..=MAX_TERM_BYTES).contains(&value.len()) && !value.as_bytes().contains(&END);
        fits.then_some(Self { code: name.code, value })
    }

    /// The key of the row that leads from the term to a leaf; rows of one term are in log order.
    pub(crate) fn row(&self, leaf: LeafIndex) -> Vec<u8> {
        let mut key = row_prefix(self.code, self.value.as_bytes(), true);
        key.extend_from_slice(&leaf.get().to_be_bytes());
        key
    }
}

/// What every statement can be found by.
pub(crate) fn statement_terms(statement: &SignedStatement) -> Vec<IndexTerm> {
    let header = statement.header();
    let issuer = IndexTerm::new(&ISSUER, header.issuer.as_str());
    let subject = IndexTerm::new(&SUBJECT, header.subject.as_str());
    let content_type = content_type(statement).and_then(|found| IndexTerm::new(&CONTENT_TYPE, found));
    issuer.into_iter().chain(subject).chain(content_type).collect()
}

/// What the rows of a value begin with; of every value that begins with `value` unless `whole`.
pub(crate) fn row_prefix(code: u8, value: &[u8], whole: bool) -> Vec<u8> {
    let mut key = Vec::with_capacity(value.len().saturating_add(10));
    key.push(code);
    key.extend_from_slice(value);
    key.extend(whole.then_some(END));
    key
}

/// Terms as they come, bounded and each once.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    kept: Vec<IndexTerm>,
    overflow: bool,
}

impl Terms {
    pub(crate) fn add(&mut self, name: &'static TermName, value: impl Into<Cow<'static, str>>) {
        let value = value.into();
        if value.is_empty() {
            return;
        }
        match IndexTerm::new(name, value) {
            Some(term) if self.kept.contains(&term) => {}
            Some(term) if self.kept.len() < MAX_TERMS => self.kept.push(term),
            _ => self.overflow = true,
        }
    }

    pub(crate) fn text(&mut self, name: &'static TermName, value: Option<&str>) {
        // Nothing is copied that would be dropped.
        match value {
            Some(text) if text.len() > MAX_TERM_BYTES => self.overflow = true,
            Some(text) => self.add(name, text.to_owned()),
            None => {}
        }
    }

    pub(crate) fn number(&mut self, name: &'static TermName, value: Option<u64>) {
        if let Some(value) = value {
            self.add(name, TermName::number(value));
        }
    }

    pub(crate) fn system(&mut self, system: System) {
        self.add(&SYSTEM, system.name());
    }

    /// The terms, and whether they are all there would be.
    pub(crate) fn finish(self, findings: &mut Findings) -> (Vec<IndexTerm>, bool) {
        if self.overflow {
            let message = "not everything that the entry could be found by fits into the index";
            findings.info(OVERFLOW, "", message);
        }
        (self.kept, !self.overflow)
    }
}
