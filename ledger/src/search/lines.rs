//! Who wrote this line? Agent Trace records name the revision that was checked out when the edit was made, which is the
//! parent of the commit that holds it, so the caller names the parents too (systems.md §5.5).

use std::sync::Arc;

use super::hit::{Entry, Hit, entry};
use super::scan::{self, Scan};
use super::{Query, QueryTerm, SearchError, Wanted};
use crate::ledger::Ledger;
use crate::profile::{LineRange, lines_of};
use crate::shared::Shared;

/// The most revisions of one question.
const MAX_REVISIONS: usize = 16;
/// The most records that are read for one question.
const MAX_RECORDS: usize = 200;

/// The most ranges of one answer.
const MAX_RANGES: usize = 1000;

/// Which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineQuery {
    /// The revision asked about, then its parents as far as they count; at most 16 are looked at.
    pub revisions: Vec<String>,
    /// The path of the file, as records write it.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
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
}

impl Ledger {
    /// The records that cover a line, the latest registered first, at most 200 with 1,000 ranges; and whether all that
    /// could were looked at.
    ///
    /// # Errors
    /// [`SearchError`]
    pub async fn who_wrote(&self, query: LineQuery) -> Result<(Vec<LineAnswer>, bool), SearchError> {
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(move || who_wrote(&shared, &query)).await?
    }
}

fn who_wrote(shared: &Shared, query: &LineQuery) -> Result<(Vec<LineAnswer>, bool), SearchError> {
    let snapshot = shared.store.snapshot()?;
    let snapshot = snapshot.as_ref();
    let mut answers = Vec::new();
    let (mut left, mut ranges_left) = (MAX_RECORDS, MAX_RANGES);
    let mut complete = query.revisions.len() <= MAX_REVISIONS;
    for revision in query.revisions.iter().take(MAX_REVISIONS) {
        let terms = [
            QueryTerm::new("agent-trace.revision", Wanted::Exactly(revision.clone()))?,
            QueryTerm::new("agent-trace.path", Wanted::Exactly(query.path.clone()))?,
        ];
        let Some(range) = scan::range(snapshot, &Query::default())? else { continue };
        let mut scan = Scan::new(snapshot, &terms, range)?;
        while let Some(leaf) = scan.next()? {
            if left == 0 || ranges_left == 0 {
                complete = false;
                break;
            }
            left -= 1;
            let Some(Entry { hit, statement, .. }) = entry(snapshot, leaf)? else { continue };
            let mut ranges = lines_of(statement.payload(), &query.path, query.line);
            complete &= ranges.len() <= ranges_left;
            ranges.truncate(ranges_left);
            ranges_left = ranges_left.saturating_sub(ranges.len());
            if !ranges.is_empty() {
                answers.push(LineAnswer { hit, revision: revision.clone(), ranges });
            }
        }
        complete &= scan.gave_up().is_none();
    }
    answers.sort_by_key(|answer| std::cmp::Reverse(answer.hit.index));
    answers.dedup_by_key(|answer| answer.hit.index);
    Ok((answers, complete))
}
