//! What the handle, the sequencer and the publisher all look at.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use proofs::{LeafIndex, TreeHead, TreeSize, UnixTime};
use storage::{Head, LogStore};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::flight::InFlight;
use crate::governance::Governance;
use crate::ledger::Keys;
use crate::metrics::Metrics;
use crate::nodes::{EdgeTiles, TileCache};
use crate::sequencer::room::MailboxRoom;
use crate::settings::{ReceiptRule, Settings};
use crate::witness::Witnessing;
use crate::workers::Workers;

/// The committed head, the right edge of its tree, and the rules in force at it: released together, so that nobody sees
/// one without the others.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) edge: EdgeTiles,
    pub(crate) governance: Governance,
}

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) settings: Settings,
    pub(crate) workers: Workers,
    pub(crate) in_flight: InFlight,
    pub(crate) tiles: TileCache,
    pub(crate) state: watch::Receiver<State>,
    pub(crate) mailbox_room: MailboxRoom,
    pub(crate) published: RwLock<Published>,
    /// The head of the newest checkpoint that the quorum of witnesses cosigned; the empty tree without one.
    pub(crate) covered: RwLock<TreeHead>,
    pub(crate) witnessing: Option<Witnessing>,
    pub(crate) progress: Progress,
    /// Whether something was erased whose bytes may still be in the files of the store.
    pub(crate) to_scrub: AtomicBool,
}

/// The newest checkpoint.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) note: Arc<str>,
    pub(crate) size: TreeSize,
}

impl Shared {
    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// The time now, and never before the head's: a wall clock that went backwards must not make anything older than the
    /// log (D6).
    pub(crate) fn time_after(&self, head: Head) -> UnixTime {
        head.time.max(self.clock.now())
    }

    pub(crate) fn published(&self) -> Published {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn published_size(&self) -> TreeSize {
        self.published.read().unwrap_or_else(PoisonError::into_inner).size
    }

    pub(crate) fn set_covered(&self, head: TreeHead) {
        *self.covered.write().unwrap_or_else(PoisonError::into_inner) = head;
    }

    /// The head that receipts are signed for: the committed one, or the newest that the witnesses cosigned (D10).
    pub(crate) fn receipt_head(&self, committed: TreeHead) -> TreeHead {
        match self.settings.receipts {
            ReceiptRule::Committed => committed,
            ReceiptRule::Witnessed => *self.covered.read().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Whether a receipt for this committed entry may be signed yet (D9).
    pub(crate) fn may_issue(&self, index: LeafIndex) -> bool {
        let committed = self.state.borrow().head.tree;
        index.in_tree(self.receipt_head(committed).size)
    }

    pub(crate) fn set_published(&self, published: Published) {
        self.metrics.checkpoint_size.set(crate::metrics::gauge_value(published.size.get()));
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = published;
    }
}

/// Since when work has been waiting, for `/readyz`.
#[derive(Default)]
pub(crate) struct Progress(Mutex<Since>);

#[derive(Default, Clone, Copy)]
struct Since {
    round: Option<Instant>,
    /// The publisher signs or writes.
    turn: Option<Instant>,
    unpublished: Option<Instant>,
    /// The newest checkpoint is signed and waits for its quorum.
    needs_quorum: bool,
}

/// How long what has been waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The running round.
    pub(crate) round: Duration,
    /// What the publisher is doing.
    pub(crate) turn: Duration,
    /// The oldest entry that no published checkpoint covers.
    pub(crate) unpublished: Duration,
    /// Whether that waits for witnesses, and for nothing that is done here.
    pub(crate) needs_quorum: bool,
}

impl Progress {
    fn with<T>(&self, change: impl FnOnce(&mut Since) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn round_started(&self) {
        self.with(|since| since.round = Some(Instant::now()));
    }

    /// A round ended; `grew` tells whether there is something new to publish.
    pub(crate) fn round_ended(&self, grew: bool) {
        self.with(|since| {
            since.round = None;
            if grew {
                since.unpublished.get_or_insert_with(Instant::now);
            }
        });
    }

    pub(crate) fn turn_started(&self) {
        self.with(|since| since.turn = Some(Instant::now()));
    }

    pub(crate) fn turn_ended(&self) {
        self.with(|since| since.turn = None);
    }

    /// A checkpoint was signed and shown to the witnesses.
    pub(crate) fn needs_quorum(&self) {
        self.with(|since| since.needs_quorum = true);
    }

    /// A checkpoint was published whose head was the newest at `signed`; `newest` tells whether it still is. Whatever it
    /// does not cover was committed after that, and has waited for witnesses so far if the checkpoint did.
    pub(crate) fn published(&self, signed: Instant, newest: bool) {
        self.with(|since| {
            let from = if since.needs_quorum { Instant::now() } else { signed };
            since.needs_quorum = false;
            since.unpublished = since.unpublished.filter(|_| !newest).map(|at| at.max(from));
        });
    }

    /// How long everything has been waiting.
    pub(crate) fn waiting(&self) -> Waiting {
        let Since { round, turn, unpublished, needs_quorum } = self.with(|since| *since);
        let elapsed = |start: Option<Instant>| start.map_or(Duration::ZERO, |at| at.elapsed());
        Waiting {
            round: elapsed(round),
            turn: elapsed(turn),
            unpublished: elapsed(unpublished),
            needs_quorum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under a load that never ends there is always a newer entry; what counts is how old the oldest is that waits.
    #[test]
    fn the_age_of_what_is_unpublished_begins_anew_with_each_checkpoint() {
        let progress = Progress::default();
        let since = || progress.with(|since| since.unpublished);
        progress.round_ended(true);
        let first = since().unwrap();
        progress.round_ended(true);
        assert_eq!(since(), Some(first), "the oldest counts");
        let signed = first + Duration::from_secs(3);
        progress.published(signed, false);
        assert_eq!(since(), Some(signed));
        progress.published(first, false);
        assert_eq!(since(), Some(signed), "an older checkpoint makes nothing older");
        progress.published(signed, true);
        assert_eq!(since(), None);
        progress.published(signed, false);
        assert_eq!(since(), None, "nothing waits, and nothing new came");
        // What was committed while witnesses were waited for begins to wait for us when they have answered.
        let earlier = |secs| first.checked_sub(Duration::from_secs(secs)).unwrap();
        progress.with(|since| since.unpublished = Some(earlier(3)));
        progress.needs_quorum();
        assert!(progress.waiting().needs_quorum);
        progress.published(earlier(2), false);
        assert!(!progress.waiting().needs_quorum && since().unwrap() >= first);
    }
}
