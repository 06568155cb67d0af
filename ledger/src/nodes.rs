//! The tree as readers see it: the right edge from memory, full tiles from a bounded cache, the rest from the store.
//!
//! Nothing is believed because it was stored. The right edge is what the sequencer committed, or what opening the log
//! folded to the root; a full tile that is read from the store must hash to what the tile above it says, and that one
//! is proven in the same way, up to the edge.

mod cache;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use proofs::TreeHead;
use proofs::tile::{ExpandedTile, TILE_WIDTH, TileHashes, TileId, TiledNodes};
use storage::{LogStore, StoreError};

pub(crate) use cache::TileCache;

use crate::shared::Shared;

/// The last tile of each level, from level 0 up, as of one committed head; empty where a level ends with a full tile.
pub(crate) type EdgeTiles = Arc<[ExpandedTile]>;

/// What fetching tiles gives: each where the head implies it and the store has it.
type Fetched = Result<Vec<Option<ExpandedTile>>, TileFault>;

/// Why a tile could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TileFault {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored tile is not what the tree above it says.
    #[error("the stored tile {} of level {} contradicts the tree above it", .0.index, .0.level)]
    Contradicts(TileId),
}

/// The tiles of one committed head.
pub(crate) struct TileReader<'a> {
    head: TreeHead,
    edge: EdgeTiles,
    cache: &'a TileCache,
    store: &'a dyn LogStore,
}

impl Shared {
    /// The tiles of the committed head.
    pub(crate) fn tree(&self) -> TileReader<'_> {
        let (head, edge) = {
            let state = self.state.borrow();
            (state.head.tree, Arc::clone(&state.edge))
        };
        TileReader::new(head, edge, &self.tiles, self.store.as_ref())
    }
}

impl<'a> TileReader<'a> {
    /// `edge` belongs to `head`, and both were committed to `store`.
    pub(crate) fn new(
        head: TreeHead,
        edge: EdgeTiles,
        cache: &'a TileCache,
        store: &'a dyn LogStore,
    ) -> Self {
        Self { head, edge, cache, store }
    }

    /// The head that the tiles belong to.
    pub(crate) fn head(&self) -> TreeHead {
        self.head
    }

    /// The nodes of the tree, each out of a proven tile.
    pub(crate) fn nodes(&self) -> TiledNodes<impl Fn(&[TileId]) -> Fetched + '_> {
        TiledNodes::open(self.head, |ids: &[TileId]| self.get(ids))
    }

    /// These tiles as wide as the head implies, in the order asked; `None` for one beyond the head, or one that the
    /// store has lost.
    pub(crate) fn get(&self, ids: &[TileId]) -> Fetched {
        let mut tiles: Vec<_> = ids.iter().map(|id| self.at_hand(*id)).collect();
        let absent = |(id, tile): (&TileId, &Option<ExpandedTile>)| {
            (tile.is_none() && self.is_full(*id)).then_some(*id)
        };
        let wanted: Vec<TileId> = ids.iter().zip(&tiles).filter_map(absent).collect();
        if wanted.is_empty() {
            return Ok(tiles);
        }
        let mut loaded = self.load(&wanted)?.into_iter();
        for (id, tile) in ids.iter().zip(&mut tiles) {
            if tile.is_none() && self.is_full(*id) {
                *tile = loaded.next().flatten();
            }
        }
        Ok(tiles)
    }

    fn is_full(&self, id: TileId) -> bool {
        usize::from(id.width_at(self.head.size)) == TILE_WIDTH
    }

    /// A tile that needs no store.
    fn at_hand(&self, id: TileId) -> Option<ExpandedTile> {
        match usize::from(id.width_at(self.head.size)) {
            0 => None,
            TILE_WIDTH => self.cache.get(id),
            _ => self.edge.get(usize::from(id.level)).cloned(),
        }
    }

    /// Reads full tiles out of the store, in one go, and proves each.
    fn load(&self, ids: &[TileId]) -> Fetched {
        let stored = self.store.snapshot()?.tiles(ids)?;
        let mut loaded = Vec::with_capacity(ids.len());
        for (id, bytes) in ids.iter().zip(stored) {
            let tile = bytes.and_then(|bytes| ExpandedTile::new(&bytes)).filter(ExpandedTile::is_full);
            if let Some(tile) = &tile {
                self.prove(*id, tile)?;
                self.cache.put(*id, tile.clone());
            }
            loaded.push(tile);
        }
        Ok(loaded)
    }

    /// A full tile is vouched for by the one above it. There are at most eight levels, so this ends.
    fn prove(&self, id: TileId, tile: &ExpandedTile) -> Result<(), TileFault> {
        let run = TileId::for_node(id.root_node());
        let above = match self.at_hand(run.tile) {
            Some(above) => Some(above),
            None => self.load(&[run.tile])?.pop().flatten(),
        };
        let said = above.and_then(|above| above.node(run.start, run.len));
        if said.is_some() && said == tile.node(0, TILE_WIDTH) {
            Ok(())
        } else {
            Err(TileFault::Contradicts(id))
        }
    }
}
