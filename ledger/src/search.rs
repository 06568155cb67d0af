//! Finding entries again by their index terms. Reads one snapshot; never enters the sequencer.
//!
//! A page is in the order of the log and says where the next one begins, so that paging is stable while the log grows.
//! The work of one page is bounded: a page that ran into its bound is shorter than asked, and still says where to go on.

mod hit;
mod lines;
mod scan;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use proofs::{LeafIndex, UnixTime};
use storage::{Snapshot, StoreError};

use crate::error::{InternalError, ReadError};
use crate::ledger::Ledger;
use crate::profile::{MAX_TERM_BYTES, TermKind, TermName};
use crate::shared::Shared;
use crate::workers::Sort;
use hit::entry;
use scan::{MAX_STEPS, Scan};

pub use hit::{EntrySummary, Hit};
pub use lines::{LineAnswer, LineAnswers, LineQuery};

/// The most terms of one query.
pub const MAX_QUERY_TERMS: usize = 16;
/// The most hits of one page.
pub const MAX_PAGE: usize = 200;
/// The hits of a page that was not asked for more or fewer.
pub const DEFAULT_PAGE: usize = 50;
/// After how many bytes of statements and collateral a page reads no further entry. It bounds for how long one question
/// keeps a worker: they are parsed.
pub const MAX_READ_BYTES: usize = 8 * 1024 * 1024;
/// After how many bytes of texts, and of what they stand in, a page takes up no further entry. It bounds what an answer
/// takes of memory: an entry adds half a MiB at most.
pub const MAX_TOLD_BYTES: usize = 256 * 1024;

/// What one term of a query wants of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This value.
    Exactly(String),
    /// A value that begins so; texts only.
    Beginning(String),
    /// A number from the first to the second, both included.
    Between(u64, u64),
}

/// One term of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryTerm {
    name: &'static TermName,
    wanted: Wanted,
}

/// Why a term cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such term.
    #[error("there is no such term; GET /search/terms lists those there are")]
    Unknown,
    /// A text where a number is kept, or the other way round.
    #[error("terms that are numbers are asked for by number or range, texts by value or beginning")]
    Kind,
    /// A value that no entry can have.
    #[error("a value has 1 to {MAX_TERM_BYTES} bytes, without NUL")]
    Value,
    /// Too many terms.
    #[error("a query has at most {MAX_QUERY_TERMS} terms")]
    TooMany,
}

impl QueryTerm {
    /// A term by its name.
    ///
    /// # Errors
    /// [`QueryError`] for a name or a value that no entry can have.
    pub fn new(name: &str, wanted: Wanted) -> Result<Self, QueryError> {
        let name = TermName::of_name(name).ok_or(QueryError::Unknown)?;
        let fits = |value: &String| (1..=MAX_TERM_BYTES).contains(&value.len()) && !value.contains('\0');
        let wanted = match (name.kind, wanted) {
            (TermKind::Text, Wanted::Exactly(value) | Wanted::Beginning(value)) if !fits(&value) => {
                return Err(QueryError::Value);
            }
            (TermKind::Text, wanted @ (Wanted::Exactly(_) | Wanted::Beginning(_))) => wanted,
            (TermKind::Number, wanted @ Wanted::Between(..)) => wanted,
            (TermKind::Number, Wanted::Exactly(value)) => {
                let number: u64 = value.parse().map_err(|_| QueryError::Kind)?;
                Wanted::Exactly(TermName::number(number))
            }
            _ => return Err(QueryError::Kind),
        };
        Ok(Self { name, wanted })
    }

    fn admits(&self, value: &str) -> bool {
        match &self.wanted {
            Wanted::Exactly(wanted) => value == wanted,
            Wanted::Beginning(start) => value.starts_with(start),
            Wanted::Between(from, to) => {
                u64::from_str_radix(value, 16).is_ok_and(|number| (*from..=*to).contains(&number))
            }
        }
    }
}

/// What is asked for: entries that have all terms, registered in the time, behind an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// All of them must fit; none finds every entry.
    pub terms: Vec<QueryTerm>,
    /// Registered not before.
    pub from: Option<UnixTime>,
    /// Registered not after.
    pub to: Option<UnixTime>,
    /// The last index of the page before.
    pub after: Option<LeafIndex>,
    /// At most so many hits; [`DEFAULT_PAGE`] if `None`, never more than [`MAX_PAGE`].
    pub limit: Option<usize>,
}

/// One page of hits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order of the log.
    pub hits: Vec<Hit>,
    /// Where the next page begins: ask again with it as `after`. `None` when everything was seen.
    pub next: Option<LeafIndex>,
}

/// Why a search was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A term cannot be asked for.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Too many values begin so, or lie in the range.
    #[error("too many values of `{term}` fit; add a term with an exact value, or ask for a narrower one")]
    TooBroad {
        /// The term that is too broad.
        term: &'static str,
    },
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<StoreError> for SearchError {
    fn from(error: StoreError) -> Self {
        Self::Read(ReadError::Internal(InternalError::from(error)))
    }
}

impl From<InternalError> for SearchError {
    fn from(error: InternalError) -> Self {
        Self::Read(ReadError::Internal(error))
    }
}

impl Ledger {
    /// Finds entries by their terms.
    ///
    /// # Errors
    /// [`SearchError`]
    pub async fn search(&self, query: Query) -> Result<Page, SearchError> {
        if query.terms.len() > MAX_QUERY_TERMS {
            return Err(QueryError::TooMany.into());
        }
        let shared = Arc::clone(&self.shared);
        self.shared.workers.run(Sort::Search, move || search(&shared, &query)).await?
    }
}

fn search(shared: &Shared, query: &Query) -> Result<Page, SearchError> {
    let snapshot = shared.store.snapshot()?;
    page(snapshot.as_ref(), query)
}

fn page(snapshot: &dyn Snapshot, query: &Query) -> Result<Page, SearchError> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let Some(range) = scan::range(snapshot, query)? else {
        return Ok(Page { hits: Vec::new(), next: None });
    };
    let mut scan = Scan::new(snapshot, &query.terms, range, MAX_STEPS)?;
    let (mut hits, mut spent) = (Vec::new(), Spent::default());
    while let Some(leaf) = scan.next()? {
        let Some(found) = entry(snapshot, leaf)? else { continue };
        spent.read(found.read);
        if !scan.has_filters() || scan.admits(&found.terms()) {
            spent.told(found.hit.told());
            hits.push(found.hit);
        }
        if hits.len() == limit || spent.is_enough() {
            return Ok(Page { hits, next: scan.has_more()?.then_some(leaf) });
        }
    }
    Ok(Page { hits, next: scan.gave_up() })
}

/// What one page has cost so far, in bytes.
#[derive(Default)]
struct Spent {
    read: usize,
    told: usize,
}

impl Spent {
    fn read(&mut self, bytes: usize) {
        self.read = self.read.saturating_add(bytes);
    }

    fn told(&mut self, bytes: usize) {
        self.told = self.told.saturating_add(bytes);
    }

    /// Whether the page ends here. What was read and told is over the bounds then, by less than one entry.
    fn is_enough(&self) -> bool {
        self.read >= MAX_READ_BYTES || self.told >= MAX_TOLD_BYTES
    }
}
