//! Why bytes are not an acceptable COSE_Sign1.

use std::fmt;

use super::{MAX_HEADER_BYTES, MAX_LABELS};
use crate::cbor::ScanError;
use crate::cose::Label;

/// A part of a message, for error texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The message as a whole.
    Message,
    /// The protected header.
    Protected,
    /// The unprotected header.
    Unprotected,
    /// The payload.
    Payload,
    /// The signature.
    Signature,
}

impl Part {
    const fn expected(self) -> &'static str {
        match self {
            Self::Message => "an array of four",
            Self::Protected => "a byte string that holds a map",
            Self::Unprotected => "a map",
            Self::Payload => "a byte string or nil",
            Self::Signature => "a byte string",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "message",
            Self::Protected => "protected header",
            Self::Unprotected => "unprotected header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why bytes are not an acceptable COSE_Sign1. Offsets are bytes from the start of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Sign1Error {
    /// Not strict CBOR.
    #[error("the {part} is not acceptable CBOR: {error}")]
    Cbor {
        /// Where.
        part: Part,
        /// What.
        error: ScanError,
    },
    /// No tag (ARCH-01).
    #[error("the message is not tagged: it has to begin with tag 18 (COSE_Sign1), the byte d2 (byte 0)")]
    Untagged,
    /// Another tag (ARCH-01).
    #[error("the message has tag {found}{}; only tag 18 (COSE_Sign1) is accepted (byte 0)", tag_name(*found))]
    OtherTag {
        /// The tag.
        found: u64,
    },
    /// Not an array of four.
    #[error("the tag does not hold an array of four items (byte {offset})")]
    NotFour {
        /// Where the array should be.
        offset: usize,
    },
    /// One of the four items has the wrong type.
    #[error("the {part} is not {} (byte {offset})", part.expected())]
    WrongType {
        /// Which item.
        part: Part,
        /// Where it begins.
        offset: usize,
    },
    /// The protected header is too long to be decoded.
    #[error("the protected header has {length} bytes; at most {MAX_HEADER_BYTES} are accepted")]
    HeaderTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A header with too many labels.
    #[error("the {part} has more than {MAX_LABELS} labels")]
    TooManyLabels {
        /// Which header.
        part: Part,
    },
    /// COSE-07.
    #[error("the {part} has a label that is neither a 64-bit integer nor text (byte {offset})")]
    LabelType {
        /// Which header.
        part: Part,
        /// Where the label begins.
        offset: usize,
    },
    /// COSE-05.
    #[error("label {label} stands in both the protected and the unprotected header")]
    LabelTwice {
        /// Which label.
        label: Label,
    },
    /// COSE-06.
    #[error("crit (label 2) stands in the unprotected header, where nobody signed it")]
    CriticalUnprotected,
    /// COSE-06.
    #[error("crit (label 2) is not a non-empty array of labels (byte {offset})")]
    CriticalForm {
        /// Where its value begins.
        offset: usize,
    },
    /// COSE-06.
    #[error("crit (label 2) lists label {label}, which is not in the protected header")]
    CriticalAbsent {
        /// The label listed.
        label: Label,
    },
}

fn tag_name(tag: u64) -> &'static str {
    match tag {
        16 => " (COSE_Encrypt0)",
        17 => " (COSE_Mac0)",
        96 => " (COSE_Encrypt)",
        97 => " (COSE_Mac)",
        98 => " (COSE_Sign)",
        _ => "",
    }
}
