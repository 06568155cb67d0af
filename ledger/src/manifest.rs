//! Collateral manifests: made at an interval, so that collateral cannot be rewritten later (D12).
//!
//! Everything that is needed to go on is in the log: the newest manifest says up to where collateral is covered, and
//! names the one before it. So a process that is killed between two steps loses nothing and covers nothing twice.

use ciborium::Value;
use proofs::manifest::{CollateralManifest, Fold, MANIFEST_CT, MAX_MANIFEST_RECORDS};
use proofs::{ContentType, EntryId, Hash, LeafIndex, SignedStatement, StatementBuilder, TreeSize, UnixTime};
use storage::{Snapshot, StoreError};

use crate::control::{LogIdentity, MANIFEST_SUBJECT, follows_label, log_label};
use crate::error::InternalError;
use crate::rows;
use crate::settings::Settings;

/// Up to where collateral is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Covered {
    /// The first entry whose collateral no manifest covers.
    pub(crate) to: LeafIndex,
    /// The newest manifest, or the genesis statement where there is none: what the next one follows.
    pub(crate) by: EntryId,
}

/// What the log says about it.
pub(crate) fn covered(snapshot: &dyn Snapshot, size: TreeSize) -> Result<Covered, InternalError> {
    let first = LeafIndex::new(0);
    let newest = rows::newest(snapshot, rows::MANIFEST, size)?;
    let index = newest.unwrap_or(first);
    let damaged = || InternalError::Entry(index);
    let row = snapshot.entry(index)?.ok_or_else(damaged)?;
    let by = EntryId::from_bytes(row.entry);
    if newest.is_none() {
        return Ok(Covered { to: first, by });
    }
    let bytes = snapshot.statement(index)?.ok_or_else(damaged)?;
    let statement = SignedStatement::parse(&bytes, bytes.len()).map_err(|_| damaged())?;
    let manifest = CollateralManifest::decode(statement.payload()).map_err(|_| damaged())?;
    Ok(Covered { to: manifest.to, by })
}

/// What has come since the newest manifest, counted so far.
pub(crate) struct Tally {
    pub(crate) covered: Covered,
    /// The next entry to look at.
    next: LeafIndex,
    /// How many of those looked at are no manifests.
    pending: u64,
    /// When the first of these was registered.
    oldest: Option<UnixTime>,
}

impl Tally {
    pub(crate) fn new(covered: Covered) -> Self {
        Self { covered, next: covered.to, pending: 0, oldest: None }
    }

    /// The next manifest, if it is time for it.
    pub(crate) fn due(
        &mut self,
        snapshot: &dyn Snapshot,
        size: TreeSize,
        now: UnixTime,
        settings: &Settings,
    ) -> Result<Option<CollateralManifest>, InternalError> {
        self.count(snapshot, size, settings.manifest_entries)?;
        let waited = self.oldest.map(|oldest| now.secs().saturating_sub(oldest.secs()));
        let due = self.pending >= settings.manifest_entries
            || waited.is_some_and(|waited| waited >= settings.manifest_interval_s);
        due.then(|| fold(snapshot, self.covered.to, size, MAX_MANIFEST_RECORDS)).transpose()
    }

    /// Looks at what is new, and no further than needed to know that a manifest is due.
    fn count(&mut self, snapshot: &dyn Snapshot, size: TreeSize, enough: u64) -> Result<(), InternalError> {
        if !self.next.in_tree(size) {
            return Ok(());
        }
        // One search for all manifests, few as they are, and none for each entry that is not one.
        let rows = snapshot.scan_from(rows::MANIFEST, &[], &rows::leaf_key(self.next), usize::MAX)?;
        let mut manifests = rows.into_iter().map(|(_, leaf)| leaf).peekable();
        while self.next.in_tree(size) && self.pending < enough {
            if manifests.next_if_eq(&self.next).is_none() {
                self.pending = self.pending.saturating_add(1);
                if self.oldest.is_none() {
                    let row = snapshot.entry(self.next)?.ok_or(InternalError::Entry(self.next))?;
                    self.oldest = Some(row.registered_at);
                }
            }
            self.next = self.next.next();
        }
        Ok(())
    }
}

/// The manifest over everything that is committed from `from` on, or as much as one may cover.
fn fold(
    snapshot: &dyn Snapshot,
    from: LeafIndex,
    size: TreeSize,
    most: u64,
) -> Result<CollateralManifest, InternalError> {
    let end = from.get().saturating_add(most).min(size.get());
    let to = LeafIndex::new(end);
    let fold = fold_range(snapshot, from, to)?;
    Ok(CollateralManifest { from, to, root: fold.root() })
}

/// Folds the records of the entries from `from` to before `to` as they are stored.
pub(crate) fn fold_range(
    snapshot: &dyn Snapshot,
    from: LeafIndex,
    to: LeafIndex,
) -> Result<Fold, InternalError> {
    let mut fold = Fold::new();
    let mut at = from;
    while at < to {
        match snapshot.collateral(at)? {
            Some(record) => fold.record(&record),
            None => fold.hash(remains(snapshot, at)?.ok_or(InternalError::Entry(at))?),
        }
        at = at.next();
    }
    Ok(fold)
}

/// What is left of the record of an entry that was erased; `None` if it was not.
pub(crate) fn remains(snapshot: &dyn Snapshot, index: LeafIndex) -> Result<Option<Hash>, StoreError> {
    let erased = snapshot.entry(index)?.and_then(|row| row.erased);
    Ok(erased.map(|erased| Hash::new(erased.remains)))
}

pub(crate) fn statement(follows: EntryId, identity: &LogIdentity) -> StatementBuilder {
    let bytes = |id: EntryId| Value::Bytes(id.as_bytes().to_vec());
    StatementBuilder::new(&identity.genesis.issuer, MANIFEST_SUBJECT)
        .content_type(ContentType::Text(MANIFEST_CT.to_owned()))
        .extra(log_label(), bytes(identity.log_id))
        .extra(follows_label(), bytes(follows))
}

/// A manifest among the statements of a round, if it is one.
pub(crate) fn of_statement(statement: &SignedStatement) -> Option<CollateralManifest> {
    let own = statement.header().content_type.as_ref() == Some(&ContentType::Text(MANIFEST_CT.to_owned()));
    own.then(|| CollateralManifest::decode(statement.payload()).ok()).flatten()
}

#[cfg(test)]
mod tests;
