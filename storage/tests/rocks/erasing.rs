//! What was erased leaves every file of the store.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use proofs::LeafIndex;
use storage::contract::sample::{digest, grow, next};
use storage::{Erased, Erasure, IndexName, IndexRow, LogStore};
use tempfile::TempDir;

use crate::support::{copy, create, open};

const TERMS: IndexName = IndexName(9);

/// Bytes that no compression makes shorter, so that they lie in the files as they are.
fn noise(label: &str, length: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|n| *digest(label, n).as_bytes());
    blocks.take(length).collect()
}

/// Whether a file of the store holds these bytes.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|item| {
        let item = item.unwrap();
        if item.file_type().unwrap().is_dir() {
            return holds(&item.path(), needle);
        }
        fs::read(item.path()).unwrap_or_default().windows(needle.len()).any(|window| window == needle)
    })
}

struct Secrets {
    statement: Vec<u8>,
    collateral: Vec<u8>,
    term: Vec<u8>,
}

impl Secrets {
    fn new(length: usize) -> Self {
        Self {
            statement: noise("statement", length),
            collateral: noise("collateral", 200),
            term: noise("term", 40),
        }
    }

    /// Parts of them, from the middle, where no form of storage can cut them.
    fn found_in(&self, folder: &Path) -> [bool; 3] {
        let middle = |bytes: &[u8]| holds(folder, &bytes[bytes.len() / 2 - 12..bytes.len() / 2 + 12]);
        [middle(&self.statement), middle(&self.collateral), middle(&self.term)]
    }

    /// A log of twenty entries whose entry 7 has the secrets.
    fn log(&self, path: &Path) -> storage::RocksStore {
        let store = create(path);
        grow(&store, 0, 7);
        let mut commit = next(7, 20);
        commit.entries[0].statement = Bytes::from(self.statement.clone());
        commit.entries[0].collateral = Bytes::from(self.collateral.clone());
        // Neighbours of the same size share its blob file and have to survive.
        commit.entries[1].statement = Bytes::from(noise("neighbour", self.statement.len()));
        commit.rows.push(IndexRow { index: TERMS, key: self.term.clone(), leaf: LeafIndex::new(7) });
        store.commit(commit).unwrap();
        store
    }

    fn erase(&self, store: &storage::RocksStore, size: u64) {
        let erased = Erased { by: LeafIndex::new(size), remains: [5; 32] };
        let rows = vec![(TERMS, self.term.clone())];
        let mut commit = next(size, size + 1);
        commit.erasures.push(Erasure { leaf: LeafIndex::new(7), erased, rows });
        store.commit(commit).unwrap();
    }
}

fn survives(store: &storage::RocksStore, length: usize) {
    let view = store.snapshot().unwrap();
    assert_eq!(view.statement(LeafIndex::new(7)).unwrap(), None);
    assert_eq!(view.statement(LeafIndex::new(8)).unwrap().unwrap(), noise("neighbour", length));
}

/// Small statements lie in tables, large ones in blob files.
const LENGTHS: [usize; 2] = [900, 60_000];

#[test]
fn d20_what_was_erased_is_in_no_file_of_the_store() {
    for length in LENGTHS {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store");
        let secrets = Secrets::new(length);
        let store = secrets.log(&path);
        assert_eq!(secrets.found_in(&path), [true; 3], "in the write-ahead log");
        store.flush().unwrap();
        assert_eq!(secrets.found_in(&path), [true; 3], "in the tables");
        secrets.erase(&store, 20);
        assert!(store.scrub().unwrap());
        assert_eq!(secrets.found_in(&path), [false; 3], "{length}");
        survives(&store, length);
        drop(store);
        survives(&open(&path).unwrap(), length);
        assert_eq!(secrets.found_in(&path), [false; 3], "{length}, opened again");
    }
}

#[test]
fn d20_what_never_left_the_write_ahead_log_is_scrubbed_too() {
    for length in LENGTHS {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store");
        let secrets = Secrets::new(length);
        let store = secrets.log(&path);
        secrets.erase(&store, 20);
        assert!(store.scrub().unwrap());
        assert_eq!(secrets.found_in(&path), [false; 3], "{length}");
        survives(&store, length);
    }
}

#[test]
fn d20_a_kill_before_scrubbing_leaves_it_to_the_next_start() {
    let folder = TempDir::new().unwrap();
    let (path, killed) = (folder.path().join("store"), folder.path().join("killed"));
    let secrets = Secrets::new(60_000);
    let store = secrets.log(&path);
    store.flush().unwrap();
    secrets.erase(&store, 20);
    copy(&path, &killed);
    assert_eq!(secrets.found_in(&killed), [true; 3]);
    let store = open(&killed).unwrap();
    survives(&store, 60_000);
    assert!(store.scrub().unwrap());
    assert_eq!(secrets.found_in(&killed), [false; 3]);
    survives(&store, 60_000);
}

#[test]
fn d20_a_copy_for_a_backup_keeps_the_bytes_and_scrubbing_says_so() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let secrets = Secrets::new(60_000);
    let store = secrets.log(&path);
    store.freeze().unwrap();
    secrets.erase(&store, 20);
    assert!(!store.scrub().unwrap());
    drop(store);
    let store = open(&path).unwrap();
    assert!(!store.scrub().unwrap(), "the copy of a process that is gone counts too");
    assert_eq!(secrets.found_in(&path), [true; 3]);
    store.thaw().unwrap();
    assert!(store.scrub().unwrap());
    assert_eq!(secrets.found_in(&path), [false; 3]);
    survives(&store, 60_000);
}

#[test]
fn d20_a_view_from_before_keeps_the_bytes_and_scrubbing_says_so() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let secrets = Secrets::new(900);
    let store = secrets.log(&path);
    let early = store.snapshot().unwrap();
    secrets.erase(&store, 20);
    let late = store.snapshot().unwrap();
    assert!(!store.scrub().unwrap());
    assert_eq!(early.statement(LeafIndex::new(7)).unwrap().unwrap(), secrets.statement);
    drop(early);
    assert!(store.scrub().unwrap(), "a view from after the erasure is in nobody's way");
    drop(late);
    assert_eq!(secrets.found_in(&path), [false; 3]);
}

#[test]
fn many_erasures_are_scrubbed_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = create(&path);
    let mut commit = next(0, 100);
    for (entry, n) in commit.entries.iter_mut().zip(0..) {
        entry.statement = Bytes::from(noise(&format!("many {n}"), 300));
    }
    store.commit(commit).unwrap();
    let mut commit = next(100, 101);
    for leaf in (0..80).map(LeafIndex::new) {
        let erased = Erased { by: LeafIndex::new(100), remains: [5; 32] };
        commit.erasures.push(Erasure { leaf, erased, rows: vec![] });
    }
    store.commit(commit).unwrap();
    assert!(store.scrub().unwrap());
    let found = |n: u64| holds(&path, &noise(&format!("many {n}"), 300)[100..130]);
    assert!((0..80).all(|n| !found(n)));
    assert!((80..100).all(found));
}
