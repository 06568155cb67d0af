//! Reading nodes out of one tile.

use std::sync::Arc;

use super::TILE_WIDTH;
use crate::hash::{Hash, node_hash};

/// The hashes of one tile, as bytes or prepared as an [`ExpandedTile`].
pub trait TileHashes {
    /// The number of hashes, 1 to 256; `None` when this is no tile at all.
    fn width(&self) -> Option<usize>;

    /// The root over `len` hashes from `start` on, where `len` is a power of two and divides `start`; `None`
    /// when the tile does not reach so far.
    fn node(&self, start: usize, len: usize) -> Option<Hash>;
}

/// A tile's bytes as stored and served: the hashes one after the other (TILE-05).
impl<T: AsRef<[u8]> + ?Sized> TileHashes for T {
    fn width(&self) -> Option<usize> {
        let bytes = self.as_ref().len();
        let width = bytes / Hash::LEN;
        (bytes % Hash::LEN == 0 && (1..=TILE_WIDTH).contains(&width)).then_some(width)
    }

    fn node(&self, start: usize, len: usize) -> Option<Hash> {
        let from = start.checked_mul(Hash::LEN)?;
        let to = from.checked_add(len.checked_mul(Hash::LEN)?)?;
        fold(self.as_ref().get(from..to)?)
    }
}

/// The root over a row of hashes whose number is a power of two.
fn fold(row: &[u8]) -> Option<Hash> {
    if row.len() <= Hash::LEN {
        return Hash::from_slice(row);
    }
    let (left, right) = row.split_at(row.len() / 2);
    Some(node_hash(&fold(left)?, &fold(right)?))
}

/// A tile with the nodes between its hashes computed, so that reading one is a look-up: at most 511 hashes,
/// 16 KiB. From the bytes of a full tile, the seven inner siblings of one leaf cost 247 node hashes each
/// time; this costs 255 once. Worth keeping for tiles that many proofs cross. A clone shares the hashes.
///
/// It may begin empty and grow by [`push`](Self::push), as the last tile of a level does.
#[derive(Debug, Clone, Default)]
pub struct ExpandedTile {
    /// Each hash followed by the nodes that it completes, from the lowest level up: a tile that grows only
    /// appends.
    pub(super) nodes: Arc<Vec<Hash>>,
    width: usize,
}

impl ExpandedTile {
    /// The most memory that one takes, in bytes, without what an allocator adds.
    pub const MAX_BYTES: usize = MAX_NODES * Hash::LEN;

    /// Takes the bytes of a tile; `None` unless they are 1 to 256 hashes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let width = bytes.width()?;
        let mut nodes = Vec::with_capacity(nodes_before(width));
        for (at, hash) in bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).enumerate() {
            complete(&mut nodes, at, hash);
        }
        Some(Self { nodes: Arc::new(nodes), width })
    }

    /// Appends one hash, computing the nodes it completes: one node hash on average. `false` when the tile is
    /// full, which leaves it as it was.
    ///
    /// Clones keep what they had: where there is one, what is stored is copied first.
    #[must_use]
    pub fn push(&mut self, hash: Hash) -> bool {
        if self.width == TILE_WIDTH {
            return false;
        }
        if let Some(nodes) = Arc::get_mut(&mut self.nodes).filter(|nodes| nodes.capacity() == MAX_NODES) {
            complete(nodes, self.width, hash);
        } else {
            // With room for all that may come: once for the life of the tile, or for each clone.
            let mut nodes = Vec::with_capacity(MAX_NODES);
            nodes.extend_from_slice(&self.nodes);
            complete(&mut nodes, self.width, hash);
            self.nodes = Arc::new(nodes);
        }
        self.width += 1;
        true
    }

    /// Whether there are 256 hashes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The first `width` hashes, one after the other, as stored and served (TILE-05); `None` when there are
    /// fewer.
    #[must_use]
    pub fn bytes(&self, width: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(width.min(TILE_WIDTH) * Hash::LEN);
        for at in 0..width {
            bytes.extend_from_slice(self.node(at, 1)?.as_bytes());
        }
        Some(bytes)
    }
}

/// The nodes of a full tile: 256, 128, and so on to 1.
const MAX_NODES: usize = 2 * TILE_WIDTH - 1;

/// How many nodes the first `hashes` hashes of a tile complete, themselves included.
fn nodes_before(hashes: usize) -> usize {
    let unpaired = usize::try_from(hashes.count_ones()).unwrap_or(0);
    (2 * hashes).saturating_sub(unpaired)
}

/// Appends hash number `at` and the nodes above it that it completes.
fn complete(nodes: &mut Vec<Hash>, at: usize, hash: Hash) {
    let mut hash = hash;
    nodes.push(hash);
    for level in 0..(at + 1).trailing_zeros() {
        // The left sibling was completed by the hash 2^level before.
        let left = (at + 1).checked_sub(1 << level).and_then(|end| position(end, level));
        let Some(left) = left.and_then(|left| nodes.get(left)) else { return };
        hash = node_hash(left, &hash);
        nodes.push(hash);
    }
}

/// Where the node of `level` is that ends with hash number `end - 1`; `None` for no hash.
fn position(end: usize, level: u32) -> Option<usize> {
    Some(nodes_before(end.checked_sub(1)?) + usize::try_from(level).ok()?)
}

impl TileHashes for ExpandedTile {
    fn width(&self) -> Option<usize> {
        (self.width > 0).then_some(self.width)
    }

    fn node(&self, start: usize, len: usize) -> Option<Hash> {
        if !len.is_power_of_two() || !start.is_multiple_of(len) {
            return None;
        }
        let end = start.checked_add(len).filter(|end| *end <= self.width)?;
        self.nodes.get(position(end, len.trailing_zeros())?).copied()
    }
}
