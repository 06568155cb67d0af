//! Many statements at once, through the batch door of Stele, and one by one where a service has no such door.

use super::answer::{Next, hopeful};
use super::{Patience, Submitted, Surroundings, after_break, submit};
use crate::console::printable;
use crate::failure::{Exit, Failure};
use crate::http::{Client, Reply, RetryAfter, problem_element};
use proofs::cbor;
use std::collections::VecDeque;
use url::Url;

/// How many statements are sent in one request at first; a service that takes fewer is sent fewer.
const MAX_STATEMENTS: usize = 1000;
/// How many bytes are sent in one request at first, unless a single statement is larger.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What became of one statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Registered; its receipt.
    Registered(Vec<u8>),
    /// Registered; where its receipt is, for a caller that did not want to wait for it.
    Accepted(String),
    /// Refused, and why. Sending it again will not help.
    Refused(String),
    /// Not decided when patience ended, and why. Sending it again is safe.
    Open(String),
}

/// Registers statements, each one whole CBOR item, and tells the fate of each once, by its place.
///
/// What the service could not take now is sent again, and nothing else is. Patience begins anew whenever a statement
/// was decided.
pub(crate) fn submit_many(
    client: &Client,
    statements: &[&[u8]],
    wait: bool,
    patience: &Patience,
    surroundings: &mut Surroundings<'_>,
    told: &mut dyn FnMut(usize, Fate) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let url = client.resource("entries/batch")?;
    let mut queue: VecDeque<usize> = (0..statements.len()).collect();
    let mut most = MAX_STATEMENTS;
    let mut waits = patience.start();
    let mut heard = false;
    while !queue.is_empty() {
        let taken = take(&mut queue, statements, most);
        let answer = ask(client, &url, statements, &taken, wait, &mut heard)?;
        let (retry_after, why) = match answer {
            Answer::Items(items) => match decide(taken, items, &mut queue, told)? {
                Left { again: None, .. } => {
                    waits = patience.start();
                    continue;
                }
                Left { again: Some(again), progress } => {
                    if progress {
                        waits = patience.start();
                    }
                    again
                }
            },
            Answer::Smaller(_) if taken.len() > 1 => {
                most = taken.len() / 2;
                put_back(&mut queue, &taken);
                continue;
            }
            Answer::Smaller(why) => {
                for at in taken {
                    told(at, Fate::Refused(why.clone()))?;
                }
                continue;
            }
            Answer::NoSuchDoor => {
                put_back(&mut queue, &taken);
                return one_by_one(client, statements, &queue, wait, patience, surroundings, told);
            }
            Answer::Later { retry_after, why } => {
                put_back(&mut queue, &taken);
                (retry_after, why)
            }
        };
        let Some(delay) = waits.next(retry_after.map(|after| after.wait((surroundings.now)()))) else {
            return give_up(&queue, &why, told);
        };
        (surroundings.say)(format!(
            "{} of {} are still to be registered: {why}; asking again in {:.1} s",
            queue.len(),
            statements.len(),
            delay.as_secs_f64()
        ));
        (surroundings.sleep)(delay);
    }
    Ok(())
}

fn ask(
    client: &Client,
    url: &Url,
    statements: &[&[u8]],
    taken: &[usize],
    wait: bool,
    heard: &mut bool,
) -> Result<Answer, Failure> {
    let body: Vec<&[u8]> = taken.iter().filter_map(|at| statements.get(*at)).copied().collect();
    match client.post_batch(url, &body.concat(), !wait) {
        Ok(reply) => {
            *heard = true;
            read(&reply)
        }
        Err(error) => match after_break(error, *heard)? {
            Next::Again { retry_after, why } => Ok(Answer::Later { retry_after, why }),
            _ => Ok(Answer::Later { retry_after: None, why: "the exchange broke off".to_owned() }),
        },
    }
}

fn take(queue: &mut VecDeque<usize>, statements: &[&[u8]], most: usize) -> Vec<usize> {
    let (mut taken, mut bytes) = (Vec::new(), 0_usize);
    while let Some(at) = queue.front().copied().filter(|_| taken.len() < most) {
        bytes = bytes.saturating_add(statements.get(at).map_or(0, |statement| statement.len()));
        if bytes > MAX_BYTES && !taken.is_empty() {
            break;
        }
        taken.push(at);
        queue.pop_front();
    }
    taken
}

fn put_back(queue: &mut VecDeque<usize>, taken: &[usize]) {
    taken.iter().rev().for_each(|at| queue.push_front(*at));
}

fn give_up(
    queue: &VecDeque<usize>,
    why: &str,
    told: &mut dyn FnMut(usize, Fate) -> Result<(), Failure>,
) -> Result<(), Failure> {
    queue.iter().try_for_each(|at| told(*at, Fate::Open(why.to_owned())))
}

/// What a service answered to a batch.
enum Answer {
    Items(Vec<Item>),
    /// It takes fewer at once.
    Smaller(String),
    /// It has no batch door.
    NoSuchDoor,
    /// The same once more, later.
    Later {
        retry_after: Option<RetryAfter>,
        why: String,
    },
}

enum Item {
    Fate(Fate),
    Again { retry_after: Option<RetryAfter>, why: String },
}

fn read(reply: &Reply) -> Result<Answer, Failure> {
    match reply.status {
        200 => {
            let ranges: Result<Vec<_>, _> = cbor::sequence(&reply.body).collect();
            let ranges = ranges.map_err(|fault| {
                Failure::unreachable(format_args!("the service answered with no CBOR sequence: {fault}"))
            })?;
            let items = ranges.into_iter().filter_map(|range| reply.body.get(range)).map(item);
            Ok(Answer::Items(items.collect()))
        }
        404 | 405 | 501 => Ok(Answer::NoSuchDoor),
        413 => Ok(Answer::Smaller(reply.problem())),
        // A rate that a batch of this size can never be within has no time to wait for.
        429 if reply.retry_after.is_none() => Ok(Answer::Smaller(reply.problem())),
        status if hopeful(status) => {
            Ok(Answer::Later { retry_after: reply.retry_after, why: reply.problem() })
        }
        400..=499 => Err(Failure::refused(reply.problem())),
        _ => Err(Failure::unreachable(reply.problem())),
    }
}

/// The kind of an item says what it is: a map is a problem, a text a Location, and all else should be a receipt.
fn item(bytes: &[u8]) -> Item {
    match bytes.first().map(|byte| byte >> 5) {
        Some(5) => {
            let problem = problem_element(bytes);
            if problem.status.is_some_and(hopeful) {
                Item::Again { retry_after: problem.retry_after, why: problem.text }
            } else {
                Item::Fate(Fate::Refused(problem.text))
            }
        }
        Some(3) => {
            let location: String = ciborium::from_reader(bytes).unwrap_or_default();
            Item::Fate(Fate::Accepted(printable(&location)))
        }
        _ => Item::Fate(Fate::Registered(bytes.to_vec())),
    }
}

struct Left {
    /// Why some have to be sent again, and when.
    again: Option<(Option<RetryAfter>, String)>,
    /// Whether any was decided.
    progress: bool,
}

fn decide(
    taken: Vec<usize>,
    items: Vec<Item>,
    queue: &mut VecDeque<usize>,
    told: &mut dyn FnMut(usize, Fate) -> Result<(), Failure>,
) -> Result<Left, Failure> {
    if items.len() > taken.len() {
        return Err(Failure::unreachable("the service answered about more statements than it was sent"));
    }
    let mut left = Left { again: None, progress: false };
    let mut undecided = Vec::new();
    let mut items = items.into_iter();
    for at in taken {
        match items.next() {
            Some(Item::Fate(fate)) => {
                left.progress = true;
                told(at, fate)?;
            }
            Some(Item::Again { retry_after, why }) => {
                undecided.push(at);
                left.again.get_or_insert((retry_after, why));
            }
            None => {
                undecided.push(at);
                left.again
                    .get_or_insert((None, "the service did not answer about all statements".to_owned()));
            }
        }
    }
    put_back(queue, &undecided);
    Ok(left)
}

fn one_by_one(
    client: &Client,
    statements: &[&[u8]],
    queue: &VecDeque<usize>,
    wait: bool,
    patience: &Patience,
    surroundings: &mut Surroundings<'_>,
    told: &mut dyn FnMut(usize, Fate) -> Result<(), Failure>,
) -> Result<(), Failure> {
    (surroundings.say)("this service takes no batches: registering one by one".to_owned());
    let mut rest = queue.iter();
    while let Some(at) = rest.next() {
        let statement = statements.get(*at).copied().unwrap_or_default();
        match submit(client, statement, wait, patience, surroundings) {
            Ok(Submitted { receipt: Some(receipt), .. }) => told(*at, Fate::Registered(receipt))?,
            Ok(Submitted { location, .. }) => {
                told(*at, Fate::Accepted(location.map_or_else(String::new, |url| url.to_string())))?;
            }
            Err(failure) if failure.exit == Exit::Refused => told(*at, Fate::Refused(failure.message))?,
            Err(failure) => {
                let rest: VecDeque<usize> = std::iter::once(*at).chain(rest.by_ref().copied()).collect();
                return give_up(&rest, &failure.message, told);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
