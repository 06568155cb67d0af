//! `POST /evidence` with `application/x-ndjson`: a record a line, a result a line.
//!
//! Lines are taken as they arrive, up to a bound at a time; all that are there are registered together, their results
//! are sent in their order, and the next ones are only read when the client has taken these. So a stream takes a
//! bounded amount of memory however long it is. One whose client does not take its results loses its connection: that is
//! for the listener to watch, since nobody asks for more results then, and no timer in here would run. A content that
//! is declared and no larger than a batch is read whole first, so that a client may send all of it before it reads.

mod body;
mod source;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use ledger::evidence::{Form, Line, LineReader, Record, RecordEntry, RecordError};
use ledger::profile::MAX_FINDINGS;
use ledger::{RegisterError, Wait};
use serde_json::{Map, Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::super::answer::{NEVER, negotiated, set};
use super::answer::members;
use super::envelope;
use crate::evidence::{EvidenceDoor, Sender};
use crate::layers::{Client, rate_of_lines};
use crate::media::{self, LINES};
use crate::problem::{OVERLOADED, Problem, details};
use crate::router::App;
use body::Results;
use source::{Arrived, Source};

/// Most records registered together: with few, each round of the log commits few; with many, the first result waits for
/// the last. At most [`MAX_FINDINGS`] a record bound what is held of their results.
const RECORDS: usize = 256;

/// Most bytes of records registered together, but for one that is larger by itself.
const BYTES: usize = 1 << 20;

/// Answers 200 and then, line by line, what became of each record.
pub(super) async fn register(app: App, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let sender = app.producers.sender(&parts.headers, &parts.extensions, EvidenceDoor::Evidence)?.clone();
    media::require_lines(&parts.headers)?;
    let content_type = media::negotiate(&parts.headers, LINES)?;
    let envelope = envelope(&parts.uri)?;
    let hurried = media::prefers_async(&parts.headers);
    let busy = || Problem::of(&OVERLOADED).retry_after(app.guards.limits.busy_retry());
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| busy())?;
    let mut stream = Stream {
        source: Source::open(&app, &parts.headers, body).await?,
        lines: LineReader::new(app.guards.limits.body_bytes),
        client: Client::of(&app.guards, &parts),
        wait: if hurried { Wait::ForCommit } else { Wait::ForReceipt },
        app,
        sender,
        envelope,
        ended: false,
        _place: place,
    };
    // Before the head of the answer: it is what a client waits for that asked whether to go on (RFC 9110 §10.1.1).
    stream.take_in().await;
    let mut response =
        negotiated(StatusCode::OK, content_type, NEVER, axum::body::Body::new(Results::of(stream)));
    if hurried {
        set(&mut response, HeaderName::from_static("preference-applied"), "respond-async");
    }
    Ok(response)
}

/// One stream on its way.
pub(super) struct Stream {
    app: App,
    sender: Sender,
    source: Source,
    lines: LineReader,
    client: Client,
    envelope: bool,
    wait: Wait,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// Waits for bytes; what went wrong meanwhile is told where their lines are.
    async fn take_in(&mut self) {
        let deadline = self.source.deadline();
        if let Some(bytes) = self.source.wait(deadline).await {
            self.lines.push(&bytes);
        }
    }

    /// Registers what has arrived and gives a result for each line of it; waits if nothing has.
    async fn step(&mut self) -> Vec<u8> {
        let mut results = Vec::new();
        let limit = RECORDS.min(self.client.at_once());
        let gathered = self.gather(limit).await;
        let mut numbers = Vec::with_capacity(gathered.len());
        let mut records = Vec::with_capacity(gathered.len());
        let mut outcomes: Vec<(u64, Option<Result<RecordEntry, RecordError>>)> = Vec::new();
        for line in gathered {
            match line {
                Line::Whole { number, bytes } => {
                    numbers.push(number);
                    records.push(self.record(bytes));
                }
                Line::TooLong { number } => outcomes.push((number, None)),
            }
        }
        let registered = if records.is_empty() {
            Vec::new()
        } else {
            rate_of_lines(&self.app.guards, &self.client, records.len()).await;
            self.app.ledger.register_records(records, self.wait, MAX_FINDINGS).await
        };
        self.ended |= registered.iter().any(is_stopping);
        outcomes.extend(numbers.into_iter().zip(registered.into_iter().map(Some)));
        outcomes.sort_by_key(|(number, _)| *number);
        for (number, outcome) in outcomes {
            write(&mut results, self.told(number, outcome));
        }
        if let Some(problem) = self.source.take_problem().filter(|_| self.ended) {
            write(&mut results, self.refused(self.lines.number(), &problem));
        }
        results
    }

    /// The lines that are there, at most `limit`; waits for the first. At the end of the source what is left is a line.
    async fn gather(&mut self, limit: usize) -> Vec<Line> {
        let (mut gathered, mut bytes) = (Vec::new(), 0_usize);
        let deadline = self.source.deadline();
        while gathered.len() < limit && bytes < BYTES {
            if let Some(line) = self.lines.next_line() {
                if let Line::Whole { bytes: line, .. } = &line {
                    bytes = bytes.saturating_add(line.len());
                }
                gathered.push(line);
                continue;
            }
            let arrived = if gathered.is_empty() {
                self.source.wait(deadline).await.map_or(Arrived::Ended, Arrived::Bytes)
            } else {
                self.source.now().await
            };
            match arrived {
                Arrived::Bytes(more) => self.lines.push(&more),
                Arrived::Nothing => break,
                Arrived::Ended => {
                    self.ended = true;
                    // Of a line that broke off nobody knows what it was to be.
                    if self.lines.is_within_line() && !self.source.is_broken() {
                        gathered.extend(self.lines.last_line());
                    }
                    break;
                }
            }
        }
        gathered
    }

    fn record(&self, payload: bytes::Bytes) -> Record {
        let Sender { id, scope } = self.sender.clone();
        Record {
            form: Form::Content,
            payload,
            producer: Some(id),
            headers: Vec::new(),
            envelope: self.envelope,
            scope,
        }
    }

    /// The result of one line, as a request of its own would have had it.
    fn told(&self, number: u64, outcome: Option<Result<RecordEntry, RecordError>>) -> Map<String, Value> {
        match outcome {
            Some(Ok(entry)) => {
                let mut told = members(&self.app, &entry);
                let status =
                    if told.contains_key("receipt") { StatusCode::CREATED } else { StatusCode::ACCEPTED };
                told.insert("status".to_owned(), json!(status.as_u16()));
                self.app.guards.metrics.line_answered("registered");
                numbered(number, told)
            }
            Some(Err(error)) => self.refused(number, &Problem::record(&error, &self.app.public_url)),
            None => self.refused(number, &Problem::too_large(self.app.guards.limits.body_bytes)),
        }
    }

    fn refused(&self, number: u64, problem: &Problem) -> Map<String, Value> {
        self.app.guards.metrics.line_answered(problem.kind());
        numbered(number, details(problem))
    }
}

/// Whether the log takes nothing more.
fn is_stopping(outcome: &Result<RecordEntry, RecordError>) -> bool {
    matches!(outcome, Err(RecordError::Register(RegisterError::Stopped)))
}

fn numbered(number: u64, mut members: Map<String, Value>) -> Map<String, Value> {
    members.insert("line".to_owned(), json!(number));
    members
}

fn write(results: &mut Vec<u8>, line: Map<String, Value>) {
    results.extend_from_slice(Value::Object(line).to_string().as_bytes());
    results.push(b'\n');
}
