//! Transparent statements (RFC 9943 §7): a signed statement with receipts in label 394 of its unprotected header.

use ciborium::Value;
use ciborium_ll::Header;

use crate::cbor::Cursor;
use crate::cose::label;
use crate::cose::sign1::{self, Field, Sign1};
use crate::receipt::{Receipt, ReceiptError};
use crate::statement::{MalformedStatement, SignedStatement, StatementError};

/// How many receipts one transparent statement may carry.
pub const MAX_RECEIPTS: usize = 64;

/// Writes `statement` with `receipts` in label 394, each wrapped in a byte string, in the order given. The statement's
/// own bytes stay as they are, so it can be taken out and registered again (ARCH-49).
#[must_use]
pub fn attach(statement: &SignedStatement, receipts: &[Vec<u8>]) -> Vec<u8> {
    let receipts = receipts.iter().map(|receipt| Value::Bytes(receipt.clone())).collect();
    let unprotected = Value::Map(vec![(Value::from(label::RECEIPTS), Value::Array(receipts))]);
    sign1::write(statement.protected(), &unprotected, Some(statement.payload()), statement.signature())
}

/// A signed statement and the receipts it came with.
#[derive(Debug, Clone)]
pub struct TransparentStatement {
    /// The statement as it was registered, label 394 taken out.
    pub statement: SignedStatement,
    /// Each receipt, or why it is none. One corrupt receipt does not spoil another.
    pub receipts: Vec<Result<Receipt, ReceiptError>>,
    /// The bytes of each receipt, in the same order; for one that was not wrapped, the bytes of the item.
    pub receipt_bytes: Vec<Vec<u8>>,
}

/// Why bytes are not a transparent statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransparentError {
    /// The statement itself is not acceptable.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Nothing in label 394.
    #[error("the statement carries no receipts: there is no label 394 in its unprotected header")]
    NoReceipts,
    /// Label 394 is not what RFC 9942 says.
    #[error("label 394 (receipts) is not a non-empty array (byte {offset})")]
    ReceiptsForm {
        /// Where its value begins.
        offset: usize,
    },
    /// More than [`MAX_RECEIPTS`].
    #[error("label 394 (receipts) holds more than {MAX_RECEIPTS} receipts")]
    TooManyReceipts,
}

impl TransparentStatement {
    /// Reads a transparent statement of at most `max_len` bytes.
    ///
    /// # Errors
    /// [`TransparentError`], for the statement and for label 394 as a whole; a receipt's own error is kept with it.
    pub fn parse(bytes: &[u8], max_len: usize) -> Result<Self, TransparentError> {
        let statement = SignedStatement::parse(bytes, max_len)?;
        let message =
            Sign1::parse(bytes).map_err(|error| StatementError::from(MalformedStatement::from(error)))?;
        let field = message.unprotected.int(label::RECEIPTS).ok_or(TransparentError::NoReceipts)?;
        let malformed = TransparentError::ReceiptsForm { offset: field.offset };
        let items = items(field)?.ok_or(malformed)?;
        let (receipts, receipt_bytes) = items.into_iter().unzip();
        Ok(Self { statement, receipts, receipt_bytes })
    }
}

type Item = (Result<Receipt, ReceiptError>, Vec<u8>);

fn items(field: &Field<'_>) -> Result<Option<Vec<Item>>, TransparentError> {
    let mut cursor = Cursor::at(field.bytes, field.offset);
    let length = match cursor.head() {
        Ok(Header::Array(Some(length))) if length > 0 => length,
        _ => return Ok(None),
    };
    if length > MAX_RECEIPTS {
        return Err(TransparentError::TooManyReceipts);
    }
    let mut items = Vec::with_capacity(length);
    for _ in 0..length {
        let offset = cursor.offset();
        let Ok(bytes) = cursor.skip_item() else { return Ok(None) };
        items.push(match (Field { bytes, offset }).value() {
            Value::Bytes(receipt) => (Receipt::parse(&receipt), receipt),
            _ => (Err(ReceiptError::NotWrapped), bytes.to_vec()),
        });
    }
    Ok(Some(items))
}
