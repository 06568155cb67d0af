use axum::http::StatusCode;
use axum::http::header::ACCEPT;
use axum::response::IntoResponse;

use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn accept(lines: &[&str]) -> HeaderMap {
    headers(&lines.iter().map(|line| ("accept", *line)).collect::<Vec<_>>())
}

fn chosen(lines: &[&str], offers: &'static [Offer]) -> Option<&'static str> {
    negotiate(&accept(lines), offers).ok()
}

#[test]
fn scr_20_several_accept_lines_are_one_list() {
    assert_eq!(chosen(&["application/cbor", "application/cose"], RECEIPTS), Some(COSE));
    assert_eq!(
        chosen(&["text/html", "application/cbor, application/scitt-receipt+cose"], RECEIPTS),
        Some(RECEIPT)
    );
}

#[test]
fn receipts_are_cose_unless_the_registered_type_is_preferred() {
    for (lines, form) in [
        (&[][..], COSE),
        (&[""], COSE),
        (&["*/*"], COSE),
        (&["application/*"], COSE),
        (&["APPLICATION/COSE"], COSE),
        (&["application/cose, application/scitt-receipt+cose"], COSE),
        (&["application/scitt-receipt+cose, application/cose"], COSE),
        (&["application/scitt-receipt+cose, application/cose;q=0.9"], RECEIPT),
        (&["application/scitt-receipt+cose", "*/*"], RECEIPT),
        (&["application/scitt-receipt+cose;q=0.1, */*;q=0.5"], COSE),
        (&["application/cose;q=0.2, application/*;q=0.8"], RECEIPT),
        (&["application/cose; cose-type=\"cose-sign1\""], COSE),
        (&["application/cose; cose-type=cose-sign1; q=0.5, application/scitt-receipt+cose;q=0.4"], COSE),
        (&["application/cose; cose-type=\"cose-sign\", application/scitt-receipt+cose"], RECEIPT),
    ] {
        assert_eq!(chosen(lines, RECEIPTS), Some(form), "{lines:?}");
    }
}

#[test]
fn what_accept_excludes_is_not_sent() {
    for lines in [
        &["application/json"][..],
        &["application/cbor"],
        &["text/*"],
        &["application/cose;q=0, application/scitt-receipt+cose;q=0.000"],
        &["*/*;q=0"],
        &["*/*, application/*;q=0"],
        &["application/cose; cose-type=\"cose-mac0\""],
        &["text/x;a=\"application/cose, \\\" */*\""],
    ] {
        let problem = negotiate(&accept(lines), RECEIPTS).unwrap_err();
        assert_eq!(problem.into_response().status(), StatusCode::NOT_ACCEPTABLE, "{lines:?}");
    }
}

#[test]
fn elements_that_cannot_be_read_are_passed_over() {
    assert_eq!(chosen(&["application/cose;q=2, application/scitt-receipt+cose"], RECEIPTS), Some(RECEIPT));
    assert_eq!(chosen(&["application, /, */json, a/b;q, ;;"], RECEIPTS), Some(COSE));
    assert_eq!(chosen(&["application/cose;q=0.1234"], RECEIPTS), Some(COSE));
    let mut bytes = accept(&["application/scitt-receipt+cose"]);
    bytes.append(ACCEPT, axum::http::HeaderValue::from_bytes(b"\xff/\xff").unwrap());
    assert_eq!(negotiate(&bytes, RECEIPTS).ok(), Some(RECEIPT));
}

#[test]
fn scr_08_key_sets_are_cbor_unless_asked_for_by_name() {
    for (lines, form) in [
        (&[][..], Some(CBOR)),
        (&["application/cbor"], Some(CBOR)),
        (&["*/*"], Some(CBOR)),
        (&["application/cose-key-set"], Some(COSE_KEY_SET)),
        (&["application/cose-key-set, application/cbor"], Some(CBOR)),
        (&["application/cbor;q=0, */*"], None),
        (&["application/cose-key"], None),
    ] {
        assert_eq!(chosen(lines, KEY_SETS), form, "{lines:?}");
    }
}

#[test]
fn problems_are_json_only_where_json_is_preferred() {
    for (line, json) in [
        ("", false),
        ("*/*", false),
        ("application/cose", false),
        ("application/cbor, application/json", false),
        ("application/json", true),
        ("application/problem+json", true),
        ("application/json, text/plain, */*", true),
        ("application/json;q=0.5, */*", false),
        ("application/concise-problem-details+cbor;q=0.3, application/json;q=0.4", true),
        ("text/html, */*;q=0.8", false),
    ] {
        assert_eq!(prefers_json_problem(&accept(&[line])), json, "{line}");
    }
}

#[test]
fn json_content_speaks_json_unless_accept_rules_it_out() {
    let speaks = |content: &'static str, accept: &str| {
        speaks_json(&headers(&[("content-type", content), ("accept", accept)]))
    };
    assert!(speaks("application/json", ""));
    assert!(speaks("application/vnd.example+json; charset=utf-8", "*/*"));
    assert!(!speaks("application/json", "application/cose"));
    assert!(!speaks("application/cose", "application/json"));
    assert!(!speaks("text/plain", ""));
}

#[test]
fn scr_20_statements_come_as_cose_or_as_scitt_statements() {
    for good in [
        "application/cose",
        "Application/COSE",
        "application/cose; cose-type=\"cose-sign1\"",
        "application/cose;cose-type=cose-sign1",
        "application/cose; profile=x",
        "application/scitt-statement+cose",
    ] {
        assert!(require_statement(&headers(&[("content-type", good)])).is_ok(), "{good}");
    }
    for bad in [
        "",
        "application/cbor",
        "application/json",
        "application/cose; cose-type=\"cose-sign\"",
        "application/cose; cose-type",
        "application/scitt-receipt+cose",
        "*/*",
        "application/cose, application/cose",
        "application/cose; cose-type=\"cose-sign1",
    ] {
        assert!(require_statement(&headers(&[("content-type", bad)])).is_err(), "{bad}");
    }
    assert!(require_statement(&HeaderMap::new()).is_err());
    let twice = headers(&[("content-type", "application/cose"), ("content-type", "application/json")]);
    assert!(require_statement(&twice).is_err());
}

#[test]
fn compressed_content_is_refused() {
    let coded = |coding| headers(&[("content-type", "application/cose"), ("content-encoding", coding)]);
    assert!(require_statement(&coded("identity")).is_ok());
    assert!(require_statement(&coded("gzip")).is_err());
    assert!(require_statement(&coded("identity, br")).is_err());
}

#[test]
fn respond_async_is_found_among_preferences() {
    for (lines, found) in [
        (&["respond-async"][..], true),
        (&["Respond-Async, wait=10"], true),
        (&["wait=10", "return=minimal, respond-async;x=y"], true),
        (&["respond-async=1"], true),
        (&["return=\"respond-async\""], false),
        (&["return=\", respond-async\""], false),
        (&["respond-asynchronously"], false),
        (&[], false),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("prefer", *line)).collect();
        assert_eq!(prefers_async(&headers(&lines)), found, "{lines:?}");
    }
}
