//! Growing the tree by one round. Pure: what it returns is what will be stored, nothing is stored here.

use proofs::tile::{ExpandedTile, TileHashes, TileId};
use proofs::tree::TreeFull;
use proofs::{CompactRange, Hash, NodeId, TreeHead, UnixTime, leaf_hash};
use storage::{Commit, Head, IndexRow, NewEntry, TilePut};

/// The right edge of the tree: all that appending needs.
#[derive(Clone)]
pub(crate) struct Edge {
    range: CompactRange,
    /// The last tile of each level, while it is not full.
    partial: Vec<ExpandedTile>,
}

/// What one round adds.
pub(crate) struct Growth {
    pub(crate) commit: Commit,
    pub(crate) edge: Edge,
    /// The tiles that became full.
    pub(crate) full: Vec<(TileId, ExpandedTile)>,
}

impl Edge {
    /// The edge of the empty tree.
    pub(crate) fn empty() -> Self {
        Self { range: CompactRange::empty(), partial: Vec::new() }
    }

    /// An edge that was read back: its range, and the last tile of each level, from level 0 up, where it is partial.
    pub(crate) fn restored(range: CompactRange, partial: Vec<ExpandedTile>) -> Self {
        Self { range, partial }
    }

    /// The last tile of each level, from level 0 up: empty where the level ends with a full tile.
    pub(crate) fn tiles(&self) -> &[ExpandedTile] {
        &self.partial
    }

    fn level(&mut self, level: usize) -> &mut ExpandedTile {
        if self.partial.len() <= level {
            self.partial.resize(level.saturating_add(1), ExpandedTile::default());
        }
        // The resize above makes the index valid; the fallback only keeps the compiler from needing a panic.
        let last = self.partial.len().saturating_sub(1).min(level);
        #[expect(clippy::indexing_slicing, reason = "the vector was just grown to hold this level")]
        &mut self.partial[last]
    }
}

/// Appends `entries` to the tree that ends at `edge` and was committed as `base`.
pub(crate) fn integrate(
    base: Option<TreeHead>,
    edge: &Edge,
    entries: Vec<NewEntry>,
    rows: Vec<IndexRow>,
    time: UnixTime,
) -> Result<Growth, TreeFull> {
    let mut edge = edge.clone();
    let mut tiles = Tiles::default();
    for entry in &entries {
        let mut range = std::mem::replace(&mut edge.range, CompactRange::empty());
        range.append(leaf_hash(&entry.entry), &mut |node, hash| tiles.put(&mut edge, node, &hash))?;
        edge.range = range;
    }
    let Touched { full, tiles } = tiles.finish(&edge);
    let head = Head { tree: TreeHead { size: edge.range.size(), root: edge.range.root() }, time };
    Ok(Growth { commit: Commit { base, head, entries, tiles, rows, erasures: Vec::new() }, edge, full })
}

/// The tiles a round touches: each once, at its widest.
#[derive(Default)]
struct Tiles {
    full: Vec<(TileId, ExpandedTile)>,
    touched: Vec<Option<TileId>>,
}

/// The same, as they are stored.
struct Touched {
    full: Vec<(TileId, ExpandedTile)>,
    tiles: Vec<TilePut>,
}

impl Tiles {
    fn put(&mut self, edge: &mut Edge, node: NodeId, hash: &Hash) {
        let run = TileId::for_node(node);
        if run.len != 1 {
            return; // between two tile levels: computed by the tile itself
        }
        let id = run.tile;
        let level = usize::from(id.level);
        let tile = edge.level(level);
        // A full tile is taken away at once, so there is always room.
        let _room = tile.push(*hash);
        if self.touched.len() <= level {
            self.touched.resize(level.saturating_add(1), None);
        }
        let touched = self.touched.get_mut(level);
        if tile.is_full() {
            self.full.push((id, std::mem::take(tile)));
            touched.into_iter().for_each(|slot| *slot = None);
        } else {
            touched.into_iter().for_each(|slot| *slot = Some(id));
        }
    }

    fn finish(self, edge: &Edge) -> Touched {
        let Self { full, touched } = self;
        let partial = touched.into_iter().zip(&edge.partial).filter_map(|(id, tile)| Some((id?, tile)));
        let full_ones = full.iter().map(|(id, tile)| (*id, tile));
        let put = |(id, tile): (TileId, &ExpandedTile)| {
            let hashes = tile.bytes(tile.width()?)?;
            Some(TilePut { id, hashes })
        };
        let tiles = full_ones.chain(partial).filter_map(put).collect();
        Touched { full, tiles }
    }
}
