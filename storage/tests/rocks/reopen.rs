//! The contract, and that opening again changes nothing.

use std::cell::Cell;

use storage::contract;
use storage::contract::sample::{grow, head};
use storage::{LogStore, RocksStore};
use tempfile::TempDir;

use crate::support::{contents, create, dump_of, files, killed, open, settings};

#[test]
fn passes_the_contract() {
    let folder = TempDir::new().unwrap();
    let count = Cell::new(0);
    contract::check(&|| {
        count.set(count.get() + 1);
        Box::new(create(&folder.path().join(count.get().to_string())))
    });
}

#[test]
fn a_log_is_the_same_after_it_was_closed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    grow(&store, 0, 300);
    grow(&store, 300, 301);
    store.publish(b"checkpoint").unwrap();
    let before = dump_of(&store);
    drop(store);
    for _ in 0..3 {
        let store = open(&path).unwrap();
        assert_eq!(dump_of(&store), before);
        assert_eq!(store.published().unwrap().as_deref(), Some(&b"checkpoint"[..]));
    }
    let store = open(&path).unwrap();
    grow(&store, 301, 400);
    assert_eq!(store.head().unwrap(), Some(head(400)));
}

#[test]
fn an_empty_log_opens_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(create(&path));
    let store = open(&path).unwrap();
    assert_eq!(store.head().unwrap(), None);
    grow(&store, 0, 3);
}

#[test]
fn a_killed_log_is_whole_again_and_again() {
    let killed = killed(100, 60);
    let mut size = 160;
    let mut path = killed.store.clone();
    for round in 0..5 {
        let store = open(&path).unwrap();
        assert_eq!(store.head().unwrap(), Some(head(size)));
        grow(&store, size, size + 7);
        size += 7;
        let next = killed.folder.path().join(format!("killed again {round}"));
        crate::support::copy(&path, &next);
        path = next;
    }
    assert_eq!(open(&path).unwrap().head().unwrap(), Some(head(size)));
}

#[test]
fn values_in_tables_and_blobs_are_what_they_were() {
    let killed = killed(700, 0);
    assert!(!files(&killed.store, ".sst").is_empty());
    let store = open(&killed.store).unwrap();
    let in_memory = storage::MemoryStore::new();
    grow(&in_memory, 0, 700);
    let expected = contract::sample::dump(in_memory.snapshot().unwrap().as_ref());
    assert_eq!(dump_of(&store), expected);
}

#[test]
fn reading_only_changes_nothing_and_shows_everything() {
    let killed = killed(100, 60);
    let before = contents(&killed.store);
    let reader = RocksStore::open_read_only(&killed.store, &settings()).unwrap();
    let second = RocksStore::open_read_only(&killed.store, &settings()).unwrap();
    assert_eq!(reader.head().unwrap(), Some(head(160)));
    assert_eq!(reader.published().unwrap().as_deref(), Some(&b"checkpoint"[..]));
    let shown = dump_of(&reader);
    assert_eq!(dump_of(&second), shown);
    let refused = reader.commit(contract::sample::next(160, 161)).unwrap_err();
    assert_eq!(refused.kind(), "unavailable");
    assert_eq!(reader.publish(b"other").unwrap_err().kind(), "unavailable");
    assert_eq!(open(&killed.store).err().map(|error| error.kind()), Some("locked"));
    drop((reader, second));
    assert_eq!(contents(&killed.store), before, "reading changes no byte of any file");
    let writer = open(&killed.store).unwrap();
    assert_eq!(dump_of(&writer), shown);
}

#[test]
fn compaction_changes_nothing_that_can_be_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    grow(&store, 0, 300);
    store.flush().unwrap();
    grow(&store, 300, 900);
    let before = dump_of(&store);
    store.compact().unwrap();
    assert_eq!(dump_of(&store), before);
    let sizes = store.sizes().unwrap();
    assert!(sizes.iter().any(|(name, bytes)| *name == "statements" && *bytes > 0), "{sizes:?}");
    grow(&store, 900, 901);
    drop(store);
    let opened = open(&path).unwrap();
    assert_eq!(opened.head().unwrap(), Some(head(901)));
}
