//! Full tiles that were proven, or that the sequencer committed, kept in a bounded amount of memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prometheus::{IntCounter, IntCounterVec};
use proofs::tile::{ExpandedTile, TileId};

/// What keeping one tile takes, in bytes: its nodes, and a little for where it lies.
pub(crate) const TILE_COST: usize = ExpandedTile::MAX_BYTES + 192;

/// A full tile never changes, so nothing here is ever out of date. When there is no room, a tile goes that nobody has
/// asked for since the last look at it (the "clock" of operating systems): as good as the least recently used here, and
/// a hit writes one flag.
pub(crate) struct TileCache {
    held: Mutex<Held>,
    room: usize,
    hits: IntCounter,
    misses: IntCounter,
}

#[derive(Default)]
struct Held {
    slots: Vec<Slot>,
    places: HashMap<TileId, usize>,
    hand: usize,
}

struct Slot {
    id: TileId,
    tile: ExpandedTile,
    asked_for: bool,
}

impl TileCache {
    /// A cache of at most so many bytes; one that has not room for a tile keeps none.
    pub(crate) fn new(bytes: usize, lookups: &IntCounterVec) -> Self {
        let count = |outcome| lookups.with_label_values(&[outcome]);
        Self { held: Mutex::default(), room: bytes / TILE_COST, hits: count("hit"), misses: count("miss") }
    }

    pub(crate) fn get(&self, id: TileId) -> Option<ExpandedTile> {
        let found = self.with(|held| {
            let slot = held.places.get(&id).and_then(|at| held.slots.get_mut(*at))?;
            slot.asked_for = true;
            Some(slot.tile.clone())
        });
        if found.is_some() {
            self.hits.inc()
        } else {
            self.misses.inc()
        }
        found
    }

    /// Keeps a full tile that is proven, or that was committed.
    pub(crate) fn put(&self, id: TileId, tile: ExpandedTile) {
        if self.room > 0 {
            self.with(|held| held.put(id, tile, self.room));
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.with(|held| held.slots.len())
    }

    #[cfg(test)]
    pub(crate) fn clear(&self) {
        self.with(|held| *held = Held::default());
    }
}

impl Held {
    fn put(&mut self, id: TileId, tile: ExpandedTile, room: usize) {
        if self.places.contains_key(&id) {
            return;
        }
        let slot = Slot { id, tile, asked_for: false };
        if self.slots.len() < room {
            self.places.insert(id, self.slots.len());
            self.slots.push(slot);
            return;
        }
        // One time around clears every flag, so the second one ends this at the latest.
        loop {
            let at = self.hand;
            self.hand = at.saturating_add(1).checked_rem(self.slots.len()).unwrap_or(0);
            let Some(place) = self.slots.get_mut(at) else { return };
            if std::mem::take(&mut place.asked_for) {
                continue;
            }
            let gone = std::mem::replace(place, slot);
            self.places.remove(&gone.id);
            self.places.insert(id, at);
            return;
        }
    }
}
