use std::num::NonZeroU8;
use std::sync::Arc;

use proofs::tile::{TileId, entry_bundle};
use proofs::{leaf_hash, node_hash};
use storage::MemoryStore;
use storage::memory::Tamper;

use crate::error::{InternalError, ReadError};
use crate::settings::Settings;
use crate::testing::{Bench, World, id_of};

/// A log with this many entries, none of them published since it was created.
fn grown(world: &World, size: u64) -> (Bench, Vec<[u8; 32]>) {
    let bench = world.bench(Settings::default());
    let mut bench = bench;
    let mut n = 0;
    while bench.ledger.head().tree.size.get() < size {
        n += 1;
        bench.must(world.statement(n));
    }
    let snapshot = world.store.snapshot().unwrap();
    let rows = snapshot.entries(proofs::LeafIndex::new(0), usize::MAX).unwrap();
    drop(snapshot);
    (bench, rows.iter().map(|row| row.entry).collect())
}

fn tile(bench: &Bench, level: u8, index: u64, width: u8) -> Result<Vec<u8>, ReadError> {
    let answer = bench.ledger.tile(TileId { level, index }, NonZeroU8::new(width));
    bench.runtime.block_on(answer).map(Vec::from)
}

fn bundle(bench: &Bench, index: u64, width: u8) -> Result<Vec<u8>, ReadError> {
    let answer = bench.ledger.entry_bundle(index, NonZeroU8::new(width));
    bench.runtime.block_on(answer).map(Vec::from)
}

fn is_nothing(answer: Result<Vec<u8>, ReadError>) -> bool {
    matches!(answer, Err(ReadError::NotFound))
}

#[test]
fn tile_05_tile_06_tile_12_what_the_checkpoint_implies_is_there_and_nothing_beyond() {
    let world = World::new();
    let (mut bench, entries) = grown(&world, 259);
    let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let flat = |hashes: &[proofs::Hash]| hashes.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>();

    // Committed, and not yet under a checkpoint: that still says 3, as when the log was created.
    assert_eq!(bench.ledger.published_size().get(), 3);
    assert_eq!(tile(&bench, 0, 0, 3).unwrap(), flat(&leaves[..3]));
    assert!(is_nothing(tile(&bench, 0, 0, 4)) && is_nothing(tile(&bench, 0, 0, 0)));
    assert!(is_nothing(tile(&bench, 1, 0, 1)) && is_nothing(bundle(&bench, 0, 4)));

    bench.publisher.publish_newest().unwrap();
    assert_eq!(bench.ledger.published_size().get(), 259);
    assert_eq!(tile(&bench, 0, 0, 0).unwrap(), flat(&leaves[..256]));
    assert_eq!(tile(&bench, 0, 1, 3).unwrap(), flat(&leaves[256..259]));
    let mut row = leaves[..256].to_vec();
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    // The partial tile of level 0 is not hashed upward (TILE-05).
    assert_eq!(tile(&bench, 1, 0, 1).unwrap(), flat(&row));
    for (level, index, width) in
        [(0, 1, 0), (0, 1, 4), (0, 2, 1), (1, 0, 2), (1, 0, 0), (2, 0, 1), (63, 0, 1), (0, u64::MAX, 1)]
    {
        assert!(is_nothing(tile(&bench, level, index, width)), "{level} {index} {width}");
    }
    assert!(is_nothing(bundle(&bench, u64::MAX, 0)) && is_nothing(bundle(&bench, 2, 1)));
}

#[test]
fn tile_07_tile_08_every_width_stays_there_after_the_tile_has_grown() {
    let world = World::new();
    let (mut bench, entries) = grown(&world, 257);
    bench.publisher.publish_newest().unwrap();
    let whole = tile(&bench, 0, 0, 0).unwrap();
    for width in 1..=255 {
        let narrow = tile(&bench, 0, 0, width).unwrap();
        assert_eq!(narrow, whole[..usize::from(width) * 32], "{width}");
        let held = bundle(&bench, 0, width).unwrap();
        assert_eq!(entry_bundle::decode(&held).unwrap(), entries[..usize::from(width)], "{width}");
    }
    assert_eq!(entry_bundle::decode(&bundle(&bench, 0, 0).unwrap()).unwrap(), entries[..256]);
    assert_eq!(entry_bundle::decode(&bundle(&bench, 1, 1).unwrap()).unwrap(), entries[256..]);
    assert_eq!(id_of(&world.statement(1)).as_bytes(), &entries[5], "an entry is an entry id");
}

#[test]
fn a_tile_that_is_shorter_than_the_checkpoint_implies_is_a_failure_of_ours() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(Arc::<MemoryStore>::clone(&store));
    let (mut bench, _) = grown(&world, 10);
    bench.publisher.publish_newest().unwrap();
    let id = TileId { level: 0, index: 0 };
    let short = tile(&bench, 0, 0, 9).unwrap();
    store.tamper(Tamper::Tile(id, short));
    assert_eq!(tile(&bench, 0, 0, 9).unwrap().len(), 9 * 32);
    assert!(matches!(tile(&bench, 0, 0, 10), Err(ReadError::Internal(InternalError::Tree(_)))));
}
