//! The JSON documents of control statements, read strictly: a key or a policy that two readers understand differently
//! must not reach the log.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::governance::shown;
use crate::json::{self, Fault, FaultKind, Limits, StrictError};

/// What `serde_json` takes by itself. The number of values is bounded by the size of a control statement.
const LIMITS: Limits = Limits { depth: 127, values: usize::MAX };

/// Why a text is not the JSON document that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct JsonError {
    detail: String,
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self { detail: shown(&error.to_string()) }
    }
}

impl From<StrictError> for JsonError {
    fn from(error: StrictError) -> Self {
        let detail = match error {
            StrictError::NotUtf8 => "it is not UTF-8".to_owned(),
            StrictError::Syntax(cause) => return cause.into(),
            StrictError::Fault(Fault { kind, pointer }) => match kind {
                FaultKind::Duplicate => format!("the member {pointer} occurs twice"),
                FaultKind::TooDeep => format!("{pointer} is nested too deeply"),
                FaultKind::TooMany => "it has too many values".to_owned(),
            },
        };
        Self { detail: shown(&detail) }
    }
}

/// Reads a document, refusing duplicate members anywhere in it.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    Ok(T::deserialize(json::read(bytes, LIMITS)?)?)
}

/// Writes a document compactly; the order of members is that of the type's fields.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, JsonError> {
    Ok(serde_json::to_vec(value)?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn duplicate_members_are_refused_at_every_level() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"[{"x":[{"y":0,"y":0}]}]"#,
            "{\"a\":1,\"\\u0061\":2}",
        ] {
            let error = parse::<Value>(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("occurs twice"), "{text}: {error}");
        }
    }

    #[test]
    fn other_json_reads_as_it_stands() {
        for text in [r#"{"a":[1,-2,1.5,true,null,"x"],"b":{}}"#, "[]", "\"\"", "18446744073709551615"] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse::<Value>(text.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn trailing_bytes_depth_and_bad_text_are_refused() {
        let deep = "[".repeat(100_000);
        for text in ["{} x", "", "nul", deep.as_str(), "{\"a\":1e999}"] {
            assert!(parse::<Value>(text.as_bytes()).is_err());
        }
        assert!(parse::<Value>(b"\"\xff\"").is_err());
    }
}
