//! What an operator may turn.

use std::time::Duration;

use serde::Deserialize;

/// Which head receipts are signed for (D10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptRule {
    /// The committed one, at once.
    #[default]
    Committed,
    /// The newest that the quorum of witnesses cosigned.
    Witnessed,
}

/// How many threads do what is done off the reactor where nobody says: what suits two cores.
const UNSAID_WORKERS: usize = 4;

/// Limits and paces of the ledger. Every field has a default that suits one machine with two cores.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many verified statements may wait for the sequencer. Default 4096. More hides overload as latency;
    /// fewer refuses bursts that one round could have taken.
    pub mailbox_entries: usize,
    /// How many bytes of statements may wait for the sequencer. Default 64 MiB. It bounds memory: too small
    /// refuses large statements under load.
    pub mailbox_bytes: usize,
    /// How many statements one round commits at most. Default 1024. Larger rounds share one fsync among more
    /// callers, and make each of them wait longer.
    pub round_entries: usize,
    /// How many bytes of statements one round commits at most. Default 8 MiB. A larger round makes a larger
    /// write-ahead record and a longer fsync. A single statement larger than this makes a round of its own.
    pub round_bytes: usize,
    /// How long a registration may wait for its commit, in milliseconds. Default 10000. Past it the caller gets
    /// 503 with `Retry-After`; the statement may still be committed, and a retry finds it.
    pub register_deadline_ms: u64,
    /// Which head receipts are signed for. Default committed. Witnessed makes a registration answer 202 until the quorum
    /// of witnesses covers its entry; it needs witnesses.
    pub receipts: ReceiptRule,
    /// The shortest time between two checkpoints, in milliseconds. Default 1000. Shorter costs a signature and
    /// an fsync each; longer makes witnesses and monitors see the log later. Receipts do not wait for it.
    pub checkpoint_interval_ms: u64,
    /// How long committed entries, or a round, may wait before `/readyz` says no, in milliseconds.
    /// Default 10000. Too short takes a healthy service out of rotation during a slow fsync. A checkpoint that is
    /// signed and waits for its witnesses is not counted.
    pub ready_lag_ms: u64,
    /// How many bytes of the tree's full tiles are kept in memory, ready to prove with. Default 64 MiB: the tiles of
    /// the newest million entries. With too little, a receipt of an older entry costs a read and 255 hashes more.
    pub tile_cache_bytes: usize,
    /// How many verifications, signatures and reads run at the same time. Default 0: it is left to whoever opens the log
    /// and knows the machine, and 4 where nobody says. More than twice the cores only adds switching; fewer leaves cores
    /// idle while reads wait for the disk. One is always left to registrations, where there are two.
    pub workers: usize,
    /// After how many entries without one a collateral manifest is registered. Default 256; 0 registers none, and
    /// then nothing shows later whether collateral was rewritten. Fewer makes the log longer by a manifest each time.
    pub manifest_entries: u64,
    /// How long an entry may wait for a collateral manifest, in seconds. Default 600. Longer leaves the collateral of
    /// a quiet log untied for as long.
    pub manifest_interval_s: u64,
    /// How long a TRACE record may wait for its batch in the registry anchor format v1, in seconds. Default 60: a batch
    /// holds what was registered within a minute. 0 makes one after every round that has a record.
    pub trace_batch_interval_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mailbox_entries: 4096,
            mailbox_bytes: 64 * 1024 * 1024,
            round_entries: 1024,
            round_bytes: 8 * 1024 * 1024,
            register_deadline_ms: 10_000,
            receipts: ReceiptRule::Committed,
            checkpoint_interval_ms: 1_000,
            ready_lag_ms: 10_000,
            tile_cache_bytes: 64 * 1024 * 1024,
            workers: 0,
            manifest_entries: 256,
            manifest_interval_s: 600,
            trace_batch_interval_s: 60,
        }
    }
}

impl Settings {
    /// How long a registration may wait for its commit.
    #[must_use]
    pub fn register_deadline(&self) -> Duration {
        Duration::from_millis(self.register_deadline_ms)
    }

    pub(crate) fn workers(&self) -> usize {
        if self.workers == 0 { UNSAID_WORKERS } else { self.workers }
    }

    /// The shortest time between two checkpoints.
    #[must_use]
    pub fn checkpoint_interval(&self) -> Duration {
        Duration::from_millis(self.checkpoint_interval_ms)
    }

    /// How long work may wait before the service calls itself not ready.
    #[must_use]
    pub fn ready_lag(&self) -> Duration {
        Duration::from_millis(self.ready_lag_ms)
    }
}
