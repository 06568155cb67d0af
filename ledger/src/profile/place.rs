//! Where in a payload something is: written out only for a finding that is kept, and no longer than it is kept.

use super::finding::MAX_POINTER_BYTES;
use crate::json::below;

/// As much of a name as a pointer of a finding can hold, and where that is not all of it, more than it can hold: a
/// pointer is cut to the same text with it as with the name.
pub(crate) fn telling(name: &str) -> &str {
    name.get(..name.ceil_char_boundary(MAX_POINTER_BYTES.saturating_add(1))).unwrap_or(name)
}

/// A value on the way down from the whole payload. It borrows the names on that way.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    within: Option<&'a Place<'a>>,
    token: Token<'a>,
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Member(&'a str),
    Element(usize),
}

impl Place<'_> {
    /// The JSON pointer of what stands below `within`, the whole payload if there is none; as much of it as a finding
    /// can hold, and not much more.
    pub(crate) fn pointer(&self) -> String {
        let within = self.within.map_or_else(String::new, Place::pointer);
        if within.len() > MAX_POINTER_BYTES {
            return within;
        }
        match self.token {
            Token::Member(name) => below(&within, telling(name)),
            Token::Element(at) => below(&within, at),
        }
    }
}

impl<'a> Place<'a> {
    /// A member of what stands at `within`.
    pub(crate) fn member(within: Option<&'a Place<'a>>, name: &'a str) -> Self {
        Self { within, token: Token::Member(name) }
    }

    /// An element of what stands at `within`.
    pub(crate) fn element(within: Option<&'a Place<'a>>, at: usize) -> Self {
        Self { within, token: Token::Element(at) }
    }
}
