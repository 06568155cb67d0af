//! JSON that means the same to every reader (RFC 8259 §4, RFC 7493): one value, UTF-8, no duplicate members at any level,
//! no lone surrogates, bounded depth and count.
//!
//! `serde_json` keeps the last of two members with one name, other readers the first; what two readers understand
//! differently must not reach the log.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How much is read.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// The most levels of arrays and objects.
    pub(crate) depth: usize,
    /// The most values, members and elements counted.
    pub(crate) values: usize,
}

/// Why a text is not read.
#[derive(Debug)]
pub(crate) enum StrictError {
    /// It is not UTF-8.
    NotUtf8,
    /// It is JSON that two readers may understand differently, or too much of it.
    Fault(Fault),
    /// It is not one JSON value.
    Syntax(serde_json::Error),
}

/// What is kept of the pointer of a fault, in bytes: its beginning, which is more than is told anywhere.
const MAX_FAULT_POINTER: usize = 1024;

/// What is wrong with JSON that can be parsed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// Where (RFC 6901), or the beginning of it. Built on the way up, so that reading what is right costs nothing.
    pub(crate) pointer: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// A member occurs twice.
    Duplicate,
    TooDeep,
    TooMany,
}

/// Reads one value; nothing but white space may follow it.
pub(crate) fn read(bytes: &[u8], limits: Limits) -> Result<Value, StrictError> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(StrictError::NotUtf8);
    }
    let state = State::new(limits);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { state: &state, depth: 0 }.deserialize(&mut deserializer);
    let read = read.and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|cause| state.fault.take().map_or(StrictError::Syntax(cause), StrictError::Fault))
}

/// `pointer` with one more token, escaped as RFC 6901 §3 says.
pub(crate) fn below(pointer: &str, token: impl fmt::Display) -> String {
    let token = token.to_string();
    #[cfg(test)]
    WRITTEN.with(|bytes| bytes.set(bytes.get().saturating_add(pointer.len()).saturating_add(token.len())));
    let token = if token.contains(['~', '/']) { token.replace('~', "~0").replace('/', "~1") } else { token };
    format!("{pointer}/{token}")
}

#[cfg(test)]
thread_local! {
    /// How many bytes of pointers this thread has written.
    pub(crate) static WRITTEN: Cell<usize> = const { Cell::new(0) };
}

struct State {
    limits: Limits,
    values: Cell<usize>,
    fault: RefCell<Option<Fault>>,
}

impl State {
    fn new(limits: Limits) -> Self {
        Self { limits, values: Cell::new(0), fault: RefCell::new(None) }
    }

    fn fail<E: serde::de::Error>(&self, kind: FaultKind, pointer: String) -> E {
        *self.fault.borrow_mut() = Some(Fault { kind, pointer });
        E::custom("fault")
    }

    fn is_in(&self, token: impl fmt::Display) {
        if let Some(fault) = self.fault.borrow_mut().as_mut() {
            fault.pointer = below("", token) + &fault.pointer;
            fault.pointer.truncate(fault.pointer.floor_char_boundary(MAX_FAULT_POINTER));
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
        if values > self.state.limits.values {
            return Err(self.state.fail(FaultKind::TooMany, String::new()));
        }
        Ok(())
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Strict<'a>, E> {
        let depth = self.depth.saturating_add(1);
        if depth > self.state.limits.depth {
            return Err(self.state.fail(FaultKind::TooDeep, String::new()));
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
                return Err(self.state.fail(FaultKind::Duplicate, below("", &name)));
            }
            let value = access.next_value_seed(inner).inspect_err(|_| self.state.is_in(&name))?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
