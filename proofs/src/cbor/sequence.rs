//! Where the items of a CBOR sequence begin and end (RFC 8742).

#[cfg(test)]
mod tests;

use std::ops::Range;

use ciborium_ll::{Decoder, Error, Header};

use super::{ScanError, ScanFault};

/// How many arrays, maps and tags may stand inside one another while items are told apart: more than
/// [`MAX_DEPTH`](super::MAX_DEPTH), so that an item that is too deep for us can still be stepped over.
pub const MAX_SEQUENCE_DEPTH: usize = 512;

/// The smallest simple value that may be written in two bytes (RFC 8949 §3.3).
const FIRST_LONG_SIMPLE: u8 = 32;

/// The ranges of the items of a CBOR sequence in `bytes`, from the first on; nothing is copied.
///
/// An item here is anything well-formed (RFC 8949 appendix C), indefinite lengths and long heads included: whether it
/// is strict is for whoever reads it, so that one bad item does not hide where the next begins. Where bytes are no item
/// the boundary is lost: that place gives an error, and nothing comes after it.
///
/// The memory it takes does not depend on the input.
#[must_use]
pub fn sequence(bytes: &[u8]) -> Sequence<'_> {
    Sequence { bytes, at: 0, ended: false }
}

/// See [`sequence`].
#[derive(Debug, Clone)]
pub struct Sequence<'a> {
    bytes: &'a [u8],
    at: usize,
    ended: bool,
}

impl Iterator for Sequence<'_> {
    type Item = Result<Range<usize>, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        let end = end_of_item(self.bytes, start);
        match end {
            Ok(end) => self.at = end,
            Err(_) => self.ended = true,
        }
        Some(end.map(|end| start..end))
    }
}

/// What is open around the next head.
enum Level {
    /// So many items are still to come.
    Counted(usize),
    /// Items until a break; in a map there must be an even number of them.
    Items { map: bool, odd: bool },
    /// Strings of known length until a break.
    Chunks { text: bool },
}

fn end_of_item(bytes: &[u8], start: usize) -> Result<usize, ScanError> {
    let mut open: Vec<Level> = Vec::new();
    let mut at = start;
    loop {
        let fault = |fault| ScanError { fault, offset: at };
        let (header, length) = head(bytes, at)?;
        let body = at.saturating_add(length);
        let (next, inner) = match (open.last(), header) {
            (Some(Level::Chunks { .. }), Header::Break) => (body, None),
            (Some(Level::Chunks { text: false }), Header::Bytes(Some(length)))
            | (Some(Level::Chunks { text: true }), Header::Text(Some(length))) => {
                at = skip(bytes, body, length).ok_or(fault(ScanFault::Truncated))?;
                continue;
            }
            (Some(Level::Chunks { .. }), _) => return Err(fault(ScanFault::Reserved)),
            (Some(Level::Items { map, odd }), Header::Break) if !(*map && *odd) => (body, None),
            (_, Header::Break) => return Err(fault(ScanFault::Break)),
            (_, Header::Bytes(Some(length)) | Header::Text(Some(length))) => {
                (skip(bytes, body, length).ok_or(fault(ScanFault::Truncated))?, None)
            }
            (_, Header::Bytes(None)) => (body, Some(Level::Chunks { text: false })),
            (_, Header::Text(None)) => (body, Some(Level::Chunks { text: true })),
            (_, Header::Array(None)) => (body, Some(Level::Items { map: false, odd: false })),
            (_, Header::Map(None)) => (body, Some(Level::Items { map: true, odd: false })),
            (_, Header::Array(Some(count))) => (body, counted(count)),
            (_, Header::Map(Some(pairs))) => {
                (body, counted(pairs.checked_mul(2).ok_or(fault(ScanFault::Truncated))?))
            }
            (_, Header::Tag(_)) => (body, counted(1)),
            _ => (body, None),
        };
        let deep = fault(ScanFault::TooDeep);
        at = next;
        match inner {
            Some(_) if open.len() >= MAX_SEQUENCE_DEPTH => return Err(deep),
            Some(level) => open.push(level),
            None => {
                if matches!(header, Header::Break) {
                    open.pop();
                }
                if close(&mut open) {
                    return Ok(at);
                }
            }
        }
    }
}

/// One item ended. Takes away what ended with it; true when nothing is open any more.
fn close(open: &mut Vec<Level>) -> bool {
    loop {
        match open.last_mut() {
            None => return true,
            Some(Level::Counted(left)) => {
                *left = left.saturating_sub(1);
                if *left > 0 {
                    return false;
                }
                open.pop();
            }
            Some(Level::Items { odd, .. }) => {
                *odd = !*odd;
                return false;
            }
            Some(Level::Chunks { .. }) => return false,
        }
    }
}

const fn counted(count: usize) -> Option<Level> {
    if count == 0 { None } else { Some(Level::Counted(count)) }
}

fn skip(bytes: &[u8], from: usize, length: usize) -> Option<usize> {
    from.checked_add(length).filter(|end| *end <= bytes.len())
}

/// The head at `at` and its length.
fn head(bytes: &[u8], at: usize) -> Result<(Header, usize), ScanError> {
    let fault = |fault| ScanError { fault, offset: at };
    let mut decoder = Decoder::from(bytes.get(at..).unwrap_or_default());
    let header = decoder.pull().map_err(|error| match error {
        Error::Io(_) => fault(ScanFault::Truncated),
        Error::Syntax(_) => fault(ScanFault::Reserved),
    })?;
    match header {
        Header::Simple(value) if decoder.offset() == 2 && value < FIRST_LONG_SIMPLE => {
            Err(fault(ScanFault::Reserved))
        }
        header => Ok((header, decoder.offset())),
    }
}
