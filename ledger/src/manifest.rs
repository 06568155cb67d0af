//! Collateral manifests: made at an interval, so that collateral cannot be rewritten later (D12).
//!
//! Everything that is needed to go on is in the log: the newest manifest says up to where collateral is covered, and
//! names the one before it. So a process that is killed between two steps loses nothing and covers nothing twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use ciborium::Value;
use proofs::manifest::{CollateralManifest, Fold, MANIFEST_CT, MAX_MANIFEST_RECORDS};
use proofs::{ContentType, EntryId, Hash, LeafIndex, SignedStatement, StatementBuilder, TreeSize, UnixTime};
use storage::{Snapshot, StoreError};
use tokio::sync::{mpsc, watch};

use crate::control::{LogIdentity, MANIFEST_SUBJECT, follows_label, log_label};
use crate::error::{Fatal, InternalError, RegisterError};
use crate::ledger::Ledger;
use crate::registration::Wait;
use crate::rows;
use crate::sequencer::pool::Pending;
use crate::shared::{Shared, State};
use crate::trace_batch;

/// How often the clock is looked at while nothing is registered.
const POLL: Duration = Duration::from_secs(1);

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

/// Makes manifests and batches of TRACE records when they are due, and has what was erased leave the files. [`Keeper::run`] belongs on a thread of its own.
pub struct Keeper {
    shared: Arc<Shared>,
    heads: watch::Receiver<State>,
    /// Weak, so that the sequencer ends when everybody else has gone.
    mailbox: mpsc::WeakSender<Pending>,
    tally: Option<Tally>,
    batch: Option<trace_batch::Tally>,
}

/// What has come since the newest manifest, counted so far.
struct Tally {
    covered: Covered,
    /// The next entry to look at.
    next: LeafIndex,
    /// How many of those looked at are no manifests.
    pending: u64,
    /// When the first of these was registered.
    oldest: Option<UnixTime>,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>, mailbox: mpsc::WeakSender<Pending>) -> Self {
        let heads = shared.state.clone();
        Self { shared, heads, mailbox, tally: None, batch: None }
    }

    /// Registers manifests until the sequencer has ended. What cannot be registered now is tried again.
    ///
    /// # Errors
    ///
    /// [`Fatal`] if the thread cannot start.
    pub fn run(mut self) -> Result<(), Fatal> {
        let reactor =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Fatal::Start)?;
        reactor.block_on(async {
            loop {
                self.scrub();
                let batched = self.batch().await;
                let kept = self.step().await;
                if Self::go_on(batched, "a batch of TRACE records")
                    || Self::go_on(kept, "a collateral manifest")
                {
                    continue;
                }
                tokio::select! {
                    changed = self.heads.changed() => if changed.is_err() { return Ok(()) },
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        })
    }

    /// Has what was erased leave the files of the store. Views from before keep it for a moment; then it is tried again.
    pub(crate) fn scrub(&self) {
        let to_scrub = &self.shared.to_scrub;
        let pending = &self.shared.metrics.erasures_pending;
        if !to_scrub.swap(false, Ordering::SeqCst) {
            return;
        }
        pending.set(1);
        match self.shared.store.scrub() {
            Ok(true) => pending.set(0),
            Ok(false) => to_scrub.store(true, Ordering::SeqCst),
            Err(error) => {
                to_scrub.store(true, Ordering::SeqCst);
                tracing::warn!(%error, "what was erased is still in the files of the store; it will be tried again");
            }
        }
    }

    /// Whether there may be more to do at once.
    fn go_on(outcome: Result<bool, RegisterError>, what: &'static str) -> bool {
        match outcome {
            Ok(done) => done,
            Err(RegisterError::Stopped) => false,
            Err(error) => {
                tracing::warn!(%error, "{what} could not be registered; it will be tried again");
                false
            }
        }
    }

    /// Registers one manifest if one is due; `true` if it did.
    pub(crate) async fn step(&mut self) -> Result<bool, RegisterError> {
        let settings = &self.shared.settings;
        if settings.manifest_entries == 0 {
            return Ok(false);
        }
        let due = self.due();
        if due.is_err() {
            self.tally = None;
        }
        let Some(manifest) = due? else { return Ok(false) };
        let registered = self.register(manifest).await;
        self.tally = None;
        registered?;
        self.shared.metrics.manifests.inc();
        Ok(true)
    }

    /// Registers one batch of TRACE records if one is due; `true` if it did.
    pub(crate) async fn batch(&mut self) -> Result<bool, RegisterError> {
        let State { head, governance, .. } = self.shared.state();
        let now = head.time.max(self.shared.clock.now());
        let interval = self.shared.settings.trace_batch_interval_s;
        if self.batch.as_ref().is_some_and(|tally| tally.may_wait(head.tree.size, now, interval)) {
            return Ok(false);
        }
        let snapshot = self.shared.store.snapshot().map_err(InternalError::from)?;
        // Taken, and put back only when nothing went wrong: what the log says is read anew then.
        let mut tally = match self.batch.take() {
            Some(tally) => tally,
            None => trace_batch::Tally::new(snapshot.as_ref(), head.tree.size)?,
        };
        let Some(batch) = tally.due(snapshot.as_ref(), head.tree.size, now, interval)? else {
            self.batch = Some(tally);
            return Ok(false);
        };
        drop(snapshot);
        let registrar = self.shared.keys.registrar.as_ref();
        let signed = batch.sign(tally.follows, now, governance.identity(), registrar);
        self.register(signed.map_err(InternalError::from)?).await?;
        self.shared.metrics.trace_batches.inc();
        Ok(true)
    }

    async fn register(&self, statement: Vec<u8>) -> Result<(), RegisterError> {
        let Some(mailbox) = self.mailbox.upgrade() else { return Err(RegisterError::Stopped) };
        let ledger = Ledger { shared: Arc::clone(&self.shared), mailbox };
        ledger.register(Bytes::from(statement), Wait::ForCommit).await.map(drop)
    }

    /// The statement of the next manifest, if it is time for it.
    fn due(&mut self) -> Result<Option<Vec<u8>>, InternalError> {
        let State { head, governance, .. } = self.shared.state();
        let snapshot = self.shared.store.snapshot()?;
        let snapshot = snapshot.as_ref();
        let mut tally = match self.tally.take() {
            Some(tally) => tally,
            None => Tally::new(covered(snapshot, head.tree.size)?),
        };
        let settings = &self.shared.settings;
        tally.count(snapshot, head.tree.size, settings.manifest_entries)?;
        let now = head.time.max(self.shared.clock.now());
        let waited = tally.oldest.map(|oldest| now.secs().saturating_sub(oldest.secs()));
        let due = tally.pending >= settings.manifest_entries
            || waited.is_some_and(|waited| waited >= settings.manifest_interval_s);
        let covered = tally.covered;
        self.tally = Some(tally);
        if !due {
            return Ok(None);
        }
        let manifest = fold(snapshot, covered.to, head.tree.size, MAX_MANIFEST_RECORDS)?;
        let signer = self.shared.keys.registrar.as_ref();
        Ok(Some(statement(covered.by, governance.identity()).sign(&manifest.encode(), signer)?))
    }
}

impl Tally {
    fn new(covered: Covered) -> Self {
        Self { covered, next: covered.to, pending: 0, oldest: None }
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

fn statement(follows: EntryId, identity: &LogIdentity) -> StatementBuilder {
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
