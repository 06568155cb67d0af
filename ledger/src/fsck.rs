//! Re-derives every leaf, tile and root from what is stored and compares it with what was signed. Changes nothing.

mod batch;
mod erased;
mod tiles;

#[cfg(test)]
mod tests;

use proofs::checkpoint::Checkpoint;
use proofs::manifest::CollateralManifest;
use proofs::{
    CompactRange, EntryId, Hash, LeafIndex, SignedStatement, TreeHead, TreeSize, UnixTime, leaf_hash,
};
use storage::{EntryRow, Head, LogStore, Snapshot, StoreError};

use crate::collateral::{Collateral, Examined};
use crate::control::{ControlType, LogIdentity};
use crate::error::OpenError;
use crate::manifest;
use crate::recovery;
use crate::rows;
use crate::sequencer::MAX_JUDGEMENT_AGE;
pub(crate) use erased::{has_erased, is_erased_rightly};
pub(crate) use tiles::TileCheck;

/// How many faults a report names; the rest is counted.
pub(crate) const MAX_FAULTS: usize = 100;

/// How many entries are read at a time.
const CHUNK: usize = 256;

/// What was checked and what contradicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsckReport {
    /// The committed head.
    pub head: TreeHead,
    /// How many entries were re-derived.
    pub entries: u64,
    /// How many committed heads were compared.
    pub heads: u64,
    /// The size of the newest checkpoint.
    pub checkpoint: TreeSize,
    /// The first hundred contradictions, in log order.
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub more_faults: u64,
}

impl FsckReport {
    /// Whether everything agrees.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// One contradiction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A row cannot be read.
    #[error("entry {0}: its {1} cannot be read: {2}")]
    Unreadable(LeafIndex, &'static str, String),
    /// A row is missing.
    #[error("entry {0}: its {1} is missing")]
    Missing(LeafIndex, &'static str),
    /// The stored statement does not hash to the entry.
    #[error("entry {0}: the stored statement is not the one that was hashed into the log")]
    Statement(LeafIndex),
    /// The collateral record is not one.
    #[error("entry {0}: its collateral is no record of a known format")]
    Collateral(LeafIndex),
    /// Times do not follow D6.
    #[error("entry {0}: its times contradict the order of the log")]
    Time(LeafIndex),
    /// The statement was not judged under the rules then in force (D5, ARCH-19).
    #[error("entry {0}: it was not judged under the newest policy and trust anchors")]
    Judged(LeafIndex),
    /// An index row is missing or leads elsewhere.
    #[error("entry {0}: the {1} index does not lead to it")]
    Index(LeafIndex, &'static str),
    /// The collateral that a manifest covers is not what was registered, or the manifest leaves a gap (D12).
    #[error("entry {0}: this collateral manifest does not hold for the records that are stored")]
    Manifest(LeafIndex),
    /// A batch of TRACE records leaves a gap, or does not list the records it looked at.
    #[error("entry {0}: this batch does not list the TRACE records that are stored")]
    TraceBatch(LeafIndex),
    /// Statement and collateral are gone, but not as an erasure leaves them (D20).
    #[error("entry {0}: it is marked as erased, but not whole, or no erasure after it names it")]
    Erased(LeafIndex),
    /// What an erasure names is still there (D20).
    #[error("entry {0}: what this erasure names was not erased by it")]
    NotErased(LeafIndex),
    /// A tile differs from the hashes of its entries.
    #[error("tile {0}/{1} does not hold the hashes of its entries")]
    Tile(u8, u64),
    /// A committed head differs from the entries.
    #[error("the head committed at size {0} does not have the root and time of its entries")]
    Head(TreeSize),
    /// The published checkpoint differs from the entries.
    #[error("the checkpoint published at size {0} does not have the root of its entries")]
    Checkpoint(TreeSize),
}

/// Why a log could not be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// The log does not even open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks the whole log in `store`; `progress` hears the number of entries done, once a chunk.
///
/// Signatures of issuers are not verified again here: that is an auditor's work and needs the control statements of
/// each moment.
///
/// # Errors
///
/// [`FsckError`] if there is no readable head, genesis or checkpoint; everything else is a fault in the report.
pub fn fsck(store: &dyn LogStore, progress: &mut dyn FnMut(u64)) -> Result<FsckReport, FsckError> {
    let snapshot = store.snapshot()?;
    let snapshot = snapshot.as_ref();
    let head = snapshot.head().ok_or(OpenError::Empty)?;
    let governance = recovery::governance(snapshot, head.tree)?;
    let note = store.published()?.ok_or(OpenError::CheckpointMissing)?;
    let note =
        String::from_utf8(note).map_err(|_| OpenError::CheckpointInvalid("it is not text".to_owned()))?;
    let checkpoint = recovery::own_checkpoint(&note, &governance)?;
    if checkpoint.head.size > head.tree.size {
        return Err(OpenError::Behind { stored: head.tree.size, published: checkpoint.head.size }.into());
    }
    recovery::announced(store, snapshot, head.tree, &governance)?;
    let mut check = Check::new(snapshot, head, checkpoint, governance.identity().clone());
    check.entries(progress)?;
    Ok(check.finish())
}

struct Check<'a> {
    snapshot: &'a dyn Snapshot,
    head: Head,
    checkpoint: Checkpoint,
    identity: LogIdentity,
    covered: LeafIndex,
    /// The first entry that no batch of TRACE records looked at.
    batched: LeafIndex,
    range: CompactRange,
    tiles: TileCheck<'a>,
    heads: Vec<Head>,
    heads_done: u64,
    newest: Rules,
    last_time: UnixTime,
    faults: Vec<Fault>,
    more_faults: u64,
}

/// The newest control statements seen so far.
#[derive(Default, Clone, Copy)]
struct Rules {
    policy: Option<LeafIndex>,
    anchors: Option<LeafIndex>,
}

impl<'a> Check<'a> {
    fn new(snapshot: &'a dyn Snapshot, head: Head, checkpoint: Checkpoint, identity: LogIdentity) -> Self {
        Self {
            snapshot,
            head,
            checkpoint,
            identity,
            covered: LeafIndex::new(0),
            batched: LeafIndex::new(0),
            range: CompactRange::empty(),
            tiles: TileCheck::new(snapshot),
            heads: Vec::new(),
            heads_done: 0,
            newest: Rules::default(),
            last_time: UnixTime::from_secs(0),
            faults: Vec::new(),
            more_faults: 0,
        }
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.more_faults = self.more_faults.saturating_add(1);
        }
    }

    fn entries(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), FsckError> {
        let size = self.head.tree.size;
        while self.range.size() < size {
            let from = self.range.size().next_index();
            let rows = self.snapshot.entries(from, CHUNK)?;
            if rows.is_empty() {
                self.fault(Fault::Missing(from, "entry"));
                return Ok(());
            }
            for row in rows {
                self.entry(&row)?;
            }
            progress(self.range.size().get());
        }
        Ok(())
    }

    fn entry(&mut self, row: &EntryRow) -> Result<(), FsckError> {
        let index = self.range.size().next_index();
        if row.erased.is_some() {
            self.erased(index, row);
            return self.grow(row);
        }
        let statement = self.statement(index, row);
        let collateral = self.read(index, "collateral", |s| s.collateral(index));
        let mut examined = None;
        if let Some(bytes) = collateral {
            match Collateral::decode(&bytes) {
                Ok(record) => {
                    self.collateral(index, row, &record);
                    examined = record.examined;
                }
                Err(_) => self.fault(Fault::Collateral(index)),
            }
        }
        match statement {
            Some(statement) => self.stated(index, &statement, examined.as_ref()),
            None => self.row(index, rows::ENTRY, &row.entry),
        }
        self.grow(row)
    }

    /// An erased entry is erased whole, and by a statement after it that names it (D20).
    fn erased(&mut self, index: LeafIndex, row: &EntryRow) {
        self.row(index, rows::ENTRY, &row.entry);
        if !is_erased_rightly(self.snapshot, index, row) {
            self.fault(Fault::Erased(index));
        }
        if row.registered_at < self.last_time {
            self.fault(Fault::Time(index));
        }
    }

    fn grow(&mut self, row: &EntryRow) -> Result<(), FsckError> {
        self.last_time = self.last_time.max(row.registered_at);
        let tiles = &mut self.tiles;
        self.range
            .append(leaf_hash(&row.entry), &mut |node, hash| tiles.node(node, &hash))
            .map_err(|_| OpenError::Tree("the tree is full".to_owned()))?;
        self.roots(row)
    }

    fn statement(&mut self, index: LeafIndex, row: &EntryRow) -> Option<SignedStatement> {
        let bytes = self.read(index, "statement", |s| s.statement(index))?;
        let parsed = SignedStatement::parse(&bytes, bytes.len()).ok();
        let same =
            parsed.filter(|s| s.canonical() == bytes && s.entry_id() == EntryId::from_bytes(row.entry));
        if same.is_none() {
            self.fault(Fault::Statement(index));
        }
        same
    }

    fn collateral(&mut self, index: LeafIndex, row: &EntryRow, record: &Collateral) {
        let (evaluated, registered) = (record.evaluated_at, row.registered_at);
        let ordered = registered >= self.last_time
            && record.registered_at == registered
            && evaluated <= registered
            && evaluated.secs().saturating_add(MAX_JUDGEMENT_AGE) >= self.last_time.secs();
        if !ordered {
            self.fault(Fault::Time(index));
        }
        // The three first entries found the log; nothing was in force before them.
        let founding = self.newest.anchors.is_none();
        if record.policy != self.newest.policy || record.anchors != self.newest.anchors {
            let expected = founding && record.anchors.is_none() && record.policy == self.newest.policy;
            if !expected {
                self.fault(Fault::Judged(index));
            }
        }
    }

    fn stated(&mut self, index: LeafIndex, statement: &SignedStatement, examined: Option<&Examined>) {
        match ControlType::of(statement.header()) {
            Some(ControlType::Policy) => self.newest.policy = Some(index),
            Some(ControlType::Anchors) => self.newest.anchors = Some(index),
            Some(ControlType::Manifest) => self.manifest(index, statement),
            Some(ControlType::TraceBatch) => self.trace_batch(index, statement),
            Some(ControlType::Erasure) if !has_erased(self.snapshot, index, statement) => {
                self.fault(Fault::NotErased(index));
            }
            _ => {}
        }
        for row in rows::of_entry(statement, index, &self.identity, examined) {
            self.row(index, row.index, &row.key);
        }
    }

    /// Each manifest continues the one before it, and what it covers is what is stored (D12).
    fn manifest(&mut self, index: LeafIndex, statement: &SignedStatement) {
        let manifest = CollateralManifest::decode(statement.payload()).ok();
        let in_place = manifest.filter(|manifest| manifest.from == self.covered && manifest.to <= index);
        let holds = in_place.is_some_and(|manifest| {
            self.covered = manifest.to;
            let fold = manifest::fold_range(self.snapshot, manifest.from, manifest.to);
            fold.is_ok_and(|fold| manifest.check(&fold).is_ok())
        });
        if !holds {
            self.fault(Fault::Manifest(index));
        }
    }

    fn trace_batch(&mut self, index: LeafIndex, statement: &SignedStatement) {
        if !batch::holds(self.snapshot, index, statement, &mut self.batched) {
            self.fault(Fault::TraceBatch(index));
        }
    }

    fn row(&mut self, index: LeafIndex, name: storage::IndexName, key: &[u8]) {
        let what = rows::name(name);
        match self.snapshot.lookup(name, key) {
            Ok(Some(leaf)) if leaf == index => {}
            Ok(_) => self.fault(Fault::Index(index, what)),
            Err(error) => self.fault(Fault::Unreadable(index, what, error.to_string())),
        }
    }

    fn read<T>(
        &mut self,
        index: LeafIndex,
        what: &'static str,
        read: impl FnOnce(&dyn Snapshot) -> Result<Option<T>, StoreError>,
    ) -> Option<T> {
        match read(self.snapshot) {
            Ok(Some(value)) => Some(value),
            Ok(None) => {
                self.fault(Fault::Missing(index, what));
                None
            }
            Err(error) => {
                self.fault(Fault::Unreadable(index, what, error.to_string()));
                None
            }
        }
    }

    /// Compares the root at this size with every head that was committed or signed at it.
    fn roots(&mut self, row: &EntryRow) -> Result<(), FsckError> {
        let size = self.range.size();
        if self.heads.is_empty() {
            self.heads = self.snapshot.heads(size, CHUNK)?;
            self.heads.reverse();
        }
        let committed = self.heads.pop_if(|head| head.tree.size == size);
        let published = self.checkpoint.head.size == size;
        if committed.is_none() && !published {
            return Ok(());
        }
        let root: Hash = self.range.root();
        if let Some(head) = committed {
            self.heads_done = self.heads_done.saturating_add(1);
            if head.tree.root != root || head.time != row.registered_at {
                self.fault(Fault::Head(size));
            }
        }
        if published && self.checkpoint.head.root != root {
            self.fault(Fault::Checkpoint(size));
        }
        Ok(())
    }

    fn finish(mut self) -> FsckReport {
        let done = self.range.size();
        if done == self.head.tree.size && self.range.root() != self.head.tree.root {
            self.fault(Fault::Head(done));
        }
        for (level, index) in self.tiles.finish() {
            self.fault(Fault::Tile(level, index));
        }
        FsckReport {
            head: self.head.tree,
            entries: done.get(),
            heads: self.heads_done,
            checkpoint: self.checkpoint.head.size,
            faults: self.faults,
            more_faults: self.more_faults,
        }
    }
}
