//! Tiles: how a log stores and serves its tree (C2SP tlog-tiles).
//!
//! A tile is a row of up to 256 hashes. Tiles of level *l* hold nodes of tree level 8 · *l*, and the seven
//! levels between are computed. A tile that is not full only ever grows by appending.

pub mod entry_bundle;
pub mod expected_bundle;
mod hashes;
pub mod path;
pub mod tiled_nodes;

pub use hashes::{ExpandedTile, TileHashes};
pub use tiled_nodes::{ProvenNodes, TileError, TiledNodes};

use std::num::NonZeroU8;
use std::ops::Range;

use crate::position::{NodeId, TreeSize, nodes_at};

/// The number of hashes of a full tile, and of entries of a full bundle (tlog-tiles).
pub const TILE_WIDTH: usize = 256;
/// The number of tree levels from one tile level to the next (tlog-tiles).
pub const TILE_HEIGHT: u8 = 8;
/// [`TILE_WIDTH`] as indices count.
const WIDTH: u64 = 1 << TILE_HEIGHT;
/// The largest tile level that a path may name (tlog-tiles, TILE-04); tiles that hold something end at level
/// 7.
pub const MAX_TILE_LEVEL: u8 = 63;

/// The name of a tile, whatever its width (tlog-tiles): its hashes are the nodes of tree level 8 · `level`
/// from `index` · 256 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// The tile level; 0 holds leaf hashes.
    pub level: u8,
    /// The place among the tiles of this level, counted from 0.
    pub index: u64,
}

/// Where a node is in the tiles: the root over `len` hashes of a tile, a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileRun {
    /// The tile.
    pub tile: TileId,
    /// The first hash, counted from 0; a multiple of `len`.
    pub start: usize,
    /// The number of hashes: 1 when the node itself is stored, at most 128.
    pub len: usize,
}

impl TileId {
    /// Where to find a node.
    #[must_use]
    pub fn for_node(node: NodeId) -> TileRun {
        let height = node.level % TILE_HEIGHT;
        let tile = Self { level: node.level / TILE_HEIGHT, index: node.index >> (TILE_HEIGHT - height) };
        let [low, ..] = node.index.to_le_bytes();
        TileRun { tile, start: usize::from(low << height), len: 1 << height }
    }

    /// The node over all the hashes of this tile, were it full: what the tile above stores of it.
    #[must_use]
    pub fn root_node(self) -> NodeId {
        NodeId { level: self.level.saturating_add(1).saturating_mul(TILE_HEIGHT), index: self.index }
    }

    /// The first node of the tile. For level 0 it is also the first entry of the bundle with this index (TILE-08).
    #[must_use]
    pub fn first_node(self) -> NodeId {
        NodeId { level: self.level.saturating_mul(TILE_HEIGHT), index: self.index.saturating_mul(WIDTH) }
    }

    /// How many hashes the tile has in a tree of this size: 0 to 256 (TILE-05, TILE-06). For level 0 it is
    /// also the number of entries of the bundle with this index (TILE-08).
    #[must_use]
    pub fn width_at(self, size: TreeSize) -> u16 {
        let stored = nodes_at(self.level.saturating_mul(TILE_HEIGHT), size);
        let before = self.first_node().index;
        u16::try_from(stored.saturating_sub(before)).map_or(256, |width| width.min(256))
    }

    /// The width in a tree of this size if the tile is there and not full: the `W` of its path (TILE-06).
    #[must_use]
    pub fn partial_width_at(self, size: TreeSize) -> Option<NonZeroU8> {
        u8::try_from(self.width_at(size)).ok().and_then(NonZeroU8::new)
    }
}

/// The indices of the tiles that hold these hashes of a level, full or not; for leaf hashes also of the bundles with these
/// entries (TILE-08).
#[must_use]
pub fn tiles_with(hashes: Range<u64>) -> Range<u64> {
    if hashes.is_empty() {
        return 0..0;
    }
    hashes.start / WIDTH..hashes.end.div_ceil(WIDTH)
}

#[cfg(test)]
mod tests;
