//! Folders that are not what was hoped for: each gets one clear line.

use std::fs;

use storage::contract::sample::{grow, head};
use storage::{LogStore, RocksStore, StoreError};
use tempfile::TempDir;

use crate::support::{create, open, settings};

#[test]
fn a_folder_without_a_log_is_not_opened_and_not_touched() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("photo.jpg"), b"x").unwrap();
    assert_eq!(open(folder.path()).err(), Some(StoreError::NotALog));
    assert_eq!(open(&folder.path().join("nowhere")).err(), Some(StoreError::NotALog));
    assert_eq!(open(&folder.path().join("photo.jpg")).err(), Some(StoreError::NotALog));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made there");
    fs::write(folder.path().join("FORMAT"), [0xff, 0xfe]).unwrap();
    assert_eq!(open(folder.path()).err(), Some(StoreError::NotALog));
}

#[test]
fn another_format_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(create(&path));
    assert_eq!(fs::read_to_string(path.join("FORMAT")).unwrap(), "stele store 2\n");
    fs::write(path.join("FORMAT"), "stele store 3\n").unwrap();
    let error = open(&path).err().unwrap();
    assert_eq!(error, StoreError::WrongVersion { found: 3, expected: 2 });
    assert_eq!(
        error.to_string(),
        "this log has storage format 3, and this program reads format 2; use a release that reads 3"
    );
    assert_eq!(RocksStore::open_read_only(&path, &settings()).err(), Some(error));
}

#[test]
fn a_log_is_made_in_an_empty_folder_only() {
    let folder = TempDir::new().unwrap();
    drop(create(folder.path()));
    assert_eq!(RocksStore::create(folder.path(), &settings()).err(), Some(StoreError::AlreadyExists));
    let other = TempDir::new().unwrap();
    fs::write(other.path().join("photo.jpg"), b"x").unwrap();
    assert_eq!(RocksStore::create(other.path(), &settings()).err(), Some(StoreError::AlreadyExists));
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1, "nothing was made there");
}

#[test]
fn one_process_has_a_log_open() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    grow(&store, 0, 3);
    assert_eq!(open(&path).err(), Some(StoreError::Locked));
    assert_eq!(RocksStore::open_read_only(&path, &settings()).err(), Some(StoreError::Locked));
    grow(&store, 3, 4);
    drop(store);
    assert_eq!(open(&path).unwrap().head().unwrap(), Some(head(4)));
}

#[test]
fn a_log_half_made_is_no_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(create(&path));
    fs::remove_file(path.join("FORMAT")).unwrap();
    assert_eq!(open(&path).err(), Some(StoreError::NotALog));
    assert_eq!(RocksStore::create(&path, &settings()).err(), Some(StoreError::AlreadyExists));
}

#[test]
fn a_publication_cut_short_leaves_the_old_checkpoint() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    store.publish(b"whole").unwrap();
    drop(store);
    fs::write(path.join("checkpoint.new"), b"ha").unwrap();
    let store = open(&path).unwrap();
    assert_eq!(store.published().unwrap().as_deref(), Some(&b"whole"[..]));
    store.publish(b"next").unwrap();
    assert_eq!(store.published().unwrap().as_deref(), Some(&b"next"[..]));
    assert!(!path.join("checkpoint.new").exists());
}

#[test]
fn settings_come_from_a_file_but_durability_does_not() {
    let text = r#"{"cache_mib": 7}"#;
    let parsed: storage::Settings = serde_json::from_str(text).unwrap();
    assert_eq!(parsed, storage::Settings { cache_mib: 7, ..storage::Settings::default() });
    assert_eq!(parsed.durability, storage::Durability::Synced);
    assert!(serde_json::from_str::<storage::Settings>(r#"{"durability": "Unsynced"}"#).is_err());
    assert!(serde_json::from_str::<storage::Settings>(r#"{"cash_mib": 7}"#).is_err());
}
