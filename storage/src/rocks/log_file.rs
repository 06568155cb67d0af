//! Reads the files in which RocksDB appends records (write-ahead logs and manifests) before RocksDB does.
//!
//! RocksDB checks each record too, but three kinds of one flipped bit get past it, although
//! `TolerateCorruptedTailRecords` is set: a length in the last block that then points beyond the end of the file is
//! taken for a write cut short, and everything from there on is dropped; a type that turns into one of a recycled log
//! is taken for the end of the log, or read again for ever. So every record is checked here, in files that RocksDB
//! has not touched yet. What remains good is a file that ends inside a record, as a kill leaves it.
//!
//! The format (RocksDB, `db/log_format.h`): blocks of 32 KiB; in each, records of a masked CRC-32C (4 bytes, little
//! endian, over type and payload), a length (2), a type (1) and the payload. A record does not cross a block. Fewer
//! than 7 bytes at the end of a block are padding.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crc32c::{crc32c, crc32c_append};

use super::failure;
use crate::error::{CorruptKind, StoreError};

const BLOCK: usize = 32 * 1024;

/// One record is whole, or the first, a middle or the last part of one.
const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// Records of recycled logs. We never recycle, so none is written.
const RECYCLED: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// Checks every write-ahead log and every manifest of a database.
pub(super) fn verify(db: &Path) -> Result<(), StoreError> {
    for path in append_only_files(db).map_err(|error| listing(db, &error))? {
        let file = File::open(&path).map_err(|error| failure::file("read", &path, &error))?;
        let flaw = scan(file).map_err(|error| failure::file("read", &path, &error))?;
        if let Some(flaw) = flaw {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let what = if is_manifest(&name) { CorruptKind::Database } else { CorruptKind::WriteAheadLog };
            return Err(failure::corrupt(what, format!("{name}: {} near byte {}", flaw.reason, flaw.offset)));
        }
    }
    Ok(())
}

fn listing(db: &Path, error: &io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::NotFound {
        failure::corrupt(CorruptKind::Database, format!("there is no {}", db.display()))
    } else {
        failure::file("read", db, error)
    }
}

fn append_only_files(db: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for item in fs::read_dir(db)? {
        let path = item?.path();
        let is_wal = path.extension().is_some_and(|extension| extension == "log");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_wal || is_manifest(&name) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_manifest(name: &str) -> bool {
    name.starts_with("MANIFEST-")
}

/// What is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flaw {
    reason: &'static str,
    offset: usize,
}

fn scan(mut file: impl Read) -> io::Result<Option<Flaw>> {
    let mut records = Records::default();
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        let limit = u64::try_from(BLOCK).unwrap_or(u64::MAX);
        file.by_ref().take(limit).read_to_end(&mut block)?;
        if let Err(reason) = records.block(&block) {
            return Ok(Some(Flaw { reason, offset: records.offset }));
        }
        if block.len() < BLOCK {
            return Ok(None);
        }
    }
}

/// Where the scan is.
#[derive(Debug, Default)]
struct Records {
    offset: usize,
    /// Between the first and the last part of a record.
    in_parts: bool,
    /// The rest of the file was allocated and never written.
    unwritten: bool,
}

impl Records {
    fn block(&mut self, block: &[u8]) -> Result<(), &'static str> {
        let mut rest = block;
        while let Some((header, body)) = rest.split_first_chunk::<7>() {
            if self.unwritten || header == &[0; 7] {
                self.unwritten = true;
                break;
            }
            let record = Header::parse(*header);
            let Some((payload, after)) = body.split_at_checked(record.length) else {
                return record.cut_short(body, block.len());
            };
            if record.crc(payload) != record.stored {
                return Err("a record does not match its checksum");
            }
            self.part(record.kind)?;
            self.offset += header.len() + payload.len();
            rest = after;
        }
        if self.unwritten && rest.iter().any(|byte| *byte != 0) {
            return Err("there are bytes after the end of the log");
        }
        self.offset += rest.len();
        Ok(())
    }

    fn part(&mut self, kind: u8) -> Result<(), &'static str> {
        let goes_on = matches!(kind, MIDDLE | LAST);
        if RECYCLED.contains(&kind) {
            return Err("a record is of a kind that is never written");
        }
        if !matches!(kind, WHOLE | FIRST | MIDDLE | LAST) {
            return Ok(());
        }
        if goes_on != self.in_parts {
            return Err("a part of a record is missing");
        }
        self.in_parts = matches!(kind, FIRST | MIDDLE);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
struct Header {
    stored: u32,
    length: usize,
    kind: u8,
}

impl Header {
    fn parse([c0, c1, c2, c3, low, high, kind]: [u8; 7]) -> Self {
        let masked = u32::from_le_bytes([c0, c1, c2, c3]);
        let stored = masked.wrapping_sub(0xa282_ead8).rotate_left(15);
        Self { stored, length: usize::from(u16::from_le_bytes([low, high])), kind }
    }

    fn crc(self, payload: &[u8]) -> u32 {
        crc32c_append(crc32c(&[self.kind]), payload)
    }

    /// Judges a record that goes on beyond what there is: a write that a kill cut short is good, a whole record whose
    /// length was damaged is not.
    fn cut_short(self, body: &[u8], block_len: usize) -> Result<(), &'static str> {
        let room = (BLOCK - block_len) + body.len();
        if self.length > room {
            return Err("a record is longer than its block");
        }
        let mut crc = crc32c(&[self.kind]);
        let mut is_whole = crc == self.stored;
        for byte in body {
            crc = crc32c_append(crc, &[*byte]);
            is_whole |= crc == self.stored;
        }
        if is_whole { Err("the length of a record does not match its checksum") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
