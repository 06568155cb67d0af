//! What a witness has cosigned, on the disk: a file that only grows, and is written anew when it has grown enough.
//!
//! ```text
//! journal  "stele witness journal 1\n", generation (8 bytes), then frames:
//!          length of the content (4 bytes), CRC-32C of it (4 bytes), the content: cosigned checkpoints, each with its
//!          length (4 bytes) in front. Numbers are little-endian.
//! sealed   generation and length (8 bytes each) up to which the journal was synced
//! ```
//!
//! A frame holds what shared one sync, so a frame that is not whole was never answered for, and may be dropped; but only
//! behind `sealed`, which is written over in place after each sync. It may be behind the journal after a power failure,
//! never ahead of it: a journal that is damaged before that place has lost what was cosigned, and does not open.

#[cfg(test)]
mod tests;

use crate::failure::Failure;
use ledger::{JournalError, WitnessJournal};
use proofs::SignedNote;
use proofs::checkpoint::Checkpoint;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: &[u8] = b"stele witness journal 1\n";
const HEADER: usize = MAGIC.len() + 8;
/// The largest journal that is read, in bytes; it is written anew long before.
const MAX_JOURNAL: u64 = 4 * 1024 * 1024 * 1024;
/// How much a journal grows before it is written anew, in bytes.
const GROWTH: u64 = 64 * 1024 * 1024;

/// An open journal. One process has it open at a time.
pub(super) struct Journal {
    folder: PathBuf,
    file: File,
    sealed: File,
    generation: u64,
    length: u64,
    /// The length at which it is written anew.
    limit: u64,
    /// The newest checkpoint of each log, by origin.
    newest: BTreeMap<String, Arc<str>>,
}

impl Journal {
    /// Makes the journal of a new witness.
    pub(super) fn create(folder: &Path) -> Result<(), Failure> {
        write_anew(folder, 0, &BTreeMap::new()).map(|_| ()).map_err(|error| failed(folder, &error))
    }

    /// Opens a journal, and gives the newest checkpoint of each log.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<String>), Failure> {
        Self::try_open(folder).map_err(|error| failed(folder, &error))
    }

    fn try_open(folder: &Path) -> io::Result<(Self, Vec<String>)> {
        let mut file = OpenOptions::new().read(true).write(true).open(folder.join("journal"))?;
        file.try_lock().map_err(|_| io::Error::other("another process has this witness open"))?;
        if file.metadata()?.len() > MAX_JOURNAL {
            return Err(damaged("it is too long"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let generation = bytes
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.first_chunk())
            .map(|generation| u64::from_le_bytes(*generation))
            .ok_or_else(|| damaged("it does not begin as one"))?;
        let sealed = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("sealed"))?;
        let (newest, length) = replay(&bytes)?;
        if length < seal_of(&sealed, generation)? {
            return Err(damaged("something that was cosigned is missing or damaged"));
        }
        // What lies behind was never answered for.
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        let kept = newest.values().map(|note| note.to_string()).collect();
        let limit = length.saturating_add(GROWTH);
        let folder = folder.to_owned();
        Ok((Self { folder, file, sealed, generation, length, limit, newest }, kept))
    }

    fn write(&mut self, notes: &[Arc<str>]) -> io::Result<()> {
        for note in notes {
            self.newest.insert(origin(note)?, Arc::clone(note));
        }
        if self.length >= self.limit {
            return self.rewrite();
        }
        let frame = frame(notes.iter().map(AsRef::as_ref))?;
        self.file.write_all(&frame)?;
        self.file.sync_data()?;
        self.length = self.length.saturating_add(u64::try_from(frame.len()).unwrap_or(u64::MAX));
        self.seal()
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let generation = self.generation.wrapping_add(1);
        let (file, length) = write_anew(&self.folder, generation, &self.newest)?;
        file.try_lock().map_err(|_| io::Error::other("another process has this witness open"))?;
        (self.file, self.generation, self.length) = (file, generation, length);
        self.limit = length.saturating_add(GROWTH);
        self.seal()
    }

    fn seal(&self) -> io::Result<()> {
        let seal = [self.generation.to_le_bytes(), self.length.to_le_bytes()].concat();
        self.sealed.write_all_at(&seal, 0)
    }
}

impl WitnessJournal for Journal {
    fn append(&mut self, notes: &[Arc<str>]) -> Result<(), JournalError> {
        self.write(notes).map_err(|error| JournalError(error.to_string()))
    }
}

/// The newest checkpoint of each log, and how far the journal is whole.
fn replay(bytes: &[u8]) -> io::Result<(BTreeMap<String, Arc<str>>, u64)> {
    let mut newest = BTreeMap::new();
    let mut rest = bytes.get(HEADER..).unwrap_or_default();
    while let Some((content, behind)) = take_frame(rest) {
        let mut notes = content;
        while !notes.is_empty() {
            let (note, more) = take_part(notes).ok_or_else(|| damaged("a frame is malformed"))?;
            let note = str::from_utf8(note).map_err(|_| damaged("a checkpoint is not text"))?;
            newest.insert(origin(note)?, note.into());
            notes = more;
        }
        rest = behind;
    }
    let whole = bytes.len().saturating_sub(rest.len());
    Ok((newest, u64::try_from(whole).unwrap_or(u64::MAX)))
}

fn take_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let (content, behind) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (!content.is_empty() && crc32c::crc32c(content) == u32::from_le_bytes(*sum)).then_some((content, behind))
}

fn take_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

fn frame<'n>(notes: impl Iterator<Item = &'n str>) -> io::Result<Vec<u8>> {
    let length = |bytes: usize| u32::try_from(bytes).map_err(|_| io::Error::other("a frame is too long"));
    let mut content = Vec::new();
    for note in notes {
        content.extend_from_slice(&length(note.len())?.to_le_bytes());
        content.extend_from_slice(note.as_bytes());
    }
    let (size, sum) = (length(content.len())?.to_le_bytes(), crc32c::crc32c(&content).to_le_bytes());
    Ok([&size[..], &sum[..], &content].concat())
}

/// How many checkpoints one frame of a new journal holds, at most.
const PER_FRAME: usize = 1000;

/// Replaces the journal: at every moment the old one or the new one is there, whole.
fn write_anew(
    folder: &Path,
    generation: u64,
    newest: &BTreeMap<String, Arc<str>>,
) -> io::Result<(File, u64)> {
    let fresh = folder.join("journal.new");
    let mut bytes = [MAGIC, &generation.to_le_bytes()].concat();
    let notes: Vec<&Arc<str>> = newest.values().collect();
    for notes in notes.chunks(PER_FRAME) {
        bytes.extend(frame(notes.iter().map(|note| note.as_ref()))?);
    }
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&fresh)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, folder.join("journal"))?;
    // The new name is in the folder, so the folder is what has to reach the disk.
    File::open(folder)?.sync_all()?;
    Ok((file, u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
}

/// The length up to which this generation of the journal was synced; 0 when the seal is of another one.
fn seal_of(sealed: &File, generation: u64) -> io::Result<u64> {
    let mut seal = [0; 16];
    match sealed.read_exact_at(&mut seal, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
        Err(error) => return Err(error),
    }
    let number =
        |at: usize| seal.get(at..).and_then(|rest| rest.first_chunk()).map(|n| u64::from_le_bytes(*n));
    Ok(if number(0) == Some(generation) { number(8).unwrap_or(0) } else { 0 })
}

fn origin(note: &str) -> io::Result<String> {
    let note = SignedNote::parse(note).map_err(|error| damaged(&error.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| damaged(&error.to_string()))?;
    Ok(checkpoint.origin.as_str().to_owned())
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the journal is damaged: {why}"))
}

fn failed(folder: &Path, error: &io::Error) -> Failure {
    let failure = Failure::local(format_args!("{}: {error}", folder.display()));
    match error.kind() {
        io::ErrorKind::InvalidData => failure.hint(
            "a witness that forgets could cosign two histories: retire its keys and make a new one, unless a whole copy exists",
        ),
        _ => failure,
    }
}
