//! Entry bundles that nobody has to be believed for: what each must hash to follows from a tree head.

use std::ops::Range;

use super::entry_bundle::{self, DecodeBundleError};
use super::{TILE_HEIGHT, TILE_WIDTH, TileHashes, TileId};
use crate::hash::{Hash, leaf_hash};
use crate::position::{LeafIndex, NodeId, TreeSize};
use crate::tree::NodeReader;

/// What the entries of one bundle have to hash to (TILE-08).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedBundle {
    /// Which bundle, counted from 0; its first entry is 256 times that.
    pub index: u64,
    leaves: Leaves,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Leaves {
    /// The root over all 256.
    Full(Hash),
    /// Each leaf hash of a bundle that is not full.
    Partial(Vec<Hash>),
}

/// Why bytes are not the bundle that the tree head implies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// They are no bundle.
    #[error("bundle {index}: {error}")]
    Form {
        /// Which bundle.
        index: u64,
        /// What is wrong with it.
        error: DecodeBundleError,
    },
    /// Entries are missing at the end.
    #[error("bundle {index} is truncated: it has {found} entries, the tree has {expected} there")]
    Truncated {
        /// Which bundle.
        index: u64,
        /// How many entries came.
        found: usize,
        /// How many the tree head implies.
        expected: usize,
    },
    /// The entries are not those that the tree was made of: one was changed, dropped, added or moved.
    #[error("bundle {index} does not hold the entries of the tree")]
    Contradicts {
        /// Which bundle.
        index: u64,
    },
}

/// A bundle whose entries are those of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBundle<'a> {
    /// The entries, as many as the tree has there.
    pub entries: Vec<&'a [u8]>,
    /// Their leaf hashes one after the other: the tile of level 0 that belongs to the bundle (TILE-05).
    pub tile: Vec<u8>,
}

impl ExpectedBundle {
    /// What these bundles of a tree of this size have to hash to, with one call of the reader, which has to prove what
    /// it reads ([`super::ProvenNodes`]). Bundles of one aligned row of 256 need one tile of level 1 and those above
    /// it. `None` if the reader gives another number of hashes than it was asked for.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn read<R: NodeReader>(
        size: TreeSize,
        bundles: Range<u64>,
        reader: &R,
    ) -> Result<Option<Vec<Self>>, R::Error> {
        let mut ids = Vec::new();
        let mut widths = Vec::new();
        for index in bundles.clone() {
            let width = usize::from(TileId { level: 0, index }.width_at(size));
            let first = index.saturating_mul(256);
            let one_by_one = first..size.get().min(first.saturating_add(256));
            match width {
                TILE_WIDTH => ids.push(NodeId { level: TILE_HEIGHT, index }),
                _ => ids.extend(one_by_one.map(|leaf| NodeId::leaf(LeafIndex::new(leaf)))),
            }
            widths.push(width);
        }
        let mut hashes = reader.read(&ids)?.into_iter();
        let mut expected = Vec::with_capacity(widths.len());
        for (index, width) in bundles.zip(widths) {
            let leaves = if width == TILE_WIDTH {
                let Some(root) = hashes.next() else { return Ok(None) };
                Leaves::Full(root)
            } else {
                let row: Vec<Hash> = hashes.by_ref().take(width).collect();
                if row.len() != width {
                    return Ok(None);
                }
                Leaves::Partial(row)
            };
            expected.push(Self { index, leaves });
        }
        Ok(hashes.next().is_none().then_some(expected))
    }

    /// How many entries the tree has there.
    #[must_use]
    pub fn width(&self) -> usize {
        match &self.leaves {
            Leaves::Full(_) => TILE_WIDTH,
            Leaves::Partial(row) => row.len(),
        }
    }

    /// Reads a bundle and compares it. What lies beyond the tree head is not looked at, so that the full bundle may
    /// stand in for a narrower one that is no longer served (TILE-07).
    ///
    /// # Errors
    /// [`BundleError`]
    pub fn check<'a>(&self, bundle: &'a [u8]) -> Result<CheckedBundle<'a>, BundleError> {
        let (index, expected) = (self.index, self.width());
        let mut entries = entry_bundle::decode(bundle).map_err(|error| BundleError::Form { index, error })?;
        if entries.len() < expected {
            return Err(BundleError::Truncated { index, found: entries.len(), expected });
        }
        entries.truncate(expected);
        let mut tile = Vec::with_capacity(expected.saturating_mul(Hash::LEN));
        entries.iter().for_each(|entry| tile.extend_from_slice(leaf_hash(entry).as_bytes()));
        let same = match &self.leaves {
            Leaves::Full(root) => tile.node(0, TILE_WIDTH) == Some(*root),
            Leaves::Partial(row) => {
                tile.chunks_exact(Hash::LEN).eq(row.iter().map(|leaf| leaf.as_bytes().as_slice()))
            }
        };
        if same { Ok(CheckedBundle { entries, tile }) } else { Err(BundleError::Contradicts { index }) }
    }
}

#[cfg(test)]
mod tests;
