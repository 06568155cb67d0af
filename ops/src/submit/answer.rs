//! What one answer means. Pure: a reply in, the next step out.

use super::retry_after;
use crate::failure::Failure;
use crate::http::{Reply, RetryAfter};
use ciborium::Value;
use url::Url;

/// What to do after an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Done.
    Receipt { receipt: Vec<u8>, at: Option<Url> },
    /// Look there at once.
    Moved(Url),
    /// Accepted; look there later.
    Pending { url: Url, retry_after: Option<RetryAfter> },
    /// The same once more, later.
    Again { retry_after: Option<RetryAfter>, why: String },
}

/// The answers to `POST /entries`.
pub(super) fn after_post(reply: &Reply) -> Result<Next, Failure> {
    let retry_after = retry_after(reply);
    match reply.status {
        200 | 201 if !reply.body.is_empty() && operation(reply).is_none() => {
            Ok(Next::Receipt { receipt: reply.body.clone(), at: reply.target()? })
        }
        200..=202 => match place(reply)? {
            Some(url) => Ok(Next::Pending { url, retry_after }),
            None => Err(Failure::unreachable(format_args!(
                "the service accepted the statement (HTTP {}) but did not say where its receipt will be",
                reply.status
            ))),
        },
        // Drafts -04 to -10 (standards §2.7).
        302 | 303 => match reply.target()? {
            Some(url) => Ok(Next::Pending { url, retry_after }),
            None => {
                Err(Failure::unreachable(format_args!("a redirect without Location (HTTP {})", reply.status)))
            }
        },
        301 | 307 | 308 => Err(moved(reply)?),
        _ => again_or_refused(reply),
    }
}

/// The answers to `GET` of a receipt or of an older operation.
pub(super) fn after_poll(asked: &Url, reply: &Reply) -> Result<Next, Failure> {
    let retry_after = retry_after(reply);
    match reply.status {
        200 | 201 => match operation(reply) {
            Some(operation) => after_operation(asked, reply, operation),
            None if !reply.body.is_empty() => Ok(Next::Receipt {
                receipt: reply.body.clone(),
                at: Some(reply.target()?.unwrap_or_else(|| asked.clone())),
            }),
            None => match reply.target()?.filter(|url| url != asked) {
                Some(url) => Ok(Next::Moved(url)),
                None => Err(Failure::unreachable("the service sent an empty receipt")),
            },
        },
        202 | 204 | 302 => {
            Ok(Next::Pending { url: reply.target()?.unwrap_or_else(|| asked.clone()), retry_after })
        }
        301 | 303 | 307 | 308 => match reply.target()? {
            Some(url) => Ok(Next::Moved(url)),
            None => {
                Err(Failure::unreachable(format_args!("a redirect without Location (HTTP {})", reply.status)))
            }
        },
        _ => again_or_refused(reply),
    }
}

/// Whether a later try can change this status: 408, 429, and a service in trouble.
pub(super) const fn hopeful(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Only what a later try can change is tried again.
fn again_or_refused(reply: &Reply) -> Result<Next, Failure> {
    match reply.status {
        status if hopeful(status) => {
            Ok(Next::Again { retry_after: retry_after(reply), why: reply.problem() })
        }
        400..=499 => Err(Failure::refused(reply.problem())),
        _ => Err(Failure::unreachable(reply.problem())),
    }
}

fn moved(reply: &Reply) -> Result<Failure, Failure> {
    let failure = Failure::unreachable(format_args!("the service has moved (HTTP {})", reply.status));
    Ok(match reply.target()? {
        Some(url) => failure.hint(format_args!("it says it is now at {url}")),
        None => failure,
    })
}

/// The map an older service answers with instead of a receipt: `{OperationId, Status, EntryId?}`, CBOR or JSON.
#[derive(Debug, Default, PartialEq, Eq)]
struct Operation {
    id: Option<String>,
    status: Option<String>,
    entry: Option<String>,
}

fn operation(reply: &Reply) -> Option<Operation> {
    let mut operation = Operation::default();
    let mut note = |key: &str, value: &str| {
        let slot = match key.to_ascii_lowercase().as_str() {
            "operationid" => &mut operation.id,
            "status" => &mut operation.status,
            "entryid" => &mut operation.entry,
            _ => return,
        };
        *slot = Some(value.to_owned());
    };
    if let Ok(Value::Map(map)) = ciborium::from_reader(reply.body.as_slice()) {
        for (key, value) in &map {
            if let (Value::Text(key), Value::Text(value)) = (key, value) {
                note(key, value);
            }
        }
    } else if let Ok(serde_json::Value::Object(map)) = serde_json::from_slice(&reply.body) {
        for (key, value) in &map {
            if let Some(value) = value.as_str() {
                note(key, value);
            }
        }
    }
    (operation != Operation::default()).then_some(operation)
}

/// Where an accepted statement will be found: the Location, or the operation an older service names in its body.
fn place(reply: &Reply) -> Result<Option<Url>, Failure> {
    if let Some(url) = reply.target()? {
        return Ok(Some(url));
    }
    let Some(operation) = operation(reply) else { return Ok(None) };
    Ok(operation.id.and_then(|id| beside(&reply.url, "operations", &id)))
}

fn after_operation(asked: &Url, reply: &Reply, operation: Operation) -> Result<Next, Failure> {
    let status = operation.status.unwrap_or_default().to_ascii_lowercase();
    match status.as_str() {
        "failed" => Err(Failure::refused("the service says that the registration failed")),
        "succeeded" | "registered" => {
            let entry = operation.entry.and_then(|id| {
                let parent = asked.join("../").ok()?;
                beside(&parent.join("x").ok()?, "entries", &id)
            });
            match reply.target()?.filter(|url| url != asked).or(entry) {
                Some(url) => Ok(Next::Moved(url)),
                None => {
                    Err(Failure::unreachable("the registration succeeded, but the service names no entry"))
                }
            }
        }
        _ => Ok(Next::Pending {
            url: reply.target()?.unwrap_or_else(|| asked.clone()),
            retry_after: retry_after(reply),
        }),
    }
}

/// `<folder>/<id>` next to the resource `url`, with the id as one path segment whatever is in it.
fn beside(url: &Url, folder: &str, id: &str) -> Option<Url> {
    let mut place = url.clone();
    place.set_query(None);
    place.path_segments_mut().ok()?.pop().push(folder).push(id);
    Some(place)
}
