//! Hostile payloads: each is answered, with few and bounded findings.

use proofs::{LeafIndex, UnixTime};
use serde_json::{Value, json};

use super::super::finding::Finding;
use super::super::place::Place;
use super::super::probe::Probe;
use super::super::term::{IndexTerm, TRACE_RECORD, row_prefix};
use super::super::{
    Enforce, Kind, MAX_DEPTH, MAX_FINDINGS, MAX_POINTER_BYTES, MAX_TERMS, MAX_VALUES, Severity, json,
    lines_of, verifier_report,
};
use super::{Bench, data, errors, has};
use crate::json::{Limits, StrictError, WRITTEN, below};

fn first(payload: &[u8]) -> (String, String) {
    let finding = json::read(payload).unwrap_err();
    assert_eq!(finding.severity, Severity::Error);
    (finding.id.into_owned(), finding.pointer)
}

#[test]
fn json_that_readers_understand_differently_is_refused() {
    let owned = |id: &str, pointer: &str| (id.to_owned(), pointer.to_owned());
    for (payload, id, pointer) in [
        (&b"{\"a\":1,\"a\":1}"[..], "JSON_DUPLICATE_MEMBER", "/a"),
        (b"{\"x\":[0,{\"b/c\":1,\"b/c\":2}]}", "JSON_DUPLICATE_MEMBER", "/x/1/b~1c"),
        (b"{\"a\":1,\"\\u0061\":2}", "JSON_DUPLICATE_MEMBER", "/a"),
        (b"{\"a\":\"\\ud800\"}", "JSON_LONE_SURROGATE", ""),
        (b"{\"a\":\"\\udc00\"}", "JSON_LONE_SURROGATE", ""),
        (b"{\"\\ud800\":1}", "JSON_LONE_SURROGATE", ""),
        (b"{\"a\":\"\xff\"}", "JSON_NOT_UTF8", ""),
        (b"\xef\xbb\xbf{}", "JSON_MALFORMED", ""),
        (b"{} {}", "JSON_MALFORMED", ""),
        (b"", "JSON_MALFORMED", ""),
        (b"{\"a\":01}", "JSON_MALFORMED", ""),
        (b"{\"a\":NaN}", "JSON_MALFORMED", ""),
        (b"{\"a\":1e999}", "JSON_MALFORMED", ""),
        (b"{\"a\":1,}", "JSON_MALFORMED", ""),
    ] {
        assert_eq!(first(payload), owned(id, pointer), "{}", String::from_utf8_lossy(payload));
    }
    assert!(json::read("{\"a\":\"\\ud83d\\ude00\"}".as_bytes()).is_ok(), "a pair is one character");
}

#[test]
fn depth_and_count_end_at_their_bounds() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(json::read(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(first(nested(MAX_DEPTH + 1).as_bytes()).0, "JSON_TOO_DEEP");
    assert_eq!(first("[".repeat(500_000).as_bytes()).0, "JSON_TOO_DEEP");
    let many = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert!(json::read(many(MAX_VALUES - 1).as_bytes()).is_ok());
    assert_eq!(first(many(MAX_VALUES).as_bytes()).0, "JSON_TOO_MANY_VALUES");
}

#[test]
fn number_tokens_are_what_they_are_written_as() {
    let ids = |text: &str| -> Vec<(String, String)> {
        let mut findings = super::super::finding::Findings::default();
        json::check_integers(&json::read(text.as_bytes()).unwrap(), &mut findings);
        findings.finish().into_iter().map(|finding| (finding.id.into_owned(), finding.pointer)).collect()
    };
    let one = |id: &str| vec![(id.to_owned(), "/0".to_owned())];
    for good in ["0", "-1", "9007199254740991", "-9007199254740991"] {
        assert_eq!(ids(&format!("[{good}]")), [], "{good}");
    }
    for float in ["3.0", "1e3", "-0", "-0.0", "1E0", "18446744073709551616", "0.1"] {
        assert_eq!(ids(&format!("[{float}]")), one("JSON_NON_INTEGER_NUMBER"), "{float}");
    }
    for large in ["9007199254740992", "-9007199254740992", "18446744073709551615", "9223372036854775808"] {
        assert_eq!(ids(&format!("[{large}]")), one("JSON_UNSAFE_INTEGER"), "{large}");
    }
    assert_eq!(
        ids(r#"{"a":{"b~":[true,{"c":0.5}]}}"#),
        [("JSON_NON_INTEGER_NUMBER".into(), "/a/b~0/1/c".into())]
    );
}

#[test]
fn equal_values_are_equal_however_numbers_are_written() {
    let same = |left: &str, right: &str| {
        json::same(&json::read(left.as_bytes()).unwrap(), &json::read(right.as_bytes()).unwrap())
    };
    assert!(same(r#"{"a":1,"b":[1.0]}"#, r#"{"b":[1],"a":1.0}"#));
    assert!(!same(r#"{"a":1}"#, r#"{"a":1,"b":null}"#));
    assert!(!same(r#"{"a":"1"}"#, r#"{"a":1}"#));
    assert!(!same("[1,2]", "[2,1]"));
    assert!(!same("9007199254740993", "9007199254740992"));
}

/// A million places that are wrong make no more findings than are kept, and none is larger than it may be.
#[test]
fn a_million_findings_are_a_few() {
    let numbers = vec!["0.5"; MAX_VALUES - 10].join(",");
    let long = "k".repeat(10_000);
    for kind in Kind::all() {
        for payload in [format!("{{\"files\":[{numbers}]}}"), format!("{{\"{long}\":{{\"{long}\":[1.5]}}}}")]
        {
            let examination = Bench::new().examine(kind, payload.as_bytes());
            assert!(examination.findings.len() <= MAX_FINDINGS, "{}", kind.profile());
            assert!(examination.terms.len() <= MAX_TERMS);
            for finding in &examination.findings {
                assert!(finding.pointer.len() <= 256 && finding.message.len() <= 256, "{finding}");
            }
        }
    }
    let payload = format!("{{\"a\":[{numbers}]}}");
    let examination = Bench::new().examine(Kind::TraceRecord, payload.as_bytes());
    assert_eq!(examination.findings.len(), MAX_FINDINGS);
    let last = examination.findings.last().unwrap();
    assert_eq!((last.id.as_ref(), last.severity), ("FINDINGS_TRUNCATED", Severity::Error));
    assert!(examination.refuses(Enforce::Errors));
}

/// A long name above many places that are wrong: it is not written out for each of them.
#[test]
fn pointers_are_written_for_what_is_kept_only() {
    let long = "k".repeat(20_000);
    let numbers = vec!["-0"; 5_000].join(",");
    let trace = "\"eat_profile\":\"tag:agentrust-io.com,2026:trace-v0.2\"";
    let facts = format!("{{\"status\":\"partial\",\"missing_facts\":[{numbers}]}}");
    for payload in [
        format!("{{{trace},\"{long}\":[{numbers}]}}"),
        format!("{{{trace},\"cnf\":{{\"jwk\":{{\"{long}\":[{numbers}]}}}}}}"),
        format!("{{\"completeness\":{{\"{long}\":{facts}}}}}"),
        format!("{{\"annotations\":{{\"{long}\":[{numbers}]}}}}"),
    ] {
        for kind in Kind::all() {
            WRITTEN.set(0);
            let examination = Bench::new().examine(kind, payload.as_bytes());
            // The bench examines twice.
            let most = 2 * 2 * (MAX_FINDINGS + 1) * 4 * MAX_POINTER_BYTES;
            assert!(WRITTEN.get() <= most, "{}: {} bytes", kind.profile(), WRITTEN.get());
            assert!(!errors(&examination).is_empty());
        }
    }
}

/// As much of a pointer is written as a finding keeps, and that is what it would keep of the whole.
#[test]
fn a_place_is_told_as_its_whole_pointer_would_be() {
    let kept = |pointer: String| Finding::new("X", Severity::Error, pointer, "").pointer;
    for name in ["a", "~", "/", "é", "😀", "a~/é"] {
        for times in [0, 1, 60, 84, 85, 86, 127, 128, 129, 253, 254, 255, 256, 257, 258, 10_000] {
            let name = name.repeat(times);
            let first = Place::member(None, &name);
            let second = Place::element(Some(&first), 70_000);
            let third = Place::member(Some(&second), &name);
            let whole = below(&below(&below("", &name), 70_000), &name);
            assert!(third.pointer().len() <= 4 * MAX_POINTER_BYTES);
            assert_eq!(kept(first.pointer()), kept(below("", &name)));
            assert_eq!(kept(third.pointer()), kept(whole), "{} bytes", name.len());
        }
    }
}

/// The pointer of what cannot be read is put together on the way up: each level must not copy all of it.
#[test]
fn the_pointer_of_a_fault_is_bounded() {
    let long = "k".repeat(10_000);
    let text = format!("{}{{\"a\":0,\"a\":0}}{}", format!("{{\"{long}\":").repeat(60), "}".repeat(60));
    WRITTEN.set(0);
    let limits = Limits { depth: MAX_DEPTH, values: MAX_VALUES };
    let Err(StrictError::Fault(fault)) = crate::json::read(text.as_bytes(), limits) else { panic!() };
    assert!(fault.pointer.len() <= 1024, "{} bytes", fault.pointer.len());
    assert!(WRITTEN.get() <= text.len(), "each name once");
    let (id, pointer) = first(text.as_bytes());
    assert_eq!((id.as_str(), pointer), ("JSON_DUPLICATE_MEMBER", format!("/{}…", "k".repeat(252))));
}

/// What the log is asked about a value that no term can have is no longer than its rows, and finds what the value would.
#[test]
fn questions_to_the_log_are_short() {
    let finding = || Finding::new("X", Severity::Info, "", "");
    let asked = |value: &str| match Probe::missing(&TRACE_RECORD, value, finding()) {
        Probe::Missing { prefix, .. } => prefix,
        other => panic!("{other:?}"),
    };
    let row = |value: &str| IndexTerm::new(&TRACE_RECORD, value).unwrap().row(LeafIndex::new(0));
    for length in [1, 255, 256, 257, 265, 266, 267, 1_000_000] {
        for value in ["a".repeat(length), "\0".repeat(length), "a".repeat(256) + &"\0".repeat(length)] {
            let whole = row_prefix(TRACE_RECORD.code, value.as_bytes(), true);
            let short = asked(&value);
            assert!(whole.starts_with(&short) && short.len() <= 267, "{} of {length}", short.len());
            for known in [row("a"), row(&"a".repeat(255)), row(&"a".repeat(256))] {
                assert_eq!(known.starts_with(&short), known.starts_with(&whole), "{length}");
            }
        }
    }
}

/// What one conversation says is told with each of its ranges.
#[test]
fn ranges_that_share_long_texts_make_no_long_answer() {
    let long = "u".repeat(20_000);
    let range = json!({ "start_line": 1, "end_line": 9, "content_hash": long });
    let conversation = json!({
        "url": long,
        "contributor": { "type": long, "model_id": long },
        "ranges": vec![range; 100],
    });
    let record = json!({ "files": [{ "path": "a", "conversations": [conversation] }] });
    let found = lines_of(record.to_string().as_bytes(), "a", 5);
    assert_eq!((found.ranges.len(), found.complete), (64, false));
    for range in found.ranges {
        let texts = [range.conversation, range.contributor, range.model_id, range.content_hash];
        assert!(texts.iter().all(|text| text.as_ref().is_some_and(|text| text.len() == 1024)), "{texts:?}");
    }
}

/// AIGP's report names the event with every finding.
#[test]
fn a_report_about_an_event_with_long_ids_is_short() {
    let long = "é".repeat(100_000);
    let members = (0..100).map(|n| format!("\"member {n}\":0")).collect::<Vec<_>>().join(",");
    let payload = format!(
        "{{\"event_id\":\"{long}\",\"agent_id\":\"{long}\",\"trace_id\":\"{long}\",\"spec_version\":\"{long}\",\
         \"governance_merkle_tree\":{{\"leaves\":[{}]}},{members}}}",
        vec!["{}"; 100].join(",")
    );
    let examination = Bench::new().examine(Kind::AigpEvent, payload.as_bytes());
    assert_eq!(examination.findings.len(), MAX_FINDINGS);
    let report = verifier_report(payload.as_bytes(), &examination.findings, "run", UnixTime::from_secs(0));
    assert!(report.to_string().len() <= (MAX_FINDINGS + 1) * 2048, "{}", report.to_string().len());
    assert_eq!(report["findings"][0]["agent_id"], format!("{}…", "é".repeat(126)));
}

#[test]
fn payloads_that_are_no_objects_are_answered() {
    for kind in Kind::all() {
        for payload in [&b"[]"[..], b"7", b"null", b"\"x\""] {
            let examination = Bench::new().examine(kind, payload);
            assert_eq!(errors(&examination), [("JSON_NOT_AN_OBJECT", "")], "{}", kind.profile());
        }
        let empty = Bench::new().examine(kind, b"{}");
        assert!(!errors(&empty).is_empty(), "{}", kind.profile());
        let large = Bench::new().examine(kind, &vec![b' '; 1024 * 1024 + 1]);
        assert_eq!(errors(&large), [("PAYLOAD_TOO_LARGE", "")]);
    }
}

#[test]
fn terms_that_do_not_fit_are_told() {
    let mut record = data("trace/vectors/signed-local/00-level0.json")["record"].clone();
    let reference =
        |n: usize| json!({ "rel": "x", "id": format!("urn:x:{n}"), "resolver": "https://r.example" });
    record["references"] = Value::Array((0..200).map(reference).collect());
    let examination = Bench::new().of(Kind::TraceRecord, &record);
    assert_eq!(examination.terms.len(), MAX_TERMS);
    assert!(!examination.complete && has(&examination, "INDEX_TERMS_TRUNCATED"));
    record["references"] = json!([{ "rel": "x", "id": "u".repeat(257), "resolver": "https://r.example" }]);
    assert!(!Bench::new().of(Kind::TraceRecord, &record).complete, "a value that is too long");
    record["references"] = json!([{ "rel": "x", "id": "a\u{0}b", "resolver": "https://r.example" }]);
    assert!(!Bench::new().of(Kind::TraceRecord, &record).complete, "NUL ends a value in the index");
}

#[test]
fn what_refuses_is_the_policy_s_choice() {
    let examination = Bench::new().of(Kind::TraceRecord, &data("trace/vectors/conformance/signed_root.json"));
    assert!(!examination.refuses(Enforce::Report) && !examination.refuses(Enforce::Errors));
    assert!(examination.refuses(Enforce::Warnings), "its key is not trusted");
}
