use axum::body::to_bytes;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, Method};
use data_encoding::HEXLOWER;

use super::*;
use crate::router::Door;

async fn rendered(problem: Problem, form: Form) -> (StatusCode, HeaderMap, Vec<u8>) {
    let (response, kind) = render(problem.into_response(), form, "r1");
    assert!(kind.is_some());
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

async fn concise(problem: Problem) -> String {
    HEXLOWER.encode(&rendered(problem, Form::Concise).await.2)
}

#[tokio::test]
async fn scr_30_vector_a8_not_found() {
    let detail = "Receipt with entry ID x not known to this Transparency Service";
    assert_eq!(
        concise(Problem::of(&NO_SUCH_ENTRY).detail(detail)).await,
        "a220694e6f7420466f756e6421783e52656365697074207769746820656e7472792049442078206e6f74206b6e6f776e20746f20746869732054\
         72616e73706172656e63792053657276696365"
    );
}

#[tokio::test]
async fn scr_03_vector_a9_malformed_request() {
    assert_eq!(
        concise(Problem::of(&MALFORMED)).await,
        "a220714d616c666f726d6564207265717565737421781f546865207265717565737420636f756c64206e6f7420626520706172736564"
    );
}

#[tokio::test]
async fn scr_18_vector_a10_no_such_key() {
    assert_eq!(
        concise(Problem::of(&NO_SUCH_KEY)).await,
        "a2206b4e6f2073756368206b65792178284e6f206b657920636f756c6420626520666f756e6420666f722074686973206b69642076616c7565"
    );
}

#[test]
fn scr_27_the_texts_of_the_draft_are_word_for_word() {
    for (row, title, detail) in [
        (&BAD_ALGORITHM, "Bad Signature Algorithm", "Signed Statement contained a non-supported algorithm"),
        (&PAYLOAD_MISSING, "Payload Missing", "Signed Statement payload must be present"),
        (&REJECTED, "Rejected", "Signed Statement not accepted by the current Registration Policy"),
        (&INVALID_LOCATOR, "Invalid locator", "Operation locator is not in a valid form"),
    ] {
        assert_eq!((row.title, row.detail, row.status), (title, detail, StatusCode::BAD_REQUEST));
    }
}

#[tokio::test]
async fn scr_01_scr_02_scr_07_every_row_becomes_a_map_of_title_and_detail_alone() {
    for row in ROWS {
        let (status, headers, body) = rendered(Problem::of(row), Form::Concise).await;
        assert!(status.is_client_error() || status.is_server_error(), "{}", row.kind);
        assert_eq!(headers[CONTENT_TYPE], "application/concise-problem-details+cbor");
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[VARY], "accept");
        let value: ciborium::Value = ciborium::from_reader(&body[..]).unwrap();
        let pairs = value.as_map().unwrap();
        let labels: Vec<_> = pairs.iter().map(|(label, _)| i128::from(label.as_integer().unwrap())).collect();
        assert_eq!(labels, [-1, -2], "{}", row.kind);
        assert!(pairs.iter().all(|(_, text)| !text.as_text().unwrap().is_empty()));
        assert_eq!(proofs::cbor::encode(&value), body, "{} is deterministic", row.kind);
    }
}

#[tokio::test]
async fn json_problems_hold_the_members_of_rfc_9457() {
    let problem = Problem::of(&INVALID_RANGE).retry_after(Duration::from_millis(1500));
    let (status, headers, body) = rendered(problem, Form::Json).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!(headers[RETRY_AFTER], "2");
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["type"], "urn:stele:problem:invalid-range");
    assert_eq!(json["title"], "Invalid Range");
    assert_eq!(json["status"], 400);
    assert_eq!(json["instance"], "urn:stele:request:r1");
}

#[tokio::test]
async fn scr_06_failures_of_the_framework_are_rewritten() {
    for status in (400..=599).filter_map(|code| StatusCode::from_u16(code).ok()) {
        let mut bare = (status, "a body of the framework").into_response();
        bare.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
        let (response, kind) = render(bare, Form::Concise, "r1");
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[ALLOW], "GET,HEAD");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/concise-problem-details+cbor");
        assert!(kind.is_some());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("framework"));
    }
}

#[tokio::test]
async fn answers_that_are_no_failures_pass_as_they_are() {
    let (response, kind) = render((StatusCode::CREATED, "receipt").into_response(), Form::Json, "r1");
    assert_eq!((response.status(), kind), (StatusCode::CREATED, None));
    assert_eq!(to_bytes(response.into_body(), 99).await.unwrap(), "receipt");
}

#[tokio::test]
async fn an_internal_cause_is_never_shown() {
    for form in [Form::Concise, Form::Json] {
        let problem = Problem::of(&INTERNAL).cause("disk /var/secret failed");
        let (status, headers, body) = rendered(problem, form).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
        assert!(!format!("{headers:?}").contains("secret"));
    }
}

#[test]
fn details_are_bounded() {
    let problem = Problem::of(&REJECTED).detail("\u{e9}".repeat(20_000));
    assert_eq!(problem.detail.chars().count(), DETAIL_CHARACTERS + 1);
    assert!(problem.detail.ends_with('\u{2026}'));
    let exact = "x".repeat(DETAIL_CHARACTERS);
    assert_eq!(Problem::of(&REJECTED).detail(exact.clone()).detail, exact);
}

/// A problem without findings fits into the room for a receipt, whatever a client wrote.
#[test]
fn details_of_one_among_many_are_bounded_in_bytes() {
    let location = format!("https://{}/entries/{}", "x".repeat(60), "0".repeat(64));
    let problem = |detail: String| {
        let problem = Problem::of(&OVERLOADED).detail(detail).location(&location);
        element(&problem.retry_after(Duration::from_secs(3_600)))
    };
    for character in ["\u{1f3db}", "\u{e9}", "x"] {
        let bytes = problem(character.repeat(1000));
        assert!(bytes.len() <= 1280, "{} bytes", bytes.len());
        let told: ciborium::Value = ciborium::from_reader(bytes.as_slice()).unwrap();
        let detail = told.as_map().unwrap()[1].1.as_text().unwrap();
        assert!(detail.ends_with('\u{2026}') && detail.len() >= 800, "{detail}");
    }
    let whole = problem("x".repeat(800));
    assert!(whole.windows(800).any(|part| part == [b'x'; 800]));
}

#[test]
fn waits_are_rounded_up_and_never_zero() {
    for (wait, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds);
    }
}

#[test]
fn the_door_decides_the_form() {
    let headers = |lines: &[(&'static str, &'static str)]| -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    };
    let json = headers(&[("accept", "application/json")]);
    let none = headers(&[]);
    let posts_json = headers(&[("content-type", "application/json")]);
    for (door, method, headers, form) in [
        (Door::Scitt, Method::GET, &json, Form::Concise),
        (Door::Scitt, Method::POST, &json, Form::Concise),
        (Door::Scitt, Method::POST, &posts_json, Form::Json),
        (Door::Scitt, Method::GET, &posts_json, Form::Concise),
        (Door::Cose, Method::GET, &none, Form::Concise),
        (Door::Cose, Method::GET, &json, Form::Json),
        (Door::Text, Method::GET, &json, Form::Json),
        (Door::Unknown, Method::GET, &none, Form::Concise),
        (Door::Unknown, Method::GET, &json, Form::Json),
        (Door::Json, Method::GET, &none, Form::Json),
        (Door::Probe, Method::GET, &none, Form::Json),
    ] {
        assert_eq!(Form::at(door, &method, headers), form, "{door:?} {method}");
    }
}
