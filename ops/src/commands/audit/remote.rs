//! The audit of a log from outside.

use super::saved::{self, Saved};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::watch::{Ahead, Kept, PageFault, ProvenLog, SignedHead, Source, Statements, Trust, WatchError};
use ledger::Auditor;
use ledger::audit::{AuditCounts, AuditPace, AuditReport, AuditSource, Discrepancy, Part, Record};
use proofs::tlog_policy::LogKey;
use proofs::{CompactRange, LeafIndex, TreeHead, TreeSize, leaf_hash};
use std::convert::Infallible;

/// How many proven entries are gathered before their statements are judged together.
const GATHERED: usize = 4096;

/// The newest head of the log, signed and cosigned as trust asks for.
fn newest(source: &dyn Source, trust: &Trust) -> Result<SignedHead, Failure> {
    let note = source.checkpoint().map_err(WatchError::from)?;
    let untrusted = |error| Failure::refused(format_args!("the log's checkpoint cannot be trusted: {error}"));
    let head = trust.open(&note).map_err(untrusted)?;
    trust.check_quorum(&head).map_err(untrusted)?;
    Ok(head)
}

/// Audits the tree of any log: every entry bundle and tile is the one that was signed, and the entries make the root.
pub(super) fn tree(source: &dyn Source, trust: &Trust) -> Result<AuditReport, Failure> {
    let head = newest(source, trust)?.head;
    let bar = Progress::new("auditing", 0, head.size.get());
    let mut range = CompactRange::empty();
    let log = ProvenLog::new(source, head);
    log.entries(0..head.size.get(), &|_| None, &mut |bundle| {
        for entry in &bundle.entries {
            range.append(leaf_hash(entry), &mut |_, _| {}).map_err(Failure::local)?;
        }
        bar.at(range.size().get(), head.size.get());
        Ok::<_, Failure>(())
    })?;
    let mut discrepancies = Vec::new();
    if range.head() != head {
        let what = "the signed checkpoint";
        discrepancies.push(Discrepancy::Head { what, size: head.size }.to_string());
    }
    let counts = AuditCounts { entries: range.size().get(), ..AuditCounts::default() };
    Ok(AuditReport { head: range.head(), counts, discrepancies, more_discrepancies: 0 })
}

/// Replays everything. Gives where it began, and the report.
pub(super) fn all(
    source: &dyn Source,
    statements: &dyn Statements,
    trust: &Trust,
    saved: &mut Saved<'_>,
    pace: &AuditPace,
) -> Result<(u64, AuditReport), Failure> {
    let head = newest(source, trust)?.head;
    let log = ProvenLog::new(source, head);
    let auditor = match saved.take() {
        None => Auditor::new(),
        Some(state) => Auditor::resume(state)
            .map_err(|error| saved::unusable(Failure::local(format_args!("--state: {error}"))))?,
    };
    let from = auditor.size();
    if from > head.size {
        return Err(Failure::refused(format_args!(
            "the log was rolled back: its checkpoint is over {} entries, {from} were audited before",
            head.size
        )));
    }
    std::thread::scope(|scope| {
        let rows = Ahead::new(scope, statements, head.size.get());
        let replay = Replay::new(auditor, rows, head, pace, saved);
        replay.run(&log, trust)
    })
}

struct Replay<'a, 's, 'scope, 'env> {
    auditor: Auditor,
    rows: Ahead<'scope, 'env>,
    head: TreeHead,
    pace: &'a AuditPace,
    saved: &'a mut Saved<'s>,
    bar: Progress,
    gathered: Vec<(u64, Vec<u8>)>,
}

impl<'a, 's, 'scope, 'env> Replay<'a, 's, 'scope, 'env> {
    fn new(
        auditor: Auditor,
        rows: Ahead<'scope, 'env>,
        head: TreeHead,
        pace: &'a AuditPace,
        saved: &'a mut Saved<'s>,
    ) -> Self {
        let bar = Progress::new("auditing", auditor.size().get(), head.size.get());
        Self { auditor, rows, head, pace, saved, bar, gathered: Vec::new() }
    }

    /// Replays what is missing. Gives where it began, and the report.
    fn run(mut self, log: &ProvenLog<'_>, trust: &Trust) -> Result<(u64, AuditReport), Failure> {
        let (from, size) = (self.auditor.size(), self.head.size.get());
        if !self.continues(log)? {
            let found = Discrepancy::Head { what: "the head that was audited before", size: from };
            self.auditor.note(&found);
            return Ok((from.get(), self.auditor.report()));
        }
        let first = from.get();
        log.entries(first..size, &|_| None, &mut |bundle| {
            let entries = (bundle.first()..).zip(bundle.entries);
            self.gathered.extend(entries.filter(|(index, _)| *index >= first));
            self.judge_if(GATHERED)
        })?;
        self.judge_if(1)?;
        Ok((first, self.finish(trust)?))
    }

    /// Whether the log still has the history that was audited before.
    fn continues(&self, log: &ProvenLog<'_>) -> Result<bool, Failure> {
        let known = self.auditor.range();
        if known.size() == TreeSize::EMPTY {
            return Ok(true);
        }
        Ok(log.nodes(&CompactRange::node_ids(known.size()))? == known.nodes())
    }

    /// Judges what is gathered, if it is so much.
    fn judge_if(&mut self, enough: usize) -> Result<(), Failure> {
        if self.gathered.len() < enough {
            return Ok(());
        }
        let mut records = Vec::with_capacity(self.gathered.len());
        for (index, entry) in std::mem::take(&mut self.gathered) {
            records.push(self.record(index, &entry)?);
        }
        let end = records.last().map_or(self.auditor.size(), |last| TreeSize::new(last.index.next().get()));
        let records = Records(records);
        while self.auditor.size() < end {
            let Ok(done) = self.auditor.step(&records, end, self.pace, &mut ());
            if done == 0 {
                break;
            }
        }
        self.bar.at(self.auditor.size().get(), self.head.size.get());
        self.saved.offer(&self.auditor, self.auditor.size() == self.head.size)
    }

    /// The statement of a proven entry, as the log gives it.
    fn record(&mut self, index: u64, entry: &[u8]) -> Result<Record, Failure> {
        let row = self.rows.row(index).map_err(|fault| match fault {
            PageFault::Fetch(error) => {
                Failure::from(WatchError::from(error)).hint("--tree-only needs no statements")
            }
            form @ PageFault::Form { .. } => Failure::refused(form),
        })?;
        let row = row.ok_or_else(|| {
            Failure::refused(format_args!("the list of statements leaves out entry {index}"))
        })?;
        let entry = <[u8; 32]>::try_from(entry).map_err(|_| {
            Failure::refused(format_args!("entry {index} is not 32 bytes long: this is no log of Stele"))
                .hint("--tree-only audits the tree of any log")
        })?;
        let index = LeafIndex::new(index);
        // What is listed under another entry is compared with this one, and found not to be it.
        Ok(Record {
            index,
            entry,
            statement: row.statement.map_or(Part::Withheld, Part::Given),
            collateral: match row.collateral {
                Kept::Record(record) => Part::Given(record),
                Kept::Digest(digest) => Part::Hash(digest),
            },
            faults: if row.entry == entry { Vec::new() } else { vec![ledger::Fault::Statement(index)] },
        })
    }

    fn finish(mut self, trust: &Trust) -> Result<AuditReport, Failure> {
        if self.auditor.range().head() != self.head {
            self.auditor.note(&Discrepancy::Head { what: "the signed checkpoint", size: self.head.size });
        }
        let named = self.auditor.governance().map(|governance| governance.identity().genesis.clone());
        if let Some(genesis) = named {
            let own = genesis.checkpoints.ed25519_bytes();
            let pinned = trust.keys().iter().any(|key| match key {
                LogKey::Ed25519(key) => {
                    Some(*key.ed25519_bytes()) == own && key.name().as_str() == genesis.origin
                }
                LogKey::MlDsa44(_) => false,
            });
            if !pinned {
                self.auditor.note(&Discrepancy::CheckpointKey);
            }
        }
        Ok(self.auditor.report())
    }
}

/// Records that are at hand, in order.
struct Records(Vec<Record>);

impl AuditSource for Records {
    type Error = Infallible;

    fn read(&self, from: LeafIndex, count: usize) -> Result<Vec<Record>, Infallible> {
        let first = self.0.first().map_or(from, |record| record.index);
        let skip = usize::try_from(from.get().saturating_sub(first.get())).unwrap_or(usize::MAX);
        Ok(self.0.iter().skip(skip).take(count).cloned().collect())
    }
}
