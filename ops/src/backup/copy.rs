//! Copying files so that they are on the disk, and telling what they were.

use crate::failure::Failure;
use crate::folder;
use anyhow::Context;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// How much is read at a time, in bytes.
const PIECE: usize = 1024 * 1024;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Copies one file to a new one, for its owner only and on the disk when this returns. The folders above it are made.
/// `done` hears how many bytes were copied since it heard last.
pub(super) fn copy(from: &Path, to: &Path, done: &mut dyn FnMut(u64)) -> Result<Content, Failure> {
    if let Some(folder) = to.parent() {
        folder::make(folder)?;
    }
    let mut source = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .with_context(|| format!("cannot create {}", to.display()))?;
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let read = source.read(&mut piece).with_context(|| format!("cannot read {}", from.display()))?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { break };
        hash.update(read);
        target.write_all(read).with_context(|| format!("cannot write {}", to.display()))?;
        let read = u64::try_from(read.len()).unwrap_or(u64::MAX);
        bytes = bytes.saturating_add(read);
        done(read);
    }
    target.sync_all().with_context(|| format!("cannot write {}", to.display()))?;
    Ok(Content { bytes, sha256: HEXLOWER.encode(&hash.finalize()) })
}

/// Has the names in every folder that holds one of these files reach the disk, up to `root`.
pub(super) fn sync_folders<'a>(root: &Path, files: impl Iterator<Item = &'a Path>) -> Result<(), Failure> {
    let mut folders: Vec<PathBuf> = files
        .flat_map(|file| file.ancestors().skip(1).map(|folder| root.join(folder)).collect::<Vec<_>>())
        .collect();
    folders.push(root.to_owned());
    folders.sort();
    folders.dedup();
    folders.iter().rev().try_for_each(|folder| sync(folder))
}

/// Has the names in a folder reach the disk.
pub(super) fn sync(folder: &Path) -> Result<(), Failure> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(synced.with_context(|| format!("cannot write {}", folder.display()))?)
}

/// Whether a path stays below the folder that it is joined to, and is spelled in the one way there is.
pub(super) fn is_below(path: &Path) -> bool {
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    plain
        && !path.as_os_str().is_empty()
        && path.components().collect::<PathBuf>().as_os_str() == path.as_os_str()
}
