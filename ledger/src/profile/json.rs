//! JSON that means the same to every reader (RFC 8259, RFC 7493): one value, UTF-8, no duplicate members, no lone
//! surrogates, bounded depth and count. Where a number token is not an integer, the value is a float: `3.0`, `1e3`,
//! `-0` and integers beyond 64 bits are told from `3`.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::finding::{Finding, Findings, Severity, below};

/// The most levels of arrays and objects in a payload.
pub const MAX_DEPTH: usize = 64;
/// The most values in a payload, members and elements counted.
pub const MAX_VALUES: usize = 65_536;
/// The largest integer that every JSON reader keeps (RFC 7493 §2.2).
pub(crate) const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

const NOT_UTF8: &str = "JSON_NOT_UTF8";
const MALFORMED: &str = "JSON_MALFORMED";
const LONE_SURROGATE: &str = "JSON_LONE_SURROGATE";
const DUPLICATE: &str = "JSON_DUPLICATE_MEMBER";
const TOO_DEEP: &str = "JSON_TOO_DEEP";
const TOO_MANY: &str = "JSON_TOO_MANY_VALUES";
const NON_INTEGER: &str = "JSON_NON_INTEGER_NUMBER";
const UNSAFE_INTEGER: &str = "JSON_UNSAFE_INTEGER";

/// Reads one payload.
///
/// # Errors
/// The one finding that says why it cannot be read; it is always an error.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Finding> {
    let error = |id, message: &str| Finding::new(id, Severity::Error, "", message);
    if std::str::from_utf8(bytes).is_err() {
        return Err(error(NOT_UTF8, "the payload is not UTF-8"));
    }
    let state = State::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { state: &state, depth: 0 }.deserialize(&mut deserializer);
    let read = read.and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|cause| {
        let fault = state.fault.take().filter(|fault| !fault.id.is_empty());
        if let Some(Fault { id, pointer, message }) = fault {
            return Finding::new(id, Severity::Error, pointer, message);
        }
        let (line, column) = (cause.line(), cause.column());
        if cause.to_string().contains("hex escape") {
            return error(LONE_SURROGATE, &format!("a lone surrogate at line {line}, column {column}"));
        }
        error(MALFORMED, &format!("not one JSON value (line {line}, column {column})"))
    })
}

#[derive(Default)]
struct State {
    values: Cell<usize>,
    fault: RefCell<Option<Fault>>,
}

struct Fault {
    id: &'static str,
    /// Built on the way up, so that reading what is right costs nothing.
    pointer: String,
    message: &'static str,
}

impl State {
    fn fail<E: serde::de::Error>(&self, id: &'static str, pointer: String, message: &'static str) -> E {
        *self.fault.borrow_mut() = Some(Fault { id, pointer, message });
        E::custom(id)
    }

    fn is_in(&self, token: impl fmt::Display) {
        if let Some(fault) = self.fault.borrow_mut().as_mut() {
            fault.pointer.insert_str(0, &below("", token));
        }
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    state: &'a State,
    depth: usize,
}

impl<'a> Strict<'a> {
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        let values = self.state.values.get().saturating_add(1);
        self.state.values.set(values);
        if values > MAX_VALUES {
            return Err(self.state.fail(TOO_MANY, String::new(), "the payload has too many values"));
        }
        Ok(())
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Strict<'a>, E> {
        let depth = self.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(self.state.fail(TOO_DEEP, String::new(), "the payload is nested too deeply"));
        }
        Ok(Strict { state: self.state, depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
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

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) =
            access.next_element_seed(inner).inspect_err(|_| self.state.is_in(items.len()))?
        {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.contains_key(&name) {
                let pointer = below("", &name);
                return Err(self.state.fail(DUPLICATE, pointer, "the member occurs twice"));
            }
            let value = access.next_value_seed(inner).inspect_err(|_| self.state.is_in(&name))?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// What the number tokens of a payload are, where a system wants integers within ±(2^53-1) only.
pub(crate) fn check_integers(value: &Value, findings: &mut Findings) {
    each_number(value, "", &mut |number, pointer| {
        if findings.is_full() {
            return;
        }
        let beyond = number.as_i64().map_or(number.is_u64(), |n| n.unsigned_abs() > MAX_SAFE_INTEGER);
        if number.is_f64() {
            findings.error(NON_INTEGER, pointer, "a number that is not written as an integer");
        } else if beyond {
            findings.error(
                UNSAFE_INTEGER,
                pointer,
                "an integer beyond 2^53-1 is not the same to all readers",
            );
        }
    });
}

fn each_number(value: &Value, pointer: &str, visit: &mut impl FnMut(&Number, String)) {
    match value {
        Value::Number(number) if plain(number) => {}
        Value::Number(number) => visit(number, pointer.to_owned()),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate().filter(|(_, item)| may_hold(item)) {
                each_number(item, &below(pointer, at), visit);
            }
        }
        Value::Object(members) => {
            for (name, item) in members.iter().filter(|(_, item)| may_hold(item)) {
                each_number(item, &below(pointer, name), visit);
            }
        }
        _ => {}
    }
}

fn plain(number: &Number) -> bool {
    number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_SAFE_INTEGER)
}

/// Pointers are built only where they may be needed.
fn may_hold(value: &Value) -> bool {
    match value {
        Value::Number(number) => !plain(number),
        Value::Array(items) => items.iter().any(may_hold),
        Value::Object(members) => members.values().any(may_hold),
        _ => false,
    }
}

/// Whether two texts mean the same JSON value; `1` and `1.0` do.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(l), Value::Number(r)) => {
            l == r || (l.is_f64() || r.is_f64()) && l.as_f64() == r.as_f64()
        }
        (Value::Array(l), Value::Array(r)) => l.len() == r.len() && l.iter().zip(r).all(|(l, r)| same(l, r)),
        (Value::Object(l), Value::Object(r)) => {
            l.len() == r.len()
                && l.iter().all(|(name, value)| r.get(name).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}
