//! What is known of one entry, in short and at length.

use std::sync::Arc;

use proofs::{EntryId, LeafIndex, SignedStatement, UnixTime};
use storage::Snapshot;

use super::SearchError;
use crate::collateral::{Collateral, Examined};
use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::profile::{IndexTerm, Kind, System, content_type, statement_terms, verifier_report};
use crate::registration::find;
use crate::shared::Shared;
use crate::workers::Sort;

/// One entry that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its public handle.
    pub id: EntryId,
    /// Its position.
    pub index: LeafIndex,
    /// When it was registered.
    pub registered_at: UnixTime,
    /// CWT `sub`.
    pub subject: String,
    /// CWT `iss`.
    pub issuer: String,
    /// The content type of the payload, where it is a media type.
    pub content_type: Option<String>,
    /// The profile that examined it.
    pub profile: Option<String>,
    /// Whose record it is.
    pub system: Option<&'static str>,
    /// How many findings its profile had, log findings included.
    pub findings: usize,
    /// Whether it can be found by everything that it could be found by.
    pub complete: bool,
}

/// One entry at length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntrySummary {
    /// The same in short.
    pub hit: Hit,
    /// What its profile said.
    pub examined: Option<Examined>,
    /// Every term it can be found by.
    pub terms: Vec<IndexTerm>,
}

impl Ledger {
    /// What is known of an entry.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] for an unknown id.
    pub async fn summary(&self, id: EntryId) -> Result<EntrySummary, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || summary(&shared, &id)).await?
    }

    /// The findings about an AIGP event in AIGP's verifier-report format, as JSON.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] for an unknown id, and for what is no event of AIGP.
    pub async fn aigp_report(&self, id: EntryId) -> Result<String, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || aigp_report(&shared, &id)).await?
    }
}

fn summary(shared: &Shared, id: &EntryId) -> Result<EntrySummary, ReadError> {
    let Entry { hit, statement, examined, .. } = under(shared, id)?;
    let terms = terms(&statement, examined.as_ref());
    Ok(EntrySummary { hit, examined, terms })
}

fn aigp_report(shared: &Shared, id: &EntryId) -> Result<String, ReadError> {
    let Entry { hit, statement, examined, .. } = under(shared, id)?;
    let examined = examined.filter(|_| hit.system == Some(System::Aigp.name())).ok_or(ReadError::NotFound)?;
    // Of an envelope the payload is a digest, which tells nothing of the event.
    let payload = if statement.header().envelope.is_none() { statement.payload() } else { &[] };
    let run = format!("urn:stele:entry:{id}");
    Ok(verifier_report(payload, &examined.findings, &run, hit.registered_at).to_string())
}

/// The entry under an id.
fn under(shared: &Shared, id: &EntryId) -> Result<Entry, ReadError> {
    let found = find(shared, id).map_err(InternalError::from)?.ok_or(ReadError::NotFound)?;
    let (index, _, erased) = found;
    if let Some(by) = erased {
        return Err(ReadError::Erased { by });
    }
    let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
    let read = entry(snapshot.as_ref(), index).map_err(|error| match error {
        SearchError::Read(error) => error,
        _ => InternalError::Entry(index).into(),
    })?;
    Ok(read.ok_or(InternalError::Entry(index))?)
}

/// An entry, read back.
pub(super) struct Entry {
    pub(super) hit: Hit,
    pub(super) statement: SignedStatement,
    pub(super) examined: Option<Examined>,
    /// How many bytes of statement and collateral were read.
    pub(super) read: usize,
}

/// The entry at a leaf; `None` where it is no longer kept.
pub(super) fn entry(snapshot: &dyn Snapshot, index: LeafIndex) -> Result<Option<Entry>, SearchError> {
    let damaged = || SearchError::from(InternalError::Entry(index));
    let Some(row) = snapshot.entry(index)? else { return Ok(None) };
    let Some(bytes) = snapshot.statement(index)?.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let statement = SignedStatement::parse(&bytes, bytes.len()).map_err(|_| damaged())?;
    let collateral = snapshot.collateral(index)?.unwrap_or_default();
    let examined = match collateral.as_ref() {
        [] => None,
        bytes => Collateral::decode(bytes).map_err(|_| damaged())?.examined,
    };
    let read = bytes.len().saturating_add(collateral.len());
    let header = statement.header();
    let kind = examined.as_ref().and_then(|known| Kind::of_profile(&known.profile));
    let hit = Hit {
        id: EntryId::from_bytes(row.entry),
        index,
        registered_at: row.registered_at,
        subject: header.subject.clone(),
        issuer: header.issuer.clone(),
        content_type: content_type(&statement).map(str::to_owned),
        profile: examined.as_ref().map(|known| known.profile.clone()),
        system: kind.map(|kind| kind.system().name()),
        findings: examined.as_ref().map_or(0, |known| known.findings.len()),
        complete: examined.as_ref().is_none_or(|known| known.complete),
    };
    Ok(Some(Entry { hit, statement, examined, read }))
}

impl Entry {
    /// Every term it can be found by.
    pub(super) fn terms(&self) -> Vec<IndexTerm> {
        terms(&self.statement, self.examined.as_ref())
    }
}

impl Hit {
    /// How much it adds to an answer, in bytes.
    pub(super) fn told(&self) -> usize {
        let optional = [self.content_type.as_deref(), self.profile.as_deref()];
        let texts = [Some(self.subject.as_str()), Some(&self.issuer)].into_iter().chain(optional).flatten();
        texts.map(str::len).fold(size_of::<Self>(), usize::saturating_add)
    }
}

fn terms(statement: &SignedStatement, examined: Option<&Examined>) -> Vec<IndexTerm> {
    let mut terms = statement_terms(statement);
    terms.extend(examined.into_iter().flat_map(|known| known.terms.iter().cloned()));
    terms
}
