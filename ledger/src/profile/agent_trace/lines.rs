//! Who wrote a line, as one record says it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::finding::shortened;
use super::super::json;
use super::super::look::{at, objects, text};

/// The most ranges that one record is asked for.
const MAX_RANGES: usize = 64;
/// The longest text of a range that is told, in bytes; a longer one is cut.
const MAX_TEXT_BYTES: usize = 1024;

/// A range of a file that covers the line asked for; a text beyond 1,024 bytes is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineRange {
    /// First line, from 1.
    pub start_line: u64,
    /// Last line, included.
    pub end_line: u64,
    /// The conversation that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// `human`, `ai`, `mixed` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contributor: Option<String>,
    /// The model, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The producer's hash of the content, as it stands in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
}

/// The ranges of a record that cover a line of a file, the shortest first: ranges may overlap, and the innermost says
/// most. `path` is compared byte by byte.
#[must_use]
pub fn lines_of(payload: &[u8], path: &str, line: u64) -> Vec<LineRange> {
    let Ok(Value::Object(record)) = json::read(payload) else { return Vec::new() };
    let files = objects(&record, "files").filter(|(_, file)| text(file, "path") == Some(path));
    let mut found: Vec<Covering<'_>> = files.flat_map(|(_, file)| in_file(file, line)).collect();
    found.sort_by_key(|range| (range.end_line.saturating_sub(range.start_line), range.start_line));
    found.truncate(MAX_RANGES);
    // Of what many ranges share each would have a copy, so nothing is copied before it is known which count.
    found.iter().map(Covering::told).collect()
}

/// A range that covers the line, where it stands in the record.
struct Covering<'a> {
    start_line: u64,
    end_line: u64,
    range: &'a Map<String, Value>,
    conversation: &'a Map<String, Value>,
}

impl Covering<'_> {
    fn told(&self) -> LineRange {
        let short = |text: &str| shortened(text, MAX_TEXT_BYTES);
        // A range's own contributor comes before the conversation's.
        let who = |name: &str| {
            let of = |object| at(object, &["contributor"])?.as_object().and_then(|who| text(who, name));
            of(self.range).or_else(|| of(self.conversation)).map(short)
        };
        LineRange {
            start_line: self.start_line,
            end_line: self.end_line,
            conversation: text(self.conversation, "url").map(short),
            contributor: who("type"),
            model_id: who("model_id"),
            content_hash: text(self.range, "content_hash").map(short),
        }
    }
}

fn in_file(file: &Map<String, Value>, line: u64) -> Vec<Covering<'_>> {
    let mut found = Vec::new();
    for (_, conversation) in objects(file, "conversations") {
        for (_, range) in objects(conversation, "ranges") {
            let number = |name: &str| range.get(name).and_then(Value::as_u64);
            let Some((start_line, end_line)) = number("start_line").zip(number("end_line")) else { continue };
            if (start_line..=end_line).contains(&line) {
                found.push(Covering { start_line, end_line, range, conversation });
            }
        }
    }
    found
}
