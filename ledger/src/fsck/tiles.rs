//! Comparing stored tiles with the hashes that the entries give.

use proofs::tile::{TILE_WIDTH, TileId};
use proofs::{Hash, NodeId};
use storage::Snapshot;

/// Collects the hashes of the tile at the right edge of each level, and compares each tile once.
pub(super) struct TileCheck<'a> {
    snapshot: &'a dyn Snapshot,
    open: Vec<(TileId, Vec<u8>)>,
    wrong: Vec<(u8, u64)>,
}

impl<'a> TileCheck<'a> {
    pub(super) fn new(snapshot: &'a dyn Snapshot) -> Self {
        Self { snapshot, open: Vec::new(), wrong: Vec::new() }
    }

    /// Takes the next completed node of the tree.
    pub(super) fn node(&mut self, node: NodeId, hash: &Hash) {
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
    pub(super) fn finish(&mut self) -> Vec<(u8, u64)> {
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
