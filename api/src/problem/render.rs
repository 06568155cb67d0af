//! From a problem to bytes.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use ciborium::Value;
use serde_json::{Map, json};

use super::{FINDINGS_MEMBER, Problem, UNSUPPORTED_MEDIA_TYPE};
use crate::layers::Charge;
use crate::media::{self, ACCEPT_POST, CONCISE_PROBLEM, PROBLEM_JSON, REGISTRABLE};
use crate::router::Door;

/// In which form a request's failures are told. Fixed before the request is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// RFC 9290, deterministic CBOR.
    Concise,
    /// RFC 9457.
    Json,
}

impl Form {
    /// The form for a request at a door (D13).
    pub(crate) fn at(door: Door, method: &Method, headers: &HeaderMap) -> Self {
        let json = match door {
            Door::Scitt => method == Method::POST && media::speaks_json(headers),
            Door::Json | Door::Probe => true,
            Door::Cose | Door::Text | Door::Binary | Door::Unknown => media::prefers_json_problem(headers),
        };
        if json { Self::Json } else { Self::Concise }
    }
}

/// Gives every failure its body and headers; any other response passes as it is.
///
/// Returns the kind of the failure beside it.
pub(crate) fn render(response: Response, form: Form, request_id: &str) -> (Response, Option<&'static str>) {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return (response, None);
    }
    let carried = response.extensions().get::<Arc<Problem>>().cloned();
    let problem = carried.unwrap_or_else(|| Arc::new(Problem::of_status(status)));
    log(&problem);
    let mut rendered = match form {
        Form::Concise => with_body(&problem, CONCISE_PROBLEM, concise(&problem)),
        Form::Json => with_body(&problem, PROBLEM_JSON, json(&problem, request_id)),
    };
    let headers = rendered.headers_mut();
    // A pending entry's 404 must not outlive it in a cache, and the form depends on Accept.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from(ACCEPT));
    if let Some(allow) = response.headers().get(ALLOW) {
        headers.insert(ALLOW, allow.clone());
    }
    if problem.row == &UNSUPPORTED_MEDIA_TYPE {
        headers.insert(ACCEPT_POST, HeaderValue::from_static(REGISTRABLE));
    }
    for (name, value) in &problem.headers {
        headers.insert(name, value.clone());
    }
    (rendered, Some(problem.row.kind))
}

fn log(problem: &Problem) {
    if problem.status == StatusCode::INTERNAL_SERVER_ERROR {
        let cause = problem.cause.as_deref().unwrap_or("unknown");
        tracing::error!(problem = problem.row.kind, cause, "request failed");
    } else if let Some(cause) = &problem.cause {
        tracing::warn!(problem = problem.row.kind, cause, "request refused");
    }
}

fn with_body(problem: &Problem, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = problem.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    *response.body_mut() = match &problem.room {
        Some(room) => Body::from(Charge::shared_onto(Arc::clone(room), body)),
        None => Body::from(body),
    };
    response
}

/// What a profile found, as problem details in JSON tell it, under a key of ours (RFC 9290 §3.2).
const FINDINGS_KEY: &str = "urn:stele:findings";

/// `{-1: title, -2: detail}`, and findings if there are any; never -4, which is a CoAP code of one byte (SCR-02, SCR-07).
fn concise(problem: &Problem) -> Vec<u8> {
    proofs::cbor::encode(&Value::Map(told(problem)))
}

fn told(problem: &Problem) -> Vec<(Value, Value)> {
    let text = |label: i64, text: &str| (Value::from(label), Value::from(text));
    let mut told = vec![text(-1, problem.row.title), text(-2, &problem.detail)];
    let findings = problem.members.iter().find(|(name, _)| *name == FINDINGS_MEMBER);
    let findings = findings.and_then(|(_, findings)| findings.as_array()).into_iter().flatten();
    let findings: Vec<Value> = findings.filter_map(|one| Value::serialized(one).ok()).collect();
    if !findings.is_empty() {
        told.push((Value::from(FINDINGS_KEY), Value::Array(findings)));
    }
    told
}

/// What tells machines about one statement of a batch, under a key of ours (RFC 9290 §3.2): `kind` and `status` as the
/// statement alone would have got them, and, where that answer has the headers, `location` and `retry-after`.
const BATCH_KEY: &str = "urn:stele:batch";

/// The problem as one item of an answer that holds many.
pub(crate) fn element(problem: &Problem) -> Vec<u8> {
    log(problem);
    let header = |name| header(problem, name);
    let mut facts = vec![
        (Value::from("kind"), Value::from(problem.row.kind)),
        (Value::from("status"), Value::from(problem.status.as_u16())),
    ];
    if let Some(location) = header(LOCATION) {
        facts.push((Value::from("location"), Value::from(location)));
    }
    if let Some(seconds) = header(RETRY_AFTER).and_then(|seconds| seconds.parse::<u64>().ok()) {
        facts.push((Value::from("retry-after"), Value::from(seconds)));
    }
    let mut told = told(problem);
    if let Some((_, detail)) = told.get_mut(1) {
        *detail = Value::from(brief(&problem.detail));
    }
    told.push((Value::from(BATCH_KEY), Value::Map(facts)));
    proofs::cbor::encode(&Value::Map(told))
}

/// The most bytes of the detail of one problem among many, so that the whole is of the order of a receipt.
const DETAIL_OF_ELEMENT: usize = 800;

fn brief(detail: &str) -> String {
    let mut brief = detail.to_owned();
    if brief.len() > DETAIL_OF_ELEMENT {
        brief.truncate(brief.floor_char_boundary(DETAIL_OF_ELEMENT));
        brief.push('\u{2026}');
    }
    brief
}

fn json(problem: &Problem, request_id: &str) -> Vec<u8> {
    let mut members = members(problem);
    members.insert("instance".to_owned(), json!(format!("urn:stele:request:{request_id}")));
    serde_json::Value::Object(members).to_string().into_bytes()
}

/// The problem as one of many in an answer in JSON, with what would have stood in the headers of its own.
pub(crate) fn details(problem: &Problem) -> Map<String, serde_json::Value> {
    log(problem);
    let mut members = members(problem);
    if let Some(location) = header(problem, LOCATION) {
        members.insert("location".to_owned(), json!(location));
    }
    if let Some(seconds) = header(problem, RETRY_AFTER).and_then(|seconds| seconds.parse::<u64>().ok()) {
        members.insert("retry_after".to_owned(), json!(seconds));
    }
    members
}

fn header(problem: &Problem, name: HeaderName) -> Option<&str> {
    problem.headers.iter().find(|(known, _)| *known == name)?.1.to_str().ok()
}

/// What problem details in JSON say of this failure, wherever they stand.
fn members(problem: &Problem) -> Map<String, serde_json::Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: serde_json::Value| members.insert(name.to_owned(), value);
    put("type", json!(format!("urn:stele:problem:{}", problem.row.kind)));
    put("title", json!(problem.row.title));
    put("status", json!(problem.status.as_u16()));
    put("detail", json!(problem.detail));
    for (name, value) in &problem.members {
        put(name, value.clone());
    }
    members
}
