//! The folder of a mirror: files that appear whole, and a checkpoint that comes last.

use crate::failure::Failure;
use crate::files;
use crate::watch::{Bundle, ProvenLog};
use anyhow::Context;
use proofs::tile::{TILE_HEIGHT, TileId, entry_bundle, path, tiles_with};
use proofs::{NodeId, TreeSize};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Holds the size of the copy before its newest checkpoint, so that what only older ones imply can be dropped.
const PREVIOUS: &str = ".previous";

/// A copy of one log. No other process writes into it meanwhile.
pub(super) struct MirrorFolder {
    root: PathBuf,
    _lock: File,
}

impl MirrorFolder {
    /// Makes the folder, or takes one that is there, for this process alone.
    pub(super) fn open(root: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
        let lock =
            File::create(root.join(".lock")).with_context(|| format!("cannot use {}", root.display()))?;
        lock.try_lock().map_err(|error| {
            Failure::local(format_args!("{} is in use by another mirror: {error}", root.display()))
        })?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the heads of a log that contradicted itself are kept.
    pub(super) fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// The copy's newest checkpoint; `None` before the first.
    pub(super) fn checkpoint(&self) -> Result<Option<Vec<u8>>, Failure> {
        match std::fs::read(self.root.join("checkpoint")) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::local(format_args!("cannot read the copy's checkpoint: {error}"))),
        }
    }

    /// The bytes of a bundle that an earlier run left, of the width that a tree of this size has there. They are to be
    /// proven like all others: a power failure may have left half of them.
    pub(super) fn bundle(&self, index: u64, size: TreeSize) -> Option<Vec<u8>> {
        std::fs::read(self.root.join(bundle_path(index, size))).ok()
    }

    /// Keeps a bundle and the tile that goes with it.
    pub(super) fn keep_bundle(&self, bundle: &Bundle, size: TreeSize) -> Result<(), Failure> {
        let bytes = entry_bundle::encode(&bundle.entries)
            .map_err(|error| Failure::local(format_args!("bundle {}: {error}", bundle.index)))?;
        self.write(&bundle_path(bundle.index, size), &bytes)?;
        let id = TileId { level: 0, index: bundle.index };
        self.write(&path::tile(id, id.partial_width_at(size)), &bundle.tile)
    }

    /// Keeps the tiles of level 1 and above that a tree of the head's size has and one of size `from` had not.
    pub(super) fn keep_tiles_above(&self, log: &ProvenLog<'_>, from: TreeSize) -> Result<(), Failure> {
        let size = log.head().size;
        for level in 1..=u8::MAX {
            if hashes_at(level, size) == 0 {
                break;
            }
            for index in tiles_with(hashes_at(level, from)..hashes_at(level, size)) {
                let id = TileId { level, index };
                self.write(&path::tile(id, id.partial_width_at(size)), &log.tile(id)?)?;
            }
        }
        Ok(())
    }

    /// Everything written is on the disk when this returns.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        let root = File::open(&self.root).context("cannot open the folder of the copy")?;
        rustix::fs::syncfs(&root)
            .map_err(|error| Failure::local(format_args!("the copy cannot be written to the disk: {error}")))
    }

    /// Replaces the checkpoint, which makes everything else count.
    pub(super) fn publish(&self, note: &[u8]) -> Result<(), Failure> {
        if self.checkpoint()?.as_deref() == Some(note) {
            return Ok(());
        }
        files::replace(&self.root.join("checkpoint"), note)
    }

    /// Drops partial tiles that only a checkpoint older than `from` implies (TILE-07). Those of `from` stay, for a reader
    /// who has that checkpoint in hand. What cannot be dropped does no harm.
    pub(super) fn drop_outgrown(&self, from: TreeSize, size: TreeSize) {
        let before = std::fs::read_to_string(self.root.join(PREVIOUS)).ok();
        let before = before.and_then(|text| text.trim().parse().ok()).map(TreeSize::new);
        if let Some(before) = before.filter(|before| *before < from) {
            let (kept, needed) = (partials(from), partials(size));
            for path in partials(before) {
                if !kept.contains(&path) && !needed.contains(&path) {
                    let path = self.root.join(path);
                    std::fs::remove_file(&path).ok();
                    // Only an empty folder goes.
                    path.parent().map(std::fs::remove_dir);
                }
            }
        }
        files::replace(&self.root.join(PREVIOUS), from.to_string().as_bytes()).ok();
    }

    /// Writes one file whole. Durable after [`MirrorFolder::sync`].
    fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), Failure> {
        let target = self.root.join(relative);
        let folder = target.parent().unwrap_or(&self.root);
        let new = target.with_extension("new");
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&new, bytes))
            .and_then(|()| std::fs::rename(&new, &target))
            .with_context(|| format!("cannot write {}", target.display()))?;
        Ok(())
    }
}

fn bundle_path(index: u64, size: TreeSize) -> String {
    path::entries(index, TileId { level: 0, index }.partial_width_at(size))
}

/// How many hashes the tiles of a level have in a tree of this size.
fn hashes_at(level: u8, size: TreeSize) -> u64 {
    size.get().checked_shr(u32::from(level).saturating_mul(8)).unwrap_or(0)
}

/// The paths of everything that is not full in a tree of this size.
fn partials(size: TreeSize) -> Vec<String> {
    let mut paths = Vec::new();
    for level in 0..=u8::MAX {
        let hashes = hashes_at(level, size);
        if hashes == 0 {
            break;
        }
        let next = NodeId { level: level.saturating_mul(TILE_HEIGHT), index: hashes };
        let id = TileId::for_node(next).tile;
        let Some(width) = id.partial_width_at(size) else { continue };
        paths.push(path::tile(id, Some(width)));
        if level == 0 {
            paths.push(path::entries(id.index, Some(width)));
        }
    }
    paths
}
