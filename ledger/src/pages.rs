//! Entries in bulk with their statements and collateral, for those who replay decisions (form: [`proofs::page`]).

#[cfg(test)]
mod tests;

use std::sync::Arc;

use proofs::manifest::collateral_hash;
use proofs::page::{PageCollateral, PageRow, write_row};
use proofs::{EntryId, Hash, LeafIndex, SignedStatement, TreeSize, sha256};
use storage::Snapshot;

use crate::control::ControlType;
use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::receipts::root_at;
use crate::rows;
use crate::shared::Shared;
use crate::workers::Sort;

/// How many bytes are read at a time: what one reader takes of memory and of a worker thread.
const PIECE_BYTES: usize = 64 * 1024;

/// The entries from `from` up to, not including, `to`, all of them under the newest checkpoint when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRange {
    from: LeafIndex,
    to: TreeSize,
}

/// What a reader of pages may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Statements and collateral.
    Whole,
    /// Only that there are entries, and the digest of each one's collateral; but the log's own statements, which are for
    /// everybody (D4, D12), whole: its rules, and the manifests that the digests fold to.
    Digests,
}

/// Some rows in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePiece {
    /// The rows, encoded.
    pub bytes: Vec<u8>,
    /// What follows them; the beginning of the range asked for if no row fitted.
    pub next: LeafIndex,
}

impl PageRange {
    /// The first entry.
    #[must_use]
    pub fn from(self) -> LeafIndex {
        self.from
    }

    /// What is left from `next` on; `None` if nothing is.
    #[must_use]
    pub fn rest(self, next: LeafIndex) -> Option<Self> {
        (next >= self.from && next.in_tree(self.to)).then_some(Self { from: next, ..self })
    }
}

impl Ledger {
    /// The entries from `from` on, up to `to` if it is given and otherwise to the newest checkpoint.
    ///
    /// # Errors
    ///
    /// [`ReadError::BadPage`] unless `from < to <= ` size of the newest checkpoint.
    pub fn page_range(&self, from: LeafIndex, to: Option<TreeSize>) -> Result<PageRange, ReadError> {
        let size = self.published_size();
        let to = to.unwrap_or(size);
        if to > size || !from.in_tree(to) {
            return Err(ReadError::BadPage { from, to, size });
        }
        Ok(PageRange { from, to })
    }

    /// A digest that changes when what is read of this range does: it is over the root of the tree that ends with the
    /// range, and so over every entry of it.
    ///
    /// # Errors
    ///
    /// [`ReadError::Internal`].
    pub async fn page_tag(&self, range: PageRange, detail: Detail) -> Result<Hash, ReadError> {
        let shared = Arc::clone(&self.shared);
        Ok(self.shared.workers.run(Sort::Read, move || tag(&shared, range, detail)).await??)
    }

    /// The first rows of a range: about 64 KiB of them, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError::Internal`].
    pub async fn page_piece(
        &self,
        range: PageRange,
        detail: Detail,
        limit: usize,
    ) -> Result<PagePiece, ReadError> {
        let shared = Arc::clone(&self.shared);
        Ok(self.shared.workers.run(Sort::Read, move || piece(&shared, range, detail, limit)).await??)
    }
}

fn tag(shared: &Shared, range: PageRange, detail: Detail) -> Result<Hash, InternalError> {
    let root = root_at(range.to, &shared.tree().nodes())?;
    // An erasure changes what is read of an older range; a tag for all of them is enough, because they are rare.
    let snapshot = shared.store.snapshot()?;
    let size = snapshot.head().map_or(TreeSize::EMPTY, |head| head.tree.size);
    let erasure = rows::newest(snapshot.as_ref(), rows::ERASURE, size)?;
    let erasure = erasure.map_or(0, LeafIndex::get).to_be_bytes();
    let sort: u8 = match detail {
        Detail::Whole => 0,
        Detail::Digests => 1,
    };
    let (from, to) = (range.from.get().to_be_bytes(), range.to.get().to_be_bytes());
    Ok(sha256(&[root.as_bytes(), &from[..], &to, &erasure, &[sort]].concat()))
}

fn piece(
    shared: &Shared,
    range: PageRange,
    detail: Detail,
    limit: usize,
) -> Result<PagePiece, InternalError> {
    let snapshot = shared.store.snapshot()?;
    let mut piece = PagePiece { bytes: Vec::new(), next: range.from };
    while piece.next.in_tree(range.to) && piece.bytes.len() < PIECE_BYTES {
        let before = piece.bytes.len();
        put(snapshot.as_ref(), piece.next, detail, &mut piece.bytes)?;
        if piece.bytes.len() > limit {
            piece.bytes.truncate(before);
            break;
        }
        piece.next = piece.next.next();
    }
    Ok(piece)
}

fn put(
    snapshot: &dyn Snapshot,
    index: LeafIndex,
    detail: Detail,
    out: &mut Vec<u8>,
) -> Result<(), InternalError> {
    let missing = || InternalError::Entry(index);
    let row = snapshot.entry(index)?.ok_or_else(missing)?;
    let entry = EntryId::from_bytes(row.entry);
    if let Some(erased) = row.erased {
        let collateral = PageCollateral::Digest(Hash::new(erased.remains));
        write_row(out, &PageRow { index, entry, statement: None, collateral });
        return Ok(());
    }
    let record = snapshot.collateral(index)?.ok_or_else(missing)?;
    let statement = snapshot.statement(index)?.ok_or_else(missing)?;
    if detail == Detail::Whole || is_own(&statement) {
        let collateral = PageCollateral::Record(&record);
        write_row(out, &PageRow { index, entry, statement: Some(&statement), collateral });
    } else {
        let collateral = PageCollateral::Digest(collateral_hash(&record));
        write_row(out, &PageRow { index, entry, statement: None, collateral });
    }
    Ok(())
}

/// Whether the log says it of itself: nobody else can register a statement of these types.
fn is_own(statement: &[u8]) -> bool {
    let parsed = SignedStatement::parse(statement, statement.len());
    parsed.is_ok_and(|statement| ControlType::of(statement.header()).is_some())
}
