//! A header map: labels to values that are decoded only when somebody asks.

use std::collections::BTreeMap;

use ciborium::Value;
use ciborium_ll::Header;

use super::{MAX_LABELS, Part, Sign1Error};
use crate::cbor::{self, Cursor};
use crate::cose::Label;

/// One value of a header map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The value's CBOR, already scanned.
    pub bytes: &'a [u8],
    /// Offset in bytes of the value in the message.
    pub offset: usize,
}

impl Field<'_> {
    /// The decoded value.
    #[must_use]
    pub fn value(&self) -> Value {
        // A field is cut out of scanned bytes, so decoding cannot fail; null is the value that satisfies nobody.
        cbor::decode(self.bytes).unwrap_or(Value::Null)
    }
}

/// A header map of at most [`MAX_LABELS`] labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    fields: BTreeMap<Label, Field<'a>>,
}

impl<'a> Headers<'a> {
    /// Reads the content of the protected byte string, which may be empty (COSE-02).
    pub(super) fn parse_protected(bytes: &'a [u8], base: usize) -> Result<Self, Sign1Error> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let cbor = |error| Sign1Error::Cbor { part: Part::Protected, error };
        let mut whole = Cursor::at(bytes, base);
        whole.skip_item().map_err(cbor)?;
        whole.finish().map_err(cbor)?;
        Self::parse(bytes, base, Part::Protected)
    }

    /// Reads a map that was already scanned and begins at `base` of the message.
    pub(super) fn parse(bytes: &'a [u8], base: usize, part: Part) -> Result<Self, Sign1Error> {
        let cbor = |error| Sign1Error::Cbor { part, error };
        let mut cursor = Cursor::at(bytes, base);
        let Header::Map(Some(length)) = cursor.head().map_err(cbor)? else {
            return Err(Sign1Error::WrongType { part, offset: base });
        };
        if length > MAX_LABELS {
            return Err(Sign1Error::TooManyLabels { part });
        }
        let mut fields = BTreeMap::new();
        for _ in 0..length {
            let offset = cursor.offset();
            let key = Field { bytes: cursor.skip_item().map_err(cbor)?, offset };
            let label = Label::from_value(&key.value()).ok_or(Sign1Error::LabelType { part, offset })?;
            let offset = cursor.offset();
            fields.insert(label, Field { bytes: cursor.skip_item().map_err(cbor)?, offset });
        }
        Ok(Self { fields })
    }

    /// The value under `label`.
    #[must_use]
    pub fn get(&self, label: &Label) -> Option<&Field<'a>> {
        self.fields.get(label)
    }

    /// The value under a registered label.
    #[must_use]
    pub fn int(&self, label: i64) -> Option<&Field<'a>> {
        self.fields.get(&Label::Int(label))
    }

    /// Every label, integers first.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.fields.keys()
    }

    /// Every label with its value, integers first.
    pub fn iter(&self) -> impl Iterator<Item = (&Label, &Field<'a>)> {
        self.fields.iter()
    }
}
