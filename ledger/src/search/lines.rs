//! Who wrote this line? Agent Trace records name the revision that was checked out when the edit was made, which is the
//! parent of the commit that holds it, so the caller names the parents too (systems.md §5.5).

use std::ops::Range;
use std::sync::Arc;

use proofs::LeafIndex;
use storage::Snapshot;

use super::hit::{Entry, Hit, entry};
use super::scan::{self, MAX_STEPS, Scan};
use super::{Query, QueryTerm, SearchError, Spent, Wanted};
use crate::ledger::Ledger;
use crate::profile::{LineRange, lines_of};
use crate::shared::Shared;
use crate::workers::Sort;

/// The most revisions of one question.
const MAX_REVISIONS: usize = 16;
/// The most records that are read for one question.
const MAX_RECORDS: usize = 200;

/// Which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineQuery {
    /// The revision asked about, then its parents as far as they count; at most 16 are looked at.
    pub revisions: Vec<String>,
    /// The path of the file, as records write it.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
    /// `next` of the answers before.
    pub after: Option<LeafIndex>,
}

/// A record that covers the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAnswer {
    /// The record's entry.
    pub hit: Hit,
    /// The revision that the record names.
    pub revision: String,
    /// The ranges that cover the line, the innermost first.
    pub ranges: Vec<LineRange>,
    /// Whether these are all, with all they say ([`LineRanges`](crate::profile::LineRanges)).
    pub ranges_complete: bool,
}

/// The records that cover a line, as far as one question goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAnswers {
    /// The latest registered first.
    pub answers: Vec<LineAnswer>,
    /// Whether all that could cover the line were looked at, behind `after`.
    pub complete: bool,
    /// Where the next question goes on: ask again with it as `after`. All records behind it were registered later than
    /// these. `None` when there are no more for the revisions that were looked at.
    pub next: Option<LeafIndex>,
}

impl Ledger {
    /// The records that cover a line.
    ///
    /// # Errors
    /// [`SearchError`]
    pub async fn who_wrote(&self, query: LineQuery) -> Result<LineAnswers, SearchError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Search, move || who_wrote(&shared, &query)).await?
    }
}

fn who_wrote(shared: &Shared, query: &LineQuery) -> Result<LineAnswers, SearchError> {
    let snapshot = shared.store.snapshot()?;
    let snapshot = snapshot.as_ref();
    let (mut answers, mut next) = (Vec::new(), None);
    let window = Query { after: query.after, ..Query::default() };
    if let Some(range) = scan::range(snapshot, &window)? {
        let asked =
            query.revisions.iter().take(MAX_REVISIONS).map(|revision| Asked::new(revision, &query.path));
        let asked: Vec<Asked<'_>> = asked.collect::<Result<_, _>>()?;
        (answers, next) = in_range(snapshot, query, &asked, range)?;
    }
    answers.reverse();
    let complete = next.is_none() && query.revisions.len() <= MAX_REVISIONS;
    Ok(LineAnswers { answers, complete, next })
}

/// One revision and what its records are found by.
struct Asked<'a> {
    revision: &'a str,
    terms: [QueryTerm; 2],
}

impl<'a> Asked<'a> {
    fn new(revision: &'a str, path: &str) -> Result<Self, SearchError> {
        let exactly = |name, value: &str| QueryTerm::new(name, Wanted::Exactly(value.to_owned()));
        let terms = [exactly("agent-trace.revision", revision)?, exactly("agent-trace.path", path)?];
        Ok(Self { revision, terms })
    }
}

/// Goes through the records of all revisions together, in the order of the log, so that one index says how far it came.
fn in_range(
    snapshot: &dyn Snapshot,
    query: &LineQuery,
    asked: &[Asked<'_>],
    range: Range<u64>,
) -> Result<(Vec<LineAnswer>, Option<LeafIndex>), SearchError> {
    let end = range.end;
    let most = MAX_STEPS / asked.len().max(1);
    let scans =
        asked.iter().map(|one| Ok((one.revision, Scan::new(snapshot, &one.terms, range.clone(), most)?)));
    let mut scans = scans.collect::<Result<Vec<_>, SearchError>>()?;
    let (mut answers, mut spent, mut left) = (Vec::new(), Spent::default(), MAX_RECORDS);
    loop {
        let mut least = end;
        for (_, scan) in &mut scans {
            scan.peek()?;
            least = least.min(scan.at());
        }
        if least >= end {
            return Ok((answers, None));
        }
        // All scans have been everywhere before `least`; one that gave up there may not have seen what is on it.
        let mut here = scans.iter_mut().filter(|(_, scan)| scan.at() == least);
        let gave_up = here.any(|(_, scan)| scan.gave_up().is_some());
        if gave_up || left == 0 || spent.is_enough() {
            return Ok((answers, Some(LeafIndex::new(least.saturating_sub(1)))));
        }
        left -= 1;
        let mut revision = None;
        for (named, scan) in scans.iter_mut().filter(|(_, scan)| scan.at() == least) {
            scan.next()?;
            revision.get_or_insert(*named);
        }
        let (Some(found), Some(revision)) = (entry(snapshot, LeafIndex::new(least))?, revision) else {
            continue;
        };
        spent.read(found.read);
        answers.extend(answer(found, query, revision).inspect(|answer| spent.told(answer.told())));
    }
}

fn answer(found: Entry, query: &LineQuery, revision: &str) -> Option<LineAnswer> {
    let lines = lines_of(found.statement.payload(), &query.path, query.line);
    (!lines.ranges.is_empty()).then(|| LineAnswer {
        hit: found.hit,
        revision: revision.to_owned(),
        ranges: lines.ranges,
        ranges_complete: lines.complete,
    })
}

impl LineAnswer {
    /// How much it adds to the answers, in bytes.
    fn told(&self) -> usize {
        let ranges = self.ranges.iter().map(LineRange::told);
        ranges.fold(self.hit.told().saturating_add(self.revision.len()), usize::saturating_add)
    }
}
