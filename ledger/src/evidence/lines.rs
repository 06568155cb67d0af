//! Cutting a stream of bytes into lines, with bounded memory.

use bytes::{Bytes, BytesMut};

/// One line, numbered from 1; empty ones are counted and not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Its bytes, without the end of the line.
    Whole {
        /// Its number.
        number: u64,
        /// What stands between the ends of lines, exactly.
        bytes: Bytes,
    },
    /// It had more bytes than a line may have; they were dropped as they came.
    TooLong {
        /// Its number.
        number: u64,
    },
}

/// Takes bytes as they come and gives lines. A line ends with LF, or CR LF, or the end of the stream.
#[derive(Debug)]
pub struct LineReader {
    limit: usize,
    held: BytesMut,
    /// How much of `held` is known to hold no end of a line.
    seen: usize,
    ended: u64,
    dropping: bool,
}

impl LineReader {
    /// Lines of at most `limit` bytes, the end not counted.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, held: BytesMut::new(), seen: 0, ended: 0, dropping: false }
    }

    /// More bytes; to be called when [`next_line`](Self::next_line) has nothing left.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next line that has ended, and is not empty.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let end = self.held.get(self.seen..)?.iter().position(|byte| *byte == b'\n');
            let Some(end) = end else {
                self.drop_what_is_too_long();
                self.seen = self.held.len();
                return None;
            };
            let mut line = self.held.split_to(self.seen.saturating_add(end));
            // The LF itself.
            let _end = self.held.split_to(1.min(self.held.len()));
            self.seen = 0;
            if line.last() == Some(&b'\r') {
                line.truncate(line.len().saturating_sub(1));
            }
            if let Some(line) = self.finish(line) {
                return Some(line);
            }
        }
    }

    /// The last line, if the stream ended without an end of the line.
    pub fn last_line(&mut self) -> Option<Line> {
        self.seen = 0;
        let line = self.held.split();
        self.finish(line)
    }

    /// The number of the line that is being read.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.ended.saturating_add(1)
    }

    /// Whether part of a line is there.
    #[must_use]
    pub fn is_within_line(&self) -> bool {
        self.dropping || !self.held.is_empty()
    }

    fn finish(&mut self, line: BytesMut) -> Option<Line> {
        self.ended = self.ended.saturating_add(1);
        let number = self.ended;
        if std::mem::take(&mut self.dropping) || line.len() > self.limit {
            return Some(Line::TooLong { number });
        }
        let blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        (!blank).then(|| Line::Whole { number, bytes: line.freeze() })
    }

    /// A line may be one byte longer while it may still end with CR LF.
    fn drop_what_is_too_long(&mut self) {
        if self.dropping || self.held.len() > self.limit.saturating_add(1) {
            self.dropping = true;
            self.held = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `text` when it comes in pieces of `size` bytes.
    fn lines(text: &[u8], size: usize, limit: usize) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut reader = LineReader::new(limit);
        let mut found = Vec::new();
        for piece in text.chunks(size) {
            reader.push(piece);
            while let Some(line) = reader.next_line() {
                found.push(line);
            }
            assert!(reader.held.len() <= limit + 1, "what is held is bounded");
        }
        found.extend(reader.last_line());
        let told = |line| match line {
            Line::Whole { number, bytes } => (number, Some(bytes.to_vec())),
            Line::TooLong { number } => (number, None),
        };
        found.into_iter().map(told).collect()
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text =
            b"{\"a\":1}\n\r\n \t\n{\"b\": 2}\r\n0123456789012345\n0123456789\r\n01234567890\n\n x \nlast";
        let whole = |number, text: &[u8]| (number, Some(text.to_vec()));
        let expected = [
            whole(1, b"{\"a\":1}"),
            whole(4, b"{\"b\": 2}"),
            (5, None),
            whole(6, b"0123456789"),
            (7, None),
            whole(9, b" x "),
            whole(10, b"last"),
        ];
        for size in 1..=text.len() {
            assert_eq!(lines(text, size, 10), expected, "{size}");
        }
    }

    #[test]
    fn a_line_without_end_is_dropped_as_it_comes() {
        let mut endless = vec![b'x'; 1 << 20];
        endless.extend_from_slice(b"\nnext\n");
        for size in [1024, 1 << 20, 1 << 21] {
            assert_eq!(lines(&endless, size, 100), [(1, None), (2, Some(b"next".to_vec()))]);
        }
        let mut reader = LineReader::new(3);
        reader.push(b"xxxxx");
        assert!(reader.next_line().is_none() && reader.is_within_line());
        assert_eq!(reader.last_line(), Some(Line::TooLong { number: 1 }));
        assert!(!reader.is_within_line());
        assert_eq!(LineReader::new(3).last_line(), None);
    }
}
