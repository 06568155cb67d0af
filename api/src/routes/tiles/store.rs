//! Tiles and bundles ready to be sent, as many as fit in the memory given to them.
//!
//! What is asked for once makes room for what is asked for again (second chance): when memory is short the oldest
//! goes, unless it was used since it was last looked at.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Key, Ready};

/// Parts with a lock each, so that readers on several cores seldom wait for each other.
const SHARDS: usize = 8;
/// What an item takes beside its content: key, tag, and the places in both collections.
const OVERHEAD: usize = 256;

/// See the module.
pub(crate) struct TileCache {
    shards: [Mutex<Shard>; SHARDS],
    shard_limit: usize,
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<Key, Slot>,
    /// Every key of `slots` once.
    queue: VecDeque<Key>,
    bytes: usize,
}

struct Slot {
    ready: Ready,
    used: bool,
}

impl TileCache {
    /// Room for `limit` bytes in all.
    pub(crate) fn new(limit: usize) -> Self {
        Self { shards: Default::default(), shard_limit: limit / SHARDS, hasher: RandomState::new() }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Ready> {
        let mut shard = self.shard(key)?;
        let slot = shard.slots.get_mut(key)?;
        slot.used = true;
        Some(slot.ready.clone())
    }

    /// Keeps it if there is room, and gives it back.
    pub(super) fn keep(&self, key: Key, ready: Ready) -> Ready {
        if cost(&ready) <= self.shard_limit
            && let Some(mut shard) = self.shard(&key)
        {
            shard.put(key, ready.clone(), self.shard_limit);
        }
        ready
    }

    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, Shard>> {
        let at = usize::try_from(self.hasher.hash_one(key) % u64::try_from(SHARDS).ok()?).ok()?;
        self.shards.get(at).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shard {
    fn put(&mut self, key: Key, ready: Ready, limit: usize) {
        let added = cost(&ready);
        // Two requests that missed together: what the first one kept stays.
        if self.slots.contains_key(&key) {
            return;
        }
        while self.bytes.saturating_add(added) > limit && self.turn_out_one() {}
        self.bytes = self.bytes.saturating_add(added);
        self.slots.insert(key, Slot { ready, used: false });
        self.queue.push_back(key);
    }

    /// Takes the oldest that was not used since it was last looked at; `false` when there is none.
    fn turn_out_one(&mut self) -> bool {
        while let Some(key) = self.queue.pop_front() {
            match self.slots.get_mut(&key) {
                Some(slot) if slot.used => {
                    slot.used = false;
                    self.queue.push_back(key);
                }
                _ => {
                    let gone = self.slots.remove(&key).map_or(0, |slot| cost(&slot.ready));
                    self.bytes = self.bytes.saturating_sub(gone);
                    return true;
                }
            }
        }
        false
    }
}

fn cost(ready: &Ready) -> usize {
    ready.bytes.len().saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proofs::tile::TileId;

    use super::*;

    fn key(index: u64) -> Key {
        Key::Tile(TileId { level: 0, index }, None)
    }

    fn ready(index: u64) -> Ready {
        Ready::identity(Bytes::from(vec![u8::try_from(index % 251).unwrap(); 8192]))
    }

    fn held(cache: &TileCache) -> (usize, usize) {
        let shards: Vec<_> = cache.shards.iter().map(|shard| shard.lock().unwrap()).collect();
        for shard in &shards {
            assert_eq!(shard.slots.len(), shard.queue.len());
            assert_eq!(shard.bytes, shard.slots.values().map(|slot| cost(&slot.ready)).sum::<usize>());
        }
        (shards.iter().map(|shard| shard.slots.len()).sum(), shards.iter().map(|shard| shard.bytes).sum())
    }

    #[test]
    fn memory_stays_bounded_and_what_is_used_stays() {
        let limit = 1 << 20;
        let cache = TileCache::new(limit);
        cache.keep(key(0), ready(0));
        for index in 1..2000 {
            assert!(cache.get(&key(0)).is_some(), "gone at {index}");
            cache.keep(key(index), ready(index));
            assert!(held(&cache).1 <= limit);
        }
        let (count, bytes) = held(&cache);
        assert!(count > 100 && bytes > limit - SHARDS * (8192 + OVERHEAD), "{count} in {bytes}");
        assert!(cache.get(&key(1)).is_none(), "the oldest went first");
        assert_eq!(cache.get(&key(1999)).unwrap().bytes, ready(1999).bytes);
    }

    #[test]
    fn a_key_is_kept_once_and_nothing_without_memory() {
        let cache = TileCache::new(1 << 20);
        for _ in 0..3 {
            cache.keep(key(7), ready(7));
        }
        assert_eq!(held(&cache).0, 1);
        let none = TileCache::new(0);
        assert_eq!(none.keep(key(7), ready(7)).bytes.len(), 8192);
        assert_eq!(held(&none), (0, 0));
        assert!(none.get(&key(7)).is_none());
    }
}
