//! The fork guard: a checkpoint that somebody else kept, against the log as it is stored (D11, invariant 13).
//!
//! Only a checkpoint that verifies under the log's own key counts, so that no liar can stop a log. One that lies ahead of
//! the store, or has another root, proves that the store is an old copy or another history: it must not sign.

use proofs::{Hash, TreeHead, TreeSize};
use storage::LogStore;

use crate::error::{InternalError, OpenError};
use crate::ledger::Ledger;
use crate::receipts::root_at;
use crate::recovery;
use crate::shared::Shared;

/// What a checkpoint from elsewhere says about the log that is stored here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// It is not signed by this log, so it says nothing.
    Foreign(String),
    /// The store continues it.
    Continues(TreeHead),
    /// It is ahead of the store: entries that were published are missing here.
    Behind {
        /// Entries in the store.
        stored: TreeSize,
        /// Entries under the checkpoint.
        known: TreeSize,
    },
    /// The store has another history.
    Contradicts {
        /// The size of the checkpoint.
        size: TreeSize,
        /// The root recomputed from the store.
        stored: Hash,
        /// The root that was signed.
        known: Hash,
    },
}

impl Compared {
    /// Whether the log must not sign any more, and one sentence that says why and what to do.
    #[must_use]
    pub fn stops(&self) -> Option<String> {
        let why = match self {
            Self::Foreign(_) | Self::Continues(_) => return None,
            Self::Behind { stored, known } => format!(
                "this log signed a checkpoint over {known} entries, but the store ends at {stored}: it is an old copy \
                 or has lost its end"
            ),
            Self::Contradicts { size, stored, known } => format!(
                "this log signed {known} as its root at size {size}, but the store has {stored} there: it is another \
                 history"
            ),
        };
        Some(format!(
            "{why}; signing anything would be a second history under one origin. Restore a copy that continues the \
             checkpoint, or found a new log"
        ))
    }
}

/// Compares a stored log with a checkpoint from elsewhere, without changing anything. A log that is open asks
/// [`Ledger::compare`] instead.
///
/// # Errors
/// [`OpenError`] if the store does not hold a log that can be read.
pub fn compare(store: &dyn LogStore, checkpoint: &[u8]) -> Result<Compared, OpenError> {
    let snapshot = store.snapshot()?;
    let head = snapshot.head().ok_or(OpenError::Empty)?.tree;
    let governance = recovery::governance(snapshot.as_ref(), head)?;
    let known = match recovery::own_checkpoint_bytes(checkpoint, &governance) {
        Ok(known) => known.head,
        Err(error) => return Ok(Compared::Foreign(error.to_string())),
    };
    let root = |size| recovery::stored_root(snapshot.as_ref(), head, size);
    judge(head, known, root)
}

impl Ledger {
    /// Compares this log with a checkpoint from elsewhere.
    ///
    /// # Errors
    /// [`InternalError`] if the tree cannot be read.
    pub fn compare(&self, checkpoint: &[u8]) -> Result<Compared, InternalError> {
        compare_shared(&self.shared, checkpoint)
    }
}

pub(crate) fn compare_shared(shared: &Shared, checkpoint: &[u8]) -> Result<Compared, InternalError> {
    let governance = shared.state().governance;
    let known = match recovery::own_checkpoint_bytes(checkpoint, &governance) {
        Ok(known) => known.head,
        Err(error) => return Ok(Compared::Foreign(error.to_string())),
    };
    let tiles = shared.tree();
    judge(tiles.head(), known, |size| root_at(size, &tiles.nodes()))
}

fn judge<E>(
    head: TreeHead,
    known: TreeHead,
    root: impl Fn(TreeSize) -> Result<Hash, E>,
) -> Result<Compared, E> {
    if known.size > head.size {
        return Ok(Compared::Behind { stored: head.size, known: known.size });
    }
    let stored = root(known.size)?;
    if stored == known.root {
        Ok(Compared::Continues(known))
    } else {
        Ok(Compared::Contradicts { size: known.size, stored, known: known.root })
    }
}
