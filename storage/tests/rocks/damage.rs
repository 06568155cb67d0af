//! Damage that must refuse to open. Each store here is as a kill leaves it: its newest commits are in the write-ahead
//! log alone. Whatever refuses leaves every file as it was.
//!
//! What RocksDB 11.8 does by itself was tried with the options that the store sets, all checks of the store left out.
//!
//! | damage | RocksDB by itself | what refuses here |
//! |---|---|---|
//! | write-ahead log: a flipped bit in a payload, a checksum, most lengths | refuses | `log_file` |
//! | a flipped bit in a length in the last block | **opens shorter** | `log_file` |
//! | a flipped bit in the type of the first commit | **opens without the whole log** | `log_file` |
//! | a flipped bit in the type of a later commit | **never returns** | `log_file` |
//! | missing | refuses (`track_and_verify_wals`; without it **opens shorter**) | RocksDB |
//! | cut short, emptied | **opens shorter** | marker |
//! | table file cut short or missing | refuses | RocksDB |
//! | a flipped bit in a table file | refuses, or the read of that block fails | RocksDB |
//! | a flipped bit in the manifest | as in the write-ahead log: both are read alike | `log_file` |
//! | manifest cut short or missing, `CURRENT` missing | refuses or **opens shorter** | RocksDB or marker |
//! | the database replaced by an older copy of itself | **opens shorter** | marker |
//! | all but the checkpoint replaced by an older copy | **opens shorter** | the caller, by the checkpoint |
//! | another history | opens | marker |

use std::fs;
use std::path::{Path, PathBuf};

use storage::contract::sample::{grow, head};
use storage::{CorruptKind, LogStore, RocksStore, StoreError};

use crate::support::{Killed, contents, copy, create, dump_of, files, killed, open, settings, wal};

/// Both ways to open refuse, with one line, and change nothing.
fn refuses(store: &Path) -> CorruptKind {
    let before = contents(store);
    let error = open(store).err().expect("a damaged store must not open");
    let reading = RocksStore::open_read_only(store, &settings()).err();
    assert_eq!(reading.as_ref(), Some(&error), "reading refuses as committing does");
    let line = error.to_string();
    assert!(line.starts_with("the log is damaged: ") && !line.contains('\n'), "{line}");
    assert_eq!(contents(store), before, "a refused store is left as it was found");
    match error {
        StoreError::Corrupt { what, .. } => what,
        other => panic!("{other}"),
    }
}

fn change(path: &Path, act: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    act(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path, bit: usize) {
    change(path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
}

fn length(path: &Path) -> usize {
    usize::try_from(fs::metadata(path).unwrap().len()).unwrap()
}

#[test]
fn a_killed_store_opens_whole() {
    let Killed { store, folder: _folder } = killed(100, 60);
    assert!(length(&wal(&store)) > 40_000, "the newest commits are in the write-ahead log");
    let opened = open(&store).unwrap();
    assert_eq!(opened.head().unwrap(), Some(head(160)));
}

#[test]
fn a_flipped_bit_in_the_write_ahead_log() {
    let Killed { store, folder: _folder } = killed(100, 60);
    let bits = length(&wal(&store)) * 8;
    let good = fs::read(wal(&store)).unwrap();
    for third in 0..3 {
        for step in 0..10 {
            flip(&wal(&store), bits * (third * 10 + step) / 30 + step % 8);
            assert_eq!(refuses(&store), CorruptKind::WriteAheadLog);
            fs::write(wal(&store), &good).unwrap();
        }
    }
    assert_eq!(open(&store).unwrap().head().unwrap(), Some(head(160)), "undamaged again, it opens");
}

#[test]
fn every_flipped_bit_of_a_short_write_ahead_log() {
    let Killed { store, folder: _folder } = killed(0, 3);
    let path = wal(&store);
    let good = fs::read(&path).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        let what = RocksStore::open_read_only(&store, &settings()).err();
        assert!(
            matches!(what, Some(StoreError::Corrupt { what: CorruptKind::WriteAheadLog, .. })),
            "bit {bit}"
        );
    }
}

#[test]
fn a_missing_write_ahead_log() {
    for flushed in [0, 100] {
        let Killed { store, folder: _folder } = killed(flushed, 60);
        fs::remove_file(wal(&store)).unwrap();
        refuses(&store);
    }
}

#[test]
fn a_write_ahead_log_cut_short() {
    let Killed { store, folder: _folder } = killed(100, 60);
    let good = fs::read(wal(&store)).unwrap();
    for part in 0..40 {
        change(&wal(&store), |bytes| bytes.truncate(good.len() * part / 40));
        assert_eq!(refuses(&store), CorruptKind::Shorter, "{part}/40 of it");
        fs::write(wal(&store), &good).unwrap();
    }
    change(&wal(&store), |bytes| bytes.truncate(good.len() - 1));
    assert_eq!(refuses(&store), CorruptKind::Shorter);
}

#[test]
fn a_write_cut_short_before_it_was_acknowledged_is_no_damage() {
    let Killed { store, folder } = killed(100, 60);
    let live = folder.path().join("one more");
    copy(&store, &live);
    // The same log before and after one more commit, in one write-ahead log each.
    let before = open(&store).unwrap();
    let after = open(&live).unwrap();
    grow(&before, 160, 161);
    grow(&after, 160, 161);
    let (short, long) = (folder.path().join("short"), folder.path().join("long"));
    copy(&store, &short);
    grow(&after, 161, 162);
    copy(&live, &long);
    let (kept, all) = (fs::read(wal(&short)).unwrap(), fs::read(wal(&long)).unwrap());
    assert!(all.starts_with(&kept) && all.len() > kept.len());
    for part in 0..8 {
        let torn = folder.path().join(format!("torn {part}"));
        copy(&short, &torn);
        fs::write(wal(&torn), &all[..kept.len() + (all.len() - kept.len()) * part / 8]).unwrap();
        assert_eq!(open(&torn).unwrap().head().unwrap(), Some(head(161)));
    }
    // Written whole, but the kill came before the marker.
    fs::write(wal(&short), &all).unwrap();
    assert_eq!(open(&short).unwrap().head().unwrap(), Some(head(162)));
}

#[test]
fn a_table_file_cut_short_or_missing() {
    let Killed { store, folder: _folder } = killed(600, 5);
    let tables = files(&store, ".sst");
    assert!(tables.len() >= 6, "one for each column family");
    for table in tables {
        let good = fs::read(&table).unwrap();
        for cut in [0, 1, good.len() / 2, good.len() - 1] {
            change(&table, |bytes| bytes.truncate(cut));
            assert_eq!(refuses(&store), CorruptKind::Database, "{} cut at {cut}", table.display());
        }
        fs::remove_file(&table).unwrap();
        assert_eq!(refuses(&store), CorruptKind::Database, "{} missing", table.display());
        fs::write(&table, good).unwrap();
    }
    assert_eq!(open(&store).unwrap().head().unwrap(), Some(head(605)));
}

#[test]
fn a_flipped_bit_in_a_table_file_is_never_shown() {
    let Killed { store, folder: _folder } = killed(600, 5);
    let reader = RocksStore::open_read_only(&store, &settings()).unwrap();
    let expected = dump_of(&reader);
    drop(reader);
    for table in files(&store, ".sst") {
        let good = fs::read(&table).unwrap();
        for part in 0..12 {
            flip(&table, good.len() * 8 * part / 12 + part % 8);
            if let Ok(reader) = RocksStore::open_read_only(&store, &settings()) {
                let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dump_of(&reader)));
                assert!(shown.is_err() || shown.ok().as_ref() == Some(&expected), "{}", table.display());
            }
            fs::write(&table, &good).unwrap();
        }
    }
}

#[test]
fn an_older_database_beside_a_newer_checkpoint() {
    let Killed { store, folder } = killed(100, 60);
    let newer = folder.path().join("newer");
    copy(&store, &newer);
    let log = open(&newer).unwrap();
    grow(&log, 160, 200);
    log.publish(b"checkpoint of 200").unwrap();
    drop(log);

    // Only the database is older: the marker tells.
    let database_older = folder.path().join("database older");
    copy(&newer, &database_older);
    fs::remove_dir_all(database_older.join("db")).unwrap();
    copy(&store.join("db"), &database_older.join("db"));
    assert_eq!(refuses(&database_older), CorruptKind::Shorter);

    // All but the checkpoint is older. The store is whole in itself and cannot read the checkpoint; whoever can must
    // compare. What it needs for that is here.
    fs::copy(newer.join("checkpoint"), store.join("checkpoint")).unwrap();
    let log = open(&store).unwrap();
    assert_eq!(log.head().unwrap(), Some(head(160)));
    assert_eq!(log.published().unwrap().as_deref(), Some(&b"checkpoint of 200"[..]));
}

#[test]
fn another_history_beside_the_marker() {
    let Killed { store, folder } = killed(0, 8);
    let other = folder.path().join("other");
    let fork = create(&other);
    let mut commit = storage::contract::sample::next(0, 8);
    commit.head.tree.root = storage::contract::sample::digest("other", 8);
    fork.commit(commit).unwrap();
    drop(fork);
    fs::copy(store.join("committed"), other.join("committed")).unwrap();
    assert_eq!(refuses(&other), CorruptKind::Forked);
}

#[test]
fn a_marker_damaged_or_missing() {
    let Killed { store, folder: _folder } = killed(0, 8);
    let marker = store.join("committed");
    let good = fs::read(&marker).unwrap();
    flip(&marker, 200);
    assert_eq!(refuses(&store), CorruptKind::Marker);
    change(&marker, Vec::clear);
    assert_eq!(refuses(&store), CorruptKind::Marker);
    fs::remove_file(&marker).unwrap();
    assert_eq!(refuses(&store), CorruptKind::Marker);
    fs::write(&marker, good).unwrap();
    assert_eq!(open(&store).unwrap().head().unwrap(), Some(head(8)));
}

#[test]
fn a_database_without_its_index_of_files() {
    let Killed { store, folder } = killed(100, 60);
    let only = |ending: &str| -> PathBuf {
        let mut found = fs::read_dir(store.join("db")).unwrap().map(|item| item.unwrap().path());
        found.find(|path| path.to_string_lossy().contains(ending)).unwrap()
    };
    let manifest = only("MANIFEST-");
    let good = fs::read(&manifest).unwrap();
    for part in 0..30 {
        flip(&manifest, good.len() * 8 * part / 30 + part % 8);
        assert_eq!(refuses(&store), CorruptKind::Database);
        fs::write(&manifest, &good).unwrap();
    }
    for part in 0..20 {
        change(&manifest, |bytes| bytes.truncate(good.len() * part / 20));
        refuses(&store);
        fs::write(&manifest, &good).unwrap();
    }
    fs::remove_file(&manifest).unwrap();
    assert_eq!(refuses(&store), CorruptKind::Database);
    fs::write(&manifest, &good).unwrap();
    fs::rename(only("CURRENT"), folder.path().join("CURRENT")).unwrap();
    assert_eq!(refuses(&store), CorruptKind::Database);
    fs::rename(store.join("db"), folder.path().join("db")).unwrap();
    assert_eq!(refuses(&store), CorruptKind::Database);
}
