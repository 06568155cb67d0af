//! The audit of a store: what `fsck` compares, and every decision, in one pass.

use proofs::checkpoint::Checkpoint;
use proofs::tile::{TileId, TiledNodes};
use proofs::{CompactRange, Hash, LeafIndex, NodeId, SignedStatement, TreeHead, TreeSize, UnixTime};
use storage::{EntryRow, Head, IndexName, LogStore, Snapshot, StoreError};

use super::{
    AuditPace, AuditReport, AuditSource, AuditState, Auditor, Discrepancy, Growth, Part, Record, StateError,
};
use crate::collateral::Collateral;
use crate::control::{ControlType, LogIdentity};
use crate::error::OpenError;
use crate::fsck::{Fault, TileCheck, has_erased, is_erased_rightly};
use crate::governance::Governance;
use crate::{recovery, rows};

/// How many committed heads are read at a time.
const HEADS: usize = 1024;

/// Why a store could not be audited at all.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The log does not even open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state to go on from is not usable.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state to go on from is about another log, or about a longer one.
    #[error("the state is not one of this log: its {0} entries are not the beginning of what is stored")]
    OtherLog(TreeSize),
}

/// Audits the whole log in `store`, from the genesis or from where `state` was taken. `on_step` hears of every step and
/// may end the audit early by answering `false`; the report is then about the part that was done.
///
/// # Errors
/// [`AuditError`] if the log cannot be read at all; everything else is a discrepancy in the report.
pub fn audit_store(
    store: &dyn LogStore,
    state: Option<AuditState>,
    pace: &AuditPace,
    on_step: &mut dyn FnMut(&Auditor, TreeSize) -> bool,
) -> Result<AuditReport, AuditError> {
    let snapshot = store.snapshot()?;
    let snapshot = snapshot.as_ref();
    let head = snapshot.head().ok_or(OpenError::Empty)?;
    let note = store.published()?.ok_or(OpenError::CheckpointMissing)?;
    let mut auditor = state.map_or_else(|| Ok(Auditor::new()), Auditor::resume)?;
    let mut growth = StoreGrowth::new(snapshot, auditor.range())?;
    let source = StoreSource { snapshot, identity: identity(snapshot)? };
    let mut checkpoint = None;
    loop {
        if checkpoint.is_none()
            && let Some(governance) = auditor.governance()
        {
            // The genesis names the key that checkpoints are signed with.
            let note = String::from_utf8_lossy(&note);
            let own = recovery::own_checkpoint(&note, governance)?;
            growth.expect(&own, auditor.range(), snapshot, head.tree)?;
            checkpoint = Some(own);
        }
        let done = auditor.step(&source, head.tree.size, pace, &mut growth)?;
        if done == 0 {
            break;
        }
        if !on_step(&auditor, head.tree.size) {
            return Ok(auditor.report());
        }
    }
    let published = checkpoint.as_ref().map_or(TreeSize::EMPTY, |checkpoint| checkpoint.head.size);
    growth.finish(head.tree, published).iter().for_each(|found| auditor.note(found));
    Ok(auditor.report())
}

/// What the genesis statement says, if it is one.
fn identity(snapshot: &dyn Snapshot) -> Result<Option<LogIdentity>, StoreError> {
    let bytes = snapshot.statement(LeafIndex::new(0))?.unwrap_or_default();
    let genesis = SignedStatement::parse(&bytes, bytes.len()).ok();
    let governance = genesis.and_then(|genesis| Governance::begin(&genesis).ok());
    Ok(governance.map(|governance| governance.identity().clone()))
}

/// Entries, statements and collateral of one snapshot.
struct StoreSource<'a> {
    snapshot: &'a dyn Snapshot,
    /// What the genesis fixed; which index rows a statement has depends on it.
    identity: Option<LogIdentity>,
}

impl AuditSource for StoreSource<'_> {
    type Error = StoreError;

    fn read(&self, from: LeafIndex, count: usize) -> Result<Vec<Record>, StoreError> {
        let rows = self.snapshot.entries(from, count)?;
        let indices = (from.get()..).map(LeafIndex::new);
        Ok(indices.zip(rows).map(|(index, row)| self.record(index, &row)).collect())
    }

    fn inspect(
        &self,
        index: LeafIndex,
        statement: &SignedStatement,
        record: Option<&Collateral>,
    ) -> Vec<Fault> {
        let Some(identity) = &self.identity else { return Vec::new() };
        let examined = record.and_then(|record| record.examined.as_ref());
        let rows = rows::of_entry(statement, index, identity, examined);
        // The row of the entry itself needs no statement and is looked up with it.
        let rows = rows.iter().filter(|row| row.index != rows::ENTRY);
        let mut faults: Vec<_> = rows.filter_map(|row| self.row(index, row.index, &row.key)).collect();
        let erasure = ControlType::of(statement.header()) == Some(ControlType::Erasure);
        if erasure && !has_erased(self.snapshot, index, statement) {
            faults.push(Fault::NotErased(index));
        }
        faults
    }
}

impl StoreSource<'_> {
    fn record(&self, index: LeafIndex, row: &EntryRow) -> Record {
        let mut faults = Vec::new();
        let mut part = |what, read: Result<Option<bytes::Bytes>, StoreError>| match read {
            Ok(Some(bytes)) => Part::Given(bytes),
            Ok(None) => {
                faults.push(Fault::Missing(index, what));
                Part::Withheld
            }
            Err(error) => {
                faults.push(Fault::Unreadable(index, what, error.to_string()));
                Part::Withheld
            }
        };
        if let Some(erased) = row.erased {
            faults.extend(self.row(index, rows::ENTRY, &row.entry));
            if !is_erased_rightly(self.snapshot, index, row) {
                faults.push(Fault::Erased(index));
            }
            return Record {
                index,
                entry: row.entry,
                statement: Part::Withheld,
                // What is left of it still folds to its manifest (D12).
                collateral: Part::Hash(Hash::new(erased.remains)),
                faults,
            };
        }
        let statement = part("statement", self.snapshot.statement(index));
        let collateral = part("collateral", self.snapshot.collateral(index));
        faults.extend(self.row(index, rows::ENTRY, &row.entry));
        Record { index, entry: row.entry, statement, collateral, faults }
    }

    fn row(&self, index: LeafIndex, name: IndexName, key: &[u8]) -> Option<Fault> {
        let what = rows::name(name);
        match self.snapshot.lookup(name, key) {
            Ok(Some(leaf)) if leaf == index => None,
            Ok(_) => Some(Fault::Index(index, what)),
            Err(error) => Some(Fault::Unreadable(index, what, error.to_string())),
        }
    }
}

/// Compares tiles, committed heads and the checkpoint while the tree grows.
struct StoreGrowth<'a> {
    snapshot: &'a dyn Snapshot,
    tiles: TileCheck<'a>,
    heads: Vec<Head>,
    heads_failed: bool,
    checkpoint: Option<TreeHead>,
    size: TreeSize,
    root: Option<Hash>,
}

impl<'a> StoreGrowth<'a> {
    fn new(snapshot: &'a dyn Snapshot, range: &CompactRange) -> Result<Self, AuditError> {
        let other = || AuditError::OtherLog(range.size());
        let mut tiles = TileCheck::new(snapshot);
        if range.size() > TreeSize::EMPTY {
            let nodes = TiledNodes::open(range.head(), |ids: &[TileId]| snapshot.tiles(ids));
            nodes.verify_right_edge().map_err(|_| other())?;
            tiles.resume(range.size()).map_err(|_| other())?;
        }
        Ok(Self {
            snapshot,
            tiles,
            heads: Vec::new(),
            heads_failed: false,
            checkpoint: None,
            size: range.size(),
            root: None,
        })
    }

    /// The checkpoint to compare. One that the audit is past already is compared by way of the tiles.
    fn expect(
        &mut self,
        checkpoint: &Checkpoint,
        range: &CompactRange,
        snapshot: &dyn Snapshot,
        stored: TreeHead,
    ) -> Result<(), AuditError> {
        let head = checkpoint.head;
        if head.size > stored.size {
            return Err(OpenError::Behind { stored: stored.size, published: head.size }.into());
        }
        if head.size <= range.size() {
            let nodes = TiledNodes::open(stored, |ids: &[TileId]| snapshot.tiles(ids)).proven();
            let root = crate::receipts::root_at(head.size, &nodes)
                .map_err(|error| OpenError::Tree(error.to_string()))?;
            if root != head.root {
                let (size, published) = (head.size, head.root);
                return Err(OpenError::Fork { size, stored: root, published }.into());
            }
        }
        self.checkpoint = Some(head);
        Ok(())
    }

    fn finish(mut self, head: TreeHead, published: TreeSize) -> Vec<Discrepancy> {
        let mut found = Vec::new();
        if self.heads_failed || self.root.is_some_and(|root| root != head.root) {
            found.push(Fault::Head(head.size).into());
        }
        if self.size < head.size {
            found.push(Discrepancy::Short { found: self.size, signed: head.size.max(published) });
        }
        found.extend(self.tiles.finish().into_iter().map(|(level, index)| Fault::Tile(level, index).into()));
        found
    }
}

impl Growth for StoreGrowth<'_> {
    fn node(&mut self, node: NodeId, hash: &Hash) {
        self.tiles.node(node, hash);
    }

    fn leaf(&mut self, tree: &CompactRange, registered_at: Option<UnixTime>) -> Vec<Discrepancy> {
        let size = tree.size();
        self.size = size;
        if self.heads.is_empty() {
            match self.snapshot.heads(size, HEADS) {
                Ok(heads) => self.heads = heads.into_iter().rev().collect(),
                Err(_) => self.heads_failed = true,
            }
        }
        let committed = self.heads.pop_if(|head| head.tree.size == size);
        let published = self.checkpoint.filter(|head| head.size == size);
        let mut found = Vec::new();
        if committed.is_none() && published.is_none() {
            return found;
        }
        let root = tree.root();
        self.root = Some(root);
        if committed.is_some_and(|head| {
            head.tree.root != root || registered_at.is_some_and(|registered| registered != head.time)
        }) {
            found.push(Fault::Head(size).into());
        }
        if published.is_some_and(|head| head.root != root) {
            found.push(Fault::Checkpoint(size).into());
        }
        found
    }

    /// D5: a control statement is the last entry of its round, so a head was committed with it at its end.
    fn control(&mut self, index: LeafIndex) -> Option<Discrepancy> {
        let size = TreeSize::new(index.next().get());
        let heads = self.snapshot.heads(size, 1).unwrap_or_default();
        let ended = heads.first().is_some_and(|head| head.tree.size == size);
        // The first two are committed together with the third (D3).
        (!ended && index.get() >= 2).then_some(Discrepancy::RoundWentOn(index))
    }
}
