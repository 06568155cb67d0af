//! The marker of the newest commit: one line that says which head the database must hold at least.
//!
//! `stele committed 1 <size, 20 digits> <root, hex> <check, 16 hex digits>`, always of the same length, so that
//! overwriting it in place touches one sector.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use proofs::{Hash, TreeHead, TreeSize, empty_root, sha256};

use super::failure;
use crate::commit::Head;
use crate::error::{CorruptKind, StoreError};

const NAME: &str = "stele committed 1";

/// The most that is read of a marker, in bytes; a good one is shorter.
const MAX_LEN: u64 = 512;

/// The file of the marker, and where it is.
#[derive(Debug)]
pub(super) struct Marker {
    file: File,
}

impl Marker {
    /// Makes the marker of an empty log, durably.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut marker = Self { file: File::create_new(path)? };
        marker.set(&TreeHead { size: TreeSize::EMPTY, root: empty_root() })?;
        marker.file.sync_all()?;
        Ok(marker)
    }

    /// Opens the marker for writing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().write(true).open(path)? })
    }

    /// Writes the head of a commit that is durable. Not synced: see the [module](super).
    pub(super) fn set(&mut self, tree: &TreeHead) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(line(tree).as_bytes())
    }
}

/// Reads which head the database must hold at least.
pub(super) fn read(path: &Path) -> Result<TreeHead, StoreError> {
    let bad = |detail: String| failure::corrupt(CorruptKind::Marker, detail);
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => bad(format!("there is no {}", path.display())),
        _ => failure::file("read", path, &error),
    })?;
    let mut bytes = Vec::new();
    file.take(MAX_LEN).read_to_end(&mut bytes).map_err(|error| failure::file("read", path, &error))?;
    parse(&bytes).ok_or_else(|| bad(format!("{} is not as it was written", path.display())))
}

/// Refuses a database that does not hold what was committed. `at` gives the head it has at a size.
pub(super) fn compare(
    marked: &TreeHead,
    held: Option<Head>,
    at: impl FnOnce(TreeSize) -> Result<Option<Head>, StoreError>,
) -> Result<(), StoreError> {
    let held = held.map_or(TreeSize::EMPTY, |head| head.tree.size);
    if held < marked.size {
        let detail = format!("it holds {held} entries, and {} were committed", marked.size);
        return Err(failure::corrupt(CorruptKind::Shorter, detail));
    }
    if marked.size == TreeSize::EMPTY || at(marked.size)?.is_some_and(|head| head.tree == *marked) {
        return Ok(());
    }
    let detail = format!("size {} was committed with root {}", marked.size, marked.root);
    Err(failure::corrupt(CorruptKind::Forked, detail))
}

fn line(tree: &TreeHead) -> String {
    let text = format!("{NAME} {:020} {}", tree.size.get(), tree.root);
    let check = check(&text);
    format!("{text} {check}\n")
}

fn check(text: &str) -> String {
    sha256(text.as_bytes()).to_string().chars().take(16).collect()
}

fn parse(bytes: &[u8]) -> Option<TreeHead> {
    let text = str::from_utf8(bytes).ok()?;
    let mut words = text.strip_prefix(NAME)?.split_whitespace();
    let size = TreeSize::new(words.next()?.parse().ok()?);
    let root: Hash = words.next()?.parse().ok()?;
    let tree = TreeHead { size, root };
    // Comparing with the one line there is for it checks the check, the spaces and the length.
    (line(&tree) == text).then_some(tree)
}

#[cfg(test)]
mod tests {
    use proofs::sha256;

    use super::*;

    #[test]
    fn every_flipped_bit_of_the_marker_is_noticed() {
        let tree = TreeHead { size: TreeSize::new(12_345), root: sha256(b"root") };
        let good = line(&tree);
        assert_eq!(parse(good.as_bytes()), Some(tree));
        assert!(good.len() < 256, "one sector");
        for at in 0..good.len() * 8 {
            let mut bytes = good.clone().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            assert_eq!(parse(&bytes), None, "bit {at}");
        }
        for cut in 0..good.len() {
            assert_eq!(parse(&good.as_bytes()[..cut]), None);
        }
    }
}
