//! The tree and its entries as readers of tiles want them (C2SP tlog-tiles): never beyond the newest checkpoint.
//!
//! A tile is stored once, at its widest, and entries one by one: a narrower tile is cut from the stored one, a bundle
//! put together, both from one snapshot. So every width a checkpoint ever implied stays there (TILE-07), and there
//! are no files of partial tiles to collect.

#[cfg(test)]
mod tests;

use std::num::NonZeroU8;
use std::sync::Arc;

use bytes::Bytes;
use proofs::tile::{TILE_WIDTH, TileId, entry_bundle};
use proofs::{Hash, LeafIndex, TreeSize};
use storage::Snapshot;

use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::shared::Shared;
use crate::workers::Sort;

impl Ledger {
    /// How many entries the newest checkpoint covers.
    #[must_use]
    pub fn published_size(&self) -> TreeSize {
        self.shared.published_size()
    }

    /// The first `width` hashes of a tile, 32 bytes each; all 256 without a width (TILE-03, TILE-05). What is given
    /// for one tile and width never changes.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] if the newest checkpoint does not imply as many hashes (TILE-06).
    pub async fn tile(&self, id: TileId, width: Option<NonZeroU8>) -> Result<Bytes, ReadError> {
        self.cut(id, width, move |snapshot, count| hashes(snapshot, id, count)).await
    }

    /// The first `width` entries from index · 256 on, each behind its length; all 256 without a width (TILE-08).
    ///
    /// # Errors
    ///
    /// [`ReadError::NotFound`] if the newest checkpoint does not cover as many entries.
    pub async fn entry_bundle(&self, index: u64, width: Option<NonZeroU8>) -> Result<Bytes, ReadError> {
        let leaves = TileId { level: 0, index };
        self.cut(leaves, width, move |snapshot, count| entries(snapshot, index, count)).await
    }

    async fn cut<F>(&self, id: TileId, width: Option<NonZeroU8>, read: F) -> Result<Bytes, ReadError>
    where
        F: FnOnce(&dyn Snapshot, usize) -> Result<Bytes, InternalError> + Send + 'static,
    {
        let count = width.map_or(TILE_WIDTH, |width| usize::from(width.get()));
        // The checkpoint is asked before the snapshot is taken, which therefore holds all that it covers (TILE-12).
        if count > usize::from(id.width_at(self.published_size())) {
            return Err(ReadError::NotFound);
        }
        let shared: Arc<Shared> = Arc::clone(&self.shared);
        let work = move || -> Result<Bytes, InternalError> { read(shared.store.snapshot()?.as_ref(), count) };
        Ok(self.shared.workers.run(Sort::Read, work).await??)
    }
}

fn hashes(snapshot: &dyn Snapshot, id: TileId, count: usize) -> Result<Bytes, InternalError> {
    let stored = snapshot.tiles(&[id])?.pop().flatten();
    let len = count.saturating_mul(Hash::LEN);
    let mut tile = stored.filter(|tile| tile.len() >= len).ok_or_else(|| damaged(id, count))?;
    tile.truncate(len);
    Ok(tile.into())
}

fn entries(snapshot: &dyn Snapshot, index: u64, count: usize) -> Result<Bytes, InternalError> {
    let first = LeafIndex::new(index.saturating_mul(256));
    let entries: Vec<[u8; 32]> = snapshot.entries(first, count)?.into_iter().map(|row| row.entry).collect();
    if entries.len() != count {
        return Err(InternalError::Entry(first));
    }
    entry_bundle::encode(&entries).map(Bytes::from).map_err(|error| InternalError::Tree(error.to_string()))
}

fn damaged(id: TileId, count: usize) -> InternalError {
    InternalError::Tree(format!(
        "tile {} of level {} has not the {count} hashes it should have",
        id.index, id.level
    ))
}
