//! What was committed lately, so that the sequencer need not search the whole log for each statement.
//!
//! The front door looks for every statement in the log before it judges it, in parallel with others. What it did not
//! find can only have been committed since, so only that is looked at again, here, exactly (D7).

use std::collections::HashSet;

use proofs::TreeSize;
use storage::IndexRow;

/// How many keys each half holds at most, but for one round more: of the order of a second under full load, and a
/// megabyte. What was looked for longer ago is looked for again.
const HALF: usize = 16 * 1024;

/// The unique keys (32 bytes) of every entry from `since` on. Two halves, so that the older one can be forgotten whole.
pub(super) struct Recent {
    since: TreeSize,
    middle: TreeSize,
    older: HashSet<[u8; 32]>,
    newer: HashSet<[u8; 32]>,
    half: usize,
}

impl Recent {
    /// Nothing was committed beyond `size`.
    pub(super) fn new(size: TreeSize) -> Self {
        Self::with_halves(size, HALF)
    }

    fn with_halves(size: TreeSize, half: usize) -> Self {
        Self { since: size, middle: size, older: HashSet::new(), newer: HashSet::new(), half }
    }

    /// The rows of a round that was committed on `base`.
    pub(super) fn committed(&mut self, base: TreeSize, rows: &[IndexRow]) {
        if self.newer.len() >= self.half {
            self.older = std::mem::take(&mut self.newer);
            self.since = self.middle;
            self.middle = base;
        }
        self.newer.extend(rows.iter().filter_map(|row| <[u8; 32]>::try_from(row.key.as_slice()).ok()));
    }

    /// Whether nothing with one of these keys is in the log, given that nothing was when it had the size `absent_at`.
    /// `false` also when that is too long ago to tell.
    pub(super) fn rules_out<'a>(
        &self,
        absent_at: TreeSize,
        mut keys: impl Iterator<Item = &'a [u8; 32]>,
    ) -> bool {
        absent_at >= self.since && !keys.any(|key| self.newer.contains(key) || self.older.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use proofs::LeafIndex;
    use proptest::prelude::*;
    use storage::IndexName;

    use super::*;

    fn key(n: u64) -> [u8; 32] {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    }

    proptest! {
        /// Never ruled out: what was committed since. Always: what was not, if it was looked for lately.
        #[test]
        fn d7_what_was_committed_since_is_never_ruled_out(
            rounds in prop::collection::vec(1_u64..9, 1..40),
            start in 0_u64..100,
        ) {
            let mut recent = Recent::with_halves(TreeSize::new(start), 16);
            let mut size = start;
            for round in rounds {
                let rows: Vec<_> = (size..size + round)
                    .map(|n| IndexRow { index: IndexName(1), key: key(n).to_vec(), leaf: LeafIndex::new(n) })
                    .collect();
                recent.committed(TreeSize::new(size), &rows);
                size += round;
                for n in start..size {
                    for absent_at in start..=n {
                        prop_assert!(!recent.rules_out(TreeSize::new(absent_at), [key(n)].iter()));
                    }
                }
                let unknown = [key(u64::MAX)];
                let lately = TreeSize::new(size.saturating_sub(16).max(start));
                prop_assert!(recent.rules_out(lately, unknown.iter()));
                prop_assert!(recent.older.len() + recent.newer.len() <= 2 * (16 + 9));
            }
        }
    }
}
