//! Registration as a client sees it: submit, wait as asked, fetch the receipt.
//!
//! Speaks SCRAPI -11 (201, or 202 and then 204 until 200), what drafts -04 to -10 did instead (303, then 302 until
//! 200) and the operations resource of the services before that (standards §2.7). Waiting follows SCR-33:
//! `Retry-After` is a minimum, otherwise exponential backoff, always with jitter, always capped.

mod answer;
mod batch;
mod patience;
#[cfg(test)]
mod tests;

pub(crate) use batch::{Fate, submit_many};
pub(crate) use patience::{Patience, PatienceArgs};

use crate::failure::Failure;
use crate::http::{ACCEPT_RECEIPT, Client, HttpError, Reply, RetryAfter};
use answer::{Next, after_poll, after_post};
use proofs::UnixTime;
use std::time::Duration;
use url::Url;

/// What the process lends to a submission, so that a test can run one without waiting.
pub(crate) struct Surroundings<'a> {
    pub(crate) sleep: &'a mut dyn FnMut(Duration),
    pub(crate) now: &'a dyn Fn() -> UnixTime,
    pub(crate) say: &'a mut dyn FnMut(String),
}

/// A registration that was accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Submitted {
    /// Where the receipt is, or will be.
    pub(crate) location: Option<Url>,
    /// The receipt; None when it is still to come and the caller did not want to wait.
    pub(crate) receipt: Option<Vec<u8>>,
}

/// What is asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Post(Url),
    Poll(Url),
}

/// Submits one signed statement and, if `wait`, stays until its receipt is there.
pub(crate) fn submit(
    client: &Client,
    statement: &[u8],
    wait: bool,
    patience: &Patience,
    surroundings: &mut Surroundings<'_>,
) -> Result<Submitted, Failure> {
    let mut waits = patience.start();
    let mut step = Step::Post(client.resource("entries")?);
    let mut location = None;
    loop {
        let next = match ask(client, &step, statement, !wait) {
            Ok(reply) => judge(&step, &reply)?,
            Err(error) => after_break(error, location.is_some())?,
        };
        let (url, retry_after, why) = match next {
            Next::Receipt { receipt, at } => {
                return Ok(Submitted { location: at.or(location), receipt: Some(receipt) });
            }
            Next::Moved(url) => {
                location = Some(url.clone());
                waits.spend_try()?;
                step = Step::Poll(url);
                continue;
            }
            Next::Pending { url, retry_after } => {
                location = Some(url.clone());
                if !wait {
                    return Ok(Submitted { location, receipt: None });
                }
                (Some(url), retry_after, "the receipt is not there yet".to_owned())
            }
            Next::Again { retry_after, why } => (None, retry_after, why),
        };
        let delay = waits
            .next(retry_after.map(|after| after.wait((surroundings.now)())))
            .ok_or_else(|| gave_up(&why, location.as_ref()))?;
        (surroundings.say)(format!("{why}; asking again in {:.1} s", delay.as_secs_f64()));
        (surroundings.sleep)(delay);
        if let Some(url) = url {
            step = Step::Poll(url);
        }
    }
}

fn ask(client: &Client, step: &Step, statement: &[u8], respond_async: bool) -> Result<Reply, HttpError> {
    match step {
        Step::Post(url) => client.post_statement(url, statement, respond_async),
        Step::Poll(url) => client.get(url, ACCEPT_RECEIPT),
    }
}

fn judge(step: &Step, reply: &Reply) -> Result<Next, Failure> {
    match step {
        Step::Post(_) => after_post(reply),
        Step::Poll(url) => after_poll(url, reply),
    }
}

/// An exchange that broke off is repeated: a registration is idempotent (SCR-26). Nobody there at the very first
/// try is told at once, because it is nearly always a wrong address.
fn after_break(error: HttpError, heard_before: bool) -> Result<Next, Failure> {
    match error {
        HttpError::NobodyThere(why) if heard_before => Ok(Next::Again { retry_after: None, why }),
        HttpError::Lost(why) => Ok(Next::Again { retry_after: None, why }),
        hopeless @ (HttpError::NobodyThere(_) | HttpError::NotTrusted(_)) => Err(hopeless.into()),
    }
}

fn gave_up(why: &str, location: Option<&Url>) -> Failure {
    let failure = Failure::unreachable(format_args!("no receipt within the tries and time allowed: {why}"));
    match location {
        Some(url) => {
            failure.hint(format_args!("it will be at {url}; or run the command again with a larger --wait"))
        }
        None => failure.hint("run the command again: registering the same statement twice is harmless"),
    }
}

/// `RetryAfter` of a reply, for the answers that carry one.
fn retry_after(reply: &Reply) -> Option<RetryAfter> {
    reply.retry_after
}
