//! The way out: what anybody may ask of the log. Never enters the sequencer.

use std::sync::Arc;

use bytes::Bytes;
use proofs::{EntryId, LeafIndex, SignedStatement, TreeSize};
use storage::{Snapshot, StoreError};

use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::receipts::{self, Registered};
use crate::registration::position;
use crate::sequencer::weigh::erased_by;
use crate::shared::Shared;
use crate::workers::Sort;

/// What is known of an entry id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptState {
    /// It is in the log.
    Issued {
        /// Its public handle.
        id: EntryId,
        /// Its position.
        index: LeafIndex,
        /// A fresh receipt at the same position (SCR-13).
        receipt: Vec<u8>,
    },
    /// It is on its way to the sequencer, or waits for the witnesses.
    Running,
}

impl Ledger {
    /// A fresh receipt for an entry (SCR-32).
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] for an id that is neither in the log nor on its way, [`ReadError::Erased`] for one whose
    /// statement was erased.
    pub async fn receipt(&self, id: EntryId) -> Result<ReceiptState, ReadError> {
        let shared = Arc::clone(&self.shared);
        // Asked before the log is read: an entry that is committed in between is found there.
        let running = self.shared.in_flight.contains(&id);
        let found = self.shared.workers.run(Sort::Read, move || issue(&shared, id)).await?;
        match found {
            Err(ReadError::NotFound) if running => Ok(ReceiptState::Running),
            Ok(None) => Ok(ReceiptState::Running),
            Ok(Some((index, receipt))) => Ok(ReceiptState::Issued { id, index, receipt }),
            Err(error) => Err(error),
        }
    }

    /// The canonical signed statement: what was hashed into the log.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] for an unknown id, [`ReadError::Erased`] for one whose statement was erased.
    pub async fn statement(&self, id: EntryId) -> Result<Bytes, ReadError> {
        self.stored(id, |snapshot, index| snapshot.statement(index)).await
    }

    /// The collateral record of an entry (D12; encoding: [`crate::Collateral`]).
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] for an unknown id, [`ReadError::Erased`] for one whose statement was erased.
    pub async fn collateral(&self, id: EntryId) -> Result<Bytes, ReadError> {
        self.stored(id, |snapshot, index| snapshot.collateral(index)).await
    }

    /// The statement with a fresh receipt in unprotected header 394; `None` while the receipt waits for the witnesses.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] for an unknown id, [`ReadError::Erased`] for one whose statement was erased.
    pub async fn transparent(&self, id: EntryId) -> Result<Option<Vec<u8>>, ReadError> {
        let shared = Arc::clone(&self.shared);
        let work = move || -> Result<Option<Vec<u8>>, ReadError> {
            let (statement, registered) = registered(&shared, id)?;
            if !shared.may_issue(registered.index) {
                return Ok(None);
            }
            let receipt = receipts::inclusion(&shared, &registered)?;
            Ok(Some(proofs::transparent::attach(&statement, &[receipt])))
        };
        self.shared.workers.run(Sort::Read, work).await?
    }

    /// A consistency receipt (RFC 9942 §5.2.2, D2): its subject is the log itself.
    ///
    /// # Errors
    ///
    /// [`ReadError::BadRange`] unless `0 < from < to <= ` committed size (RCPT-16).
    pub async fn consistency(&self, from: TreeSize, to: TreeSize) -> Result<Vec<u8>, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || receipts::consistency(&shared, from, to)).await?
    }

    async fn stored<F>(&self, id: EntryId, read: F) -> Result<Bytes, ReadError>
    where
        F: FnOnce(&dyn Snapshot, LeafIndex) -> Result<Option<Bytes>, StoreError> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let work = move || -> Result<Bytes, ReadError> {
            let index = position(&shared, &id).map_err(InternalError::from)?.ok_or(ReadError::NotFound)?;
            let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
            let bytes = read(snapshot.as_ref(), index).map_err(InternalError::from)?;
            bytes.ok_or_else(|| gone(snapshot.as_ref(), index))
        };
        self.shared.workers.run(Sort::Read, work).await?
    }
}

fn issue(shared: &Shared, id: EntryId) -> Result<Option<(LeafIndex, Vec<u8>)>, ReadError> {
    let (_, registered) = registered(shared, id)?;
    if !shared.may_issue(registered.index) {
        return Ok(None);
    }
    Ok(Some((registered.index, receipts::inclusion(shared, &registered)?)))
}

/// Why there is nothing to read of an entry. Nothing is left of an erased one that a receipt could be made of: its
/// subject may be the name of a person, so it went too.
fn gone(snapshot: &dyn Snapshot, index: LeafIndex) -> ReadError {
    match erased_by(snapshot, index) {
        Ok(Some(by)) => ReadError::Erased { by },
        Ok(None) => InternalError::Entry(index).into(),
        Err(error) => InternalError::from(error).into(),
    }
}

/// The statement under `id`, and what a receipt says of it.
fn registered(shared: &Shared, id: EntryId) -> Result<(SignedStatement, Registered), ReadError> {
    let index = position(shared, &id).map_err(InternalError::from)?.ok_or(ReadError::NotFound)?;
    let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
    let damaged = InternalError::Entry(index);
    let row = snapshot.entry(index).map_err(InternalError::from)?;
    let Some(registered_at) = row.map(|row| row.registered_at) else { return Err(damaged.into()) };
    let Some(bytes) = snapshot.statement(index).map_err(InternalError::from)? else {
        return Err(gone(snapshot.as_ref(), index));
    };
    let Ok(statement) = SignedStatement::parse(&bytes, bytes.len()) else { return Err(damaged.into()) };
    if statement.entry_id() != id {
        return Err(damaged.into());
    }
    let subject = statement.header().subject.as_str().into();
    Ok((statement, Registered { id, index, registered_at, subject }))
}
