//! What the ledger calls the index rows of the store, which knows them only by number.

use proofs::LeafIndex;
use storage::IndexName;

/// Entry id (32 bytes) to the leaf that holds it.
pub(crate) const ENTRY: IndexName = IndexName(1);

/// For ECDSA statements: the id of the form with the smaller `s`, to the leaf of the form that was registered.
pub(crate) const TWIN: IndexName = IndexName(2);

/// Leaf index (8 bytes, big-endian) of every control statement, to the same leaf.
pub(crate) const CONTROL: IndexName = IndexName(3);

/// The key of a control statement's row: big-endian, so that a scan gives them in log order.
pub(crate) fn control_key(index: LeafIndex) -> Vec<u8> {
    index.get().to_be_bytes().to_vec()
}
