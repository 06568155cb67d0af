//! RFC 9162 §2.1 as it is written: recursive, from the list of all leaves, sharing no tree code with the
//! service or with `proofs`.
//!
//! The only economy is a memo for complete subtrees, which never change once they are full; it makes the
//! roots of all sizes of a log of *n* leaves cost O(*n* log *n*) instead of O(*n*²).

use std::collections::HashMap;

use proofs::{Hash, sha256};

#[cfg(test)]
mod tests;

/// All leaves of a log, in order, and the roots and paths of any of its prefixes.
#[derive(Debug, Default)]
pub struct Oracle {
    leaves: Vec<Hash>,
    complete: HashMap<(usize, usize), Hash>,
}

/// MTH of one entry: SHA-256(0x00 || entry), RFC 9162 §2.1.1.
pub fn leaf(entry: &[u8]) -> Hash {
    let mut input = vec![0x00];
    input.extend_from_slice(entry);
    sha256(&input)
}

/// SHA-256(0x01 || left || right), RFC 9162 §2.1.1.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut input = vec![0x01];
    input.extend_from_slice(left.as_bytes());
    input.extend_from_slice(right.as_bytes());
    sha256(&input)
}

/// The largest power of two smaller than `n`, for `n` of at least 2.
fn split(n: u64) -> u64 {
    let mut k = 1;
    while k < n - k {
        k *= 2;
    }
    k
}

impl Oracle {
    /// A log of these entries.
    pub fn of<E: AsRef<[u8]>>(entries: impl IntoIterator<Item = E>) -> Self {
        let mut oracle = Self::default();
        oracle.extend(entries);
        oracle
    }

    /// Appends entries.
    pub fn extend<E: AsRef<[u8]>>(&mut self, entries: impl IntoIterator<Item = E>) {
        self.leaves.extend(entries.into_iter().map(|entry| leaf(entry.as_ref())));
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap_or(u64::MAX)
    }

    /// The leaf hash at an index.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.leaves.get(usize::try_from(index).ok()?).copied()
    }

    /// `MTH(D[0:size])`, or `None` if the log is shorter.
    pub fn root(&mut self, size: u64) -> Option<Hash> {
        self.range(0, usize::try_from(size).ok()?)
    }

    /// `PATH(index, D[0:size])`, RFC 9162 §2.1.3.1: the lowest sibling first.
    pub fn inclusion(&mut self, index: u64, size: u64) -> Option<Vec<Hash>> {
        if index >= size || size > self.size() {
            return None;
        }
        let mut path = Vec::new();
        self.path(index, 0, size, &mut path)?;
        Some(path)
    }

    /// `PROOF(old, D[0:new])`, RFC 9162 §2.1.4.1, for 0 < old <= new.
    pub fn consistency(&mut self, old: u64, new: u64) -> Option<Vec<Hash>> {
        if old == 0 || old > new || new > self.size() {
            return None;
        }
        let mut path = Vec::new();
        self.subproof(old, 0, new, true, &mut path)?;
        Some(path)
    }

    fn range(&mut self, start: usize, end: usize) -> Option<Hash> {
        let n = end.checked_sub(start)?;
        if n == 0 {
            return Some(sha256(b""));
        }
        if n == 1 {
            return self.leaves.get(start).copied();
        }
        if end > self.leaves.len() {
            return None;
        }
        let complete = n.is_power_of_two() && start.is_multiple_of(n);
        if complete && let Some(known) = self.complete.get(&(start, n)) {
            return Some(*known);
        }
        let middle = start + usize::try_from(split(u64::try_from(n).ok()?)).ok()?;
        let hash = node(&self.range(start, middle)?, &self.range(middle, end)?);
        if complete {
            self.complete.insert((start, n), hash);
        }
        Some(hash)
    }

    fn path(&mut self, index: u64, start: u64, end: u64, path: &mut Vec<Hash>) -> Option<()> {
        let n = end - start;
        if n == 1 {
            return Some(());
        }
        let middle = start + split(n);
        let sibling = if index < middle {
            self.path(index, start, middle, path)?;
            (middle, end)
        } else {
            self.path(index, middle, end, path)?;
            (start, middle)
        };
        path.push(self.between(sibling.0, sibling.1)?);
        Some(())
    }

    fn subproof(&mut self, old: u64, start: u64, end: u64, whole: bool, path: &mut Vec<Hash>) -> Option<()> {
        let n = end - start;
        if old == n {
            if !whole {
                path.push(self.between(start, end)?);
            }
            return Some(());
        }
        let k = split(n);
        if old <= k {
            self.subproof(old, start, start + k, whole, path)?;
            path.push(self.between(start + k, end)?);
        } else {
            self.subproof(old - k, start + k, end, false, path)?;
            path.push(self.between(start, start + k)?);
        }
        Some(())
    }

    fn between(&mut self, start: u64, end: u64) -> Option<Hash> {
        self.range(usize::try_from(start).ok()?, usize::try_from(end).ok()?)
    }
}

/// The root to which an inclusion path leads, or `None` if the path has the wrong length for the pair.
pub fn root_of_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return path.is_empty().then_some(*leaf);
    }
    let (last, lower) = path.split_last()?;
    let k = split(size);
    if index < k {
        Some(node(&root_of_inclusion(leaf, index, k, lower)?, last))
    } else {
        Some(node(last, &root_of_inclusion(leaf, index - k, size - k, lower)?))
    }
}

/// The old and the new root to which a consistency path leads when the old root is `old_root`; `None` if the
/// path has the wrong length for the pair, or 0 < old < new does not hold.
pub fn roots_of_consistency(old: u64, new: u64, path: &[Hash], old_root: &Hash) -> Option<(Hash, Hash)> {
    if old == 0 || old >= new {
        return None;
    }
    let (old_side, new_side, rest) = unfold(old, new, true, path, old_root)?;
    rest.is_empty().then_some((old_side, new_side))
}

fn unfold<'a>(
    old: u64,
    new: u64,
    whole: bool,
    path: &'a [Hash],
    old_root: &Hash,
) -> Option<(Hash, Hash, &'a [Hash])> {
    if old == new {
        if whole {
            return Some((*old_root, *old_root, path));
        }
        let (last, rest) = path.split_last()?;
        return Some((*last, *last, rest));
    }
    let (last, lower) = path.split_last()?;
    let k = split(new);
    if old <= k {
        let (old_side, new_side, rest) = unfold(old, k, whole, lower, old_root)?;
        Some((old_side, node(&new_side, last), rest))
    } else {
        let (old_side, new_side, rest) = unfold(old - k, new - k, false, lower, old_root)?;
        Some((node(last, &old_side), node(last, &new_side), rest))
    }
}
