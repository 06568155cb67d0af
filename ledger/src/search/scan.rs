//! From the terms of a query to leaves, in order.

use std::collections::BTreeSet;
use std::ops::Range;

use proofs::LeafIndex;
use storage::Snapshot;

use super::{Query, QueryTerm, SearchError, Wanted};
use crate::profile::{IndexTerm, row_prefix};
use crate::rows;

/// How many rows or leaves one page looks at.
pub(super) const MAX_STEPS: usize = 20_000;
/// What a leaf costs whose terms have to be read.
const FILTER_STEPS: usize = 20;
/// How many rows are read at a time.
const CHUNK: usize = 64;

/// The leaves that a query can be about; `None` for none at all. Registration times follow the order of the log.
pub(super) fn range(snapshot: &dyn Snapshot, query: &Query) -> Result<Option<Range<u64>>, SearchError> {
    let Some(head) = snapshot.head() else { return Ok(None) };
    let size = head.tree.size.get();
    let first_at = |wanted: &dyn Fn(u64) -> bool| -> Result<u64, SearchError> {
        let (mut low, mut high) = (0, size);
        while low < high {
            let middle = low + (high - low) / 2;
            let row = snapshot.entry(LeafIndex::new(middle))?;
            let late = row.is_none_or(|row| wanted(row.registered_at.secs()));
            if late {
                high = middle;
            } else {
                low = middle.saturating_add(1);
            }
        }
        Ok(low)
    };
    let after = query.after.map_or(0, |after| after.get().saturating_add(1));
    let start = match query.from {
        Some(from) => after.max(first_at(&|time| time >= from.secs())?),
        None => after,
    };
    let end = match query.to {
        Some(to) => first_at(&|time| time > to.secs())?,
        None => size,
    };
    Ok((start < end).then_some(start..end))
}

/// Leaves in order, each with every term that an index can answer.
pub(super) struct Scan<'a> {
    snapshot: &'a dyn Snapshot,
    streams: Vec<Stream>,
    /// Leaves of the one term that is not exact, where no other is.
    listed: Option<BTreeSet<u64>>,
    filters: Vec<&'a QueryTerm>,
    at: u64,
    end: u64,
    steps: usize,
    /// How many it takes at most.
    most: usize,
}

/// The rows of one exact term, read a chunk at a time.
struct Stream {
    prefix: Vec<u8>,
    chunk: Vec<u64>,
    /// Everything from here on is in the chunk, or behind it.
    from: u64,
    ended: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        snapshot: &'a dyn Snapshot,
        terms: &'a [QueryTerm],
        range: Range<u64>,
        most: usize,
    ) -> Result<Self, SearchError> {
        let exact = |term: &&QueryTerm| matches!(term.wanted, Wanted::Exactly(_));
        let mut filters: Vec<&QueryTerm> = terms.iter().filter(|term| !exact(term)).collect();
        let streams: Vec<Stream> = terms.iter().filter(exact).map(Stream::new).collect();
        let mut listed = None;
        if streams.is_empty() && !filters.is_empty() {
            let term = filters.swap_remove(0);
            listed = Some(list(snapshot, term, &range)?);
        }
        Ok(Self { snapshot, streams, listed, filters, at: range.start, end: range.end, steps: 0, most })
    }

    pub(super) fn has_filters(&self) -> bool {
        !self.filters.is_empty()
    }

    /// Whether an entry with these terms has what no index was asked for.
    pub(super) fn admits(&self, terms: &[IndexTerm]) -> bool {
        self.filters.iter().all(|filter| {
            terms.iter().any(|term| term.code == filter.name.code && filter.admits(&term.value))
        })
    }

    /// The next leaf; `None` at the end, or when the page has cost enough.
    pub(super) fn next(&mut self) -> Result<Option<LeafIndex>, SearchError> {
        let found = self.peek()?;
        if let Some(leaf) = found {
            self.at = leaf.saturating_add(1);
            self.steps = self.steps.saturating_add(if self.filters.is_empty() { 1 } else { FILTER_STEPS });
        }
        Ok(found.map(LeafIndex::new))
    }

    /// Whether there is another leaf behind the last one.
    pub(super) fn has_more(&mut self) -> Result<bool, SearchError> {
        Ok(self.peek()?.is_some() || self.steps >= self.most)
    }

    /// Where to go on, if the scan ended before its end.
    pub(super) fn gave_up(&self) -> Option<LeafIndex> {
        (self.steps >= self.most && self.at < self.end).then(|| LeafIndex::new(self.at.saturating_sub(1)))
    }

    /// Where the scan stands: on the leaf that is peeked, where it gave up, or at its end.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The leaf that comes next.
    pub(super) fn peek(&mut self) -> Result<Option<u64>, SearchError> {
        if self.steps >= self.most || self.at >= self.end {
            return Ok(None);
        }
        if let Some(listed) = &self.listed {
            return Ok(listed.range(self.at..self.end).next().copied());
        }
        // Each stream jumps to the farthest of the others until all stand on one leaf.
        let mut agreed = 0;
        while agreed < self.streams.len() {
            agreed = 0;
            for stream in &mut self.streams {
                let Some(leaf) = stream.first(self.snapshot, self.at, &mut self.steps)? else {
                    self.at = self.end;
                    return Ok(None);
                };
                if leaf >= self.end || self.steps >= self.most {
                    self.at = if leaf >= self.end { self.end } else { self.at };
                    return Ok(None);
                }
                if leaf > self.at {
                    self.at = leaf;
                    agreed = 0;
                }
                agreed += 1;
            }
        }
        Ok(Some(self.at))
    }
}

impl Stream {
    fn new(term: &QueryTerm) -> Self {
        let value = match &term.wanted {
            Wanted::Exactly(value) | Wanted::Beginning(value) => value.as_bytes(),
            Wanted::Between(..) => &[],
        };
        let prefix = row_prefix(term.name.code, value, true);
        Self { prefix, chunk: Vec::new(), from: 0, ended: false }
    }

    /// The first leaf of the term that is not before `at`.
    fn first(
        &mut self,
        snapshot: &dyn Snapshot,
        at: u64,
        steps: &mut usize,
    ) -> Result<Option<u64>, SearchError> {
        let known = |stream: &Self| stream.chunk.iter().find(|leaf| **leaf >= at).copied();
        if at >= self.from {
            if let Some(leaf) = known(self) {
                return Ok(Some(leaf));
            }
            if self.ended {
                return Ok(None);
            }
        }
        let key = [self.prefix.as_slice(), &at.to_be_bytes()].concat();
        let rows = snapshot.scan_from(rows::TERM, &self.prefix, &key, CHUNK)?;
        *steps = steps.saturating_add(rows.len().max(1));
        self.ended = rows.len() < CHUNK;
        self.chunk = rows.into_iter().map(|(_, leaf)| leaf.get()).collect();
        self.from = at;
        Ok(known(self))
    }
}

/// The leaves of every value that fits, which are not in the order of the log, so all of them are needed.
fn list(snapshot: &dyn Snapshot, term: &QueryTerm, range: &Range<u64>) -> Result<BTreeSet<u64>, SearchError> {
    let (prefix, from, last) = match &term.wanted {
        Wanted::Between(from, to) => {
            let number = |value: u64| crate::profile::TermName::number(value);
            let prefix = row_prefix(term.name.code, b"", false);
            let start = row_prefix(term.name.code, number(*from).as_bytes(), false);
            (prefix, start, Some(row_prefix(term.name.code, number(*to).as_bytes(), true)))
        }
        Wanted::Exactly(value) | Wanted::Beginning(value) => {
            let prefix = row_prefix(term.name.code, value.as_bytes(), false);
            (prefix.clone(), prefix, None)
        }
    };
    let rows = snapshot.scan_from(rows::TERM, &prefix, &from, MAX_STEPS.saturating_add(1))?;
    let within = |key: &Vec<u8>| last.as_ref().is_none_or(|last| key <= last || key.starts_with(last));
    let read = rows.len();
    let mut leaves = BTreeSet::new();
    for (key, leaf) in rows {
        if !within(&key) {
            return Ok(leaves);
        }
        if range.contains(&leaf.get()) {
            leaves.insert(leaf.get());
        }
    }
    if read > MAX_STEPS {
        return Err(SearchError::TooBroad { term: term.name.name });
    }
    Ok(leaves)
}
