//! The folder of a log: its format, its lock, its published checkpoint.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{FORMAT, failure};
use crate::error::StoreError;

const FORMAT_NAME: &str = "stele store ";

/// The mark of a log that was restored.
pub(super) const MARK: &str = "RESTORED";

/// What the process means to do with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Commit and read: no other process may have it open.
    Write,
    /// Read only: other readers may have it open.
    Read,
}

/// A folder of a log, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    access: Access,
    _lock: File,
}

impl Folder {
    /// Takes an empty or new folder for a new log. It is no log until it is [sealed](Self::seal).
    pub(super) fn create(root: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(|error| failure::file("make", root, &error))?;
        let mut contents = fs::read_dir(root).map_err(|error| failure::file("read", root, &error))?;
        if contents.next().is_some() {
            return Err(StoreError::AlreadyExists);
        }
        Self::lock(root, Access::Write)
    }

    /// Opens the folder of a log of the format that this program knows.
    pub(super) fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        let path = root.join("FORMAT");
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidData => {
                StoreError::NotALog
            }
            _ => failure::file("read", &path, &error),
        })?;
        let version = text.strip_prefix(FORMAT_NAME).and_then(|rest| rest.trim_end().parse().ok());
        match version {
            None => Err(StoreError::NotALog),
            Some(FORMAT) => Self::lock(root, access),
            Some(found) => Err(StoreError::WrongVersion { found, expected: FORMAT }),
        }
    }

    /// Takes the folder of a copy, which is no log (yet).
    pub(super) fn unsealed(root: &Path) -> Result<Self, StoreError> {
        if root.join("FORMAT").exists() {
            return Err(StoreError::AlreadyExists);
        }
        Self::lock(root, Access::Read)
    }

    fn lock(root: &Path, access: Access) -> Result<Self, StoreError> {
        let path = root.join("LOCK");
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failure::file("open", &path, &error))?;
        let locked = match access {
            Access::Write => lock.try_lock(),
            Access::Read => lock.try_lock_shared(),
        };
        locked.map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked,
            TryLockError::Error(error) => failure::file("lock", &path, &error),
        })?;
        Ok(Self { root: root.to_owned(), access, _lock: lock })
    }

    /// Declares the folder to be a log, durably: the last step of making one.
    pub(super) fn seal(&self) -> Result<(), StoreError> {
        replace(&self.root.join("FORMAT"), format!("{FORMAT_NAME}{FORMAT}\n").as_bytes())?;
        self.root.parent().map_or(Ok(()), sync_folder)
    }

    pub(super) fn access(&self) -> Access {
        self.access
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join("db")
    }

    /// Where a copy of the running log lies.
    pub(super) fn copy(&self) -> PathBuf {
        self.root.join("backup")
    }

    pub(super) fn marker(&self) -> PathBuf {
        self.root.join("committed")
    }

    pub(super) fn published(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.note("checkpoint")
    }

    pub(super) fn announced(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.note("announced")
    }

    /// Refuses a log that was restored and has not been found to be whole.
    pub(super) fn refuse_restored(&self) -> Result<(), StoreError> {
        if self.root.join(MARK).exists() { Err(StoreError::Restored) } else { Ok(()) }
    }

    pub(super) fn unmark(&self) -> Result<(), StoreError> {
        let path = self.root.join(MARK);
        match fs::remove_file(&path) {
            Ok(()) => sync_folder(&self.root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failure::file("remove", &path, &error)),
        }
    }

    pub(super) fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.root.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure::file("read", &path, &error)),
        }
    }

    pub(super) fn publish(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        replace(&self.root.join("checkpoint"), checkpoint)
    }

    pub(super) fn announce(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        replace(&self.root.join("announced"), checkpoint)
    }
}

/// Gives a file a new content, so that at every moment it has the old one or the new one, whole.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file = File::create(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|error| failure::file("write", path, &error))?;
    // The new name is in the folder, so the folder is what has to reach the disk.
    path.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| failure::file("sync", path, &error))
}
