//! Pages of the log: entries in a row with their statements and collateral, for those who replay decisions.
//!
//! A page is a CBOR sequence (RFC 8742) in deterministic CBOR (RFC 8949 §4.2.1):
//!
//! ```cddl
//! page       = ( *row, next )        ; a sequence, not an array
//! row        = [leaf_index: uint, entry: bstr .size 32, statement: bstr / null, collateral: bstr / digest]
//! digest     = [-16, bstr .size 32]  ; SHA-256 of the record, written as a COSE_CertHash is (RFC 9360 §2)
//! next       = uint                  ; the leaf index to go on with
//! ```
//!
//! Leaf indices follow each other without a gap. `statement` is the canonical signed statement, whose SHA-256 is
//! `entry` (D1), and null where it is withheld or was erased; then `collateral` is a digest. The last item is a
//! number instead of a row: a page asked for up to some index is whole when the number is that index, goes on at the
//! number otherwise, and was cut off on its way when there is none.

#[cfg(test)]
mod tests;

use ciborium_ll::{Header, simple};

use crate::cbor::{Cursor, ScanError, ScanFault, write_bytes, write_head};
use crate::hash::Hash;
use crate::position::LeafIndex;
use crate::statement::EntryId;

/// The most bytes of a page.
pub const MAX_PAGE_LEN: usize = 16 << 20;

/// The COSE algorithm identifier of SHA-256 (RFC 9054 §2.1).
const SHA_256: i64 = -16;

/// One entry of the log with what stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRow<'a> {
    /// Its position.
    pub index: LeafIndex,
    /// What its leaf hashes.
    pub entry: EntryId,
    /// The canonical signed statement, unless withheld or erased.
    pub statement: Option<&'a [u8]>,
    /// What the decision to admit it rested on (D12).
    pub collateral: PageCollateral<'a>,
}

/// A collateral record, or what is left to tell it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageCollateral<'a> {
    /// The record as it is stored.
    Record(&'a [u8]),
    /// Its SHA-256.
    Digest(Hash),
}

/// One item of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageItem<'a> {
    /// An entry.
    Row(PageRow<'a>),
    /// The end of the page, and where to go on.
    Next(LeafIndex),
}

/// A whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<'a> {
    /// Its entries, without a gap.
    pub rows: Vec<PageRow<'a>>,
    /// The leaf index to go on with.
    pub next: LeafIndex,
}

/// Why bytes are not a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Not deterministic CBOR, or cut off.
    #[error(transparent)]
    Cbor(#[from] ScanError),
    /// An item that is neither a row nor the number at the end.
    #[error("byte {offset} of the page begins something that is neither an entry nor the end of a page")]
    Shape {
        /// Where the item begins.
        offset: usize,
    },
    /// A row or the end with another index than the one that follows.
    #[error("the page goes on with {found} where {expected} follows")]
    Order {
        /// What should have come.
        expected: LeafIndex,
        /// What came.
        found: LeafIndex,
    },
    /// More entries than were asked for.
    #[error("the page goes beyond entry {to}, up to which it was asked for")]
    Beyond {
        /// The index asked for, the first that should not come.
        to: LeafIndex,
    },
}

/// Appends a row.
pub fn write_row(out: &mut Vec<u8>, row: &PageRow<'_>) {
    write_head(out, Header::Array(Some(4)));
    write_head(out, Header::Positive(row.index.get()));
    write_bytes(out, row.entry.as_bytes());
    match row.statement {
        Some(statement) => write_bytes(out, statement),
        None => write_head(out, Header::Simple(simple::NULL)),
    }
    match row.collateral {
        PageCollateral::Record(record) => write_bytes(out, record),
        PageCollateral::Digest(digest) => {
            write_head(out, Header::Array(Some(2)));
            write_head(out, Header::Negative(SHA_256.unsigned_abs() - 1));
            write_bytes(out, digest.as_bytes());
        }
    }
}

/// Appends the end of a page.
pub fn write_next(out: &mut Vec<u8>, next: LeafIndex) {
    write_head(out, Header::Positive(next.get()));
}

/// Reads the first item of `bytes` and how long it is; `None` if it is not all there yet.
///
/// # Errors
/// When no continuation of the bytes begins with an item of a page.
pub fn read_item(bytes: &[u8]) -> Result<Option<(PageItem<'_>, usize)>, PageError> {
    let mut cursor = Cursor::new(bytes);
    match item(&mut cursor) {
        Ok(item) => Ok(Some((item, cursor.offset()))),
        Err(PageError::Cbor(ScanError { fault: ScanFault::Truncated, .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a whole page that was asked for from index `from` up to, not including, `to`.
///
/// # Errors
/// When it is not one, was cut off, or has other entries than were asked for.
pub fn read_page(bytes: &[u8], from: LeafIndex, to: LeafIndex) -> Result<Page<'_>, PageError> {
    let mut cursor = Cursor::new(bytes);
    let mut page = Page { rows: Vec::new(), next: from };
    loop {
        let (found, done) = match item(&mut cursor)? {
            PageItem::Row(row) => {
                page.rows.push(row);
                (row.index, false)
            }
            PageItem::Next(next) => (next, true),
        };
        if found != page.next {
            return Err(PageError::Order { expected: page.next, found });
        }
        if done {
            cursor.finish()?;
            return Ok(page);
        }
        if found >= to {
            return Err(PageError::Beyond { to });
        }
        page.next = found.next();
    }
}

fn item<'a>(cursor: &mut Cursor<'a>) -> Result<PageItem<'a>, PageError> {
    let shape = PageError::Shape { offset: cursor.offset() };
    match cursor.head()? {
        Header::Positive(next) => return Ok(PageItem::Next(LeafIndex::new(next))),
        Header::Array(Some(4)) => {}
        _ => return Err(shape),
    }
    let Header::Positive(index) = cursor.head()? else { return Err(shape) };
    let entry = digest(cursor, shape)?;
    let statement = match cursor.head()? {
        Header::Bytes(Some(len)) => Some(cursor.take(len)?),
        Header::Simple(simple::NULL) => None,
        _ => return Err(shape),
    };
    let collateral = match cursor.head()? {
        Header::Bytes(Some(len)) => PageCollateral::Record(cursor.take(len)?),
        Header::Array(Some(2)) => {
            if cursor.head()? != Header::Negative(SHA_256.unsigned_abs() - 1) {
                return Err(shape);
            }
            PageCollateral::Digest(digest(cursor, shape)?)
        }
        _ => return Err(shape),
    };
    let entry = EntryId::from_bytes(*entry.as_bytes());
    Ok(PageItem::Row(PageRow { index: LeafIndex::new(index), entry, statement, collateral }))
}

fn digest(cursor: &mut Cursor<'_>, shape: PageError) -> Result<Hash, PageError> {
    if cursor.head()? != Header::Bytes(Some(Hash::LEN)) {
        return Err(shape);
    }
    Hash::from_slice(cursor.take(Hash::LEN)?).ok_or(shape)
}
