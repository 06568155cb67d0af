//! The strict walk: one head at a time, never a byte copied.

use std::collections::BTreeSet;

use ciborium_ll::{Decoder, Encoder, Error, Header, simple, tag};

use super::{ScanError, ScanFault};

/// How many arrays, maps and tags may stand inside one another (COSE-15).
pub const MAX_DEPTH: usize = 16;

/// The longest head CBOR knows: one byte and a 64-bit argument.
const MAX_HEAD: usize = 9;

/// A position in bytes that are being read strictly.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// A cursor whose offsets count from the start of a message in which `bytes` begin at `base`.
    pub(crate) fn at(bytes: &'a [u8], base: usize) -> Self {
        Self { rest: bytes, offset: base }
    }

    /// Offset in bytes of what is read next.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Reads one head in its shortest form.
    pub(crate) fn head(&mut self) -> Result<Header, ScanError> {
        if let Some((header, length)) = plain_head(self.rest) {
            self.take(length)?;
            return Ok(header);
        }
        self.any_head()
    }

    /// The same for any head there is, or is not: by encoding again what was decoded, and comparing.
    fn any_head(&mut self) -> Result<Header, ScanError> {
        let (header, length) = self.peek()?;
        let mut shortest = [0; MAX_HEAD];
        let mut unused = shortest.as_mut_slice();
        // A head that does not fit nine bytes does not exist, so a failed write can only mean "not the same bytes".
        let written = Encoder::from(&mut unused).push(header).map_or(0, |()| MAX_HEAD - unused.len());
        let fault = match header {
            _ if self.rest.get(..length) != shortest.get(..written) => Some(ScanFault::LongHead),
            Header::Negative(n) if i64::try_from(n).is_err() => Some(ScanFault::IntegerRange),
            Header::Tag(tag::BIGPOS | tag::BIGNEG) => Some(ScanFault::Bignum),
            Header::Simple(simple::FALSE | simple::TRUE | simple::NULL) => None,
            Header::Simple(value) => Some(ScanFault::Simple(value)),
            Header::Break => Some(ScanFault::Break),
            Header::Bytes(None) | Header::Text(None) | Header::Array(None) | Header::Map(None) => {
                Some(ScanFault::Indefinite)
            }
            _ => None,
        };
        if let Some(fault) = fault {
            return Err(self.fault(fault));
        }
        self.take(length)?;
        Ok(header)
    }

    /// Reads the `length` bytes of a string's body.
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ScanError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(self.fault(ScanFault::Truncated))?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(length);
        Ok(taken)
    }

    /// Reads one whole item, checked at every level, and gives its bytes.
    pub(crate) fn skip_item(&mut self) -> Result<&'a [u8], ScanError> {
        let start = self.clone();
        self.walk(0)?;
        Ok(start.up_to(self))
    }

    /// Like [`Cursor::skip_item`] for an item whose faults are to be stepped over: heads of any length, duplicate keys,
    /// any simple value.
    pub(crate) fn skip_loosely(&mut self) -> Result<&'a [u8], ScanError> {
        let start = self.clone();
        self.walk_loosely(0)?;
        Ok(start.up_to(self))
    }

    /// Accepts if nothing is left.
    pub(crate) fn finish(&self) -> Result<(), ScanError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.fault(ScanFault::Trailing)) }
    }

    fn up_to(&self, end: &Self) -> &'a [u8] {
        let length = end.offset.saturating_sub(self.offset);
        self.rest.get(..length).unwrap_or(self.rest)
    }

    fn fault(&self, fault: ScanFault) -> ScanError {
        ScanError { fault, offset: self.offset }
    }

    fn peek(&self) -> Result<(Header, usize), ScanError> {
        let mut decoder = Decoder::from(self.rest);
        let header = decoder.pull().map_err(|error| {
            self.fault(match error {
                Error::Io(_) => ScanFault::Truncated,
                Error::Syntax(_) => ScanFault::Reserved,
            })
        })?;
        Ok((header, decoder.offset()))
    }

    fn walk(&mut self, depth: usize) -> Result<(), ScanError> {
        let start = self.offset;
        match self.head()? {
            Header::Bytes(Some(length)) => {
                self.take(length)?;
            }
            Header::Text(Some(length)) => {
                let text = self.take(length)?;
                std::str::from_utf8(text).map_err(|_| ScanError { fault: ScanFault::Utf8, offset: start })?;
            }
            Header::Array(Some(length)) => {
                let depth = deeper(depth, start)?;
                for _ in 0..length {
                    self.walk(depth)?;
                }
            }
            Header::Map(Some(length)) => self.walk_map(length, deeper(depth, start)?)?,
            Header::Tag(_) => self.walk(deeper(depth, start)?)?,
            _ => {}
        }
        Ok(())
    }

    fn walk_map(&mut self, length: usize, depth: usize) -> Result<(), ScanError> {
        // With shortest heads two equal keys have equal bytes, so bytes are compared and no value is built.
        let mut keys = BTreeSet::new();
        for _ in 0..length {
            let key = self.clone();
            self.walk(depth)?;
            if !keys.insert(key.up_to(self)) {
                return Err(key.fault(ScanFault::DuplicateKey));
            }
            self.walk(depth)?;
        }
        Ok(())
    }

    fn walk_loosely(&mut self, depth: usize) -> Result<(), ScanError> {
        let start = self.offset;
        let (header, length) = self.peek()?;
        self.take(length)?;
        match header {
            Header::Bytes(Some(length)) | Header::Text(Some(length)) => {
                self.take(length)?;
            }
            Header::Array(Some(length)) => {
                let depth = deeper(depth, start)?;
                for _ in 0..length {
                    self.walk_loosely(depth)?;
                }
            }
            Header::Map(Some(length)) => {
                let depth = deeper(depth, start)?;
                for _ in 0..length {
                    self.walk_loosely(depth)?;
                    self.walk_loosely(depth)?;
                }
            }
            Header::Tag(_) => self.walk_loosely(deeper(depth, start)?)?,
            Header::Bytes(None) | Header::Text(None) | Header::Array(None) | Header::Map(None) => {
                return Err(ScanError { fault: ScanFault::Indefinite, offset: start });
            }
            Header::Break => return Err(ScanError { fault: ScanFault::Break, offset: start }),
            _ => {}
        }
        Ok(())
    }
}

/// The head that nearly every item has, and its length: an integer, a string, an array or a map of definite length, in
/// its shortest form. `None` for every other head, good or bad.
fn plain_head(bytes: &[u8]) -> Option<(Header, usize)> {
    let (first, rest) = bytes.split_first()?;
    let (argument, least, length) = match first & 0x1f {
        short @ 0..24 => (u64::from(short), 0, 1),
        24 => (u64::from(*rest.first()?), 24, 2),
        25 => (u16::from_be_bytes(*rest.first_chunk()?).into(), 1 << 8, 3),
        26 => (u32::from_be_bytes(*rest.first_chunk()?).into(), 1 << 16, 5),
        _ => return None,
    };
    if argument < least {
        return None;
    }
    let count = || usize::try_from(argument).ok().map(Some);
    let header = match first >> 5 {
        0 => Header::Positive(argument),
        1 => Header::Negative(argument),
        2 => Header::Bytes(count()?),
        3 => Header::Text(count()?),
        4 => Header::Array(count()?),
        5 => Header::Map(count()?),
        _ => return None,
    };
    Some((header, length))
}

fn deeper(depth: usize, offset: usize) -> Result<usize, ScanError> {
    if depth >= MAX_DEPTH { Err(ScanError { fault: ScanFault::TooDeep, offset }) } else { Ok(depth + 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The short way says nothing, or what the long way says.
    fn assert_same(bytes: &[u8]) {
        let Some((header, length)) = plain_head(bytes) else { return };
        let mut cursor = Cursor::new(bytes);
        assert_eq!((cursor.any_head(), cursor.offset()), (Ok(header), length), "{bytes:02x?}");
    }

    #[test]
    fn cose_15_plain_heads_are_read_as_any_head_is() {
        for first in 0..=255_u8 {
            for rest in [&[][..], &[0], &[23], &[24], &[255], &[0, 0], &[0, 255], &[1, 0], &[255; 2]] {
                assert_same(&[&[first], rest].concat());
            }
            for rest in [0_u32, 0xffff, 0x1_0000, u32::MAX].map(u32::to_be_bytes) {
                assert_same(&[&[first], &rest[..]].concat());
            }
        }
        assert_eq!(plain_head(&[0x19, 1, 0]), Some((Header::Positive(256), 3)));
        for major in 0..6 {
            for head in [&[0][..], &[24, 24], &[25, 1, 0], &[26, 0, 1, 0, 0]] {
                let bytes = [&[major << 5 | head[0]], &head[1..]].concat();
                let length = plain_head(&bytes).map(|(_, length)| length);
                assert_eq!(length, Some(head.len()), "{bytes:02x?} is read the short way");
            }
        }
        assert_eq!(plain_head(&[0x18, 23]), None, "not the shortest");
        assert_eq!(plain_head(&[0x5f]), None, "indefinite");
    }

    proptest! {
        #[test]
        fn cose_15_the_short_way_agrees_with_the_long_way(bytes in prop::collection::vec(any::<u8>(), 0..10)) {
            assert_same(&bytes);
        }
    }
}
