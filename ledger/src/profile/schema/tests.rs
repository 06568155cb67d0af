use std::collections::BTreeSet;
use std::fmt::Write as _;

use jsonschema::ValidationError;

use super::telling::MAX_ERRORS;
use super::*;
use crate::profile::MAX_POINTER_BYTES;

/// Everything that stands in the test data of the profiles: each document, and each object in one.
fn documents() -> Vec<Value> {
    let mut files = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"))];
    let mut found = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(document) = serde_json::from_slice(&std::fs::read(path).unwrap()) {
            objects(document, &mut found);
        }
    }
    // The files of a folder come in no order.
    let unique: BTreeSet<String> = found.iter().map(Value::to_string).collect();
    unique.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn objects(value: Value, found: &mut Vec<Value>) {
    match &value {
        Value::Array(items) => items.iter().for_each(|item| objects(item.clone(), found)),
        Value::Object(members) => {
            members.values().for_each(|item| objects(item.clone(), found));
            found.push(value);
        }
        _ => {}
    }
}

/// The value with each of its places in turn made something else.
fn broken(value: &Value) -> Vec<Value> {
    fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
        found.push(pointer.to_owned());
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, item)| places(item, &below(pointer, at), found));
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, item)| places(item, &below(pointer, name), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    places(value, "", &mut found);
    let others = [Value::from(0.5), Value::from("x"), Value::Array(vec![Value::from(-1)]), Value::Null];
    let changed = found.iter().flat_map(|pointer| others.iter().map(move |other| (pointer, other)));
    let with = |(pointer, other): (&String, &Value)| {
        let mut value = value.clone();
        *value.pointer_mut(pointer).unwrap() = other.clone();
        value
    };
    changed.map(with).collect()
}

fn said<'a>(errors: impl Iterator<Item = ValidationError<'a>>) -> Vec<(String, String)> {
    errors.take(MAX_TOLD).map(|error| (pointer(&error), error.schema_path().to_string())).collect()
}

fn told(schema: &Schema, value: &Value) -> Vec<(String, String)> {
    let errors = Errors::default();
    said(schema.telling.as_ref().unwrap().iter_errors(Seen::new(value, &errors)))
}

fn assert_told_as_it_is(schema: &Schema, value: &Value) {
    let plain = said(schema.compiled.as_ref().unwrap().iter_errors(value));
    assert_eq!(told(schema, value), plain, "{}: {value}", schema.name);
}

/// D18: what is told, and in which order, is what the validator says of the plain value and the plain schema.
#[test]
fn what_is_told_is_what_the_schema_says() {
    let documents = documents();
    let mut valid = 0;
    for schema in ALL {
        for document in &documents {
            assert_told_as_it_is(schema, document);
        }
        for document in documents.iter().filter(|document| schema.is_valid(document)).take(12) {
            valid += 1;
            broken(document).iter().for_each(|document| assert_told_as_it_is(schema, document));
        }
    }
    assert!(documents.len() > 300 && valid > 60, "{} documents, {valid} of them valid", documents.len());
}

/// How many errors there are, those in branches counted, and how many bytes of pointers and values they hold.
fn weight(error: &ValidationError<'_>) -> (usize, usize) {
    let own = error.instance_path().as_str().len() + error.instance().to_string().len();
    let inner = match error.kind() {
        ValidationErrorKind::AnyOf { context }
        | ValidationErrorKind::OneOfNotValid { context }
        | ValidationErrorKind::OneOfMultipleValid { context } => {
            context.iter().flatten().map(weight).collect()
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            vec![(0, unexpected.iter().map(String::len).sum())]
        }
        _ => Vec::new(),
    };
    inner.into_iter().fold((1, own), |(errors, bytes), (more, larger)| (errors + more, bytes + larger))
}

/// Each makes at least so many errors if all are gathered, most of them with a name that is so many times five bytes long.
fn bombs(errors: usize, length: usize) -> Vec<(&'static Schema, Value)> {
    let many = |what: &str| vec![what; errors].join(",");
    let long = "k~/é".repeat(length);
    let deep = format!("{}{}{}", "[\"x\",".repeat(40), many("0.5"), "]".repeat(40));
    let read = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let each = |names: usize| {
        (0..names).fold(String::new(), |mut text, n| {
            let comma = if n > 0 { "," } else { "" };
            write!(text, "{comma}\"{long}{n}\":0.5").unwrap();
            text
        })
    };
    vec![
        (
            &EVIDENCE_PACK,
            read(format!(
                r#"{{"completeness":{{"{long}":{{"status":"partial","missing_facts":[{}]}}}}}}"#,
                many("1")
            )),
        ),
        (&EVIDENCE_PACK, read(format!(r#"{{"claims":[{}],"redactions":[{}]}}"#, many("{}"), many("{}")))),
        (&EVIDENCE_CLAIM_MAP, read(format!(r#"{{"claims":[{}]}}"#, many(r#"{"confidence":[]}"#)))),
        (&TRACE_V02, read(format!(r#"{{"cnf":{{"jwk":{{"{long}":[{}]}}}}}}"#, many("0.5")))),
        (&TRACE_V02, read(format!(r#"{{"cnf":{{"jwk":{{"{long}":{deep}}}}}}}"#))),
        (&TRACE_V02, read(format!(r#"{{"cnf":{{"jwk":{{{}}}}}}}"#, each(40)))),
        (&TRACE_V02, read(format!(r#"{{"references":[{}]}}"#, many(r#"{"x":1}"#)))),
        (
            &AIGP_V13,
            read(format!(
                r#"{{"governance_merkle_tree":{{"resources":[{}]}}}}"#,
                many(r#"{"context_source":1,"hash":""}"#)
            )),
        ),
        (&AIGP_V08, read(format!(r#"{{{}}}"#, each(40)))),
        (&AGENT_TRACE, read(format!(r#"{{"files":[{{"path":0,"conversations":[{}]}}]}}"#, many("{}")))),
    ]
}

/// Neither a long name above many errors, nor branches within branches, nor many errors are gathered.
#[test]
fn errors_take_bounded_memory() {
    for (schema, value) in bombs(3000, 3000) {
        let errors = Errors::default();
        let validator = schema.telling.as_ref().unwrap();
        let gathered: Vec<_> = validator.iter_errors(Seen::new(&value, &errors)).collect();
        let (count, bytes) =
            gathered.iter().map(weight).fold((0, 0), |(all, sum), (one, bytes)| (all + one, sum + bytes));
        assert!(gathered.len() > 1, "{}", schema.name);
        assert!(count <= MAX_ERRORS + 64, "{}: {count} errors", schema.name);
        assert!(bytes <= MAX_ERRORS * MAX_POINTER_BYTES * 4, "{}: {bytes} bytes", schema.name);
    }
}

/// What is told does not depend on what is left out: the names, cut where a finding cuts its pointer, and the rest.
#[test]
fn of_a_bomb_the_same_is_told() {
    let cut = |errors: Vec<(String, String)>| {
        let told = errors
            .into_iter()
            .map(|(pointer, path)| (crate::profile::finding::shortened(&pointer, MAX_POINTER_BYTES), path));
        told.collect::<Vec<_>>()
    };
    for (schema, value) in bombs(600, 60) {
        let plain = said(schema.compiled.as_ref().unwrap().iter_errors(&value));
        assert_eq!(cut(told(schema, &value)), cut(plain), "{}", schema.name);
    }
}

/// A name is cut where it is longer than any that a schema knows, and no schema has a keyword that looks at others.
#[test]
fn no_schema_can_tell_a_cut_name_from_a_whole_one() {
    fn names(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(members) => members.iter().for_each(|(name, inner)| {
                found.push(name.clone());
                names(inner, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }
    for schema in ALL {
        let mut found = Vec::new();
        names(&serde_json::from_str(schema.text).unwrap(), &mut found);
        for name in found {
            let keywords = [
                "patternProperties",
                "propertyNames",
                "unevaluatedProperties",
                "unevaluatedItems",
                "$dynamicRef",
            ];
            assert!(!keywords.contains(&name.as_str()), "{}: {name}", schema.name);
            assert!(name.len() <= MAX_POINTER_BYTES, "{}: {name}", schema.name);
        }
    }
}
