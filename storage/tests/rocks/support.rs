//! Folders of logs, and what may happen to them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use storage::contract::sample::{Dump, dump, grow};
use storage::{LogStore, RocksStore, Settings, StoreError};
use tempfile::TempDir;

/// Small buffers, so that many stores fit beside each other.
pub(crate) fn settings() -> Settings {
    Settings { cache_mib: 4, write_buffer_mib: 8, ..Settings::default() }
}

pub(crate) fn open(path: &Path) -> Result<RocksStore, StoreError> {
    RocksStore::open(path, &settings())
}

pub(crate) fn create(path: &Path) -> RocksStore {
    RocksStore::create(path, &settings()).unwrap()
}

/// Everything in the store now.
pub(crate) fn dump_of(store: &RocksStore) -> Dump {
    dump(store.snapshot().unwrap().as_ref())
}

/// Copies a folder as a kill at this moment would leave it: what was written is in the files, whether or not the
/// process that wrote them still runs. A kill sees all files at one moment, a copy does not, and RocksDB removes
/// files it no longer needs when it gets to it; so the copy is made again until nothing changed while it was made.
pub(crate) fn copy(from: &Path, to: &Path) {
    for _ in 0..10_000 {
        let before = listing(from);
        if before.is_some() && copy_once(from, to).is_ok() && listing(from) == before {
            return;
        }
        let _ = fs::remove_dir_all(to);
    }
    panic!("{} never stands still", from.display());
}

fn copy_once(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        let target = to.join(item.file_name());
        if item.file_type()?.is_dir() {
            copy_once(&item.path(), &target)?;
        } else {
            fs::copy(item.path(), target)?;
        }
    }
    Ok(())
}

/// Names and lengths; nothing when a file went away while it was looked at.
fn listing(folder: &Path) -> Option<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).ok()? {
        let path = item.ok()?.path();
        let facts = fs::metadata(&path).ok()?;
        if facts.is_dir() {
            found.extend(listing(&path)?);
        } else {
            found.push((path, facts.len()));
        }
    }
    found.sort();
    Some(found)
}

/// Every file under a folder with its content, for telling whether anything changed.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

/// The files of the database whose names end so, the oldest first.
pub(crate) fn files(store: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(store.join("db")).unwrap().map(|item| item.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(ending));
    found.sort();
    found
}

/// The newest write-ahead log.
pub(crate) fn wal(store: &Path) -> PathBuf {
    files(store, ".log").pop().unwrap()
}

/// A store that was killed: commits of one entry each in the write-ahead log, none in a table.
pub(crate) struct Killed {
    pub(crate) folder: TempDir,
    pub(crate) store: PathBuf,
}

/// `flushed` entries are in table files, and `in_wal` more, one commit each, in the write-ahead log only.
pub(crate) fn killed(flushed: u64, in_wal: u64) -> Killed {
    let folder = TempDir::new().unwrap();
    let live = create(&folder.path().join("live"));
    if flushed > 0 {
        grow(&live, 0, flushed);
        live.publish(b"checkpoint").unwrap();
        live.flush().unwrap();
    }
    for size in flushed..flushed + in_wal {
        grow(&live, size, size + 1);
    }
    let store = folder.path().join("killed");
    copy(&folder.path().join("live"), &store);
    Killed { folder, store }
}
