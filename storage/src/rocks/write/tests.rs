use std::sync::{Arc, Mutex};

use super::*;
use crate::contract::sample::grow;
use crate::rocks::{RocksStore, Settings};

/// A small store, and what its commits waited for.
fn watched(folder: &tempfile::TempDir, durability: Durability) -> (RocksStore, Arc<Mutex<Vec<SyncedWrite>>>) {
    let settings = Settings { cache_mib: 4, write_buffer_mib: 8, durability };
    let store = RocksStore::create(&folder.path().join("store"), &settings).unwrap();
    let seen: Arc<Mutex<Vec<SyncedWrite>>> = Arc::default();
    let told = Arc::clone(&seen);
    store.observe_syncs(move |write| told.lock().unwrap().push(write));
    (store, seen)
}

#[test]
fn a_commit_that_was_held_back_tells_for_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let (store, seen) = watched(&folder, Durability::Synced);
    grow(&store, 0, 500);
    store.flush().unwrap();
    assert_eq!(seen.lock().unwrap()[0].held_back, Duration::ZERO);
    assert_eq!(store.numbers().delayed_bytes_per_second, 0);
    // The store is told to slow down at the one file that there is, and not to merge it away. Each commit then waits
    // as long as the bytes of the one before it take at the rate that it slows down to.
    let slow = [("level0_slowdown_writes_trigger", "1"), ("level0_file_num_compaction_trigger", "100")];
    store.db.set_options_cf(schema::family(&store.db, schema::ENTRIES).unwrap(), &slow).unwrap();
    assert!(store.numbers().delayed_bytes_per_second > 0);
    grow(&store, 500, 1_000);
    grow(&store, 1_000, 1_001);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().any(|write| write.held_back > Duration::ZERO), "{seen:?}");
    assert!(seen.iter().all(|write| write.synced > Duration::ZERO), "{seen:?}");
}

#[test]
fn a_commit_that_is_not_synced_is_not_told_as_synced() {
    let folder = tempfile::tempdir().unwrap();
    let (store, seen) = watched(&folder, Durability::Unsynced);
    grow(&store, 0, 3);
    assert_eq!(*seen.lock().unwrap(), []);
}
