//! From the errors of RocksDB and of the file system to ours. RocksDB's binding gives only text, so the text is what
//! is judged; an unknown one means that the store cannot go on.

use std::io;
use std::path::Path;

use rocksdb::ErrorKind;

use crate::error::{CorruptKind, StoreError};

/// An error of a database that is open.
pub(super) fn used(error: &rocksdb::Error) -> StoreError {
    let detail = one_line(error.as_ref());
    match error.kind() {
        ErrorKind::Corruption | ErrorKind::NotFound => corrupt(CorruptKind::Database, detail),
        ErrorKind::IOError if detail.contains("No such file or directory") => {
            corrupt(CorruptKind::Database, detail)
        }
        _ => unavailable(detail),
    }
}

/// An error of a database that is being opened. There was one, or the folder would have been no log.
pub(super) fn opening(error: &rocksdb::Error) -> StoreError {
    let detail = one_line(error.as_ref());
    if detail.contains("While lock file") {
        return StoreError::Locked;
    }
    match error.kind() {
        ErrorKind::InvalidArgument | ErrorKind::NotSupported => corrupt(CorruptKind::Database, detail),
        ErrorKind::Corruption if detail.contains("WAL") || detail.contains("log file") => {
            corrupt(CorruptKind::WriteAheadLog, detail)
        }
        _ => used(error),
    }
}

/// An error of a file beside the database.
pub(super) fn file(act: &str, path: &Path, error: &io::Error) -> StoreError {
    unavailable(format!("cannot {act} {}: {error}", path.display()))
}

pub(super) fn corrupt(what: CorruptKind, detail: impl Into<String>) -> StoreError {
    StoreError::Corrupt { what, detail: detail.into() }
}

pub(super) fn read_only() -> StoreError {
    unavailable("the log was opened for reading only".to_owned())
}

fn unavailable(detail: String) -> StoreError {
    StoreError::Unavailable { detail }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
