//! The cloneable handle, and how a log is opened.

use std::sync::Arc;

use proofs::{Cosigner, KeySet, Signer, TreeHead, TreeSize, empty_root};
use storage::{Head, LogStore};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::control::LogIdentity;
use crate::error::OpenError;
use crate::flight::InFlight;
use crate::governance::Governance;
use crate::keeper::Keeper;
use crate::metrics::{Metrics, TimedSigner, gauge_value};
use crate::nodes::TileCache;
use crate::publisher::Publisher;
use crate::recovery;
use crate::sequencer::Sequencer;
use crate::sequencer::pool::{Pending, Pool};
use crate::sequencer::room::MailboxRoom;
use crate::settings::{ReceiptRule, Settings};
use crate::shared::{Progress, Published, Shared, State};
use crate::witness::Witnessing;
use crate::workers::Workers;

/// One signer a role (D19, ARCH-44). The operator's key is not among them: the service never needs it.
#[derive(Clone)]
pub struct Keys {
    /// Signs receipts.
    pub receipts: Arc<dyn Signer>,
    /// Signs checkpoints. Ed25519.
    pub checkpoints: Arc<dyn Signer>,
    /// Signs checkpoints a second time, with ML-DSA-44 (CKPT-06); none for a log whose genesis names no such key.
    pub checkpoints_ml_dsa_44: Option<Arc<dyn Cosigner>>,
    /// Signs what the service itself registers.
    pub registrar: Arc<dyn Signer>,
}

/// What a ledger is made of.
pub struct Parts {
    /// Where the log lies.
    pub store: Arc<dyn LogStore>,
    /// What it signs with.
    pub keys: Keys,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where it counts.
    pub metrics: Metrics,
    /// Who has to see its checkpoints; nobody without.
    pub witnessing: Option<Witnessing>,
}

/// An opened log: the handle, and the three runners that belong on threads of their own.
pub struct Opened {
    /// The handle.
    pub ledger: Ledger,
    /// The writer.
    pub sequencer: Sequencer,
    /// The signer of checkpoints.
    pub publisher: Publisher,
    /// The one who registers collateral manifests and batches of TRACE records, and scrubs what was erased.
    pub keeper: Keeper,
}

/// A handle on an open log. Cheap to clone; when the last one is gone, the sequencer finishes and ends.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mailbox: mpsc::Sender<Pending>,
}

/// Whether requests should be sent here, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether rounds end and checkpoints follow.
    pub ready: bool,
    /// One sentence for a person.
    pub reason: String,
    /// How many entries are committed.
    pub committed: TreeSize,
    /// How many of them the newest checkpoint covers.
    pub published: TreeSize,
}

impl Ledger {
    /// Opens the log in `parts.store`: proves the right edge, compares it with the newest checkpoint, replays the
    /// control statements.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the store is damaged, older than what was published, another history, or if a key is not the
    /// one that the log names. Nothing is changed then.
    pub fn open(parts: Parts, settings: Settings) -> Result<Opened, OpenError> {
        let recovered = recovery::recover(parts.store.as_ref(), &parts.keys)?;
        let quorum = parts.witnessing.as_ref().filter(|witnessing| witnessing.policy.needs_witnesses());
        if settings.receipts == ReceiptRule::Witnessed && quorum.is_none() {
            return Err(OpenError::NoQuorum);
        }
        let covered = quorum.and_then(|witnessing| recovered.witnessed(&witnessing.policy));
        let covered = covered.unwrap_or(TreeHead { size: TreeSize::EMPTY, root: empty_root() });
        parts.metrics.witness.covered.set(gauge_value(covered.size.get()));
        let (mailbox, receiver) = mpsc::channel(settings.mailbox_entries.max(1));
        let edge = recovered.edge.tiles().into();
        let state = State { head: recovered.head, edge, governance: recovered.governance };
        let (sender, receiver_of_state) = watch::channel(state);
        parts.metrics.committed_size.set(gauge_value(recovered.head.tree.size.get()));
        parts.metrics.checkpoint_size.set(gauge_value(recovered.published.size.get()));
        let receipts =
            TimedSigner { signer: parts.keys.receipts, seconds: parts.metrics.sign_seconds.clone() };
        let shared = Arc::new(Shared {
            workers: Workers::new(settings.workers()).map_err(OpenError::Workers)?,
            in_flight: InFlight::default(),
            tiles: TileCache::new(settings.tile_cache_bytes, &parts.metrics.tile_lookups),
            state: receiver_of_state,
            mailbox_room: MailboxRoom::new(
                settings.mailbox_entries,
                settings.mailbox_bytes,
                &parts.metrics.mailbox,
            ),
            published: std::sync::RwLock::new(recovered.published),
            covered: std::sync::RwLock::new(covered),
            witnessing: parts.witnessing,
            progress: Progress::default(),
            // A process that ended before it was done leaves it to this one.
            to_scrub: true.into(),
            store: parts.store,
            keys: Keys { receipts: Arc::new(receipts), ..parts.keys },
            clock: parts.clock,
            metrics: parts.metrics,
            settings,
        });
        let pool = Pool::new(receiver, shared.settings.round_entries, shared.settings.round_bytes);
        let publisher = Publisher::new(Arc::clone(&shared), recovered.origin);
        let sequencer = Sequencer::new(pool, Arc::clone(&shared), sender, recovered.edge, recovered.covered);
        let keeper = Keeper::new(Arc::clone(&shared), mailbox.downgrade());
        Ok(Opened { ledger: Self { shared, mailbox }, sequencer, publisher, keeper })
    }

    /// The committed head.
    #[must_use]
    pub fn head(&self) -> Head {
        self.shared.state.borrow().head
    }

    /// Policy and trust anchors in force.
    #[must_use]
    pub fn governance(&self) -> Governance {
        self.shared.state().governance
    }

    /// Who this log is.
    #[must_use]
    pub fn identity(&self) -> LogIdentity {
        self.shared.state.borrow().governance.identity().clone()
    }

    /// The public keys that receipts verify under.
    #[must_use]
    pub fn keys(&self) -> KeySet {
        KeySet::new(vec![self.identity().genesis.receipts])
    }

    /// The newest checkpoint, a C2SP signed note.
    #[must_use]
    pub fn checkpoint(&self) -> Arc<str> {
        self.shared.published().note
    }

    /// Whether the service keeps up, issue of checkpoints included. One that is signed and waits for its witnesses is their
    /// business: it is counted, and sending requests elsewhere would not help.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let waiting = self.shared.progress.waiting();
        let limit = self.shared.settings.ready_lag();
        let Published { size: published, .. } = self.shared.published();
        let committed = self.head().tree.size;
        let late = waiting.unpublished.as_secs();
        let (ready, reason) = if self.mailbox.is_closed() {
            (false, "the sequencer has ended".to_owned())
        } else if waiting.round > limit {
            (false, format!("a commit has been running for {} s", waiting.round.as_secs()))
        } else if waiting.turn > limit {
            (false, format!("a checkpoint has been written for {} s", waiting.turn.as_secs()))
        } else if waiting.unpublished <= limit {
            (true, "rounds are committed and checkpoints follow".to_owned())
        } else if waiting.needs_quorum {
            (
                true,
                format!(
                    "rounds are committed; the newest checkpoint is signed and waits for its quorum, {late} s now"
                ),
            )
        } else {
            (false, format!("committed entries have waited {late} s for a checkpoint"))
        };
        Readiness { ready, reason, committed, published }
    }
}
