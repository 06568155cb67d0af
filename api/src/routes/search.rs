//! `GET /search`: entries by their index terms; `/search/terms`: what can be asked; `/search/agent-trace/lines`: who
//! wrote a line. For those who may read statements (D20): hits repeat what statements say.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::profile::{TERM_NAMES, TermKind};
use ledger::search::{self, Hit, LineQuery, QueryTerm, Wanted};
use proofs::{LeafIndex, UnixTime};
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

use super::answer::{FRESH, dressed};
use super::query::decimal;
use crate::media::JSON;
use crate::problem::{INVALID_SEARCH, OVERLOADED, Problem};
use crate::reading::Reader;
use crate::router::App;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// One page of hits, in the order of the log.
pub(crate) async fn search(
    State(app): State<App>,
    pairs: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let query = read(pairs)?;
    let _place = place(&app)?;
    let page = app.ledger.search(query).await.map_err(|error| Problem::search(&error))?;
    let hits: Vec<Value> = page.hits.iter().map(hit).collect();
    let body = json!({ "hits": hits, "next": page.next.map(LeafIndex::get) });
    Ok(dressed(StatusCode::OK, JSON, reader.caching(FRESH), body.to_string()))
}

/// The names that can be asked for.
pub(crate) async fn terms() -> impl IntoResponse {
    let terms = TERM_NAMES.iter().map(|term| {
        let (kind, ask) = match term.kind {
            TermKind::Text => ("text", json!(["", ".prefix"])),
            TermKind::Number => ("number", json!(["", ".from", ".to"])),
        };
        json!({ "name": term.name, "kind": kind, "suffixes": ask, "about": term.about })
    });
    let terms: Vec<Value> = terms.collect();
    let bounds = json!({ "terms": search::MAX_QUERY_TERMS, "limit": search::MAX_PAGE });
    let also = json!(["registered_at.from", "registered_at.to", "after", "limit"]);
    ([(CACHE_CONTROL, FRESH)], Json(json!({ "terms": terms, "also": also, "most": bounds })))
}

/// The records of Agent Trace that cover a line, the latest first.
pub(crate) async fn lines(
    State(app): State<App>,
    pairs: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let query = read_line(pairs)?;
    let _place = place(&app)?;
    let found = app.ledger.who_wrote(query).await.map_err(|error| Problem::search(&error))?;
    let answers = found.answers.iter().map(|answer| {
        let mut one = hit(&answer.hit);
        if let Some(members) = one.as_object_mut() {
            members.insert("revision".to_owned(), json!(answer.revision));
            members.insert("ranges".to_owned(), json!(answer.ranges));
            members.insert("ranges_complete".to_owned(), json!(answer.ranges_complete));
        }
        one
    });
    let answers: Vec<Value> = answers.collect();
    let next = found.next.map(LeafIndex::get);
    let body = json!({ "answers": answers, "complete": found.complete, "next": next });
    Ok(dressed(StatusCode::OK, JSON, reader.caching(FRESH), body.to_string()))
}

/// 503 when as many searches are worked on as may be: each can take a tenth of a second, and must not take the places of
/// other reads while it waits for its turn.
fn place(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    let busy = |_| Problem::of(&OVERLOADED).retry_after(app.guards.limits.busy_retry());
    app.searches.try_acquire().map_err(busy)
}

/// A hit as it stands in answers.
pub(super) fn hit(hit: &Hit) -> Value {
    json!({
        "entry_id": hit.id.to_string(),
        "leaf_index": hit.index.get(),
        "registered_at": hit.registered_at.secs(),
        "issuer": hit.issuer,
        "subject": hit.subject,
        "content_type": hit.content_type,
        "system": hit.system,
        "profile": hit.profile,
        "findings": hit.findings,
        "complete": hit.complete,
    })
}

fn read(pairs: Pairs) -> Result<search::Query, Problem> {
    let Query(pairs) = pairs.map_err(|_| invalid("the query is not in the form of a form"))?;
    let mut query = search::Query::default();
    let mut ranges: Vec<(String, Option<u64>, Option<u64>)> = Vec::new();
    let mut seen = Vec::new();
    for (name, value) in pairs {
        if !matches!(seen.iter().filter(|known| **known == name).count(), 0) && is_single(&name) {
            return Err(invalid(&format!("`{name}` is there twice")));
        }
        let number = || decimal(&value).ok_or_else(|| invalid(&format!("`{name}` is a decimal number")));
        match name.as_str() {
            "after" => query.after = Some(LeafIndex::new(number()?)),
            "limit" => query.limit = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
            "registered_at.from" => query.from = Some(UnixTime::from_secs(number()?)),
            "registered_at.to" => query.to = Some(UnixTime::from_secs(number()?)),
            other => {
                let wanted = match other.rsplit_once('.') {
                    Some((term, "prefix")) => Some((term, Wanted::Beginning(value.clone()))),
                    Some((term, end @ ("from" | "to"))) => {
                        range(&mut ranges, term, end == "from", number()?);
                        None
                    }
                    _ => Some((other, Wanted::Exactly(value.clone()))),
                };
                if let Some((term, wanted)) = wanted {
                    query.terms.push(named(term, wanted)?);
                }
            }
        }
        seen.push(name);
    }
    for (term, from, to) in ranges {
        let wanted = Wanted::Between(from.unwrap_or(0), to.unwrap_or(u64::MAX));
        query.terms.push(named(&term, wanted)?);
    }
    Ok(query)
}

/// Terms may be there several times: an entry can have several values. Bounds may not.
fn is_single(name: &str) -> bool {
    matches!(name, "after" | "limit") || name.ends_with(".from") || name.ends_with(".to")
}

fn range(ranges: &mut Vec<(String, Option<u64>, Option<u64>)>, term: &str, is_from: bool, value: u64) {
    let (from, to) = if is_from { (Some(value), None) } else { (None, Some(value)) };
    match ranges.iter_mut().find(|(known, ..)| known == term) {
        Some((_, known_from, known_to)) => {
            *known_from = known_from.or(from);
            *known_to = known_to.or(to);
        }
        None => ranges.push((term.to_owned(), from, to)),
    }
}

fn named(term: &str, wanted: Wanted) -> Result<QueryTerm, Problem> {
    QueryTerm::new(term, wanted).map_err(|error| invalid(&format!("`{term}`: {error}")))
}

fn read_line(pairs: Pairs) -> Result<LineQuery, Problem> {
    let Query(pairs) = pairs.map_err(|_| invalid("the query is not in the form of a form"))?;
    let all = |name: &str| -> Vec<String> {
        pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    };
    let one = |name: &str| match all(name).as_slice() {
        [value] => Ok(value.clone()),
        _ => Err(invalid("the query names revision, path and line, each once, and any number of parents")),
    };
    let after = match all("after").as_slice() {
        [] => None,
        [value] => {
            Some(LeafIndex::new(decimal(value).ok_or_else(|| invalid("`after` is a decimal number"))?))
        }
        _ => return Err(invalid("`after` is there twice")),
    };
    let line = decimal(&one("line")?).filter(|line| *line > 0);
    let line = line.ok_or_else(|| invalid("`line` is a decimal number from 1"))?;
    let mut revisions = vec![one("revision")?];
    revisions.extend(all("parent"));
    Ok(LineQuery { revisions, path: one("path")?, line, after })
}

fn invalid(what: &str) -> Problem {
    Problem::of(&INVALID_SEARCH).because(what)
}
