//! The Merkle tree, against oracles that share no code with it.

mod appending;
mod consistency;
mod inclusion;
mod large;
mod oracle;
mod rfc9162;
mod transparency_dev;
mod vectors;

use std::cell::Cell;
use std::collections::HashMap;

use proofs::{CompactRange, Hash, LeafIndex, NodeId, NodeReader, TreeSize, leaf_hash};

pub(crate) fn size(size: usize) -> TreeSize {
    TreeSize::new(u64::try_from(size).unwrap())
}

pub(crate) fn index(index: usize) -> LeafIndex {
    LeafIndex::new(u64::try_from(index).unwrap())
}

/// Distinct leaf hashes.
pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(format!("entry {i}").as_bytes())).collect()
}

/// The same hash with one bit flipped.
pub(crate) fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Hash::new(bytes)
}

/// Every node that appending completed, kept in memory; counts how often it is asked.
pub(crate) struct Nodes {
    nodes: HashMap<NodeId, Hash>,
    pub(crate) range: CompactRange,
    pub(crate) reads: Cell<usize>,
}

impl Nodes {
    pub(crate) fn over(leaves: &[Hash]) -> Self {
        let mut nodes = HashMap::new();
        let mut range = CompactRange::empty();
        for leaf in leaves {
            range
                .append(*leaf, &mut |id, hash| {
                    assert_eq!(nodes.insert(id, hash), None, "{id:?} was visited twice");
                })
                .unwrap();
        }
        Self { nodes, range, reads: Cell::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&Hash> {
        self.nodes.get(&id)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoSuchNode(NodeId);

impl NodeReader for Nodes {
    type Error = NoSuchNode;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, NoSuchNode> {
        self.reads.set(self.reads.get() + 1);
        ids.iter().map(|id| self.nodes.get(id).copied().ok_or(NoSuchNode(*id))).collect()
    }
}

/// Sees to it that only nodes of one tree are asked for.
pub(crate) struct Within<'a, R>(pub(crate) &'a R, pub(crate) TreeSize);

impl<R: NodeReader> NodeReader for Within<'_, R> {
    type Error = R::Error;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, R::Error> {
        for id in ids {
            assert!(id.in_tree(self.1), "{id:?} is not in a tree of size {}", self.1);
        }
        assert!(ids.len() < 128);
        self.0.read(ids)
    }
}
