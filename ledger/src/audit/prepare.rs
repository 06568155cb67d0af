//! Everything about an entry that depends on no other entry.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use proofs::manifest::collateral_hash;
use proofs::{EntryId, Hash, LeafIndex, SignedStatement, TreeSize, leaf_hash};

use super::{AuditPace, AuditSource, Part, Record};
use crate::collateral::Collateral;
use crate::control::ControlType;
use crate::fsck::Fault;

/// How many entries a thread reads at a time.
const RUN: u64 = 64;

/// One entry, read and parsed.
pub(super) struct Prepared {
    pub(super) index: LeafIndex,
    /// What the leaf hashes.
    pub(super) id: EntryId,
    pub(super) leaf: Hash,
    pub(super) statement: Option<SignedStatement>,
    pub(super) control: bool,
    pub(super) collateral: Option<Collateral>,
    /// What stands for the record in a manifest.
    pub(super) record: Option<Hash>,
    pub(super) withheld: bool,
    pub(super) faults: Vec<Fault>,
}

/// Reads and parses the entries from `from` on. A contiguous run, however the threads divide it.
pub(super) fn read<S: AuditSource>(
    source: &S,
    from: LeafIndex,
    end: TreeSize,
    pace: &AuditPace,
) -> Result<Vec<Prepared>, S::Error> {
    let wanted = u64::try_from(pace.entries.max(1)).unwrap_or(u64::MAX);
    let wanted = wanted.min(end.get().saturating_sub(from.get()));
    let next = AtomicU64::new(0);
    let bytes = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        while bytes.load(Ordering::Relaxed) < pace.bytes {
            let at = next.fetch_add(RUN, Ordering::Relaxed);
            if at >= wanted {
                return;
            }
            let count = RUN.min(wanted.saturating_sub(at));
            let start = LeafIndex::new(from.get().saturating_add(at));
            let run = source.read(start, usize::try_from(count).unwrap_or(usize::MAX)).map(|records| {
                let sizes = records.iter().map(|record| size(&record.statement) + size(&record.collateral));
                bytes.fetch_add(sizes.sum(), Ordering::Relaxed);
                records.into_iter().map(|record| prepare(source, record)).collect::<Vec<_>>()
            });
            let ended =
                run.as_ref().map_or(true, |run| u64::try_from(run.len()).is_ok_and(|len| len < count));
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, run));
            if ended {
                next.store(wanted, Ordering::Relaxed);
                return;
            }
        }
    };
    if pace.threads <= 1 {
        work();
    } else {
        std::thread::scope(|scope| (0..pace.threads).for_each(|_| drop(scope.spawn(work))));
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    let mut entries = Vec::new();
    for (at, run) in done {
        // A run that follows one that ended early is beyond the end of the log.
        if u64::try_from(entries.len()).ok() == Some(at) {
            entries.extend(run?);
        }
    }
    Ok(entries)
}

fn size(part: &Part) -> usize {
    match part {
        Part::Given(bytes) => bytes.len(),
        Part::Withheld | Part::Hash(_) => 0,
    }
}

fn prepare<S: AuditSource>(source: &S, record: Record) -> Prepared {
    let Record { index, entry, statement, collateral, mut faults } = record;
    let withheld = !matches!(statement, Part::Given(_));
    let statement = match statement {
        Part::Withheld | Part::Hash(_) => None,
        Part::Given(bytes) => {
            let parsed = SignedStatement::parse(&bytes, bytes.len()).ok();
            let same =
                parsed.filter(|s| s.canonical() == bytes && s.entry_id() == EntryId::from_bytes(entry));
            if same.is_none() {
                faults.push(Fault::Statement(index));
            }
            same
        }
    };
    let record = match &collateral {
        Part::Given(bytes) => Some(collateral_hash(bytes)),
        Part::Hash(hash) => Some(*hash),
        Part::Withheld => None,
    };
    let collateral = match collateral {
        Part::Withheld | Part::Hash(_) => None,
        Part::Given(bytes) => {
            let decoded = Collateral::decode(&bytes).ok();
            if decoded.is_none() {
                faults.push(Fault::Collateral(index));
            }
            decoded
        }
    };
    if let Some(statement) = &statement {
        faults.extend(source.inspect(index, statement, collateral.as_ref()));
    }
    let control =
        statement.as_ref().is_some_and(|s| ControlType::of(s.header()).is_some_and(ControlType::governs));
    let id = EntryId::from_bytes(entry);
    Prepared { index, id, leaf: leaf_hash(&entry), statement, control, collateral, record, withheld, faults }
}
