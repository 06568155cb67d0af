//! RFC 9162 §2.1 word by word: recursion over slices of leaves, and the same over trees too large to hold.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proofs::{Hash, NodeId, NodeReader, empty_root, leaf_hash, node_hash};

/// The largest power of two strictly below `n`.
fn split(n: u64) -> u64 {
    assert!(n > 1);
    1 << (n - 1).ilog2()
}

/// What the RFC's recursions need: the hash over leaves `from` to `from + n`.
pub(crate) trait Mth {
    fn mth(&self, from: u64, n: u64) -> Hash;

    /// PATH(m, D[from : from + n]), §2.1.3.1.
    fn path(&self, m: u64, from: u64, n: u64) -> Vec<Hash> {
        assert!(m < n);
        if n == 1 {
            return Vec::new();
        }
        let k = split(n);
        if m < k {
            let mut path = self.path(m, from, k);
            path.push(self.mth(from + k, n - k));
            path
        } else {
            let mut path = self.path(m - k, from + k, n - k);
            path.push(self.mth(from, k));
            path
        }
    }

    /// PROOF(m, D[0 : n]), §2.1.4.1.
    fn proof(&self, m: u64, n: u64) -> Vec<Hash> {
        assert!(0 < m && m < n);
        self.subproof(m, 0, n, true)
    }

    fn subproof(&self, m: u64, from: u64, n: u64, known: bool) -> Vec<Hash> {
        if m == n {
            return if known { Vec::new() } else { vec![self.mth(from, n)] };
        }
        let k = split(n);
        if m <= k {
            let mut proof = self.subproof(m, from, k, known);
            proof.push(self.mth(from + k, n - k));
            proof
        } else {
            let mut proof = self.subproof(m - k, from + k, n - k, false);
            proof.push(self.mth(from, k));
            proof
        }
    }
}

/// A row of leaf hashes.
impl Mth for [Hash] {
    fn mth(&self, from: u64, n: u64) -> Hash {
        match n {
            0 => empty_root(),
            1 => self[usize::try_from(from).unwrap()],
            _ => {
                let k = split(n);
                node_hash(&self.mth(from, k), &self.mth(from + k, n - k))
            }
        }
    }
}

/// A tree of any size in which all leaves are the same but a few.
#[derive(Debug, Clone)]
pub(crate) struct Sparse {
    special: BTreeMap<u64, Hash>,
    /// The hash over 2^i ordinary leaves.
    ordinary: Vec<Hash>,
}

impl Sparse {
    pub(crate) fn new(special: impl IntoIterator<Item = u64>) -> Self {
        let special = special.into_iter().map(|i| (i, leaf_hash(&i.to_be_bytes()))).collect();
        let mut ordinary = vec![leaf_hash(b"ordinary")];
        for level in 0..63 {
            ordinary.push(node_hash(&ordinary[level], &ordinary[level]));
        }
        Self { special, ordinary }
    }

    pub(crate) fn leaf(&self, index: u64) -> Hash {
        self.mth(index, 1)
    }
}

impl Mth for Sparse {
    fn mth(&self, from: u64, n: u64) -> Hash {
        if n == 0 {
            return empty_root();
        }
        let last = from + (n - 1);
        if n.is_power_of_two() && self.special.range(from..=last).next().is_none() {
            return self.ordinary[usize::try_from(n.ilog2()).unwrap()];
        }
        if n == 1 {
            return self.special[&from];
        }
        let k = split(n);
        node_hash(&self.mth(from, k), &self.mth(from + k, n - k))
    }
}

impl NodeReader for Sparse {
    type Error = Infallible;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, Infallible> {
        Ok(ids.iter().map(|id| self.mth(id.index << id.level, 1 << id.level)).collect())
    }
}
