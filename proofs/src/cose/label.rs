//! Header labels: each named once, with the text that defines it.

use std::fmt;

use ciborium::Value;

/// Signature algorithm (RFC 9052 §3.1).
pub const ALG: i64 = 1;
/// Labels the reader has to understand (RFC 9052 §3.1).
pub const CRIT: i64 = 2;
/// Content type of the payload (RFC 9052 §3.1).
pub const CONTENT_TYPE: i64 = 3;
/// Key identifier, a byte string (RFC 9052 §3.1).
pub const KID: i64 = 4;
/// CWT claims (RFC 9597).
pub const CWT_CLAIMS: i64 = 15;
/// Type of the whole message (RFC 9596).
pub const TYP: i64 = 16;
/// Unordered certificates (RFC 9360).
pub const X5BAG: i64 = 32;
/// Certificate chain, leaf first (RFC 9360).
pub const X5CHAIN: i64 = 33;
/// Hash of the leaf certificate (RFC 9360).
pub const X5T: i64 = 34;
/// Where certificates may be fetched; never followed here (RFC 9360).
pub const X5U: i64 = 35;
/// Hash algorithm of a hash envelope (RFC 9995).
pub const PAYLOAD_HASH_ALG: i64 = 258;
/// Content type of what a hash envelope names (RFC 9995).
pub const PREIMAGE_CONTENT_TYPE: i64 = 259;
/// Where the content of a hash envelope may be found; never followed here (RFC 9995).
pub const PAYLOAD_LOCATION: i64 = 260;
/// Issuer as early SCITT drafts wrote it.
pub const LEGACY_ISSUER: i64 = 391;
/// Subject ("feed") as early SCITT drafts wrote it.
pub const LEGACY_FEED: i64 = 392;
/// Receipts of a transparent statement, each in a byte string (RFC 9942 §4.1).
pub const RECEIPTS: i64 = 394;
/// Verifiable data structure of a receipt (RFC 9942).
pub const VDS: i64 = 395;
/// Proofs of a receipt (RFC 9942).
pub const VDP: i64 = 396;

/// CWT claim: issuer (RFC 8392 §3.1).
pub const CLAIM_ISS: i64 = 1;
/// CWT claim: subject (RFC 8392 §3.1).
pub const CLAIM_SUB: i64 = 2;
/// CWT claim: expiry, in seconds since 1970 (RFC 8392 §3.1).
pub const CLAIM_EXP: i64 = 4;
/// CWT claim: not before, in seconds since 1970 (RFC 8392 §3.1).
pub const CLAIM_NBF: i64 = 5;
/// CWT claim: issued at, in seconds since 1970 (RFC 8392 §3.1).
pub const CLAIM_IAT: i64 = 6;

/// How many characters of a text label are shown.
const MAX_SHOWN: usize = 64;

/// A header label or claim key: an integer or a text (COSE-07).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// A registered or private-use number.
    Int(i64),
    /// A private text label.
    Text(String),
}

impl Label {
    /// The label a CBOR value stands for; none for other types and for integers beyond `i64`.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => i64::try_from(*number).ok().map(Self::Int),
            Value::Text(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    /// The CBOR value of this label.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Int(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
        }
    }

    /// The registered short name, if this library knows the label.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        let Self::Int(number) = self else { return None };
        Some(match *number {
            ALG => "alg",
            CRIT => "crit",
            CONTENT_TYPE => "content type",
            KID => "kid",
            CWT_CLAIMS => "CWT claims",
            TYP => "typ",
            X5BAG => "x5bag",
            X5CHAIN => "x5chain",
            X5T => "x5t",
            X5U => "x5u",
            PAYLOAD_HASH_ALG => "payload-hash-alg",
            PREIMAGE_CONTENT_TYPE => "preimage content type",
            PAYLOAD_LOCATION => "payload-location",
            LEGACY_ISSUER => "issuer, early drafts",
            LEGACY_FEED => "feed, early drafts",
            RECEIPTS => "receipts",
            VDS => "vds",
            VDP => "vdp",
            _ => return None,
        })
    }
}

impl From<i64> for Label {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.name()) {
            (Self::Int(number), Some(name)) => write!(f, "{number} ({name})"),
            (Self::Int(number), None) => write!(f, "{number}"),
            // Whoever wrote the message chose the text, and it may end up in an answer or a log line.
            (Self::Text(text), _) => write!(f, "{:?}", text.chars().take(MAX_SHOWN).collect::<String>()),
        }
    }
}
