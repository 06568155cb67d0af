//! What the scanner refuses.

use super::MAX_DEPTH;

/// Why bytes are not one strict CBOR item (RFC 8949; RFC 9052 §9 for the rules COSE adds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanFault {
    /// The input ends inside an item, or a length promises more than there is.
    #[error("the CBOR ends in the middle of an item")]
    Truncated,
    /// Additional information 28, 29 or 30, or 31 where no length stands (RFC 8949 §3).
    #[error("a head that CBOR reserves")]
    Reserved,
    /// A string, array or map without a length in its head.
    #[error("an indefinite length; only definite lengths are accepted")]
    Indefinite,
    /// A "break" with no indefinite item to end.
    #[error("a stop code that ends nothing")]
    Break,
    /// An integer, length, tag or float that fits a shorter head.
    #[error("a head longer than it has to be")]
    LongHead,
    /// A negative integer that does not fit `i64`.
    #[error("an integer below -2^63")]
    IntegerRange,
    /// Tag 2 or 3: a second way to write integers.
    #[error("a bignum; integers must fit 64 bits")]
    Bignum,
    /// A simple value other than false, true and null.
    #[error("simple value {0}; only false, true and null are accepted")]
    Simple(u8),
    /// A text string that is not UTF-8.
    #[error("text that is not UTF-8")]
    Utf8,
    /// More nested arrays, maps and tags than [`MAX_DEPTH`].
    #[error("nesting deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A map key that the same map already has.
    #[error("a map key that occurs twice")]
    DuplicateKey,
    /// Bytes behind the item.
    #[error("bytes after the end of the item")]
    Trailing,
    /// The decoder refused what the scanner accepted. No input is known that does this.
    #[error("an item the decoder cannot represent")]
    Undecodable,
}

/// A fault and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (byte {offset})")]
pub struct ScanError {
    /// What is wrong.
    pub fault: ScanFault,
    /// Offset in bytes, from the start of what was scanned, of the item at fault.
    pub offset: usize,
}
