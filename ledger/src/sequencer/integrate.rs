//! Growing the tree by one round. Pure: what it returns is what will be stored, nothing is stored here.

use proofs::tile::{TILE_WIDTH, TileId};
use proofs::tree::TreeFull;
use proofs::{CompactRange, Hash, NodeId, TreeHead, UnixTime, leaf_hash};
use storage::{Commit, Head, IndexRow, NewEntry, TilePut};

/// The right edge of the tree: all that appending needs.
#[derive(Clone)]
pub(crate) struct Edge {
    range: CompactRange,
    /// The content of the last tile of each level, while it is not full.
    partial: Vec<Vec<u8>>,
}

/// What one round adds.
pub(crate) struct Growth {
    pub(crate) commit: Commit,
    pub(crate) edge: Edge,
}

impl Edge {
    /// The edge of the empty tree.
    pub(crate) fn empty() -> Self {
        Self { range: CompactRange::empty(), partial: Vec::new() }
    }

    /// An edge that was read back: its range, and the last tile of each level, from level 0 up, where it is partial.
    pub(crate) fn restored(range: CompactRange, partial: Vec<Vec<u8>>) -> Self {
        Self { range, partial }
    }

    fn level(&mut self, level: usize) -> &mut Vec<u8> {
        if self.partial.len() <= level {
            self.partial.resize(level.saturating_add(1), Vec::new());
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
    let tiles = tiles.finish(&edge);
    let head = Head { tree: TreeHead { size: edge.range.size(), root: edge.range.root() }, time };
    Ok(Growth { commit: Commit { base, head, entries, tiles, rows }, edge })
}

/// The tiles a round touches: each once, at its widest.
#[derive(Default)]
struct Tiles {
    full: Vec<TilePut>,
    touched: Vec<Option<TileId>>,
}

impl Tiles {
    fn put(&mut self, edge: &mut Edge, node: NodeId, hash: &Hash) {
        let run = TileId::for_node(node);
        if run.len != 1 {
            return; // between two tile levels: computed when it is needed
        }
        let id = run.tile;
        let level = usize::from(id.level);
        let content = edge.level(level);
        content.extend_from_slice(hash.as_bytes());
        if self.touched.len() <= level {
            self.touched.resize(level.saturating_add(1), None);
        }
        let touched = self.touched.get_mut(level);
        if content.len() == TILE_WIDTH * Hash::LEN {
            self.full.push(TilePut { id, hashes: std::mem::take(content) });
            touched.into_iter().for_each(|slot| *slot = None);
        } else {
            touched.into_iter().for_each(|slot| *slot = Some(id));
        }
    }

    fn finish(self, edge: &Edge) -> Vec<TilePut> {
        let Self { mut full, touched } = self;
        let partial = touched.into_iter().zip(&edge.partial);
        full.extend(partial.filter_map(|(id, content)| Some(TilePut { id: id?, hashes: content.clone() })));
        full
    }
}
