//! Opening a log. Nothing here repairs: it proves what is stored, or refuses (D11, invariant 12).

#[cfg(test)]
mod tests;

use proofs::checkpoint::{Checkpoint, Origin, open_checkpoint};
use proofs::tile::{ExpandedTile, TileId, TiledNodes};
use proofs::tlog_policy::verify_log;
use proofs::{
    EntryId, InclusionProof, LeafIndex, LogKey, PublicKey, SignedNote, SignedStatement, Signer, TlogPolicy,
    TreeHead, TreeSize, leaf_hash,
};
use storage::{Head, LogStore, Snapshot};

use crate::error::{InternalError, OpenError};
use crate::governance::Governance;
use crate::ledger::Keys;
use crate::manifest;
use crate::receipts::root_at;
use crate::rows;
use crate::sequencer::integrate::Edge;
use crate::shared::Published;

/// How many control statements a log may have: a bound for the scan at opening.
const MAX_CONTROLS: usize = 1_000_000;

/// What opening established.
pub(crate) struct Recovered {
    pub(crate) head: Head,
    pub(crate) edge: Edge,
    /// The first entry that no collateral manifest covers.
    pub(crate) covered: LeafIndex,
    pub(crate) governance: Governance,
    pub(crate) published: Published,
    pub(crate) origin: Origin,
}

impl Recovered {
    /// The head of the newest checkpoint, if the quorum of a policy cosigned it.
    pub(crate) fn witnessed(&self, policy: &TlogPolicy) -> Option<TreeHead> {
        let keys = self.governance.identity().genesis.checkpoint_keys();
        let verified = policy.verify_for(self.published.note.as_bytes(), &keys.iter().collect::<Vec<_>>());
        verified.ok().map(|witnessed| witnessed.checkpoint.head)
    }
}

pub(crate) fn recover(store: &dyn LogStore, keys: &Keys) -> Result<Recovered, OpenError> {
    let snapshot = store.snapshot()?;
    let snapshot = snapshot.as_ref();
    let head = snapshot.head().ok_or(OpenError::Empty)?;
    let governance = governance(snapshot, head.tree)?;
    check_keys(&governance, keys)?;
    let (published, origin) = published(store, snapshot, head.tree, &governance)?;
    let edge = edge(snapshot, head.tree)?;
    let covered = manifest::covered(snapshot, head.tree.size).map_err(|error| match error {
        InternalError::Store(error) => OpenError::Store(error),
        InternalError::Entry(index) => OpenError::Control(index),
        other => OpenError::Tree(other.to_string()),
    })?;
    Ok(Recovered { head, edge, covered: covered.to, governance, published, origin })
}

/// Reads the right edge and proves it: its nodes fold to the root of the head.
pub(crate) fn edge(snapshot: &dyn Snapshot, head: TreeHead) -> Result<Edge, OpenError> {
    let nodes = TiledNodes::open(head, |ids: &[TileId]| snapshot.tiles(ids));
    let range = nodes.verify_right_edge().map_err(tree)?;
    let mut partial = Vec::new();
    for level in 0..=u8::MAX {
        let id = TileId { level, index: full_tiles(level, head.size) };
        if head.size.get().checked_shr(u32::from(level).saturating_mul(8)).unwrap_or(0) == 0 {
            break;
        }
        let width = usize::from(id.width_at(head.size));
        let stored =
            if width == 0 { Vec::new() } else { snapshot.tiles(&[id])?.pop().flatten().unwrap_or_default() };
        let wanted = width.saturating_mul(proofs::Hash::LEN);
        let stored =
            stored.get(..wanted).ok_or_else(|| tree(format!("tile {level}/{} is short", id.index)))?;
        // Every hash of a tile that is not full is part of the right edge, which was proven above.
        partial.push(ExpandedTile::new(stored).unwrap_or_default());
    }
    Ok(Edge::restored(range, partial))
}

fn full_tiles(level: u8, size: TreeSize) -> u64 {
    size.get().checked_shr(u32::from(level).saturating_add(1).saturating_mul(8)).unwrap_or(0)
}

/// The newest checkpoint: ours, not ahead of the store, and of the same history.
pub(crate) fn published(
    store: &dyn LogStore,
    snapshot: &dyn Snapshot,
    head: TreeHead,
    governance: &Governance,
) -> Result<(Published, Origin), OpenError> {
    let bytes = store.published()?.ok_or(OpenError::CheckpointMissing)?;
    let (note, checkpoint) = continued(&bytes, snapshot, head, governance)?;
    // One that left for the witnesses binds as one that was published does.
    announced(store, snapshot, head, governance)?;
    Ok((Published { note: note.into(), size: checkpoint.head.size }, checkpoint.origin))
}

/// Checks the checkpoint that left for the witnesses last, if there is one.
pub(crate) fn announced(
    store: &dyn LogStore,
    snapshot: &dyn Snapshot,
    head: TreeHead,
    governance: &Governance,
) -> Result<(), OpenError> {
    match store.announced()? {
        Some(note) => continued(&note, snapshot, head, governance).map(|_checkpoint| ()),
        None => Ok(()),
    }
}

/// A checkpoint of this log that the store continues.
fn continued(
    bytes: &[u8],
    snapshot: &dyn Snapshot,
    head: TreeHead,
    governance: &Governance,
) -> Result<(String, Checkpoint), OpenError> {
    let checkpoint = own_checkpoint_bytes(bytes, governance)?;
    let size = checkpoint.head.size;
    if size > head.size {
        return Err(OpenError::Behind { stored: head.size, published: size });
    }
    let stored = stored_root(snapshot, head, size)?;
    if stored != checkpoint.head.root {
        return Err(OpenError::Fork { size, stored, published: checkpoint.head.root });
    }
    Ok((String::from_utf8_lossy(bytes).into_owned(), checkpoint))
}

/// The root of the first `size` entries, from proven tiles.
pub(crate) fn stored_root(
    snapshot: &dyn Snapshot,
    head: TreeHead,
    size: TreeSize,
) -> Result<proofs::Hash, OpenError> {
    let nodes = TiledNodes::open(head, |ids: &[TileId]| snapshot.tiles(ids));
    root_at(size, &nodes.proven()).map_err(tree)
}

/// Reads a checkpoint that this log signed.
pub(crate) fn own_checkpoint_bytes(note: &[u8], governance: &Governance) -> Result<Checkpoint, OpenError> {
    let text = str::from_utf8(note).map_err(|_| OpenError::CheckpointInvalid("it is not text".to_owned()))?;
    own_checkpoint(text, governance)
}

/// Reads a checkpoint that this log signed.
pub(crate) fn own_checkpoint(note: &str, governance: &Governance) -> Result<Checkpoint, OpenError> {
    let invalid = |reason: String| OpenError::CheckpointInvalid(reason);
    let genesis = &governance.identity().genesis;
    let keys = genesis.checkpoint_keys();
    let Some(LogKey::Ed25519(key)) = keys.first() else {
        return Err(OpenError::WrongKey { role: "checkpoints" });
    };
    let checkpoint = open_checkpoint(note, key).map_err(|e| invalid(e.to_string()))?;
    // A line by the second key need not be there, but must not be wrong.
    let note = SignedNote::parse(note).map_err(|e| invalid(e.to_string()))?;
    verify_log(&note, &keys.iter().collect::<Vec<_>>()).map_err(|e| invalid(e.to_string()))?;
    Ok(checkpoint)
}

/// Replays the control statements, each proven to be in the tree.
pub(crate) fn governance(snapshot: &dyn Snapshot, head: TreeHead) -> Result<Governance, OpenError> {
    let genesis = control(snapshot, head, LeafIndex::new(0))?;
    let rows = snapshot.scan(rows::CONTROL, &[], MAX_CONTROLS)?;
    let mut controls = Vec::with_capacity(rows.len());
    for (_, index) in rows {
        if index > LeafIndex::new(0) {
            controls.push((index, control(snapshot, head, index)?));
        }
    }
    Ok(Governance::open(&genesis, controls.into_iter())?)
}

fn control(snapshot: &dyn Snapshot, head: TreeHead, index: LeafIndex) -> Result<SignedStatement, OpenError> {
    let damaged = || OpenError::Control(index);
    let bytes = snapshot.statement(index)?.ok_or_else(damaged)?;
    let statement = SignedStatement::parse(&bytes, bytes.len()).map_err(|_| damaged())?;
    let id: EntryId = statement.entry_id();
    let nodes = TiledNodes::open(head, |ids: &[TileId]| snapshot.tiles(ids));
    let proof = InclusionProof::prove(index, head.size, &nodes).map_err(tree)?;
    proof.verify(&leaf_hash(id.as_bytes()), &head.root).map_err(|_| damaged())?;
    Ok(statement)
}

/// ARCH-44, D19: what signs is what the genesis statement announced.
fn check_keys(governance: &Governance, keys: &Keys) -> Result<(), OpenError> {
    let genesis = &governance.identity().genesis;
    let same = |signer: &dyn Signer, key: &PublicKey| signer.public_key().thumbprint() == key.thumbprint();
    for (role, signer, key) in [
        ("receipts", &keys.receipts, &genesis.receipts),
        ("checkpoints", &keys.checkpoints, &genesis.checkpoints),
        ("registrar", &keys.registrar, &genesis.registrar),
    ] {
        if !same(signer.as_ref(), key) {
            return Err(OpenError::WrongKey { role });
        }
    }
    let second = keys.checkpoints_ml_dsa_44.as_ref().map(|signer| signer.key());
    if second != genesis.checkpoints_ml_dsa_44.as_ref() {
        return Err(OpenError::WrongKey { role: "checkpoints-ml-dsa-44" });
    }
    Ok(())
}

fn tree(error: impl std::fmt::Display) -> OpenError {
    OpenError::Tree(error.to_string())
}
