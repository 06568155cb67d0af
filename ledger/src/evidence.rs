//! Records that nobody signed, from a door to the registrar and back (D17).
//!
//! A door hands over the bytes exactly as they came, with what it knows of them: their type if it was named, who sent
//! them, and what that producer may write. Here it is found out what the record is and what it is about, whether it is
//! within what its producer may write, and what its profile says; then the registrar wraps and registers it.

mod cloud_event;
mod lines;
mod scope;
mod slices;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use ciborium::Value;
use proofs::{EntryId, LeafIndex, UnixTime};
use storage::Snapshot;

use crate::collateral::Collateral;
use crate::error::{InternalError, RegisterError};
use crate::governance::Refusal;
use crate::ledger::Ledger;
use crate::profile::{Finding, Kind, Seen, keep_worst, see};
use crate::registrar::Submission;
use crate::registration::{Registration, Wait};
use crate::shared::Shared;
use crate::workers::Sort;

pub use cloud_event::CloudEventError;
pub use lines::{Line, LineReader};
pub use scope::{Scope, SubjectPrefix, SubjectPrefixError};
pub use slices::{SliceError, elements, member};

/// How many records are looked at in one piece of work, as in a batch of statements.
const CHUNK: usize = 64;

/// A record as it came through a door.
#[derive(Debug, Clone)]
pub struct Record {
    /// What is known of it.
    pub form: Form,
    /// The bytes, which are never changed.
    pub payload: Bytes,
    /// Who sent it, as the door authenticated them.
    pub producer: Option<String>,
    /// Further protected headers, as [`Submission::headers`].
    pub headers: Vec<(String, Value)>,
    /// Log only the SHA-256 of the bytes (RFC 9995): they are examined, and then not kept.
    pub envelope: bool,
    /// What the producer may write.
    pub scope: Arc<Scope>,
}

/// What is known of a record before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What it is.
    Named(Kind),
    /// That it is JSON: it is recognised by its members.
    Content,
    /// That it is a CloudEvent in JSON with an event of AIGP or Agent Evidence in it.
    CloudEvent,
    /// That it is the data of such an event, whose attributes are among the headers as `ce-<name>`.
    CloudEventData,
}

/// A record that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordEntry {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub registration: Registration,
    /// Since when.
    pub registered_at: UnixTime,
    /// What its profile found, log findings included; the bytes of an envelope were examined before they were let go.
    pub findings: Vec<Finding>,
}

impl RecordEntry {
    /// Its public handle.
    #[must_use]
    pub fn id(&self) -> EntryId {
        match &self.registration {
            Registration::Issued { id, .. } | Registration::Committed { id, .. } => *id,
        }
    }

    /// Its position.
    #[must_use]
    pub fn index(&self) -> LeafIndex {
        index_of(&self.registration)
    }
}

/// Why a record is not in the log.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Nobody could read it.
    #[error("{0}")]
    Unreadable(Finding),
    /// JSON, and of none of the systems whose records are known by their content.
    #[error("the content is JSON, and no record of a system that this service knows by its content")]
    Unrecognised,
    /// Nothing in it says what it is about, so no statement can be made of it.
    #[error("the record does not say what it is about: no member that is the subject of a {}", .kind.content_type())]
    NoSubject {
        /// What it is.
        kind: Kind,
        /// What its profile found.
        findings: Vec<Finding>,
    },
    /// It is no event that is taken.
    #[error(transparent)]
    CloudEvent(#[from] CloudEventError),
    /// Its producer may not write records of this system.
    #[error("the producer may not write records of the system {}", .0.system().name())]
    System(Kind),
    /// Its producer may not write about this subject.
    #[error("the producer may not write about the subject of this record")]
    Subject,
    /// It was not registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

impl From<InternalError> for RecordError {
    fn from(error: InternalError) -> Self {
        Self::Register(error.into())
    }
}

impl From<Refusal> for RecordError {
    fn from(refusal: Refusal) -> Self {
        Self::Register(refusal.into())
    }
}

/// A record that may be registered.
struct Prepared {
    kind: Kind,
    submission: Submission,
    /// Of bytes that will not be kept; those of all others stand in the collateral.
    findings: Vec<Finding>,
}

impl Ledger {
    /// Registers one record. Sending the same bytes again gives the same entry, with the findings it was registered
    /// with.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; nothing is registered then, with the exceptions of [`register_evidence`](Self::register_evidence).
    pub async fn register_record(&self, record: Record, wait: Wait) -> Result<RecordEntry, RecordError> {
        let shared = Arc::clone(&self.shared);
        let prepared = self.shared.workers.run(Sort::Registration, move || prepare(&shared, record)).await?;
        let Prepared { kind, submission, findings } =
            prepared.inspect_err(|error| self.count_record(error))?;
        let registration = self.register_evidence(submission, wait).await?;
        let (shared, index) = (Arc::clone(&self.shared), index_of(&registration));
        let (registered_at, kept) =
            self.shared.workers.run(Sort::Registration, move || kept(&shared, index)).await??;
        Ok(RecordEntry { kind, registration, registered_at, findings: joined(findings, kept) })
    }

    /// Registers many records, as [`register_batch`](Self::register_batch) does statements: one outcome for each, in
    /// order, and one that is refused changes nothing for the others.
    ///
    /// The caller bounds their number and their bytes, and how many findings are kept of each, the worst: of all that was
    /// found in an entry its collateral tells.
    pub async fn register_records(
        &self,
        records: Vec<Record>,
        wait: Wait,
        findings: usize,
    ) -> Vec<Result<RecordEntry, RecordError>> {
        let most = findings;
        let few = move |mut found| {
            keep_worst(&mut found, most);
            found
        };
        let work = move |shared: &Shared, record| match prepare(shared, record) {
            Ok(prepared) => Ok(Prepared { findings: few(prepared.findings), ..prepared }),
            Err(RecordError::NoSubject { kind, findings }) => {
                Err(RecordError::NoSubject { kind, findings: few(findings) })
            }
            Err(RecordError::Register(error)) => Err(error.with_findings(most).into()),
            Err(other) => Err(other),
        };
        let prepared = self.in_chunks(records, work).await;
        let mut submissions = Vec::with_capacity(prepared.len());
        let mut outcomes = Vec::with_capacity(prepared.len());
        for one in prepared {
            outcomes.push(match one {
                Ok(Prepared { kind, submission, findings }) => {
                    submissions.push(submission);
                    Ok((kind, findings))
                }
                Err(error) => {
                    self.count_record(&error);
                    Err(error)
                }
            });
        }
        let registered = self.register_evidence_batch(&submissions, wait, most).await;
        let places: Vec<LeafIndex> = registered.iter().flatten().map(index_of).collect();
        let work = move |shared: &Shared, index| {
            let (registered_at, found) = kept(shared, index)?;
            Ok((registered_at, few(found)))
        };
        let told = self.in_chunks(places, work).await;
        let (mut registered, mut told) = (registered.into_iter(), told.into_iter());
        let mut entry = |(kind, findings): (Kind, Vec<Finding>)| {
            // As many as were sent; were one missing, nothing was promised for it.
            let registration = registered.next().unwrap_or(Err(RegisterError::Stopped))?;
            let (registered_at, kept) = told.next().unwrap_or(Err(RegisterError::Stopped.into()))?;
            Ok(RecordEntry { kind, registration, registered_at, findings: joined(findings, kept) })
        };
        outcomes.into_iter().map(|outcome| outcome.and_then(&mut entry)).collect()
    }

    /// The elements of a JSON array, at most `most`, each as a record can be.
    ///
    /// # Errors
    ///
    /// [`SliceError`]; an array that could not be looked at counts as none.
    pub async fn elements(&self, content: Bytes, most: usize) -> Result<Vec<Bytes>, SliceError> {
        let cut = move || {
            let found = elements(&content, most)?;
            Ok(found.into_iter().map(|range| content.slice(range)).collect())
        };
        self.shared.workers.run(Sort::Registration, cut).await.unwrap_or(Err(SliceError::NotAnArray))
    }

    /// The same work for each of many things, in chunks on the workers; results in order.
    async fn in_chunks<A, B>(
        &self,
        things: Vec<A>,
        work: impl Fn(&Shared, A) -> Result<B, RecordError> + Copy + Send + 'static,
    ) -> Vec<Result<B, RecordError>>
    where
        A: Send + 'static,
        B: Send + 'static,
    {
        let mut sizes = Vec::new();
        let mut works = Vec::new();
        let mut things = things.into_iter().peekable();
        while things.peek().is_some() {
            let chunk: Vec<A> = things.by_ref().take(CHUNK).collect();
            sizes.push(chunk.len());
            let shared = Arc::clone(&self.shared);
            works.push(move || chunk.into_iter().map(|thing| work(&shared, thing)).collect::<Vec<_>>());
        }
        let done = self.shared.workers.run_all(works).await;
        let mut results = Vec::new();
        for (chunk, size) in done.into_iter().zip(sizes) {
            match chunk {
                Ok(chunk) => results.extend(chunk),
                Err(_) => results.extend((0..size).map(|_| Err(InternalError::Worker.into()))),
            }
        }
        results
    }

    /// What the registrar never saw is counted here; all else is counted where it ends.
    fn count_record(&self, error: &RecordError) {
        if let RecordError::Register(error) = error {
            self.count(Err(error));
        }
    }
}

/// Finds out what the record is, whether it may be written, and makes of it what the registrar takes.
fn prepare(shared: &Shared, record: Record) -> Result<Prepared, RecordError> {
    let Record { form, payload, producer, headers, envelope, scope } = record;
    let (kind, payload, headers) = match form {
        Form::Named(kind) => (Some(kind), payload, headers),
        Form::Content => (None, payload, headers),
        Form::CloudEvent | Form::CloudEventData => {
            let opened = match form {
                Form::CloudEvent => cloud_event::structured(payload)?,
                _ => cloud_event::binary(payload, headers)?,
            };
            (Some(opened.kind), opened.payload, opened.headers)
        }
    };
    if let Some(kind) = kind.filter(|kind| !scope.admits_system(kind.system())) {
        return Err(RecordError::System(kind));
    }
    let seen = match see(kind, &payload) {
        Ok(seen) => seen,
        // Of a kind that was named the profile says the same, and the policy whether it matters.
        Err(_) if kind.is_some() => Seen { kind, subject: None },
        Err(finding) => return Err(RecordError::Unreadable(finding)),
    };
    let kind = seen.kind.ok_or(RecordError::Unrecognised)?;
    if !scope.admits_system(kind.system()) {
        return Err(RecordError::System(kind));
    }
    let state = shared.state();
    let at = shared.time_after(state.head);
    let examine = |subject| state.governance.examine_record(kind, &payload, subject, at);
    let Some(subject) = seen.subject else {
        return Err(RecordError::NoSubject { kind, findings: examine(None)? });
    };
    if !scope.admits_subject(&subject) {
        return Err(RecordError::Subject);
    }
    let findings = if envelope { examine(Some(&subject))? } else { Vec::new() };
    let content_type = kind.content_type().to_owned();
    let submission = Submission { content_type, subject, producer, payload, headers, envelope };
    Ok(Prepared { kind, submission, findings })
}

/// When the entry was registered, and what was found then.
fn kept(shared: &Shared, index: LeafIndex) -> Result<(UnixTime, Vec<Finding>), InternalError> {
    let snapshot: Box<dyn Snapshot> = shared.store.snapshot()?;
    let row = snapshot.entry(index)?.ok_or(InternalError::Entry(index))?;
    // Of an entry that was erased meanwhile nothing is left.
    let findings = match snapshot.collateral(index)?.filter(|bytes| !bytes.is_empty()) {
        Some(bytes) => Collateral::decode(&bytes).map_err(|_| InternalError::Entry(index))?.examined,
        None => None,
    };
    Ok((row.registered_at, findings.map_or_else(Vec::new, |examined| examined.findings)))
}

fn index_of(registration: &Registration) -> LeafIndex {
    match registration {
        Registration::Issued { index, .. } | Registration::Committed { index, .. } => *index,
    }
}

fn joined(mut first: Vec<Finding>, second: Vec<Finding>) -> Vec<Finding> {
    first.extend(second);
    first
}
