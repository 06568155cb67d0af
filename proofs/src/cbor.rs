//! CBOR, read strictly and written deterministically (RFC 8949 §4.2.1).
//!
//! `ciborium` accepts long heads, indefinite lengths, duplicate keys and trailing bytes, so nothing reaches it before
//! [`scan`] has walked the bytes on `ciborium-ll`. After a scan one item has exactly one reading and, but for the order
//! of map keys, exactly one encoding.

pub(crate) mod cursor;
mod encode;
mod fault;
mod sequence;

use ciborium::Value;
pub(crate) use cursor::Cursor;
pub use cursor::MAX_DEPTH;
pub use encode::encode;
pub(crate) use encode::{write_bytes, write_head};
pub use fault::{ScanError, ScanFault};
pub use sequence::{MAX_SEQUENCE_DEPTH, Sequence, sequence};

/// Walks `bytes` and accepts them if they are one CBOR item in strict form: definite lengths, shortest heads (floats
/// too), valid UTF-8, integers within `i64` or `u64`, no bignum, no simple value but false, true and null, at most
/// [`MAX_DEPTH`] levels of arrays, maps and tags, no map key twice at any level, nothing after the item.
///
/// # Errors
/// [`ScanError`] names the first fault and the byte it was found at.
pub fn scan(bytes: &[u8]) -> Result<(), ScanError> {
    let mut cursor = Cursor::new(bytes);
    cursor.skip_item()?;
    cursor.finish()
}

/// Scans `bytes` and decodes them. Map entries keep the order they arrived in.
///
/// # Errors
/// As [`scan`].
pub fn decode(bytes: &[u8]) -> Result<Value, ScanError> {
    scan(bytes)?;
    ciborium::from_reader(bytes).map_err(|_| ScanError { fault: ScanFault::Undecodable, offset: 0 })
}
