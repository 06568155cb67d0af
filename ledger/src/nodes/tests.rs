use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prometheus::Registry;
use proofs::tile::{ExpandedTile, TileError, TileId, TiledNodes};
use proofs::tree::ProveError;
use proofs::{ConsistencyProof, InclusionProof, LeafIndex, TreeHead, TreeSize, UnixTime, leaf_hash, sha256};
use proptest::prelude::*;
use storage::memory::MemoryStore;
use storage::{LogStore, NewEntry};

use super::cache::TILE_COST;
use super::{EdgeTiles, TileCache, TileFault, TileReader};
use crate::metrics::Metrics;
use crate::recovery;
use crate::sequencer::integrate::{Edge, integrate};
use crate::testing::counting::CountingStore;
use crate::testing::tamper::{Lie, LyingStore};

/// A log that nobody signed, grown in rounds of these sizes.
struct Grown {
    store: Arc<dyn LogStore>,
    head: TreeHead,
    edge: EdgeTiles,
    full: BTreeMap<TileId, ExpandedTile>,
}

fn entry(n: u64) -> [u8; 32] {
    *sha256(&n.to_be_bytes()).as_bytes()
}

fn grow(rounds: impl IntoIterator<Item = u64>) -> Grown {
    let store: Arc<dyn LogStore> = Arc::new(MemoryStore::new());
    let (mut edge, mut base, mut next) = (Edge::empty(), None, 0);
    let mut full = BTreeMap::new();
    for round in rounds {
        let entries = (next..next + round).map(|n| NewEntry {
            entry: entry(n),
            registered_at: UnixTime::from_secs(1),
            statement: Bytes::new(),
            collateral: Bytes::new(),
        });
        let growth = integrate(base, &edge, entries.collect(), Vec::new(), UnixTime::from_secs(1)).unwrap();
        next += round;
        edge = growth.edge;
        base = Some(growth.commit.head.tree);
        full.extend(growth.full);
        store.commit(growth.commit).unwrap();
    }
    Grown { store, head: base.unwrap(), edge: edge.tiles().into(), full }
}

fn cache(tiles: usize) -> (TileCache, Metrics) {
    let metrics = Metrics::new(&Registry::new()).unwrap();
    (TileCache::new(tiles * TILE_COST, &metrics.tile_lookups), metrics)
}

fn assert_proves(reader: &TileReader<'_>, index: u64) {
    let head = reader.head();
    let proof = InclusionProof::prove(LeafIndex::new(index), head.size, &reader.nodes()).unwrap();
    proof.verify(&leaf_hash(&entry(index)), &head.root).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the rounds and the room: the nodes are those that the raw tiles give, also after a restart.
    #[test]
    fn tiles_from_memory_are_those_in_the_store(
        rounds in prop::collection::vec(1_u64..700, 1..6),
        room in 0_usize..4,
        asked in prop::collection::vec(any::<prop::sample::Index>(), 1..24),
    ) {
        let log = grow(rounds);
        let (cache, _) = cache(room);
        let snapshot = log.store.snapshot().unwrap();
        let restored = recovery::edge(snapshot.as_ref(), log.head).unwrap();
        let size = log.head.size.get();
        for edge in [Arc::clone(&log.edge), restored.tiles().into()] {
            let reader = TileReader::new(log.head, edge, &cache, log.store.as_ref());
            let raw = TiledNodes::open(log.head, |ids: &[TileId]| snapshot.tiles(ids));
            for index in &asked {
                let index = u64::try_from(index.index(usize::try_from(size).unwrap())).unwrap();
                let leaf = LeafIndex::new(index);
                let expected = InclusionProof::prove(leaf, log.head.size, &raw).unwrap();
                let proof = InclusionProof::prove(leaf, log.head.size, &reader.nodes()).unwrap();
                prop_assert_eq!(&proof, &expected);
                proof.verify(&leaf_hash(&entry(index)), &log.head.root).unwrap();
                prop_assert!(cache.len() <= room);
            }
        }
    }
}

#[test]
fn tiles_the_sequencer_filled_are_as_the_store_has_them() {
    let log = grow([200, 200, 66_000]);
    let snapshot = log.store.snapshot().unwrap();
    assert_eq!(log.full.len(), 66_400 / 256 + 1);
    for (id, tile) in &log.full {
        assert_eq!(snapshot.tiles(&[*id]).unwrap().remove(0), tile.bytes(256), "{id:?}");
    }
    // The second time nothing is read: three levels, and the store is gone from under them.
    let (cache, metrics) = cache(300);
    let reader = TileReader::new(log.head, Arc::clone(&log.edge), &cache, log.store.as_ref());
    assert_proves(&reader, 70);
    let empty = MemoryStore::new();
    let reader = TileReader::new(log.head, Arc::clone(&log.edge), &cache, &empty);
    assert_proves(&reader, 71);
    assert!(metrics.tile_lookups.with_label_values(&["hit"]).get() > 0);
    assert!(matches!(
        InclusionProof::prove(LeafIndex::new(300), log.head.size, &reader.nodes()),
        Err(ProveError::Read(TileError::Missing(TileId { level: 0, index: 1 })))
    ));
}

#[test]
fn a_stored_tile_that_contradicts_the_tree_is_neither_used_nor_kept() {
    let log = grow([66_400]);
    let (cache, _) = cache(300);
    // In each the hash that is on the path itself: the fold to the root would not notice it.
    for (id, at) in [(TileId { level: 0, index: 3 }, 0), (TileId { level: 1, index: 0 }, 3)] {
        let mut bytes = log.full[&id].bytes(256).unwrap();
        bytes[at * 32] ^= 1;
        let store = LyingStore { inner: Arc::clone(&log.store), lie: Lie::Tile(id, Some(bytes)) };
        let reader = TileReader::new(log.head, Arc::clone(&log.edge), &cache, &store);
        let proof = InclusionProof::prove(LeafIndex::new(3 * 256), log.head.size, &reader.nodes());
        assert!(
            matches!(&proof, Err(ProveError::Read(TileError::Fetch(TileFault::Contradicts(bad)))) if *bad == id),
            "{id:?}: {proof:?}"
        );
        assert!(cache.get(id).is_none(), "{id:?}");
        let honest = TileReader::new(log.head, Arc::clone(&log.edge), &cache, log.store.as_ref());
        assert_proves(&honest, 3 * 256);
        cache.clear();
    }
}

#[test]
fn tiles_in_memory_are_bounded_and_those_asked_for_stay() {
    let log = grow([256 * 40]);
    let (cache, _) = cache(4);
    let id = |index| TileId { level: 0, index };
    for index in 0..40 {
        cache.put(id(index), log.full[&id(index)].clone());
        assert!(cache.get(id(0)).is_some(), "asked for every time");
        assert!(cache.len() <= 4);
    }
    assert!(cache.get(id(1)).is_none() && cache.get(id(39)).is_some());
    let (none, _) = self::cache(0);
    none.put(id(0), log.full[&id(0)].clone());
    assert_eq!(none.len(), 0);
}

/// How many tiles proofs read of the store when none are kept in memory: the most of all that were tried.
fn tiles_read(size: u64) -> (usize, usize) {
    let log = grow([size]);
    let store = CountingStore::new(Arc::clone(&log.store));
    let (cache, _) = cache(0);
    let reader = TileReader::new(log.head, Arc::clone(&log.edge), &cache, &store);
    let read = |prove: &dyn Fn()| {
        let before = store.counts();
        prove();
        let read = store.counts().since(before);
        assert_eq!((read.contents, read.rows), (0, 0), "nothing but tiles");
        read.tiles
    };
    let step = usize::try_from(size / 40).unwrap().max(1);
    let asked: Vec<u64> = (0..size).step_by(step).chain([size - 1]).collect();
    let inclusion = asked.iter().map(|index| read(&|| assert_proves(&reader, *index)));
    let consistency = asked.iter().filter(|from| **from > 0).map(|from| {
        let from = TreeSize::new(*from);
        read(&|| drop(ConsistencyProof::prove(from, log.head.size, &reader.nodes()).unwrap()))
    });
    (inclusion.max().unwrap(), consistency.max().unwrap())
}

/// A tile is 256 wide, so a proof needs more of them only when the tree is 256 times larger; the right edge needs none. In a
/// tree of three levels the tile in the middle is asked for twice where none is kept: for the path, and to prove the other.
#[test]
fn a_proof_reads_as_many_tiles_as_the_tree_has_levels() {
    for (size, most) in [(200, 0), (300, 1), (3_000, 1), (65_000, 1), (70_000, 3), (140_000, 3)] {
        assert_eq!(tiles_read(size), (most, most), "{size}");
    }
}
