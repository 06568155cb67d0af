//! Failures as the world sees them: the only home of failure status codes and of their texts.
//!
//! A handler or a layer ends with a [`Problem`]; what the client reads is made at the very edge
//! ([`render()`]), which knows the door: concise problem details (RFC 9290) on the SCITT paths, problem
//! details in JSON (RFC 9457) on the JSON doors, and elsewhere whichever `Accept` prefers (D13). Failures
//! that the framework makes by itself are rewritten there too (SCR-06). The cause of an internal failure is
//! logged with the request id and never shown.

mod outcome;
mod record;
mod render;
pub(crate) mod witness;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::profile::Finding;
use serde_json::{Value, json};

use crate::layers::Charge;

pub(crate) use render::{Form, details, element, render};

/// One kind of failure: status, title, and the detail used when nothing more exact is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Name in metrics, logs and the `type` of problem details in JSON.
    pub(crate) kind: &'static str,
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $kind:literal, $title:literal, $detail:literal;)+) => {
        $($(#[$doc])* pub(crate) static $name: Row =
            Row { kind: $kind, status: StatusCode::$status, title: $title, detail: $detail };)+

        /// Every row, for tests.
        #[cfg(test)]
        static ROWS: &[&Row] = &[$(&$name),+];
    };
}

// Titles and details of SCRAPI §2.1 are word for word (SCR-03, SCR-18, SCR-27, SCR-30, SCR-34).
rows! {
    MALFORMED = BAD_REQUEST, "malformed-request", "Malformed request", "The request could not be parsed";
    BAD_ALGORITHM = BAD_REQUEST, "bad-signature-algorithm", "Bad Signature Algorithm",
        "Signed Statement contained a non-supported algorithm";
    PAYLOAD_MISSING = BAD_REQUEST, "payload-missing", "Payload Missing",
        "Signed Statement payload must be present";
    REJECTED = BAD_REQUEST, "rejected", "Rejected",
        "Signed Statement not accepted by the current Registration Policy";
    INVALID_LOCATOR = BAD_REQUEST, "invalid-locator", "Invalid locator",
        "Operation locator is not in a valid form";
    INVALID_SIGNATURE = BAD_REQUEST, "invalid-signature", "Invalid Signature",
        "The signature of the Signed Statement does not verify";
    UNKNOWN_ISSUER_KEY = BAD_REQUEST, "unknown-issuer-key", "Unknown Issuer Key",
        "No registered trust anchor vouches for the key of the Signed Statement";
    MISSING_CLAIMS = BAD_REQUEST, "missing-claims", "Missing Claims",
        "The protected header must hold CWT Claims (label 15) with iss (1) and sub (2)";
    UNKNOWN_CRITICAL_HEADER = BAD_REQUEST, "unknown-critical-header", "Unknown Critical Header",
        "The Signed Statement marks a header parameter as critical that this service does not know";
    INVALID_RANGE = BAD_REQUEST, "invalid-range", "Invalid Range",
        "The query must name two tree sizes, from and to, as decimal numbers with 0 < from < to";
    INVALID_PAGE = BAD_REQUEST, "invalid-page", "Invalid Range",
        "The query may name a leaf index, from, and a tree size, to, as decimal numbers with from < to";
    INVALID_SIZE = BAD_REQUEST, "invalid-size", "Invalid Range",
        "The query must name an entry id, entry, in 64 lower-case hexadecimal digits, and a tree size, size, in decimal";
    TOKEN_NEEDED = UNAUTHORIZED, "token-needed", "Unauthorized",
        "Statements and collateral of this service are read with a bearer token";
    TOKEN_UNKNOWN = UNAUTHORIZED, "token-unknown", "Unauthorized",
        "The Authorization header holds no bearer token that this service knows";
    CREDENTIALS_NEEDED = UNAUTHORIZED, "credentials-needed", "Unauthorized",
        "Records that are not signed are taken from known producers, who present their token as Bearer";
    EVIDENCE_CLOSED = FORBIDDEN, "evidence-closed", "Forbidden",
        "This service takes no records that are not signed; send a Signed Statement to /entries";
    OUT_OF_SCOPE = FORBIDDEN, "out-of-scope", "Forbidden", "These credentials do not cover this door, system or subject";
    INVALID_ENVELOPE = BAD_REQUEST, "invalid-envelope", "Invalid Envelope",
        "The query may name one envelope, envelope=sha-256, and then only the digest of the record is logged";
    FINDINGS = UNPROCESSABLE_ENTITY, "findings", "Record Refused",
        "The record breaks rules of its system that the registration policy holds it to";
    UNRECOGNISED_RECORD = UNPROCESSABLE_ENTITY, "unrecognised-record", "Unrecognised Record",
        "The content is no record of a system that this service knows by its members; name its content type, which \
         Accept-Post of this resource lists";
    NO_SUBJECT = UNPROCESSABLE_ENTITY, "no-subject", "No Subject",
        "The record does not say what it is about, so it could not be found again";
    INVALID_CLOUD_EVENT = BAD_REQUEST, "invalid-cloud-event", "Invalid CloudEvent",
        "The request holds no CloudEvent that this service takes";
    EVENTS_REFUSED = UNPROCESSABLE_ENTITY, "events-refused", "Events Refused",
        "Not every event of the batch was registered; the results say which, and why";
    INVALID_SEARCH = BAD_REQUEST, "invalid-search", "Invalid Search",
        "The query cannot be asked; GET /search/terms tells what can";
    NO_SUCH_KEY = NOT_FOUND, "no-such-key", "No such key", "No key could be found for this kid value";
    NO_SUCH_ENTRY = NOT_FOUND, "no-such-entry", "Not Found",
        "The entry is not known to this Transparency Service";
    NOT_YET_PUBLISHED = NOT_FOUND, "not-yet-published", "Not Yet Published",
        "The entry is in the log and no checkpoint covers it yet";
    NOT_YET_ANCHORED = NOT_FOUND, "not-yet-anchored", "Not Yet Anchored",
        "The TRACE record is in the log and its batch is not registered yet";
    NOT_CACHED = SERVICE_UNAVAILABLE, "transaction-not-cached", "TransactionNotCached",
        "The entry is in the log and its receipt waits for the witnesses; repeat the request after Retry-After";
    NO_SUCH_TILE = NOT_FOUND, "no-such-tile", "No Such Tile",
        "No tile or bundle has this path, or the newest checkpoint does not cover it";
    NO_SUCH_RESOURCE = NOT_FOUND, "no-such-resource", "Not Found",
        "There is nothing at this path; GET / tells what is where";
    ERASED = GONE, "erased", "Gone", "The statement of this entry was erased";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "Method Not Allowed",
        "This resource does not know the method; Allow lists those it knows";
    NOT_ACCEPTABLE = NOT_ACCEPTABLE, "not-acceptable", "Not Acceptable",
        "Accept excludes every form in which this resource can be sent";
    BODY_TIMEOUT = REQUEST_TIMEOUT, "body-timeout", "Request Timeout",
        "The content did not arrive in time";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "statement-too-large", "Statement Too Large",
        "The Signed Statement is larger than this service accepts";
    BATCH_TOO_LARGE = PAYLOAD_TOO_LARGE, "batch-too-large", "Batch Too Large",
        "The batch is larger than this service accepts, and nothing of it was registered";
    TARGET_TOO_LONG = URI_TOO_LONG, "target-too-long", "URI Too Long", "The request target is too long";
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported Media Type",
        "Send one Signed Statement as application/cose or application/scitt-statement+cose";
    TOO_MANY_REQUESTS = TOO_MANY_REQUESTS, "too-many-requests", "Too Many Requests",
        "More requests than are allowed";
    HEADERS_TOO_LARGE = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large",
        "Request Header Fields Too Large", "The request headers are too large";
    INTERNAL = INTERNAL_SERVER_ERROR, "internal", "Internal Server Error",
        "The service failed; its operators find the cause in the log under the X-Request-Id of this response";
    OVERLOADED = SERVICE_UNAVAILABLE, "overloaded", "Service Unavailable",
        "The service is busy; repeat the request after Retry-After";
    DEADLINE = SERVICE_UNAVAILABLE, "not-committed-in-time", "Service Unavailable",
        "The Signed Statement was not committed in time; registering it again is safe";
    STOPPING = SERVICE_UNAVAILABLE, "stopping", "Service Unavailable",
        "The service is stopping; repeat the request after Retry-After";
    NOT_READY = SERVICE_UNAVAILABLE, "not-ready", "Service Unavailable", "The service is not ready";
    TIMED_OUT = SERVICE_UNAVAILABLE, "timed-out", "Service Unavailable",
        "The request took too long and was given up; repeating it is safe";
    // Failures of the framework that have no row of their own.
    OTHER_REQUEST = BAD_REQUEST, "bad-request", "Bad Request", "The request cannot be answered";
}

/// Most characters of a detail: details quote the client's own words, which may be long.
const DETAIL_CHARACTERS: usize = 1000;

/// The member that says what a profile found.
const FINDINGS_MEMBER: &str = "findings";

/// A failure on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    row: &'static Row,
    status: StatusCode,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Further members; of problem details in CBOR only the findings.
    members: Vec<(&'static str, Value)>,
    cause: Option<String>,
    /// Room for what the client reads, where it may be large.
    room: Option<Arc<Charge>>,
}

impl Problem {
    /// A failure with the texts of its row.
    pub(crate) fn of(row: &'static Row) -> Self {
        let (headers, members) = (Vec::new(), Vec::new());
        let detail = Cow::Borrowed(row.detail);
        Self { row, status: row.status, detail, headers, members, cause: None, room: None }
    }

    /// A failure of the framework, known only by its status.
    fn of_status(status: StatusCode) -> Self {
        let row = match status {
            StatusCode::NOT_FOUND => &NO_SUCH_RESOURCE,
            StatusCode::METHOD_NOT_ALLOWED => &METHOD_NOT_ALLOWED,
            StatusCode::NOT_ACCEPTABLE => &NOT_ACCEPTABLE,
            StatusCode::REQUEST_TIMEOUT => &BODY_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE => &TOO_LARGE,
            StatusCode::URI_TOO_LONG => &TARGET_TOO_LONG,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => &UNSUPPORTED_MEDIA_TYPE,
            StatusCode::TOO_MANY_REQUESTS => &TOO_MANY_REQUESTS,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => &HEADERS_TOO_LARGE,
            StatusCode::SERVICE_UNAVAILABLE => &OVERLOADED,
            other if other.is_server_error() => &INTERNAL,
            _ => &OTHER_REQUEST,
        };
        Self { status, ..Self::of(row) }
    }

    /// Says more exactly what is wrong, at most [`DETAIL_CHARACTERS`] of it.
    pub(crate) fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        let long = detail.chars().nth(DETAIL_CHARACTERS).is_some();
        self.detail = if long { shortened(&detail).into() } else { detail };
        self
    }

    /// The row's own detail, and what is wrong in particular.
    pub(crate) fn because(self, particular: impl Display) -> Self {
        let detail = format!("{}: {particular}", self.row.detail);
        self.detail(detail)
    }

    /// How long the client should wait, rounded up to whole seconds and at least one (SCR-33).
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)))
    }

    /// Where the receipt will be, once there is one.
    pub(crate) fn location(self, url: &str) -> Self {
        match HeaderValue::from_str(url) {
            Ok(value) => self.header(LOCATION, value),
            Err(_) => self,
        }
    }

    /// One more header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Everything that was found, whether it refuses or not, the worst first.
    pub(crate) fn findings(self, findings: &[Finding]) -> Self {
        let mut worst_first: Vec<&Finding> = findings.iter().collect();
        worst_first.sort_by_key(|finding| Reverse(finding.severity));
        if worst_first.is_empty() { self } else { self.member(FINDINGS_MEMBER, json!(worst_first)) }
    }

    /// One more member.
    pub(crate) fn member(mut self, name: &'static str, value: Value) -> Self {
        self.members.push((name, value));
        self
    }

    /// Binds the room that was taken for it to what the client reads, until that has left.
    pub(crate) fn in_room(mut self, room: Charge) -> Self {
        self.room = Some(Arc::new(room.of_client()));
        self
    }

    /// Its name in metrics.
    pub(crate) fn kind(&self) -> &'static str {
        self.row.kind
    }

    /// What the log should say and the client should not read.
    pub(crate) fn cause(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }
}

fn shortened(detail: &str) -> String {
    detail.chars().take(DETAIL_CHARACTERS).chain(['\u{2026}']).collect()
}

/// A wait in whole seconds, rounded up, at least one: `Retry-After: 0` would ask for a storm.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let started = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(started).max(1)
}

impl IntoResponse for Problem {
    /// An empty response that carries the problem to [`render()`].
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests;
