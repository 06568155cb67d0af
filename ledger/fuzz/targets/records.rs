//! What records are cut out of: lines, elements of an array, members of an object. However bytes arrive, the lines are
//! the same; and a whole reader of JSON finds the same elements, each exactly where ours is.
#![no_main]

use ledger::evidence::{Line, LineReader, elements, member};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const MOST: usize = 64;

fn lines(data: &[u8], size: usize, limit: usize) -> Vec<Line> {
    let mut reader = LineReader::new(limit);
    let mut found = Vec::new();
    for piece in data.chunks(size) {
        reader.push(piece);
        while let Some(line) = reader.next_line() {
            found.push(line);
        }
    }
    found.extend(reader.last_line());
    found
}

fn check_lines(data: &[u8], size: usize, limit: usize) {
    let found = lines(data, size, limit);
    assert_eq!(found, lines(data, data.len().max(1), limit), "however they arrive");
    let mut oracle = Vec::new();
    for (at, line) in data.split(|byte| *byte == b'\n').enumerate() {
        let last = data.split(|byte| *byte == b'\n').count() == at + 1;
        let number = at as u64 + 1;
        let line = line.strip_suffix(b"\r").filter(|_| !last).unwrap_or(line);
        if line.len() > limit {
            oracle.push(Line::TooLong { number });
        } else if !line.iter().all(|byte| b" \t\r".contains(byte)) {
            oracle.push(Line::Whole { number, bytes: line.to_vec().into() });
        }
    }
    assert_eq!(found, oracle);
}

fn check_elements(data: &[u8]) {
    let found = elements(data, MOST);
    if let Ok(found) = &found {
        let mut end = 0;
        for range in found {
            assert!(range.start > end && range.end > range.start && range.end <= data.len());
            let between = &data[end..range.start];
            assert!(between.iter().all(|byte| b"[, \t\r\n".contains(byte)), "only what separates");
            end = range.end;
        }
    }
    let Ok(Value::Array(oracle)) = serde_json::from_slice(data) else { return };
    if oracle.len() > MOST {
        assert!(found.is_err());
        return;
    }
    let found = found.expect("a whole reader reads it");
    let read = |range: std::ops::Range<usize>| serde_json::from_slice::<Value>(&data[range]).expect("an element");
    assert_eq!(found.into_iter().map(read).collect::<Vec<_>>(), oracle);
}

fn check_member(data: &[u8]) {
    let found = member(data, "data");
    let Ok(Value::Object(oracle)) = serde_json::from_slice(data) else { return };
    assert_eq!(found.is_some(), oracle.contains_key("data"));
    if let Some(range) = found {
        let _value: Value = serde_json::from_slice(&data[range]).expect("the value of a member");
    }
}

fuzz_target!(|data: &[u8]| {
    let [size, limit, rest @ ..] = data else { return };
    check_lines(rest, usize::from(*size).max(1), usize::from(*limit));
    check_elements(rest);
    check_member(rest);
});
