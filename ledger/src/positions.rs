//! What is at a position of the log: for doors whose names for entries are numbers.

use std::sync::Arc;

use proofs::{EntryId, LeafIndex, TreeSize};

use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::shared::Shared;
use crate::workers::Sort;

impl Ledger {
    /// The entry at a position, erased or not.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] beyond the committed head.
    pub async fn entry_at(&self, index: LeafIndex) -> Result<EntryId, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || entry_at(&shared, index)).await?
    }

    /// Whether a receipt for the entry at a position can be had now: it is committed, and the witnesses have seen it
    /// where receipts wait for them (D10).
    #[must_use]
    pub fn is_issuable(&self, index: LeafIndex) -> bool {
        self.shared.may_issue(index)
    }

    /// Those of the first `count` positions from `from` on whose statements were not erased, in order; nothing beyond
    /// the committed head.
    ///
    /// # Errors
    ///
    /// [`ReadError::Internal`].
    pub async fn kept(&self, from: LeafIndex, count: usize) -> Result<Vec<LeafIndex>, ReadError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Read, move || kept(&shared, from, count)).await?
    }
}

fn size(shared: &Shared) -> TreeSize {
    shared.state.borrow().head.tree.size
}

fn entry_at(shared: &Shared, index: LeafIndex) -> Result<EntryId, ReadError> {
    if !index.in_tree(size(shared)) {
        return Err(ReadError::NotFound);
    }
    let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
    let row = snapshot.entry(index).map_err(InternalError::from)?.ok_or(InternalError::Entry(index))?;
    Ok(EntryId::from_bytes(row.entry))
}

fn kept(shared: &Shared, from: LeafIndex, count: usize) -> Result<Vec<LeafIndex>, ReadError> {
    // The head that was released bounds what is told, also while the store shows a commit that has not returned.
    let size = size(shared);
    let snapshot = shared.store.snapshot().map_err(InternalError::from)?;
    let rows = snapshot.entries(from, count).map_err(InternalError::from)?;
    let positions = std::iter::successors(Some(from), |index| Some(index.next()));
    let kept = positions.zip(rows).filter(|(index, row)| index.in_tree(size) && row.erased.is_none());
    Ok(kept.map(|(index, _)| index).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::testing::World;

    #[test]
    fn positions_lead_to_entries_and_end_at_the_committed_head() {
        let world = World::new();
        let mut bench = world.bench(Settings::default());
        let (id, index, _) = bench.must(world.statement(1));
        let at = |index| bench.runtime.block_on(bench.ledger.entry_at(LeafIndex::new(index)));
        assert_eq!(at(0).unwrap(), world.log_id);
        assert_eq!(at(index).unwrap(), id);
        assert!(matches!(at(index + 1), Err(ReadError::NotFound)));
        assert!(bench.ledger.is_issuable(LeafIndex::new(index)));
        assert!(!bench.ledger.is_issuable(LeafIndex::new(index + 1)));
        let kept = |from, count| -> Vec<u64> {
            let found = bench.runtime.block_on(bench.ledger.kept(LeafIndex::new(from), count)).unwrap();
            found.into_iter().map(LeafIndex::get).collect()
        };
        assert_eq!(kept(3, 100), [3, 4, 5]);
        assert_eq!(kept(0, 2), [0, 1]);
        assert_eq!(kept(6, 2), [0; 0]);
    }

    #[test]
    fn what_was_erased_is_not_listed() {
        let world = World::new();
        let mut bench = world.bench(Settings::default());
        let (id, index, _) = bench.must(world.statement(1));
        bench.must(world.statement(2));
        let erasure = crate::control::Erasure { entry: id, reason: "asked for".into() };
        let identity = bench.ledger.identity();
        bench.must(crate::control::erasure_statement(&identity, &erasure, &world.operator).unwrap());
        let kept = bench.runtime.block_on(bench.ledger.kept(LeafIndex::new(index), 3)).unwrap();
        assert_eq!(kept, [LeafIndex::new(index + 1), LeafIndex::new(index + 2)]);
        let at = bench.runtime.block_on(bench.ledger.entry_at(LeafIndex::new(index)));
        assert_eq!(at.unwrap(), id, "its leaf stays");
    }
}
