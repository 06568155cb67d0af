//! What operators are told of the store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use storage::SyncedWrite;
use storage::contract::sample::grow;

use crate::support::create;

#[test]
fn numbers_follow_what_is_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder.path().join("store"));
    let empty = store.numbers();
    assert_eq!((empty.live_bytes, empty.background_errors, empty.stopped), (0, 0, false));
    grow(&store, 0, 100);
    let buffered = store.numbers();
    assert!(buffered.buffered_bytes > empty.buffered_bytes, "{buffered:?}");
    store.flush().unwrap();
    let flushed = store.numbers();
    assert!(flushed.live_bytes > 0 && flushed.total_bytes >= flushed.live_bytes, "{flushed:?}");
    let unsorted = flushed.unsorted_files;
    // The sample has no row of a list.
    let expected = |name: &str| if name == "lists" { 0..=0 } else { 1..=4 };
    assert!(unsorted.iter().all(|(name, files)| expected(name).contains(files)), "{unsorted:?}");
    let names = unsorted.map(|(name, _)| name);
    assert_eq!(names, ["heads", "entries", "statements", "collateral", "tiles", "rows", "lists"]);
}

#[test]
fn every_commit_tells_how_long_its_write_ahead_record_took() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder.path().join("store"));
    let seen: Arc<Mutex<Vec<SyncedWrite>>> = Arc::default();
    let told = Arc::clone(&seen);
    store.observe_syncs(move |took| told.lock().unwrap().push(took));
    store.observe_syncs(|_| panic!("only the first is asked"));
    grow(&store, 0, 3);
    assert_eq!(seen.lock().unwrap().len(), 1);
    grow(&store, 3, 5);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|took| took.synced > Duration::ZERO), "{seen:?}");
}
