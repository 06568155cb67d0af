//! What the ledger calls the index rows of the store, which knows them only by number.

use proofs::{LeafIndex, SignedStatement, TreeSize};
use storage::{IndexName, IndexRow, Snapshot, StoreError};

use crate::collateral::Examined;
use crate::control::{ControlType, LogIdentity};
use crate::profile::{rows_of, statement_terms};
use crate::registrar;
use crate::trace_batch::range_of;

/// Entry id (32 bytes) to the leaf that holds it.
pub(crate) const ENTRY: IndexName = IndexName(1);

/// For ECDSA statements: the id of the form with the smaller `s`, to the leaf of the form that was registered.
pub(crate) const TWIN: IndexName = IndexName(2);

/// Leaf index (8 bytes, big-endian) of every control statement, to the same leaf.
pub(crate) const CONTROL: IndexName = IndexName(3);

/// For evidence that the registrar wrapped: what it is known by beside its id (32 bytes), to its leaf (D17).
pub(crate) const EVIDENCE: IndexName = IndexName(4);

/// Leaf index (8 bytes, big-endian) of every collateral manifest, to the same leaf.
pub(crate) const MANIFEST: IndexName = IndexName(5);

/// Leaf index (8 bytes, big-endian) of every erasure, to the same leaf.
pub(crate) const ERASURE: IndexName = IndexName(6);

/// The last leaf that a batch of TRACE records looked at (8 bytes, big-endian), to the leaf of the batch.
pub(crate) const TRACE_BATCH: IndexName = IndexName(7);

/// Everything that entries are searched by: terms and links, each key ending with the leaf (`crate::profile`). A list
/// index: nothing has to be looked up to write one.
pub(crate) const TERM: IndexName = IndexName(64);

/// The key of a row that leads from a leaf to itself: big-endian, so that a scan gives them in log order.
pub(crate) fn leaf_key(index: LeafIndex) -> Vec<u8> {
    index.get().to_be_bytes().to_vec()
}

/// Those of the rows that stay when the entry is erased: its id and its twin's, so that nobody brings it back by sending
/// it again. All others tell of its content.
pub(crate) fn outlives_erasure(index: IndexName) -> bool {
    index == ENTRY || index == TWIN
}

/// The newest leaf in an index whose rows lead from a leaf to itself: the greatest key, found digit by digit, because a
/// scan begins at a prefix.
pub(crate) fn newest(
    snapshot: &dyn Snapshot,
    index: IndexName,
    size: TreeSize,
) -> Result<Option<LeafIndex>, StoreError> {
    // No leaf is beyond the tree, so no digit beyond those of its last leaf needs to be tried.
    let Some(last) = size.last().map(leaf_key) else { return Ok(None) };
    let mut prefix = Vec::with_capacity(last.len());
    while prefix.len() < last.len() {
        let beside_last = last.starts_with(&prefix);
        let highest = last.get(prefix.len()).copied().filter(|_| beside_last).unwrap_or(u8::MAX);
        let mut found = None;
        for digit in (0..=highest).rev() {
            let longer = [&prefix[..], &[digit]].concat();
            if !snapshot.scan(index, &longer, 1)?.is_empty() {
                found = Some(longer);
                break;
            }
        }
        match found {
            Some(longer) => prefix = longer,
            None => return Ok(None),
        }
    }
    snapshot.lookup(index, &prefix)
}

/// Every index row of one entry. They are written, checked and erased by this list, so whoever adds an index adds it
/// here. `examined` is what the entry's collateral keeps of its profile.
pub(crate) fn of_entry(
    statement: &SignedStatement,
    index: LeafIndex,
    identity: &LogIdentity,
    examined: Option<&Examined>,
) -> Vec<IndexRow> {
    let id = statement.entry_id();
    let mut rows = vec![row(ENTRY, id.as_bytes().to_vec(), index)];
    rows.extend(statement.twin_id().map(|twin| row(TWIN, twin.as_bytes().to_vec(), index)));
    match ControlType::of(statement.header()) {
        Some(kind) if kind.governs() => rows.push(row(CONTROL, leaf_key(index), index)),
        Some(ControlType::Manifest) => rows.push(row(MANIFEST, leaf_key(index), index)),
        Some(ControlType::Erasure) => rows.push(row(ERASURE, leaf_key(index), index)),
        Some(ControlType::TraceBatch) => {
            let last = range_of(statement.header()).and_then(|(_, to)| TreeSize::new(to.get()).last());
            rows.extend(last.map(|last| row(TRACE_BATCH, leaf_key(last), index)));
        }
        Some(_) => {}
        None => {
            let of_statement = rows_of(&statement_terms(statement), &[], index).into_iter();
            let of_payload =
                examined.into_iter().flat_map(|known| rows_of(&known.terms, &known.links, index));
            rows.extend(of_statement.chain(of_payload).map(|key| row(TERM, key, index)));
        }
    }
    rows.extend(registrar::key_of(statement, identity).map(|key| row(EVIDENCE, key.to_vec(), index)));
    rows
}

/// What no two entries have in common: the keys under which a statement would be found if it were registered already.
pub(crate) fn unique(
    statement: &SignedStatement,
    identity: &LogIdentity,
) -> impl Iterator<Item = (IndexName, [u8; 32])> {
    let twin = statement.twin_id().map(|twin| (TWIN, *twin.as_bytes()));
    let evidence = registrar::key_of(statement, identity).map(|key| (EVIDENCE, key));
    [(ENTRY, *statement.entry_id().as_bytes())].into_iter().chain(twin).chain(evidence)
}

/// The name of an index in a report.
pub(crate) const fn name(index: IndexName) -> &'static str {
    match index {
        ENTRY => "entry",
        TWIN => "twin",
        CONTROL => "control",
        EVIDENCE => "evidence",
        MANIFEST => "manifest",
        ERASURE => "erasure",
        TRACE_BATCH => "trace batch",
        TERM => "term",
        _ => "unknown",
    }
}

fn row(index: IndexName, key: Vec<u8>, leaf: LeafIndex) -> IndexRow {
    IndexRow { index, key, leaf }
}
