//! JSON that means the same to every reader: duplicate members are refused, at every level.
//!
//! `serde_json` keeps the last of two members with one name, other readers the first; a key or a policy that two
//! readers understand differently must not reach the log (RFC 8259 §4).

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::governance::shown;

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

/// Reads a document, refusing duplicate members anywhere in it.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let Strict(value) = serde_json::from_slice(bytes)?;
    Ok(T::deserialize(value)?)
}

/// Writes a document compactly; the order of members is that of the type's fields.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, JsonError> {
    Ok(serde_json::to_vec(value)?)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member `{name}` occurs twice")));
            }
            let Strict(value) = access.next_value()?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
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
