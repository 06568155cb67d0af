//! Agent Trace records (systems.md §5.4). Nothing in them is signed, so the issuer of the statement is all the
//! authenticity there is; bytes are kept exactly, floats included.

mod lines;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::examination::Draft;
use super::finding::{Finding, Findings, Severity};
use super::look::{at, is_hex, objects, rfc3339, text, text_at};
use super::probe::{LINK_AGENT_TRACE_ID, Probe, link, short};
use super::{schema, term};

pub use lines::{LineRange, LineRanges, MAX_LINE_RANGES, MAX_LINE_TEXT, lines_of};

const SCHEMA: &str = "AGENT_TRACE_SCHEMA";
const TWO_PART: &str = "VERSION_TWO_PART";
const REVERSED: &str = "RANGE_REVERSED";
const OVERLAP: &str = "RANGE_OVERLAP";
const NOT_RELATIVE: &str = "PATH_NOT_RELATIVE";
const PSEUDO: &str = "PSEUDO_FILE";
const NOT_FULL: &str = "REVISION_NOT_FULL";
const DUPLICATE: &str = "DUPLICATE_FILE";
const FLOAT: &str = "NON_INTEGER_NUMBER";
const LOCAL_URL: &str = "LOCAL_FILE_URL";
const CONFLICT: &str = "RECORD_ID_CONFLICT";

/// What the reference hook writes where there is no file.
const PSEUDO_FILES: [&str; 3] = [".sessions", ".shell-history", ".unknown"];

pub(super) fn examine(payload: &[u8], value: &Value, object: &Map<String, Value>, draft: &mut Draft) {
    draft.subject = subject(object).map(str::to_owned);
    let findings = &mut draft.findings;
    let two_part = text(object, "version").is_some_and(is_two_part);
    if two_part {
        let message = "two parts, as the reference hook writes it; the schema wants three";
        findings.warning(TWO_PART, "/version", message);
    }
    schema::AGENT_TRACE
        .check(value, findings, |pointer| (!(two_part && pointer == "/version")).then_some(SCHEMA));
    if text(object, "timestamp").is_some_and(|time| rfc3339(time).is_none()) && !findings.has_errors() {
        findings.error(SCHEMA, "/timestamp", "not an RFC 3339 time with a zone");
    }
    if text_at(object, &["vcs", "type"]) == Some("git")
        && text_at(object, &["vcs", "revision"]).is_some_and(|rev| !is_hex(rev, 40) && !is_hex(rev, 64))
    {
        findings.warning(NOT_FULL, "/vcs/revision", "not a full git commit id");
    }
    if has_float(value) {
        findings.info(
            FLOAT,
            "",
            "numbers that are not integers: keep the bytes, another writer would change them",
        );
    }
    check_files(object, findings);
    terms(object, draft);
    if let Some(id) = text(object, "id") {
        let (id, own) = (short(id.as_bytes()), short(payload));
        let prefix = link(LINK_AGENT_TRACE_ID, &[&id]);
        draft.links.push(link(LINK_AGENT_TRACE_ID, &[&id, &own]));
        let finding =
            Finding::new(CONFLICT, Severity::Warning, "/id", "the log has another record with this id");
        draft.probes.push(Probe::Other { prefix, own: own.to_vec(), finding });
    }
}

/// The revision; without one, the record's own id.
pub(super) fn subject(object: &Map<String, Value>) -> Option<&str> {
    text_at(object, &["vcs", "revision"]).or_else(|| text(object, "id")).filter(|subject| !subject.is_empty())
}

fn is_two_part(version: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    version.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(members) => members.values().any(has_float),
        _ => false,
    }
}

fn check_files(object: &Map<String, Value>, findings: &mut Findings) {
    let mut paths = BTreeSet::new();
    for (index, file) in objects(object, "files") {
        if findings.is_full() {
            return;
        }
        let path = text(file, "path").unwrap_or_default();
        let pointer = format!("/files/{index}/path");
        if PSEUDO_FILES.contains(&path) {
            findings.warning(
                PSEUDO,
                pointer.as_str(),
                "no file of the repository, but a place holder of the hook",
            );
        } else if !super::agent_evidence::is_relative(path) {
            findings.warning(NOT_RELATIVE, pointer.as_str(), "not relative to the root of the repository");
        }
        if !paths.insert(path) {
            findings.warning(DUPLICATE, pointer, "two entries have one path");
        }
        check_ranges(file, index, findings);
    }
}

fn check_ranges(file: &Map<String, Value>, index: usize, findings: &mut Findings) {
    for (talk, conversation) in objects(file, "conversations") {
        let place = format!("/files/{index}/conversations/{talk}");
        if text(conversation, "url").is_some_and(|url| url.starts_with("file:")) {
            let message = "a URL of one machine, which tells its folders to whoever reads the log";
            findings.info(LOCAL_URL, format!("{place}/url"), message);
        }
        let mut ranges = Vec::new();
        for (at, range) in objects(conversation, "ranges") {
            let line = |name: &str| range.get(name).and_then(Value::as_u64);
            let Some((start, end)) = line("start_line").zip(line("end_line")) else { continue };
            if start > end {
                findings.error(REVERSED, format!("{place}/ranges/{at}"), "the range ends before it starts");
            }
            ranges.push((start, end, at));
        }
        ranges.sort_unstable();
        let overlapping =
            ranges.iter().zip(ranges.iter().skip(1)).find(|((_, end, _), (start, ..))| start <= end);
        if let Some((_, (_, _, at))) = overlapping {
            findings.info(OVERLAP, format!("{place}/ranges/{at}"), "ranges overlap, which is legal");
        }
    }
}

fn terms(object: &Map<String, Value>, draft: &mut Draft) {
    let terms = &mut draft.terms;
    let revision = text_at(object, &["vcs", "revision"]);
    terms.text(&term::AT_REVISION, revision);
    if let Some((kind, revision)) = text_at(object, &["vcs", "type"]).zip(revision) {
        terms.text(&term::AT_REVISION, Some(&format!("{kind}:{revision}")));
    }
    terms.text(&term::AT_ID, text(object, "id"));
    terms.text(&term::AT_TOOL, text_at(object, &["tool", "name"]));
    terms.number(&term::AT_TIME, text(object, "timestamp").and_then(rfc3339));
    for (name, member) in [
        (&term::AT_SESSION, "session_id"),
        (&term::AT_METADATA_CONVERSATION, "conversation_id"),
        (&term::AT_TOOL_USE, "tool_use_id"),
    ] {
        terms.text(name, text_at(object, &["metadata", member]));
    }
    for (_, file) in objects(object, "files") {
        terms.text(&term::AT_PATH, text(file, "path"));
    }
    for (_, file) in objects(object, "files") {
        for (_, conversation) in objects(file, "conversations") {
            terms.text(&term::AT_CONVERSATION, text(conversation, "url"));
            for (_, related) in objects(conversation, "related") {
                terms.text(&term::AT_RELATED, text(related, "url"));
            }
            contributor(conversation, terms);
            for (_, range) in objects(conversation, "ranges") {
                terms.text(&term::AT_HASH, text(range, "content_hash"));
                contributor(range, terms);
            }
        }
    }
}

fn contributor(object: &Map<String, Value>, terms: &mut super::term::Terms) {
    let contributor = at(object, &["contributor"]).and_then(Value::as_object);
    terms.text(&term::AT_CONTRIBUTOR, contributor.and_then(|who| text(who, "type")));
    terms.text(&term::AT_MODEL, contributor.and_then(|who| text(who, "model_id")));
}
