//! JSON that means the same to every reader (RFC 8259, RFC 7493): one value, UTF-8, no duplicate members, no lone
//! surrogates, bounded depth and count. Where a number token is not an integer, the value is a float: `3.0`, `1e3`,
//! `-0` and integers beyond 64 bits are told from `3`.

use std::ops::ControlFlow;

use serde_json::{Number, Value};

use crate::json::{self, Fault, FaultKind, Limits, StrictError};

use super::finding::{Finding, Findings, Severity};
use super::place::Place;

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
    let error = |id, pointer: String, message: &str| Finding::new(id, Severity::Error, pointer, message);
    let here = String::new;
    json::read(bytes, Limits { depth: MAX_DEPTH, values: MAX_VALUES }).map_err(|cause| match cause {
        StrictError::NotUtf8 => error(NOT_UTF8, here(), "the payload is not UTF-8"),
        StrictError::Fault(Fault { kind: FaultKind::Duplicate, pointer }) => {
            error(DUPLICATE, pointer, "the member occurs twice")
        }
        StrictError::Fault(Fault { kind: FaultKind::TooDeep, pointer }) => {
            error(TOO_DEEP, pointer, "the payload is nested too deeply")
        }
        StrictError::Fault(Fault { kind: FaultKind::TooMany, pointer }) => {
            error(TOO_MANY, pointer, "the payload has too many values")
        }
        StrictError::Syntax(cause) => {
            let (line, column) = (cause.line(), cause.column());
            if cause.to_string().contains("hex escape") {
                let message = format!("a lone surrogate at line {line}, column {column}");
                return error(LONE_SURROGATE, here(), &message);
            }
            error(MALFORMED, here(), &format!("not one JSON value (line {line}, column {column})"))
        }
    })
}

/// What the number tokens of a payload are, where a system wants integers within ±(2^53-1) only.
pub(crate) fn check_integers(value: &Value, findings: &mut Findings) {
    let _done = each_number(value, None, &mut |number, place| {
        if findings.is_full() {
            return ControlFlow::Break(());
        }
        let pointer = place.map_or_else(String::new, Place::pointer);
        if number.is_f64() {
            findings.error(NON_INTEGER, pointer, "a number that is not written as an integer");
        } else {
            let message = "an integer beyond 2^53-1 is not the same to all readers";
            findings.error(UNSAFE_INTEGER, pointer, message);
        }
        ControlFlow::Continue(())
    });
}

/// Visits the numbers that are not plain until it is told to stop.
fn each_number<'a>(
    value: &'a Value,
    place: Option<&Place<'_>>,
    visit: &mut impl FnMut(&'a Number, Option<&Place<'_>>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match value {
        Value::Number(number) if !is_plain(number) => visit(number, place)?,
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                each_number(item, Some(&Place::element(place, at)), visit)?;
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                each_number(item, Some(&Place::member(place, name)), visit)?;
            }
        }
        _ => {}
    }
    ControlFlow::Continue(())
}

/// An integer that every reader keeps.
fn is_plain(number: &Number) -> bool {
    number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_SAFE_INTEGER)
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
