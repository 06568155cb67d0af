//! What a client sends and what it can read: `Content-Type`, `Accept` and `Prefer` (RFC 9110 §8.3, §12.5.1;
//! RFC 7240).
//!
//! Several header lines of one name are one list, as the request example of SCRAPI §2.1.3 needs (SCR-20).

mod header;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ledger::profile::Kind;

use crate::problem::{self, Problem};
use header::{MediaType, Range, coding, list, media_type, ranges};

/// COSE messages (RFC 9052 §11.3.1).
pub(crate) const COSE: &str = "application/cose";
/// Signed statements (RFC 9943 §10.1).
pub(crate) const STATEMENT: &str = "application/scitt-statement+cose";
/// Receipts (RFC 9943 §10.2).
pub(crate) const RECEIPT: &str = "application/scitt-receipt+cose";
/// CBOR in general (RFC 8949 §9.5).
pub(crate) const CBOR: &str = "application/cbor";
/// One COSE key (RFC 9052 §11.3.2).
pub(crate) const COSE_KEY: &str = "application/cose-key";
/// A COSE key set (RFC 9052 §11.3.2).
pub(crate) const COSE_KEY_SET: &str = "application/cose-key-set";
/// Concise problem details (RFC 9290 §6.3).
pub(crate) const CONCISE_PROBLEM: &str = "application/concise-problem-details+cbor";
/// Problem details in JSON (RFC 9457 §3).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// CBOR items one after another (RFC 8742 §7).
pub(crate) const CBOR_SEQUENCE: &str = "application/cbor-seq";
/// JSON (RFC 8259).
pub(crate) const JSON: &str = "application/json";
/// JSON values, a line each (<https://github.com/ndjson/ndjson-spec>).
pub(crate) const NDJSON: &str = "application/x-ndjson";
/// One event in JSON (CloudEvents JSON format §3).
pub(crate) const CLOUD_EVENT: &str = "application/cloudevents+json";
/// Many of them (CloudEvents JSON format §4).
pub(crate) const CLOUD_EVENTS: &str = "application/cloudevents-batch+json";
/// Plain text; C2SP checkpoints are this too.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
/// Bytes without a type of their own: tiles and bundles (TILE-03, TILE-08).
pub(crate) const BYTES: &str = "application/octet-stream";
/// What `POST /entries` reads, for `Accept-Post` and for people.
pub(crate) const REGISTRABLE: &str = "application/cose, application/scitt-statement+cose";

/// Which types a resource reads (W3C Linked Data Platform §7.1).
pub(crate) const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// One form in which a resource can be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// Type and subtype, lower case.
    essence: &'static str,
    /// A parameter the content satisfies although it is not sent: a range that asks for another value
    /// excludes it.
    satisfies: Option<(&'static str, &'static str)>,
    /// Wildcards do not reach it.
    by_name_only: bool,
}

impl Offer {
    const fn plain(essence: &'static str) -> Self {
        Self { essence, satisfies: None, by_name_only: false }
    }

    const fn sign1() -> Self {
        Self { satisfies: Some(("cose-type", "cose-sign1")), ..Self::plain(COSE) }
    }

    const fn by_name(essence: &'static str) -> Self {
        Self { by_name_only: true, ..Self::plain(essence) }
    }
}

/// Receipts: `application/cose`, or the registered type when the client prefers it.
pub(crate) const RECEIPTS: &[Offer] = &[Offer::sign1(), Offer::plain(RECEIPT)];
/// Consistency: a receipt, or what it proves in JSON.
pub(crate) const CONSISTENCY: &[Offer] = &[Offer::sign1(), Offer::plain(RECEIPT), Offer::plain(JSON)];
/// An entry: its receipt, or what is known of it for those who name JSON.
pub(crate) const ENTRIES: &[Offer] = &[Offer::sign1(), Offer::plain(RECEIPT), Offer::by_name(JSON)];
/// What a TRACE locator leads to: what is known of the entry, or its receipt for those who name its type.
pub(crate) const LOCATED: &[Offer] = &[Offer::plain(JSON), Offer::by_name(COSE), Offer::by_name(RECEIPT)];
/// Signed and transparent statements.
pub(crate) const STATEMENTS: &[Offer] = &[Offer::sign1(), Offer::plain(STATEMENT)];
/// The key set: SCRAPI demands `application/cbor` (SCR-08); the more exact type only by name.
pub(crate) const KEY_SETS: &[Offer] = &[Offer::plain(CBOR), Offer::by_name(COSE_KEY_SET)];
/// One key.
pub(crate) const KEYS: &[Offer] = &[Offer::plain(CBOR), Offer::by_name(COSE_KEY)];
/// The answers to a batch, and pages of statements.
pub(crate) const SEQUENCES: &[Offer] = &[Offer::plain(CBOR_SEQUENCE)];
/// What a producer reads of a record.
pub(crate) const JSONS: &[Offer] = &[Offer::plain(JSON)];
/// What a producer reads of records, a line each.
pub(crate) const LINES: &[Offer] = &[Offer::plain(NDJSON)];
/// Collateral records.
pub(crate) const COLLATERAL: &[Offer] = &[Offer::plain(CBOR)];

const LANDINGS: &[Offer] = &[Offer::plain("text/plain"), Offer::plain(JSON)];
const JSON_PROBLEMS: &[Offer] = &[Offer::plain(PROBLEM_JSON), Offer::plain(JSON)];
const CBOR_PROBLEMS: &[Offer] = &[Offer::plain(CONCISE_PROBLEM), Offer::plain(CBOR)];

/// Quality in thousandths, then how exactly the range named the offer: the order in which a client prefers
/// things.
type Preference = (u16, u8);

/// The form to send: the best quality, then the form named most exactly, then the first offered.
///
/// # Errors
///
/// 406 when `Accept` excludes every offer. A missing `Accept`, or one in which nothing can be read, excludes
/// nothing.
pub(crate) fn negotiate(headers: &HeaderMap, offers: &'static [Offer]) -> Result<&'static str, Problem> {
    let ranges = ranges(headers);
    best(&ranges, offers).map(|(_, essence)| essence).ok_or_else(|| {
        let names: Vec<_> = offers.iter().map(|offer| offer.essence).collect();
        let detail = format!("This resource can be sent as {}, which Accept excludes", names.join(" or "));
        Problem::of(&problem::NOT_ACCEPTABLE).detail(detail)
    })
}

/// Whether a person's page should be JSON rather than text.
pub(crate) fn wants_json_page(headers: &HeaderMap) -> bool {
    best(&ranges(headers), LANDINGS).is_some_and(|(_, essence)| essence == JSON)
}

/// Whether the client would rather read a problem in JSON than in CBOR (D13).
pub(crate) fn prefers_json_problem(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers);
    best(&ranges, JSON_PROBLEMS).map(|(preference, _)| preference)
        > best(&ranges, CBOR_PROBLEMS).map(|(preference, _)| preference)
}

/// Whether the request's content is JSON and its `Accept` leaves room for an answer in JSON (D13).
pub(crate) fn speaks_json(headers: &HeaderMap) -> bool {
    let content = content_type(headers);
    content.is_some_and(|content| content.subtype == "json" || content.subtype.ends_with("+json"))
        && best(&ranges(headers), JSON_PROBLEMS).is_some()
}

/// Checks that the content is declared to be one signed statement, uncompressed (SCR-20).
///
/// # Errors
///
/// 415 with `Accept-Post`.
pub(crate) fn require_statement(headers: &HeaderMap) -> Result<(), Problem> {
    if is_compressed(headers) {
        let detail =
            "The content is compressed; send the Signed Statement as it is, without Content-Encoding";
        return Err(Problem::of(&problem::UNSUPPORTED_MEDIA_TYPE).detail(detail));
    }
    match content_type(headers) {
        Some(content) if is_statement(&content) => Ok(()),
        _ => Err(Problem::of(&problem::UNSUPPORTED_MEDIA_TYPE)),
    }
}

/// Checks that the content is declared to be a CBOR sequence, uncompressed.
///
/// # Errors
///
/// 415 with `Accept-Post`.
pub(crate) fn require_sequence(headers: &HeaderMap) -> Result<(), Problem> {
    let declared = content_type(headers).is_some_and(|content| content.essence() == CBOR_SEQUENCE);
    if declared && !is_compressed(headers) {
        return Ok(());
    }
    let detail = "Send Signed Statements one after another as application/cbor-seq, without Content-Encoding";
    let accepted = HeaderValue::from_static(CBOR_SEQUENCE);
    Err(Problem::of(&problem::UNSUPPORTED_MEDIA_TYPE).detail(detail).header(ACCEPT_POST, accepted))
}

/// Whether the content is declared to be a record in JSON, of whatever system: what tells it from a signed statement.
pub(crate) fn is_record(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|content| record_kind(&content).is_some())
}

/// Which kind of record the content is declared to be; `None` for JSON that is to be recognised.
///
/// # Errors
///
/// 415 with `Accept-Post`.
pub(crate) fn require_record(headers: &HeaderMap) -> Result<Option<Kind>, Problem> {
    let kind = content_type(headers).and_then(|content| record_kind(&content));
    kind.filter(|_| !is_compressed(headers)).ok_or_else(|| {
        let detail = "Send one record as application/json, or as the content type of its system, or many as \
                      application/x-ndjson, without Content-Encoding";
        let problem = Problem::of(&problem::UNSUPPORTED_MEDIA_TYPE).detail(detail);
        match HeaderValue::from_str(&record_types()) {
            Ok(types) => problem.header(ACCEPT_POST, types),
            Err(_) => problem,
        }
    })
}

/// Checks that the content is declared to be plain JSON, uncompressed.
///
/// # Errors
///
/// 415 with `Accept-Post`.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let declared = content_type(headers).is_some_and(|content| content.essence() == JSON);
    if declared && !is_compressed(headers) {
        return Ok(());
    }
    let detail = "Send one entry as application/json, without Content-Encoding";
    let accepted = HeaderValue::from_static(JSON);
    Err(Problem::of(&problem::UNSUPPORTED_MEDIA_TYPE).detail(detail).header(ACCEPT_POST, accepted))
}

/// Whether the content is declared to be a record a line.
pub(crate) fn is_lines(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|content| content.essence() == NDJSON)
}

/// Checks that lines are not compressed.
///
/// # Errors
///
/// 415 with `Accept-Post`.
pub(crate) fn require_lines(headers: &HeaderMap) -> Result<(), Problem> {
    if is_lines(headers) && !is_compressed(headers) {
        return Ok(());
    }
    let detail = "Send records, one a line, as application/x-ndjson, without Content-Encoding";
    let accepted = HeaderValue::from_static(NDJSON);
    Err(Problem::of(&problem::UNSUPPORTED_MEDIA_TYPE).detail(detail).header(ACCEPT_POST, accepted))
}

/// How an event is sent (CloudEvents HTTP binding §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The content is the event.
    Structured,
    /// The content is many events.
    Batch,
    /// The content is the data of the event, of this kind if that was named.
    Data(Option<Kind>),
}

/// In which mode an event is sent.
///
/// # Errors
///
/// 415 with `Accept-Post`; 400 for JSON without the headers of an event.
pub(crate) fn require_event(headers: &HeaderMap) -> Result<Event, Problem> {
    let content = content_type(headers).filter(|_| !is_compressed(headers));
    let event = content.and_then(|content| match content.essence().as_str() {
        CLOUD_EVENT => Some(Event::Structured),
        CLOUD_EVENTS => Some(Event::Batch),
        _ => record_kind(&content).map(Event::Data),
    });
    match event {
        Some(Event::Data(_)) if !headers.contains_key("ce-specversion") => Err(Problem::of(
            &problem::INVALID_CLOUD_EVENT,
        )
        .because(
            "there is neither an event in the content, by its type, nor are its attributes in ce-* headers",
        )),
        Some(event) => Ok(event),
        None => {
            let detail = "Send one event as application/cloudevents+json, many as \
                          application/cloudevents-batch+json, or its data in JSON with its attributes in ce-* headers";
            let accepted = "application/cloudevents+json, application/cloudevents-batch+json, application/json, \
                            application/vnd.aigp.event+json, application/vnd.agent-evidence.event+json";
            let problem = Problem::of(&problem::UNSUPPORTED_MEDIA_TYPE).detail(detail);
            Err(problem.header(ACCEPT_POST, HeaderValue::from_static(accepted)))
        }
    }
}

fn record_kind(content: &MediaType<'_>) -> Option<Option<Kind>> {
    match content.essence().as_str() {
        JSON => Some(None),
        essence => Kind::of_content_type(essence).map(Some),
    }
}

fn record_types() -> String {
    let kinds = Kind::all().map(Kind::content_type);
    [JSON, NDJSON].into_iter().chain(kinds).collect::<Vec<_>>().join(", ")
}

fn is_compressed(headers: &HeaderMap) -> bool {
    list(headers, &CONTENT_ENCODING).any(|coding| !coding.eq_ignore_ascii_case("identity"))
}

/// Whether `Prefer: respond-async` was sent (RFC 7240 §4.1). A preference never decides what is registered
/// (SCR-35).
pub(crate) fn prefers_async(headers: &HeaderMap) -> bool {
    list(headers, &HeaderName::from_static("prefer"))
        .filter_map(|preference| preference.split([';', '=']).next())
        .any(|name| name.trim().eq_ignore_ascii_case("respond-async"))
}

/// Whether the client would as soon have gzip as the content itself (RFC 9110 §12.5.3). Without `Accept-Encoding` it
/// gets the content itself.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings: Vec<_> = list(headers, &ACCEPT_ENCODING).filter_map(coding).collect();
    let named = |name: &str| {
        codings.iter().find(|(coding, _)| coding.eq_ignore_ascii_case(name)).map(|(_, quality)| *quality)
    };
    let gzip = named("gzip").or_else(|| named("x-gzip")).or_else(|| named("*")).unwrap_or(0);
    gzip > 0 && gzip >= named("identity").unwrap_or(0)
}

fn is_statement(content: &MediaType<'_>) -> bool {
    match content.essence().as_str() {
        STATEMENT => true,
        COSE => content.parameter("cose-type").is_none_or(|kind| kind.eq_ignore_ascii_case("cose-sign1")),
        _ => false,
    }
}

fn content_type(headers: &HeaderMap) -> Option<MediaType<'_>> {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let line = lines.next()?.to_str().ok()?;
    // Two lines that could disagree name no type at all.
    if lines.next().is_some() { None } else { media_type(line) }
}

fn best(ranges: &[Range<'_>], offers: &'static [Offer]) -> Option<(Preference, &'static str)> {
    let mut chosen: Option<(Preference, &'static str)> = None;
    for offer in offers {
        let preference = preference(ranges, offer);
        let better = chosen.is_none_or(|(other, _)| preference > other);
        if preference.0 > 0 && better {
            chosen = Some((preference, offer.essence));
        }
    }
    chosen
}

/// The quality of the most exact range that reaches the offer (RFC 9110 §12.5.1); quality 0 when none does.
fn preference(ranges: &[Range<'_>], offer: &Offer) -> Preference {
    if ranges.is_empty() {
        return if offer.by_name_only { (0, 0) } else { (1000, 0) };
    }
    let reached =
        ranges.iter().filter_map(|range| exactness(range, offer).map(|exact| (exact, range.quality)));
    reached.max().map_or((0, 0), |(exact, quality)| (quality, exact))
}

fn exactness(range: &Range<'_>, offer: &Offer) -> Option<u8> {
    let (kind, subtype) = offer.essence.split_once('/')?;
    let media = &range.media;
    if media.kind == "*" || media.subtype == "*" {
        let reaches = media.kind == "*" || media.kind == kind;
        return (reaches && !offer.by_name_only).then_some(if media.kind == "*" { 1 } else { 2 });
    }
    if media.kind != kind || media.subtype != subtype {
        return None;
    }
    match offer.satisfies {
        Some((name, value)) => match media.parameter(name) {
            Some(asked) => asked.eq_ignore_ascii_case(value).then_some(4),
            None => Some(3),
        },
        None => Some(3),
    }
}

#[cfg(test)]
mod tests;
