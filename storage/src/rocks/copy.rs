//! Copies of a log: taken of a running one, put in place again, and marked, so that what came from a copy does not sign
//! before somebody found out whether the log went on without it (D11).
//!
//! A copy has everything of the store but `FORMAT`, without which nothing opens as a log. What is put in place again is
//! sealed with the mark `RESTORED` first and `FORMAT` last: at every moment it is no log, or a marked one.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use rocksdb::checkpoint::Checkpoint;

use super::folder::{self, Access, Folder, MARK};
use super::marker::Marker;
use super::{FORMAT, RocksStore, Settings, failure};
use crate::error::StoreError;
use crate::store::LogStore;

/// Files of a store folder that belong to the process that has it open, not to the log.
const NOT_COPIED: [&str; 4] = ["FORMAT", "LOCK", "LOG", "RESTORED"];

impl RocksStore {
    /// Makes a copy of the log as it is now, in a folder of the store's own: tables are hard links, so it takes a moment, and
    /// no room until the log replaces them. Commits go on meanwhile. Gives the folder, for reading until
    /// [`thaw`](Self::thaw); what is erased from now on is still in it, so [`scrub`](LogStore::scrub) waits for that.
    ///
    /// The copy is no log: it has no `FORMAT`. It holds at least every commit that returned before this was called,
    /// and its checkpoints are not newer than its commits.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable), also where there is a copy already, or
    /// [`Corrupt`](StoreError::Corrupt). What was made then is of no use, and goes away with the next thaw.
    pub fn freeze(&self) -> Result<PathBuf, StoreError> {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        let into = self.folder.copy();
        let made = |error: io::Error| failure::file("make", &into, &error);
        DirBuilder::new().mode(0o700).create(&into).map_err(made)?;
        *copied = true;
        // In this order: a checkpoint is signed after its commits, so the database copied last holds all of them.
        let (published, announced) = (self.published()?, self.announced()?);
        let held = self.head()?;
        let database = into.join("db");
        let taken = Checkpoint::new(&self.db).and_then(|checkpoint| checkpoint.create_checkpoint(&database));
        taken.map_err(|error| failure::used(&error))?;
        let mut marker = Marker::create(&into.join("committed")).map_err(made)?;
        if let Some(head) = held {
            marker.set(&head.tree).map_err(made)?;
        }
        for (name, note) in [("checkpoint", published), ("announced", announced)] {
            if let Some(note) = note {
                folder::replace(&into.join(name), &note)?;
            }
        }
        Ok(into)
    }

    /// Removes the copy, if there is one: also one that a process left which was killed.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable).
    pub fn thaw(&self) -> Result<(), StoreError> {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.folder.copy();
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failure::file("remove", &path, &error))
            }
            _ => {
                *copied = false;
                Ok(())
            }
        }
    }

    /// The files that make a log, relative to its store folder, in ascending order: of a copy, or of a store that no
    /// process writes.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable).
    pub fn files(store: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        for (below, names) in [("", names(store)?), ("db", names(&store.join("db"))?)] {
            let copied = |name: &String| {
                !NOT_COPIED.contains(&name.as_str())
                    && !name.starts_with("LOG.old")
                    && !name.ends_with(".new")
            };
            found.extend(names.into_iter().filter(copied).map(|name| Path::new(below).join(name)));
        }
        found.sort();
        Ok(found)
    }

    /// Opens a copy for reading only. It is not a log, so nothing else opens it.
    ///
    /// # Errors
    /// As [`open_read_only`](Self::open_read_only); [`AlreadyExists`](StoreError::AlreadyExists) for a log.
    pub fn open_copy(path: &Path, settings: &Settings) -> Result<Self, StoreError> {
        Self::examined(Folder::unsealed(path)?, settings)
    }

    /// Makes a copy that was put in place a log again, durably, with a mark that keeps it from being opened as others
    /// are. The files of the copy are on the disk already. `format` is that of the log that was copied.
    ///
    /// # Errors
    /// [`WrongVersion`](StoreError::WrongVersion), [`AlreadyExists`](StoreError::AlreadyExists) for what is a log, or
    /// [`Unavailable`](StoreError::Unavailable).
    pub fn seal_restored(path: &Path, format: u32, mark: &[u8]) -> Result<(), StoreError> {
        if format != FORMAT {
            return Err(StoreError::WrongVersion { found: format, expected: FORMAT });
        }
        let folder = Folder::unsealed(path)?;
        folder::replace(&path.join(MARK), mark)?;
        folder.seal()
    }

    /// Opens a log for committing and reading, also one that bears the mark of a restored one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_restored(path: &Path, settings: &Settings) -> Result<Self, StoreError> {
        Self::open_folder(Folder::open(path, Access::Write)?, settings)
    }

    /// The mark of a log that was restored, as it was given; `None` for any other.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable).
    pub fn restored(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.folder.note(MARK)
    }

    /// Takes the mark away, durably: from now on this is a log as any other.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable), also for a log that was opened for reading only.
    pub fn unmark_restored(&self) -> Result<(), StoreError> {
        if self.folder.access() == Access::Read {
            return Err(failure::read_only());
        }
        self.folder.unmark()
    }
}

fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for item in fs::read_dir(folder)? {
            let item = item?;
            if item.file_type()?.is_file() {
                names.push(item.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    };
    read().map_err(|error| failure::file("read", folder, &error))
}
