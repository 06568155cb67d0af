//! The statements of a log, in pages (`GET /statements?from=&to=`).

use super::{FetchError, HttpSource};
use proofs::LeafIndex;
use proofs::page::{MAX_PAGE_LEN, PageCollateral, PageRow, read_page};

/// One entry as the log lists it; nothing of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) index: u64,
    pub(crate) entry: [u8; 32],
    /// The canonical statement, unless withheld or erased.
    pub(crate) statement: Option<Vec<u8>>,
    /// The collateral record, unless only its digest is given.
    pub(crate) collateral: Option<Vec<u8>>,
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
        read(&reply.ok_or_else(absent)?.body, from, to)
    }
}

/// Reads a page.
fn read(body: &[u8], from: u64, to: u64) -> Result<Vec<Row>, PageFault> {
    let wrong = |what: String| PageFault::Form { from, what };
    let page = read_page(body, LeafIndex::new(from), LeafIndex::new(to))
        .map_err(|error| wrong(error.to_string()))?;
    if page.rows.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    let row = |row: &PageRow<'_>| Row {
        index: row.index.get(),
        entry: *row.entry.as_bytes(),
        statement: row.statement.map(<[u8]>::to_vec),
        collateral: match row.collateral {
            PageCollateral::Record(record) => Some(record.to_vec()),
            PageCollateral::Digest(_) => None,
        },
    };
    Ok(page.rows.iter().map(row).collect())
}
