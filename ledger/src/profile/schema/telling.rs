//! Telling where a value breaks a schema, in bounded memory.
//!
//! `jsonschema` gathers all errors of a value before it gives the first. Each of them has the whole pointer of its
//! place, and those in the branches of an `anyOf` have copies of the values they are about: a megabyte with a long name
//! above many wrong values, or with wrong values in many levels of branches, asks for gigabytes. So the value is shown
//! to it in a way of its own, and what is told of it stays the same:
//!
//! * of a name it sees as much as a pointer of a finding can hold;
//! * errors hold no values;
//! * branches are asked whether they hold, and not what is wrong in each ([`shallow`]);
//! * after [`MAX_ERRORS`] arrays and objects are at their end, and so is the walk. Errors come in the order of the walk,
//!   so the first of them, which are all that is told, are what they were.

use std::borrow::Cow;
use std::cell::Cell;
use std::slice;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, unique};
use serde_json::{Map, Number, Value, json, map};

use super::super::place::telling;

/// The errors after which the walk ends. One that is told counts as two at most: one in a branch, one for the branches.
pub(super) const MAX_ERRORS: usize = 1024;

/// Makes branches say no more than that none of them holds.
pub(super) fn shallow(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(shallow);
            for name in ["anyOf", "oneOf"] {
                if let Some(branches) = members.get_mut(name).filter(|branches| branches.is_array()) {
                    let whole = json!({ name: branches.take() });
                    *branches = json!([{ "if": whole, "else": false }]);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shallow),
        _ => {}
    }
}

/// How a value is shown while it is told where it breaks a schema.
pub(super) struct Shown;

/// How many errors there are by now.
#[derive(Default)]
pub(super) struct Errors(Cell<usize>);

impl Errors {
    fn count(&self) {
        self.0.set(self.0.get().saturating_add(1));
    }

    fn are_enough(&self) -> bool {
        self.0.get() >= MAX_ERRORS
    }
}

/// A value with the count of the walk that it is part of.
#[derive(Clone)]
pub(super) struct Seen<'a, T: ?Sized = Value> {
    value: &'a T,
    /// `None` for a name, which is no part of the walk.
    errors: Option<&'a Errors>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(value: &'a Value, errors: &'a Errors) -> Self {
        Self { value, errors: Some(errors) }
    }
}

impl Json for Shown {
    type Node<'a> = Seen<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    // As with plain values, so that both walk in one order.
    const KEYS_PER_LOOKUP: usize = 2;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(Seen<'_>) -> T) -> T {
        *buffer = Value::from(string);
        f(Seen { value: buffer, errors: None })
    }
}

impl<'a> Node<'a, Shown> for Seen<'a> {
    type Object = Seen<'a, Map<String, Value>>;
    type Array = Seen<'a, [Value]>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Self::Object> {
        self.value.as_object().map(|value| Seen { value, errors: self.errors })
    }

    fn as_array(&self) -> Option<Self::Array> {
        self.value.as_array().map(|items| Seen { value: items.as_slice(), errors: self.errors })
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        self.value.as_str().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<&'a Number> {
        self.value.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        self.value.as_bool()
    }

    fn is_null(&self) -> bool {
        self.value.is_null()
    }

    fn json_type(&self) -> JsonType {
        self.value.json_type()
    }

    fn equals_value(&self, expected: &Value) -> bool {
        self.value.equals_value(expected)
    }

    /// What an error holds: nothing. It is asked for once by each, which is counted here.
    fn to_value(&self) -> Cow<'a, Value> {
        if let Some(errors) = self.errors {
            errors.count();
        }
        Cow::Owned(Value::Null)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        self.value.identity()
    }
}

impl<'a> Object<'a, Shown> for Seen<'a, Map<String, Value>> {
    type Node = Seen<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.value.len()
    }

    fn get(&self, key: &String) -> Option<Seen<'a>> {
        self.value.get(key).map(|value| Seen { value, errors: self.errors })
    }

    fn members(&self) -> Members<'a> {
        Members { rest: self.value.iter(), errors: self.errors }
    }
}

impl<'a> Array<'a, Shown> for Seen<'a, [Value]> {
    type Node = Seen<'a>;
    type ElementsIter = Elements<'a>;

    fn len(&self) -> usize {
        self.value.len()
    }

    fn elements(&self) -> Elements<'a> {
        Elements { rest: self.value.iter(), errors: self.errors }
    }

    fn is_unique(&self) -> bool {
        unique::is_unique(self.value)
    }
}

/// The members of an object, until there are errors enough.
pub(super) struct Members<'a> {
    rest: map::Iter<'a>,
    errors: Option<&'a Errors>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Seen<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.errors.is_some_and(Errors::are_enough) {
            return None;
        }
        let (name, value) = self.rest.next()?;
        Some((telling(name), Seen { value, errors: self.errors }))
    }
}

/// The elements of an array, until there are errors enough.
pub(super) struct Elements<'a> {
    rest: slice::Iter<'a, Value>,
    errors: Option<&'a Errors>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Seen<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.errors.is_some_and(Errors::are_enough) {
            return None;
        }
        self.rest.next().map(|value| Seen { value, errors: self.errors })
    }
}
