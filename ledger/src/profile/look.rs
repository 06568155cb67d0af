//! Short ways to look into a JSON value, all of which forgive.

use serde_json::{Map, Value};

/// A member of an object that is text.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// A text at a path of members.
pub(crate) fn text_at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a str> {
    at(object, path)?.as_str()
}

/// The value at a path of members.
pub(crate) fn at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = object.get(*first)?;
    if rest.is_empty() { Some(value) } else { at(value.as_object()?, rest) }
}

/// The objects of an array, with their positions; nothing if the value is no array.
pub(crate) fn objects<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (usize, &'a Map<String, Value>)> {
    let items = object.get(name).and_then(Value::as_array).into_iter().flatten().enumerate();
    items.filter_map(|(at, item)| item.as_object().map(|object| (at, object)))
}
