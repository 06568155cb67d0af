//! Pieces of JSON, byte for byte as they stand in the whole.
//!
//! Where a piece begins and ends is all that is found out here; what is in it is read strictly by whoever takes it.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// Why there are no pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// Not a JSON array.
    #[error("the content is not one JSON array")]
    NotAnArray,
    /// More than were asked for.
    #[error("the array has more than {most} elements")]
    TooMany {
        /// How many it may have.
        most: usize,
    },
}

/// Where the elements of a JSON array are, at most `most`.
///
/// # Errors
///
/// [`SliceError`]
pub fn elements(content: &[u8], most: usize) -> Result<Vec<Range<usize>>, SliceError> {
    let mut cursor = Cursor { content, at: 0 };
    let mut found = Vec::new();
    if !cursor.take(b'[') {
        return Err(SliceError::NotAnArray);
    }
    if !cursor.take(b']') {
        loop {
            if found.len() >= most {
                return Err(SliceError::TooMany { most });
            }
            let (IgnoredAny, range) = cursor.value().ok_or(SliceError::NotAnArray)?;
            found.push(range);
            if cursor.take(b']') {
                break;
            }
            if !cursor.take(b',') {
                return Err(SliceError::NotAnArray);
            }
        }
    }
    if cursor.is_at_end() { Ok(found) } else { Err(SliceError::NotAnArray) }
}

/// Where the value of the first member `name` of a JSON object is; `None` if there is none, or no object.
#[must_use]
pub fn member(content: &[u8], name: &str) -> Option<Range<usize>> {
    let mut cursor = Cursor { content, at: 0 };
    if !cursor.take(b'{') {
        return None;
    }
    loop {
        let (found, _) = cursor.value::<String>()?;
        if !cursor.take(b':') {
            return None;
        }
        let (IgnoredAny, range) = cursor.value()?;
        if found == name {
            return Some(range);
        }
        if !cursor.take(b',') {
            return None;
        }
    }
}

struct Cursor<'a> {
    content: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.content.get(self.at..).unwrap_or_default()
    }

    /// Passes over blanks (RFC 8259 §2).
    fn blanks(&mut self) {
        let blanks =
            self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at = self.at.saturating_add(blanks);
    }

    /// Takes this byte if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let comes = self.rest().first() == Some(&byte);
        self.at = self.at.saturating_add(usize::from(comes));
        comes
    }

    fn is_at_end(&mut self) -> bool {
        self.blanks();
        self.rest().is_empty()
    }

    fn value<T: Deserialize<'a>>(&mut self) -> Option<(T, Range<usize>)> {
        self.blanks();
        let mut values = Deserializer::from_slice(self.rest()).into_iter::<T>();
        let value = values.next()?.ok()?;
        let from = self.at;
        self.at = from.saturating_add(values.byte_offset());
        Some((value, from..self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Result<Vec<&str>, SliceError> {
        elements(text.as_bytes(), 100).map(|found| found.into_iter().map(|range| &text[range]).collect())
    }

    #[test]
    fn elements_are_cut_out_exactly() {
        for (text, expected) in [
            ("[]", &[][..]),
            (" [ ] \r\n", &[]),
            ("[1]", &["1"]),
            ("[ 1.0 ,-0,\t1e3\n]", &["1.0", "-0", "1e3"]),
            ("[{\"a\" : [1, 2]} , \"],[\", null,true]", &["{\"a\" : [1, 2]}", "\"],[\"", "null", "true"]),
            ("[[[\"\\\"]\"]],{\"}\":\"\\u005d\"}]", &["[[\"\\\"]\"]]", "{\"}\":\"\\u005d\"}"]),
            ("[{\"a\":1,\"a\":2}]", &["{\"a\":1,\"a\":2}"]),
        ] {
            assert_eq!(cut(text), Ok(expected.to_vec()), "{text}");
        }
    }

    #[test]
    fn what_is_no_array_is_none() {
        for text in [
            "", "{}", "1", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1][2]", "[1}", "[nul]",
            "[\"a]", "[tru,e]",
        ] {
            assert_eq!(cut(text), Err(SliceError::NotAnArray), "{text}");
        }
        assert_eq!(elements(b"[1,2,3]", 2), Err(SliceError::TooMany { most: 2 }));
        assert_eq!(elements(b"[1,2]", 2).unwrap().len(), 2);
        let deep = "[".repeat(1 << 20);
        assert_eq!(cut(&deep), Err(SliceError::NotAnArray));
        let deep = format!("{deep}{}", "]".repeat(1 << 20));
        assert_eq!(cut(&deep).unwrap(), [&deep[1..deep.len() - 1]]);
    }

    #[test]
    fn members_are_cut_out_exactly() {
        let text = "{\"data2\": 1,\n \"d\\u0061ta\" : { \"x\" : 1.50 } , \"data\":2}";
        assert_eq!(&text[member(text.as_bytes(), "data").unwrap()], "{ \"x\" : 1.50 }");
        for text in
            ["", "[]", "{}", "{\"a\":1}", "{\"data\"}", "{\"data\":}", "{1:2}", "{\"a\":{\"data\":1}}"]
        {
            assert_eq!(member(text.as_bytes(), "data"), None, "{text}");
        }
    }
}
