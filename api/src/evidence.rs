//! Who may hand in evidence that nobody signed, and what is bounded there.

mod credentials;

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::evidence::{Scope, SubjectPrefix};
use ledger::profile::System;
use ledger::registrar::{MAX_PRODUCER_BYTES, is_producer};
use serde::Deserialize;

use crate::reading::TokenDigest;

/// The doors for evidence that nobody signed; the section `[evidence]` of the configuration. They are closed unless
/// there is a producer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceSettings {
    /// Who may hand in what, and where. Default nobody.
    pub producers: Vec<Producer>,
    /// Streams of records (NDJSON) taken in at once. Default 8. More get 503 with Retry-After. Each holds a few MiB.
    pub streams: usize,
}

impl Default for EvidenceSettings {
    fn default() -> Self {
        Self { producers: Vec::new(), streams: 8 }
    }
}

/// A door for evidence that nobody signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceDoor {
    /// `POST /evidence`, and `POST /entries` with a record in JSON.
    Evidence,
    /// `POST /events`: CloudEvents.
    Events,
    /// `POST /compat/rekor/api/v1/log/entries`: digests, which belong to no system, about `urn:sha256:<digest>`.
    Rekor,
}

impl EvidenceDoor {
    const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Events => "events",
            Self::Rekor => "rekor",
        }
    }
}

/// One who may hand in evidence, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Producer {
    /// The id that stands in the protected header of each statement made of what this producer hands in. Several
    /// entries may have one id: one producer with different rights at different doors.
    pub id: String,
    /// SHA-256 of each bearer token of this producer, in lower-case hex. The tokens themselves stand nowhere.
    #[serde(default)]
    pub token_sha256: Vec<TokenDigest>,
    /// Names of this producer in certificates that clients show in TLS, each a URI or a DNS name, compared exactly.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// The doors that are open to it.
    pub doors: Vec<EvidenceDoor>,
    /// The systems whose records it may hand in; all if absent.
    #[serde(default)]
    pub systems: Option<Vec<System>>,
    /// What the subjects of its records begin with, by whole components; anything if absent.
    #[serde(default)]
    pub subjects: Option<Vec<SubjectPrefix>>,
}

/// Settings that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceSettingsError {
    /// No id of a producer.
    #[error("a producer's id has 1 to {MAX_PRODUCER_BYTES} bytes and no control characters, not {0:?}")]
    Id(String),
    /// A producer who could not hand in anything.
    #[error("the producer {id:?} could not hand in anything: its {list} is empty")]
    Nothing {
        /// The producer.
        id: String,
        /// Which of its lists.
        list: &'static str,
    },
    /// A token of two.
    #[error(
        "a token or certificate of the producer {0:?} is empty or another producer's too: nobody could tell whose evidence it brings"
    )]
    Shared(String),
}

impl EvidenceSettings {
    /// What the types cannot say.
    ///
    /// # Errors
    ///
    /// [`EvidenceSettingsError`]
    pub fn check(&self) -> Result<(), EvidenceSettingsError> {
        let (mut tokens, mut names) = (BTreeSet::new(), BTreeSet::new());
        for producer in &self.producers {
            let id = &producer.id;
            if !is_producer(id) {
                return Err(EvidenceSettingsError::Id(id.clone()));
            }
            let lists = [
                ("token_sha256", producer.token_sha256.is_empty() && producer.certificates.is_empty()),
                ("doors", producer.doors.is_empty()),
                ("systems", producer.systems.as_ref().is_some_and(Vec::is_empty)),
                ("subjects", producer.subjects.as_ref().is_some_and(Vec::is_empty)),
            ];
            if let Some((list, _)) = lists.into_iter().find(|(_, empty)| *empty) {
                return Err(EvidenceSettingsError::Nothing { id: id.clone(), list });
            }
            let own = producer.token_sha256.iter().all(|token| tokens.insert(*token));
            if !own || !producer.certificates.iter().all(|name| !name.is_empty() && names.insert(name)) {
                return Err(EvidenceSettingsError::Shared(id.clone()));
            }
        }
        Ok(())
    }
}

/// The names in the certificate that a client showed in TLS, verified there: an extension of each request of its
/// connection, which only whoever ends TLS can set.
#[derive(Debug, Clone)]
pub struct ClientNames(Arc<[String]>);

impl ClientNames {
    /// These names; none of a client without a certificate.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self(names.into())
    }
}

/// The producers of one service, as its doors ask for them.
pub(crate) struct Producers(Vec<Known>);

struct Known {
    tokens: Vec<TokenDigest>,
    names: Vec<String>,
    doors: Vec<EvidenceDoor>,
    sender: Sender,
}

/// Who sends, and what they may write.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// The producer's id.
    pub(crate) id: String,
    /// What they may write.
    pub(crate) scope: Arc<Scope>,
}

impl Producers {
    pub(crate) fn new(settings: EvidenceSettings) -> Self {
        let known = settings.producers.into_iter().map(|producer| {
            let Producer { id, token_sha256: tokens, certificates: names, doors, systems, subjects } =
                producer;
            Known {
                tokens,
                names,
                doors,
                sender: Sender { id, scope: Arc::new(Scope { systems, subjects }) },
            }
        });
        Self(known.collect())
    }

    /// Whether there is anybody at all who may hand in evidence.
    pub(crate) fn are_any(&self) -> bool {
        !self.0.is_empty()
    }
}
