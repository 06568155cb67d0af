//! Making a log, and opening one: first everything is looked at, then the first byte may change.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use proofs::TreeHead;
use rocksdb::{DB, ReadOptions};

use super::folder::{Access, Folder};
use super::marker::{self, Marker};
use super::write::Writer;
use super::{RocksStore, Settings, failure, log_file, options, read};
use crate::commit::Head;
use crate::error::StoreError;

impl RocksStore {
    /// Makes an empty log in a folder that is new or empty, and opens it.
    ///
    /// # Errors
    /// [`AlreadyExists`](StoreError::AlreadyExists), or [`Unavailable`](StoreError::Unavailable).
    pub fn create(path: &Path, settings: &Settings) -> Result<Self, StoreError> {
        let folder = Folder::create(path)?;
        let marker = Marker::create(&folder.marker())
            .map_err(|error| failure::file("make", &folder.marker(), &error))?;
        let mut database = options::database(settings)?;
        database.create_if_missing(true);
        database.create_missing_column_families(true);
        database.set_error_if_exists(true);
        let db = DB::open_cf_descriptors(&database, folder.database(), options::families(settings)?)
            .map_err(|error| failure::opening(&error))?;
        folder.seal()?;
        let writer = Writer::new(None, marker, settings.durability);
        Ok(Self {
            db,
            writer: Mutex::new(Some(writer)),
            publishing: Mutex::default(),
            copied: Mutex::default(),
            erased_at: AtomicU64::new(0),
            folder,
        })
    }

    /// Opens a log for committing and reading.
    ///
    /// # Errors
    /// [`NotALog`](StoreError::NotALog), [`WrongVersion`](StoreError::WrongVersion), [`Locked`](StoreError::Locked),
    /// [`Restored`](StoreError::Restored), [`Corrupt`](StoreError::Corrupt) or
    /// [`Unavailable`](StoreError::Unavailable). A log refused as corrupt is left as it was found.
    pub fn open(path: &Path, settings: &Settings) -> Result<Self, StoreError> {
        let folder = Folder::open(path, Access::Write)?;
        folder.refuse_restored()?;
        Self::open_folder(folder, settings)
    }

    pub(super) fn open_folder(folder: Folder, settings: &Settings) -> Result<Self, StoreError> {
        let Self { db, folder, .. } = Self::examined(folder, settings)?;
        // The read-only view is given up first: it and the database proper would hold the same commits twice.
        drop(db);
        let db = DB::open_cf_descriptors(
            &options::database(settings)?,
            folder.database(),
            options::families(settings)?,
        )
        .map_err(|error| failure::opening(&error))?;
        let held = check(&db, &marker::read(&folder.marker())?)?;
        let marker = Marker::open(&folder.marker())
            .map_err(|error| failure::file("open", &folder.marker(), &error))?;
        let writer = Writer::new(held, marker, settings.durability);
        Ok(Self {
            db,
            writer: Mutex::new(Some(writer)),
            publishing: Mutex::default(),
            copied: Mutex::new(folder.copy().exists()),
            erased_at: AtomicU64::new(0),
            folder,
        })
    }

    /// Opens a log for reading only, and changes nothing in it. Several processes may do so at once, while none has
    /// it open for committing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_read_only(path: &Path, settings: &Settings) -> Result<Self, StoreError> {
        Self::examined(Folder::open(path, Access::Read)?, settings)
    }

    /// Looks at everything that opening would rely on, without changing any of it.
    pub(super) fn examined(folder: Folder, settings: &Settings) -> Result<Self, StoreError> {
        let marked = marker::read(&folder.marker())?;
        log_file::verify(&folder.database())?;
        let db = DB::open_cf_descriptors_read_only(
            &options::database(settings)?,
            folder.database(),
            options::families(settings)?,
            false,
        )
        .map_err(|error| failure::opening(&error))?;
        check(&db, &marked)?;
        Ok(Self {
            db,
            writer: Mutex::new(None),
            publishing: Mutex::default(),
            copied: Mutex::default(),
            erased_at: AtomicU64::new(0),
            folder,
        })
    }
}

/// Compares what the database holds with the marker.
fn check(db: &DB, marked: &TreeHead) -> Result<Option<Head>, StoreError> {
    let options = ReadOptions::default();
    let held = read::newest(db, &options)?;
    marker::compare(marked, held, |size| read::head_at(db, &options, size))?;
    Ok(held)
}
