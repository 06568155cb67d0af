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
#[derive(Debug, Clone)]
pub struct ExpandedTile {
    /// The hashes themselves, then the nodes one level up, and so on to the last level that has any.
    rows: Arc<[Hash]>,
    width: usize,
}

impl ExpandedTile {
    /// Takes the bytes of a tile; `None` unless they are 1 to 256 hashes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let width = bytes.width()?;
        let mut rows = Vec::with_capacity(2 * width);
        rows.extend(bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice));
        let (mut from, mut len) = (0, width);
        while len > 1 {
            for left in (from..from + len - 1).step_by(2) {
                let (left, right) = (rows.get(left).copied()?, rows.get(left + 1).copied()?);
                rows.push(node_hash(&left, &right));
            }
            from += len;
            len /= 2;
        }
        Some(Self { rows: rows.into(), width })
    }
}

impl TileHashes for ExpandedTile {
    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn node(&self, start: usize, len: usize) -> Option<Hash> {
        let (mut from, mut row, mut index, mut len) = (0, self.width, start, len);
        while len > 1 {
            from += row;
            row /= 2;
            index /= 2;
            len /= 2;
        }
        if index < row { self.rows.get(from + index).copied() } else { None }
    }
}
