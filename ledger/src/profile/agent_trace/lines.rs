//! Who wrote a line, as one record says it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::finding::shortened;
use super::super::json;
use super::super::look::{at, objects, text};

/// The most ranges that one record answers with.
pub const MAX_LINE_RANGES: usize = 64;
/// The longest text of a range that is told, in bytes; a longer one is cut.
pub const MAX_LINE_TEXT: usize = 1024;

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

impl LineRange {
    /// How much it adds to an answer, in bytes.
    pub(crate) fn told(&self) -> usize {
        let texts = [&self.conversation, &self.contributor, &self.model_id, &self.content_hash];
        texts.into_iter().flatten().map(String::len).fold(size_of::<Self>(), usize::saturating_add)
    }
}

/// The ranges of one record that cover a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRanges {
    /// The innermost first.
    pub ranges: Vec<LineRange>,
    /// Whether these are all of them, with all they say: at most [`MAX_LINE_RANGES`] are told, each of their texts cut at
    /// [`MAX_LINE_TEXT`]. The statement has the rest.
    pub complete: bool,
}

/// The ranges of a record that cover a line of a file, the shortest first: ranges may overlap, and the innermost says
/// most. `path` is compared byte by byte.
#[must_use]
pub fn lines_of(payload: &[u8], path: &str, line: u64) -> LineRanges {
    let Ok(Value::Object(record)) = json::read(payload) else {
        return LineRanges { ranges: Vec::new(), complete: true };
    };
    let files = objects(&record, "files").filter(|(_, file)| text(file, "path") == Some(path));
    let mut found: Vec<Covering> = files.flat_map(|(_, file)| in_file(file, line)).collect();
    found.sort_by_key(|one| (one.end.saturating_sub(one.start), one.start));
    told(&found)
}

/// A range that covers the line, and the conversation it is of. Nothing is copied of a record before it is known what is
/// told of it: one text of a conversation is that of all its ranges.
struct Covering<'a> {
    start: u64,
    end: u64,
    range: &'a Map<String, Value>,
    conversation: &'a Map<String, Value>,
}

fn in_file(file: &Map<String, Value>, line: u64) -> impl Iterator<Item = Covering<'_>> {
    objects(file, "conversations").flat_map(move |(_, conversation)| {
        objects(conversation, "ranges").filter_map(move |(_, range)| {
            let number = |name: &str| range.get(name).and_then(Value::as_u64);
            let (start, end) = number("start_line").zip(number("end_line"))?;
            (start..=end).contains(&line).then_some(Covering { start, end, range, conversation })
        })
    })
}

fn told(found: &[Covering<'_>]) -> LineRanges {
    let mut complete = found.len() <= MAX_LINE_RANGES;
    let ranges = found.iter().take(MAX_LINE_RANGES).map(|covering| {
        let texts = covering.texts();
        complete &= texts.iter().flatten().all(|text| text.len() <= MAX_LINE_TEXT);
        let copy = |text: Option<&str>| text.map(|text| shortened(text, MAX_LINE_TEXT));
        let [conversation, contributor, model_id, content_hash] = texts.map(copy);
        let (start_line, end_line) = (covering.start, covering.end);
        LineRange { start_line, end_line, conversation, contributor, model_id, content_hash }
    });
    LineRanges { ranges: ranges.collect(), complete }
}

impl<'a> Covering<'a> {
    /// Conversation, contributor, model and content hash.
    fn texts(&self) -> [Option<&'a str>; 4] {
        [
            text(self.conversation, "url"),
            self.who("type"),
            self.who("model_id"),
            text(self.range, "content_hash"),
        ]
    }

    /// A range's own contributor comes before the conversation's.
    fn who(&self, name: &str) -> Option<&'a str> {
        let of = |object: &'a Map<String, Value>| {
            at(object, &["contributor"])?.as_object().and_then(|who| text(who, name))
        };
        of(self.range).or_else(|| of(self.conversation))
    }
}
