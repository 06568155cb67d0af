//! Questions that only the log can answer (D18): findings that depend on entries with a smaller index. They say as of
//! which entry they hold, and never refuse.

use proofs::{LeafIndex, sha256};
use storage::StoreError;

use super::finding::{Finding, Severity};
use super::term::{self, IndexTerm, MAX_TERM_BYTES, TermName, row_prefix};

/// The rows of links, which no query reaches, begin with these numbers; no term has one of them.
const LINKS_FROM: u8 = 200;
pub(crate) const LINK_AIGP_CHAIN: u8 = 200;
pub(crate) const LINK_AGENT_TRACE_ID: u8 = 201;
pub(crate) const LINK_TRACE_REVOKED: u8 = 202;

const SEQUENCE_GAP: &str = "SEQUENCE_GAP";
const SEQUENCE_DUPLICATE: &str = "SEQUENCE_DUPLICATE";
const SEQUENCE_RESET: &str = "SEQUENCE_RESET";
const KEY_REVOKED: &str = "TRACE_KEY_REVOKED";

/// The longest row of a term: its number, the value, the end of it, the leaf.
const MAX_ROW_BYTES: usize = 1 + MAX_TERM_BYTES + 1 + size_of::<u64>();

/// How many revocations of one key are looked at.
const MAX_REVOCATIONS: usize = 16;
/// How many entries of one name are looked at.
const MAX_NAMESAKES: usize = 16;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Nothing smaller has this: a finding.
    Missing {
        /// What its row begins with.
        prefix: Vec<u8>,
        /// What to say.
        finding: Finding,
    },
    /// Something smaller has this: a finding.
    Present {
        /// What its row begins with.
        prefix: Vec<u8>,
        /// What to say.
        finding: Finding,
    },
    /// Something smaller has this name for something else: a finding.
    Other {
        /// What rows of the name begin with.
        prefix: Vec<u8>,
        /// What follows it for this very thing.
        own: Vec<u8>,
        /// What to say.
        finding: Finding,
    },
    /// The place of an AIGP event in its chain.
    Sequence {
        /// What rows of the chain begin with.
        chain: Vec<u8>,
        /// The event's number, at least 1.
        number: u64,
        /// Where it stands.
        pointer: String,
    },
    /// A TRACE key that may have been revoked, under each of its names.
    Revoked {
        /// What rows of its revocations begin with.
        prefixes: Vec<Vec<u8>>,
    },
}

/// The entries with a smaller index than the one in question, as index rows.
pub trait LogView {
    /// The rows that begin with `prefix`, in the order of their keys, at most `limit`; keys end with the leaf.
    ///
    /// # Errors
    /// Whatever the store says.
    fn rows(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError>;
}

/// Answers the questions of an entry that is to stand at `index`.
///
/// # Errors
/// Whatever the store says.
pub fn log_findings(
    probes: &[Probe],
    view: &dyn LogView,
    index: LeafIndex,
) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for probe in probes {
        findings.extend(probe.ask(view, index)?);
    }
    for finding in &mut findings {
        finding.as_of = Some(index.get());
    }
    Ok(findings)
}

impl Probe {
    pub(crate) fn missing(name: &TermName, value: &str, finding: Finding) -> Self {
        Self::Missing { prefix: term_prefix(name, value), finding }
    }

    pub(crate) fn present(name: &TermName, value: &str, finding: Finding) -> Self {
        Self::Present { prefix: term_prefix(name, value), finding }
    }

    fn ask(&self, view: &dyn LogView, index: LeafIndex) -> Result<Option<Finding>, StoreError> {
        let any = |prefix: &[u8]| Ok::<bool, StoreError>(!view.rows(prefix, 1)?.is_empty());
        Ok(match self {
            Self::Missing { prefix, finding } => (!any(prefix)?).then(|| finding.clone()),
            Self::Present { prefix, finding } => any(prefix)?.then(|| finding.clone()),
            Self::Other { prefix, own, finding } => {
                let whole = [prefix.as_slice(), own].concat();
                let rows = view.rows(prefix, MAX_NAMESAKES)?;
                rows.iter().any(|(key, _)| !key.starts_with(&whole)).then(|| finding.clone())
            }
            Self::Sequence { chain, number, pointer } => sequence(chain, *number, pointer, &any)?,
            Self::Revoked { prefixes } => revoked(prefixes, view, index)?,
        })
    }
}

fn sequence(
    chain: &[u8],
    number: u64,
    pointer: &str,
    any: &dyn Fn(&[u8]) -> Result<bool, StoreError>,
) -> Result<Option<Finding>, StoreError> {
    let has = |number: u64| any(&[chain, &number.to_be_bytes()[..]].concat());
    let finding = |id, message| Finding::new(id, Severity::Warning, pointer, message);
    if has(number)? {
        let again = number == 1 && has(2)?;
        return Ok(Some(if again {
            finding(SEQUENCE_RESET, "the agent and trace have gone beyond 1 and begin again")
        } else {
            finding(SEQUENCE_DUPLICATE, "the agent and trace have an event with this number")
        }));
    }
    let before = number.checked_sub(1).filter(|before| *before > 0);
    let complete = before.map_or(Ok(true), has)?;
    Ok((!complete).then(|| finding(SEQUENCE_GAP, "the event before it is not on the log yet")))
}

fn revoked(
    prefixes: &[Vec<u8>],
    view: &dyn LogView,
    index: LeafIndex,
) -> Result<Option<Finding>, StoreError> {
    for prefix in prefixes {
        for (key, _) in view.rows(prefix, MAX_REVOCATIONS)? {
            let last_valid =
                key.get(prefix.len()..).and_then(<[u8]>::first_chunk).map(|n| u64::from_be_bytes(*n));
            if last_valid.is_some_and(|last| index.get() > last) {
                let message = "the key was revoked for entries from an earlier index on";
                return Ok(Some(Finding::new(KEY_REVOKED, Severity::Warning, "/cnf/jwk", message)));
            }
        }
    }
    Ok(None)
}

/// What rows of a term with this value begin with. Of a value that no term can have it is one byte more than any row
/// has, so that it finds as little as all of the value would, and is no longer than rows are.
fn term_prefix(name: &TermName, value: &str) -> Vec<u8> {
    let mut prefix = row_prefix(name.code, start_of(value.as_bytes()), true);
    prefix.truncate(MAX_ROW_BYTES.saturating_add(1));
    prefix
}

fn start_of(value: &[u8]) -> &[u8] {
    value.get(..MAX_ROW_BYTES).unwrap_or(value)
}

/// A link's row, without the leaf.
pub(crate) fn link(code: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![code];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// 16 bytes that stand for a text in a link.
pub(crate) fn short(text: &[u8]) -> [u8; 16] {
    let digest = sha256(text);
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Whether a probe may look for rows that begin so; a round keeps only these in mind.
pub(crate) fn is_probed(key: &[u8]) -> bool {
    let probed = [&term::TRACE_RECORD, &term::AIGP_EVENT, &term::EVIDENCE_PACK, &term::IATP_AGENT];
    key.first().is_some_and(|code| *code >= LINKS_FROM || probed.iter().any(|name| name.code == *code))
}

/// The rows of an entry: what leads from its terms and links to it.
pub(crate) fn rows_of(terms: &[IndexTerm], links: &[Vec<u8>], leaf: LeafIndex) -> Vec<Vec<u8>> {
    let links = links.iter().map(|link| [link.as_slice(), &leaf.get().to_be_bytes()[..]].concat());
    terms.iter().map(|term| term.row(leaf)).chain(links).collect()
}
