//! Copies of a log, taken while it is written, and put in place again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use storage::contract::sample::{dump, grow, head};
use storage::{LogStore, MemoryStore, RocksStore, StoreError};
use tempfile::TempDir;

use crate::support::{contents, create, dump_of, open, settings};

fn open_copy(path: &Path) -> Result<RocksStore, StoreError> {
    RocksStore::open_copy(path, &settings())
}

/// Puts the files of a copy elsewhere, as a backup does.
fn put(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("db")).unwrap();
    for file in RocksStore::files(from).unwrap() {
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

/// A store in a folder, `size` commits of one entry each, with a checkpoint.
fn grown(path: &Path, size: u64) -> RocksStore {
    let store = create(path);
    for size in 0..size {
        grow(&store, size, size + 1);
    }
    store.publish(b"checkpoint").unwrap();
    store
}

#[test]
fn a_copy_of_a_store_that_is_written_is_one_of_its_moments() {
    let folder = TempDir::new().unwrap();
    let (live, ready, done) =
        (grown(&folder.path().join("live"), 20), AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut size = 20;
            while !done.load(Ordering::SeqCst) || size < 40 {
                grow(&live, size, size + 1);
                size += 1;
                live.publish(size.to_string().as_bytes()).unwrap();
                ready.store(true, Ordering::SeqCst);
            }
        });
        while !ready.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        for _ in 0..5 {
            let before = live.head().unwrap().unwrap().tree.size.get();
            let copy = live.freeze().unwrap();
            let copied = open_copy(&copy).unwrap();
            let size = copied.head().unwrap().unwrap().tree.size.get();
            assert!(size >= before, "{size} of {before} entries");
            let note = String::from_utf8(copied.published().unwrap().unwrap()).unwrap();
            assert!(note == "checkpoint" || note.parse::<u64>().unwrap() <= size, "{note} of {size}");
            let reference = MemoryStore::new();
            for size in 0..size {
                grow(&reference, size, size + 1);
            }
            assert_eq!(dump_of(&copied), dump(reference.snapshot().unwrap().as_ref()));
            drop(copied);
            live.thaw().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn d11_a_copy_that_was_put_in_place_again_is_marked_until_somebody_says_otherwise() {
    let folder = TempDir::new().unwrap();
    let live = grown(&folder.path().join("live"), 7);
    live.announce(b"announced").unwrap();
    let (copy, back) = (live.freeze().unwrap(), folder.path().join("back"));
    grow(&live, 7, 9);
    put(&copy, &back);
    for path in [&copy, &back] {
        assert_eq!(open(path).err(), Some(StoreError::NotALog));
        assert_eq!(RocksStore::open_restored(path, &settings()).err(), Some(StoreError::NotALog));
    }

    assert_eq!(
        RocksStore::seal_restored(&back, 3, b"mark").err(),
        Some(StoreError::WrongVersion { found: 3, expected: 2 })
    );
    assert_eq!(open(&back).err(), Some(StoreError::NotALog));
    RocksStore::seal_restored(&back, 2, b"mark").unwrap();
    assert_eq!(RocksStore::seal_restored(&back, 2, b"other").err(), Some(StoreError::AlreadyExists));
    assert_eq!(open_copy(&back).err(), Some(StoreError::AlreadyExists));
    for _ in 0..2 {
        assert_eq!(open(&back).err(), Some(StoreError::Restored));
    }
    let reader = RocksStore::open_read_only(&back, &settings()).unwrap();
    assert_eq!(reader.restored().unwrap().as_deref(), Some(&b"mark"[..]));
    assert!(reader.unmark_restored().is_err());
    drop(reader);

    let store = RocksStore::open_restored(&back, &settings()).unwrap();
    assert_eq!(store.head().unwrap(), Some(head(7)));
    assert_eq!(store.published().unwrap().as_deref(), Some(&b"checkpoint"[..]));
    assert_eq!(store.announced().unwrap().as_deref(), Some(&b"announced"[..]));
    grow(&store, 7, 8);
    drop(store);
    assert_eq!(open(&back).err(), Some(StoreError::Restored), "a commit does not take the mark away");
    let store = RocksStore::open_restored(&back, &settings()).unwrap();
    store.unmark_restored().unwrap();
    store.unmark_restored().unwrap();
    assert_eq!(store.restored().unwrap(), None);
    drop(store);
    assert_eq!(open(&back).unwrap().head().unwrap(), Some(head(8)));
}

#[test]
fn a_copy_of_a_store_at_rest_and_its_write_ahead_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("live");
    drop(grown(&path, 5));
    let reader = RocksStore::open_read_only(&path, &settings()).unwrap();
    let copy = folder.path().join("copy");
    put(&path, &copy);
    let names: Vec<_> = RocksStore::files(&path).unwrap();
    for never in ["FORMAT", "LOCK", "db/LOCK", "db/LOG"] {
        assert!(path.join(never).exists() && !names.contains(&never.into()), "{never}");
    }
    assert!(names.contains(&"committed".into()) && names.contains(&"checkpoint".into()), "{names:?}");
    assert_eq!(dump_of(&open_copy(&copy).unwrap()), dump_of(&reader));
}

/// The tables of a copy are the files of the log itself: whatever becomes of them there, the copy stays as it was.
#[test]
fn what_happens_to_the_log_later_does_not_change_a_copy() {
    let folder = TempDir::new().unwrap();
    let live = grown(&folder.path().join("live"), 30);
    let copy = live.freeze().unwrap();
    let before = contents(&copy);
    for size in 30..60 {
        grow(&live, size, size + 1);
    }
    live.compact().unwrap();
    assert_eq!(contents(&copy), before);
    assert!(live.freeze().is_err(), "a copy is never made over another");
    assert_eq!(contents(&copy), before);
    for _ in 0..2 {
        live.thaw().unwrap();
        assert!(!copy.exists());
    }
    live.freeze().unwrap();
    drop(live);
    let live = open(&folder.path().join("live")).unwrap();
    live.thaw().unwrap();
    assert!(!copy.exists(), "nor does one stay that a process left");
}

#[test]
fn a_damaged_copy_does_not_open() {
    let folder = TempDir::new().unwrap();
    let live = grown(&folder.path().join("live"), 30);
    let whole = live.freeze().unwrap();
    for lost in RocksStore::files(&whole).unwrap() {
        let name = lost.to_string_lossy().into_owned();
        if ["checkpoint", "announced", "db/IDENTITY"].contains(&name.as_str()) || name.contains("OPTIONS") {
            continue;
        }
        let copy = folder.path().join("copy");
        put(&whole, &copy);
        fs::remove_file(copy.join(&lost)).unwrap();
        assert!(open_copy(&copy).is_err(), "without {name}");
        fs::remove_dir_all(&copy).unwrap();
    }
}
