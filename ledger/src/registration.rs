//! The way in: a statement becomes an entry.

mod batch;
mod caller;

use std::time::Duration;

use bytes::Bytes;
use proofs::{EntryId, LeafIndex, SignedStatement, Signer, TreeSize, UnixTime};
use storage::{Snapshot, StoreError};

use crate::control::LogIdentity;
use crate::error::{InternalError, RegisterError};
use crate::governance::Admitted;
use crate::ledger::Ledger;
use crate::metrics::timed;
use crate::policy::MAX_STATEMENT_BYTES;
use crate::receipts::Registered;
use crate::registrar::{DigestSubmission, Submission, WrapError};
use crate::rows;
use crate::sequencer::pool::Judged;
use crate::sequencer::weigh::erased_by;
use crate::shared::Shared;

pub use batch::FINDINGS_OF_MANY;
pub(crate) use caller::Caller;

/// How often a statement is judged again before the caller is asked to come back (D5).
const MAX_JUDGEMENTS: usize = 3;

/// What the full mailbox asks for. A full mailbox drains in less: 4,096 statements are a few rounds.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// For the commit and the receipt.
    ForReceipt,
    /// For the commit only.
    ForCommit,
}

/// A statement that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// With its receipt.
    Issued {
        /// Its public handle.
        id: EntryId,
        /// Its position.
        index: LeafIndex,
        /// A COSE receipt (RFC 9942) over the head that held it when it was signed.
        receipt: Vec<u8>,
    },
    /// Committed; the receipt can be asked for, and will be there when witnesses cover the entry, if it waits for them.
    Committed {
        /// Its public handle.
        id: EntryId,
        /// Its position.
        index: LeafIndex,
    },
}

/// What the front door found out about a statement.
enum Front {
    Known(Registered),
    Admitted { id: EntryId, admitted: Box<Admitted>, judged: Judged },
}

impl Ledger {
    /// Registers one signed statement: reads it, judges it, has it committed, issues the receipt.
    ///
    /// Sending the same statement again gives the same id and index (D7), whether or not the first answer arrived.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]. Whatever it is, nothing was promised; only `Deadline` leaves open whether the statement
    /// will be found under its id.
    pub async fn register(&self, body: Bytes, wait: Wait) -> Result<Registration, RegisterError> {
        let outcome = caller::register(self, move |shared| look_at(shared, &body), wait).await;
        self.count(outcome.as_ref().map(|(_, known)| *known));
        outcome.map(|(registration, _)| registration)
    }

    /// Registers evidence that nobody signed: the registrar wraps the exact bytes into a statement of its own (D17).
    ///
    /// The same bytes, of the same type, by the same producer are one entry: sending them again gives the entry that
    /// is there, also when two are sent at the same moment. Who the producer is, the caller has established.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], as [`register`](Self::register); `Submission` if no statement can be made of it.
    pub async fn register_evidence(
        &self,
        evidence: Submission,
        wait: Wait,
    ) -> Result<Registration, RegisterError> {
        let outcome = caller::register(self, move |shared| look_at_evidence(shared, &evidence), wait).await;
        self.count(outcome.as_ref().map(|(_, known)| *known));
        outcome.map(|(registration, _)| registration)
    }

    /// Registers a digest as a hash envelope of the registrar, together with what was said about it.
    ///
    /// The same of both, by the same producer, is one entry, as in [`register_evidence`](Self::register_evidence).
    ///
    /// # Errors
    ///
    /// [`RegisterError`], as [`register`](Self::register); `Submission` if no statement can be made of it.
    pub async fn register_digest(
        &self,
        digest: DigestSubmission,
        wait: Wait,
    ) -> Result<Registration, RegisterError> {
        let look = move |shared: &Shared| {
            look_at_wrapped(shared, &digest.key(), |identity, registrar| digest.wrap(identity, registrar))
        };
        let outcome = caller::register(self, look, wait).await;
        self.count(outcome.as_ref().map(|(_, known)| *known));
        outcome.map(|(registration, _)| registration)
    }

    /// Counts one registration by how it ended; `known` tells whether the statement was registered before.
    pub(crate) fn count(&self, outcome: Result<bool, &RegisterError>) {
        self.shared.metrics.ended(outcome);
    }
}

/// Reads a statement once, answers for it if it is registered already, judges it otherwise.
fn look_at(shared: &Shared, body: &[u8]) -> Result<Front, RegisterError> {
    timed(&shared.metrics.judge_seconds, || look_at_statement(shared, body))
}

fn look_at_statement(shared: &Shared, body: &[u8]) -> Result<Front, RegisterError> {
    // The policy's own limit is part of the judgement: were it this one, a low limit would lock the operator out.
    let statement = SignedStatement::parse(body, MAX_STATEMENT_BYTES)?;
    let id = statement.entry_id();
    let absent_at = absent_at(shared, &statement).map_err(InternalError::from)?;
    if absent_at == NOT_ABSENT
        && let Some((index, registered_at, erased)) = find(shared, &id).map_err(InternalError::from)?
    {
        if let Some(by) = erased {
            return Err(RegisterError::Erased { id, by });
        }
        let subject = statement.header().subject.as_str().into();
        return Ok(Front::Known(Registered { id, index, registered_at, subject }));
    }
    let (admitted, judged) = judge(shared, statement, absent_at)?;
    Ok(Front::Admitted { id, admitted, judged })
}

/// Of the empty log nothing can be said; the sequencer then looks for itself.
const NOT_ABSENT: TreeSize = TreeSize::EMPTY;

/// The size of a log in which nothing is that the statement would repeat, or [`NOT_ABSENT`]. The size is read first:
/// what is looked at is at least as new.
fn absent_at(shared: &Shared, statement: &SignedStatement) -> Result<TreeSize, StoreError> {
    let (size, identity) = {
        let state = shared.state.borrow();
        (state.head.tree.size, state.governance.clone())
    };
    for (index, key) in rows::unique(statement, identity.identity()) {
        if shared.store.lookup(index, &key)?.is_some() {
            return Ok(NOT_ABSENT);
        }
    }
    Ok(size)
}

/// Answers for evidence that is registered already; makes the registrar's statement of it otherwise.
fn look_at_evidence(shared: &Shared, evidence: &Submission) -> Result<Front, RegisterError> {
    look_at_wrapped(shared, &evidence.key(), |identity, registrar| evidence.clone().wrap(identity, registrar))
}

/// Answers for what is registered under this key already; has the registrar's statement made otherwise.
fn look_at_wrapped(
    shared: &Shared,
    key: &[u8; 32],
    wrap: impl FnOnce(&LogIdentity, &dyn Signer) -> Result<Vec<u8>, WrapError>,
) -> Result<Front, RegisterError> {
    timed(&shared.metrics.judge_seconds, || {
        let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
        let known = snapshot.lookup(rows::EVIDENCE, key).map_err(InternalError::from)?;
        if let Some(index) = known.filter(|index| is_released(shared, *index)) {
            let registered = registered_at(snapshot.as_ref(), index).map_err(InternalError::from)?;
            return Ok(Front::Known(registered.ok_or(InternalError::Entry(index))?));
        }
        drop(snapshot);
        let identity = shared.state.borrow().governance.identity().clone();
        let statement = wrap(&identity, shared.keys.registrar.as_ref()).map_err(|error| match error {
            WrapError::Submission(error) => RegisterError::from(error),
            WrapError::Sign(error) => InternalError::from(error).into(),
        })?;
        look_at_statement(shared, &statement)
    })
}

/// What a receipt says of the entry at `index`; `None` if it cannot be read back.
pub(crate) fn registered_at(
    snapshot: &dyn Snapshot,
    index: LeafIndex,
) -> Result<Option<Registered>, StoreError> {
    let Some(row) = snapshot.entry(index)? else { return Ok(None) };
    let Some(bytes) = snapshot.statement(index)? else { return Ok(None) };
    let Ok(statement) = SignedStatement::parse(&bytes, bytes.len()) else { return Ok(None) };
    let subject = statement.header().subject.as_str().into();
    let id = EntryId::from_bytes(row.entry);
    Ok(Some(Registered { id, index, registered_at: row.registered_at, subject }))
}

/// The index of a registered statement.
pub(crate) fn position(shared: &Shared, id: &EntryId) -> Result<Option<LeafIndex>, StoreError> {
    let index = shared.store.lookup(rows::ENTRY, id.as_bytes())?;
    Ok(index.filter(|index| is_released(shared, *index)))
}

/// Where and when a statement was registered, and the erasure if it was erased.
pub(crate) type Found = (LeafIndex, UnixTime, Option<EntryId>);

/// What is known of a registered statement.
pub(crate) fn find(shared: &Shared, id: &EntryId) -> Result<Option<Found>, StoreError> {
    let Some(index) = position(shared, id)? else { return Ok(None) };
    let snapshot = shared.store.snapshot()?;
    let erased = erased_by(snapshot.as_ref(), index)?;
    Ok(snapshot.entry(index)?.map(|row| (index, row.registered_at, erased)))
}

/// Whether the head that was released covers this entry. For a moment the store shows a commit that has not returned
/// yet: what is in it is still on its way.
fn is_released(shared: &Shared, index: LeafIndex) -> bool {
    index.in_tree(shared.state.borrow().head.tree.size)
}

fn judge(
    shared: &Shared,
    statement: SignedStatement,
    absent_at: TreeSize,
) -> Result<(Box<Admitted>, Judged), RegisterError> {
    let state = shared.state();
    let at = shared.time_after(state.head);
    let (policy, anchors) = (state.governance.policy_index(), state.governance.anchors_index());
    let judged = Judged { policy, anchors, at, absent_at };
    let admitted = timed(&shared.metrics.verify_seconds, || state.governance.judge(statement, at))?;
    Ok((Box::new(admitted), judged))
}
