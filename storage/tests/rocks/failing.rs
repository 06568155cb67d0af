//! A database that fails while it is in use.

use std::fs;

use storage::contract::sample::{grow, head, next};
use storage::{Durability, LogStore, RocksStore, Settings};
use tempfile::TempDir;

use crate::support::{create, dump_of, open, settings};

#[test]
fn after_a_background_failure_no_commit_succeeds() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    grow(&store, 0, 10);
    // No table file can be made while the folder has another name.
    fs::rename(path.join("db"), path.join("away")).unwrap();
    store.flush().unwrap_err();
    let first = store.commit(next(10, 11)).unwrap_err();
    fs::rename(path.join("away"), path.join("db")).unwrap();
    let second = store.commit(next(10, 11)).unwrap_err();
    assert_ne!(first.kind(), "conflict");
    assert_eq!(second.kind(), "unavailable");
    assert!(second.to_string().contains("an earlier commit failed"), "{second}");
    assert!(!first.to_string().contains('\n') && !second.to_string().contains('\n'), "one line each");
    assert_eq!(store.head().unwrap(), Some(head(10)), "what was committed can still be read");
    drop(store);
    let store = open(&path).unwrap();
    let size = store.head().unwrap().map_or(0, |head| head.tree.size.get());
    assert!(size == 10 || size == 11, "there whole or not at all");
    grow(&store, size, 12);
}

#[test]
fn a_value_of_another_form_is_reported_not_shown() {
    use storage::contract::sample::tile;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    grow(&store, 0, 300);
    drop(store);
    tamper(&path, "tiles", &[&[0][..], &1_u64.to_be_bytes()].concat(), Some(b"short"));
    tamper(&path, "entries", &7_u64.to_be_bytes(), Some(b"short"));
    tamper(&path, "entries", &9_u64.to_be_bytes(), None);
    tamper(&path, "statements", &7_u64.to_be_bytes(), None);
    let store = open(&path).unwrap();
    let snapshot = store.snapshot().unwrap();
    let corrupt = |kind: Option<&'static str>| assert_eq!(kind, Some("corrupt"));
    corrupt(snapshot.tiles(&[tile(0, 300).id, tile(1, 300).id]).err().map(|error| error.kind()));
    corrupt(snapshot.entry(proofs::LeafIndex::new(7)).err().map(|error| error.kind()));
    corrupt(snapshot.entry(proofs::LeafIndex::new(9)).err().map(|error| error.kind()));
    corrupt(snapshot.entries(proofs::LeafIndex::new(8), 4).err().map(|error| error.kind()));
    corrupt(snapshot.statement(proofs::LeafIndex::new(7)).err().map(|error| error.kind()));
    assert!(snapshot.entries(proofs::LeafIndex::new(10), 4).is_ok());
}

#[test]
fn a_missing_last_entry_is_reported() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    grow(&store, 0, 5);
    drop(store);
    tamper(&path, "entries", &4_u64.to_be_bytes(), None);
    let store = open(&path).unwrap();
    let read = store.snapshot().unwrap().entries(proofs::LeafIndex::new(3), 10);
    assert_eq!(read.err().map(|error| error.kind()), Some("corrupt"));
}

#[test]
fn another_root_at_the_committed_size_is_another_history() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    grow(&store, 0, 5);
    drop(store);
    tamper(&path, "heads", &5_u64.to_be_bytes(), Some(&[1; 40]));
    let error = open(&path).err().unwrap();
    assert!(
        error.to_string().starts_with("the log is damaged: its database holds another history"),
        "{error}"
    );
    assert!(RocksStore::open_read_only(&path, &settings()).is_err());
}

#[test]
fn an_unsynced_log_keeps_the_same_order() {
    let folder = TempDir::new().unwrap();
    let unsynced = Settings { durability: Durability::Unsynced, ..settings() };
    let store = RocksStore::create(&folder.path().join("store"), &unsynced).unwrap();
    grow(&store, 0, 20);
    let before = dump_of(&store);
    drop(store);
    assert_eq!(dump_of(&open(&folder.path().join("store")).unwrap()), before);
}

/// Writes to a column family as no commit would.
fn tamper(store: &std::path::Path, family: &str, key: &[u8], value: Option<&[u8]>) {
    let options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, store.join("db")).unwrap();
    let db = rocksdb::DB::open_cf(&options, store.join("db"), names).unwrap();
    let family = db.cf_handle(family).unwrap();
    match value {
        Some(value) => db.put_cf(family, key, value).unwrap(),
        None => db.delete_cf(family, key).unwrap(),
    }
    db.flush_cf(family).unwrap();
}
