//! Comparing stored tiles with the hashes that the entries give.

use proofs::tile::{TILE_WIDTH, TileId};
use proofs::{Hash, NodeId, TreeSize};
use storage::{Snapshot, StoreError};

/// Collects the hashes of the tile at the right edge of each level, and compares each tile once.
pub(crate) struct TileCheck<'a> {
    snapshot: &'a dyn Snapshot,
    open: Vec<(TileId, Vec<u8>)>,
    wrong: Vec<(u8, u64)>,
}

impl<'a> TileCheck<'a> {
    pub(crate) fn new(snapshot: &'a dyn Snapshot) -> Self {
        Self { snapshot, open: Vec::new(), wrong: Vec::new() }
    }

    /// Takes up a tree of this size, whose right edge is known to be stored as it was signed: what its tiles begin with
    /// is not compared again.
    pub(crate) fn resume(&mut self, size: TreeSize) -> Result<(), StoreError> {
        for level in 0..=u8::MAX {
            let below = u32::from(level).saturating_mul(8);
            let Some(stored) = size.get().checked_shr(below).filter(|stored| *stored > 0) else {
                return Ok(());
            };
            let id = TileId { level, index: stored >> 8 };
            let hashes = self.snapshot.tiles(&[id])?.pop().flatten().unwrap_or_default();
            let width = usize::from(id.width_at(size)).saturating_mul(Hash::LEN);
            self.open.push((id, hashes.get(..width).unwrap_or_default().to_vec()));
        }
        Ok(())
    }

    /// Takes the next completed node of the tree.
    pub(crate) fn node(&mut self, node: NodeId, hash: &Hash) {
        let run = TileId::for_node(node);
        if run.len != 1 {
            return;
        }
        let level = usize::from(run.tile.level);
        if self.open.len() <= level {
            self.open.push((run.tile, Vec::with_capacity(TILE_WIDTH.saturating_mul(Hash::LEN))));
        }
        let Some((id, hashes)) = self.open.get_mut(level) else { return };
        *id = run.tile;
        hashes.extend_from_slice(hash.as_bytes());
        if hashes.len() == TILE_WIDTH.saturating_mul(Hash::LEN) {
            let full = std::mem::take(hashes);
            self.compare(run.tile, &full);
        }
    }

    /// The tiles that differ: level and index.
    pub(crate) fn finish(&mut self) -> Vec<(u8, u64)> {
        for (id, hashes) in std::mem::take(&mut self.open) {
            if !hashes.is_empty() {
                self.compare(id, &hashes);
            }
        }
        std::mem::take(&mut self.wrong)
    }

    fn compare(&mut self, id: TileId, hashes: &[u8]) {
        let stored = self.snapshot.tiles(&[id]).ok().and_then(|mut tiles| tiles.pop().flatten());
        if stored.as_deref() != Some(hashes) && self.wrong.len() < super::MAX_FAULTS {
            self.wrong.push((id.level, id.index));
        }
    }
}
