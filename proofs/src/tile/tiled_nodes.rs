//! Reading a tree out of tiles, never beyond a tree head.

use super::{TileHashes, TileId, TileRun};
use crate::hash::Hash;
use crate::position::{NodeId, TreeHead};
use crate::tree::{CompactRange, NodeReader};

/// Why nodes could not be read out of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError<E> {
    /// The node is not, or not wholly, in the tree.
    #[error("node {index} of level {level} is beyond the tree head")]
    Beyond {
        /// The level of the node.
        level: u8,
        /// Its place on the level.
        index: u64,
    },
    /// The tiles could not be fetched.
    #[error("the tiles could not be fetched")]
    Fetch(#[source] E),
    /// Another number of tiles came than was asked for.
    #[error("{asked} tiles were asked for, {got} came")]
    WrongCount {
        /// How many tiles were asked for.
        asked: usize,
        /// How many came.
        got: usize,
    },
    /// A tile that the tree head implies is not there.
    #[error("tile {} of level {} is missing", .0.index, .0.level)]
    Missing(TileId),
    /// A tile has fewer hashes than the tree head implies, or is not a row of at most 256 hashes.
    #[error("tile {} of level {} is damaged or too short", .0.index, .0.level)]
    Short(TileId),
    /// The hashes of a tile do not hash to what the tile above says of it.
    #[error("tile {} of level {} contradicts the tile above", .0.index, .0.level)]
    Contradicts(TileId),
    /// The right edge does not hash to the root of the tree head.
    #[error("the right edge of the tree does not lead to its root")]
    RootMismatch,
}

/// Reads nodes out of the tiles that `fetch` gives, clipped to a tree head. `fetch` is called once for each
/// read, with the tiles it needs, each once; it answers in the same order, with `None` for a tile that it
/// does not have. A tile may be wider than the head implies: what lies beyond is not looked at.
///
/// Only bounds are checked, so use it where what is read is folded to the root afterwards, as a proof is
/// before it is sent; elsewhere read through [`TiledNodes::proven`].
#[derive(Debug, Clone)]
pub struct TiledNodes<F> {
    head: TreeHead,
    fetch: F,
}

impl<F> TiledNodes<F> {
    /// The tree of this head.
    #[must_use]
    pub fn open(head: TreeHead, fetch: F) -> Self {
        Self { head, fetch }
    }

    /// The same tree, read with proof.
    #[must_use]
    pub fn proven(self) -> ProvenNodes<F> {
        ProvenNodes(self)
    }

    /// The head that everything is clipped to.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// Reads the right edge and folds it to the root of the head: with it, appending can go on.
    ///
    /// # Errors
    /// When a tile is missing or short, or the root is another one.
    pub fn verify_right_edge<T, E>(&self) -> Result<CompactRange, TileError<E>>
    where
        T: TileHashes,
        F: Fn(&[TileId]) -> Result<Vec<Option<T>>, E>,
    {
        let hashes = self.read(&CompactRange::node_ids(self.head.size))?;
        fold_to_root(self.head, hashes)
    }

    fn runs<E>(&self, ids: &[NodeId]) -> Result<Vec<TileRun>, TileError<E>> {
        ids.iter().map(|id| self.run(*id)).collect()
    }

    fn run<E>(&self, id: NodeId) -> Result<TileRun, TileError<E>> {
        if id.in_tree(self.head.size) {
            Ok(TileId::for_node(id))
        } else {
            Err(TileError::Beyond { level: id.level, index: id.index })
        }
    }

    /// Fetches the tiles, without repetition, and checks that each is as wide as the head implies.
    fn fetch<T, E>(&self, mut wanted: Vec<TileId>) -> Result<Tiles<T>, TileError<E>>
    where
        T: TileHashes,
        F: Fn(&[TileId]) -> Result<Vec<Option<T>>, E>,
    {
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(Tiles(Vec::new()));
        }
        let found = (self.fetch)(&wanted).map_err(TileError::Fetch)?;
        if found.len() != wanted.len() {
            return Err(TileError::WrongCount { asked: wanted.len(), got: found.len() });
        }
        let check = |(id, hashes): (TileId, Option<T>)| {
            let hashes = hashes.ok_or(TileError::Missing(id))?;
            let needed = usize::from(id.width_at(self.head.size));
            if hashes.width().is_some_and(|width| width >= needed) {
                Ok((id, hashes))
            } else {
                Err(TileError::Short(id))
            }
        };
        wanted.into_iter().zip(found).map(check).collect::<Result<_, _>>().map(Tiles)
    }
}

impl<F, T, E> NodeReader for TiledNodes<F>
where
    T: TileHashes,
    F: Fn(&[TileId]) -> Result<Vec<Option<T>>, E>,
{
    type Error = TileError<E>;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, Self::Error> {
        let runs = self.runs(ids)?;
        let tiles = self.fetch(runs.iter().map(|run| run.tile).collect())?;
        runs.iter().map(|run| tiles.node(*run)).collect()
    }
}

/// Reads nodes as [`TiledNodes`] does, and believes none of the tiles: of each that is read, every hash the
/// head implies is hashed upward, through the tiles above, to the root of the head. A flipped bit anywhere in
/// them is an error. Costs up to 255 node hashes for each full tile read.
#[derive(Debug, Clone)]
pub struct ProvenNodes<F>(TiledNodes<F>);

impl<F, T, E> NodeReader for ProvenNodes<F>
where
    T: TileHashes,
    F: Fn(&[TileId]) -> Result<Vec<Option<T>>, E>,
{
    type Error = TileError<E>;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, Self::Error> {
        let Self(nodes) = self;
        let head = nodes.head;
        let runs = nodes.runs(ids)?;
        let edge = nodes.runs(&CompactRange::node_ids(head.size))?;
        let mut wanted: Vec<TileId> = edge.iter().map(|run| run.tile).collect();
        for run in &runs {
            // A full tile is vouched for by the one above; one that is not full is all right edge.
            let mut tile = run.tile;
            wanted.push(tile);
            while let Some(above) = above(tile, head) {
                tile = above.tile;
                wanted.push(tile);
            }
        }
        let tiles = nodes.fetch(wanted)?;
        let edge = edge.iter().map(|run| tiles.node(*run)).collect::<Result<_, _>>()?;
        fold_to_root(head, edge)?;
        for (id, _) in &tiles.0 {
            let Some(above) = above(*id, head) else { continue };
            if tiles.node(TileRun { tile: *id, start: 0, len: super::TILE_WIDTH })? != tiles.node(above)? {
                return Err(TileError::Contradicts(*id));
            }
        }
        runs.iter().map(|run| tiles.node(*run)).collect()
    }
}

/// Where the tile above has the root over this tile; `None` when the tile is not full.
fn above(tile: TileId, head: TreeHead) -> Option<TileRun> {
    let root = tile.root_node();
    root.in_tree(head.size).then(|| TileId::for_node(root))
}

fn fold_to_root<E>(head: TreeHead, edge: Vec<Hash>) -> Result<CompactRange, TileError<E>> {
    CompactRange::from_nodes(head.size, edge)
        .ok()
        .filter(|range| range.root() == head.root)
        .ok_or(TileError::RootMismatch)
}

/// Tiles as wide as the head implies, ascending by name.
struct Tiles<T>(Vec<(TileId, T)>);

impl<T: TileHashes> Tiles<T> {
    fn node<E>(&self, run: TileRun) -> Result<Hash, TileError<E>> {
        let at = self.0.binary_search_by_key(&run.tile, |(id, _)| *id).ok();
        let tile = at.and_then(|at| self.0.get(at)).map(|(_, hashes)| hashes);
        let tile = tile.ok_or(TileError::Missing(run.tile))?;
        tile.node(run.start, run.len).ok_or(TileError::Short(run.tile))
    }
}

#[cfg(test)]
mod tests;
