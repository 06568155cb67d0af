//! The statements of a log, in pages (`GET /statements?from=&to=`).

use super::{FetchError, HttpSource};
use bytes::Bytes;
use proofs::page::{MAX_PAGE_LEN, PageCollateral, PageRow, read_page};
use proofs::{Hash, LeafIndex};

/// One entry as the log lists it; nothing of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) index: u64,
    pub(crate) entry: [u8; 32],
    /// The canonical statement, unless withheld or erased.
    pub(crate) statement: Option<Bytes>,
    /// The collateral record, or its digest where the statement is withheld or erased.
    pub(crate) collateral: Kept,
}

/// What a log gives of a collateral record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The record.
    Record(Bytes),
    /// What stands for it in a collateral manifest (`proofs::manifest::collateral_hash`).
    Digest(Hash),
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageFault {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is not the page that was asked for.
    #[error("the list of statements from entry {from} on: {what}")]
    Form {
        /// The index asked for.
        from: u64,
        /// What is wrong.
        what: String,
    },
}

/// Where statements come from.
pub(crate) trait Statements: Sync {
    /// The rows from index `from` on, at least one and none at or beyond `to`.
    fn page(&self, from: u64, to: u64) -> Result<Vec<Row>, PageFault>;
}

impl Statements for HttpSource {
    fn page(&self, from: u64, to: u64) -> Result<Vec<Row>, PageFault> {
        let path = format!("statements?from={from}&to={to}");
        // A page is never longer than its limit, but for one row that does not fit alone.
        let reply = self.get(&path, "application/cbor-seq", MAX_PAGE_LEN * 2)?;
        let absent = || FetchError::Refused("the log has no list of statements".to_owned());
        read(&reply.ok_or_else(absent)?.body.into(), from, to)
    }
}

/// Reads a page. The rows share its memory.
fn read(body: &Bytes, from: u64, to: u64) -> Result<Vec<Row>, PageFault> {
    let wrong = |what: String| PageFault::Form { from, what };
    let page = read_page(body, LeafIndex::new(from), LeafIndex::new(to))
        .map_err(|error| wrong(error.to_string()))?;
    if page.rows.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    let row = |row: &PageRow<'_>| Row {
        index: row.index.get(),
        entry: *row.entry.as_bytes(),
        statement: row.statement.map(|statement| body.slice_ref(statement)),
        collateral: match row.collateral {
            PageCollateral::Record(record) => Kept::Record(body.slice_ref(record)),
            PageCollateral::Digest(digest) => Kept::Digest(digest),
        },
    };
    Ok(page.rows.iter().map(row).collect())
}
