//! `POST /events`: events of AIGP and Agent Evidence in CloudEvents 1.0, in the three modes of its HTTP binding.
//!
//! *Structured*: the content is the event, in JSON. *Batch*: an array of such. *Binary*: the content is the data of the
//! event, and its attributes are the `ce-*` headers, which are put into the protected header of the statement. No byte of
//! an event is changed. The answer is 202, as the binding of AIGP asks, and means more than it says: the event is on the log.

mod attributes;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use ledger::evidence::{Form, Record, RecordEntry, RecordError};
use ledger::profile::Kind;
use ledger::{FINDINGS_OF_MANY, RegisterError, Wait};
use serde_json::{Value, json};

use super::answer::{NEVER, negotiated};
use super::evidence::{members, registered};
use crate::evidence::{EvidenceDoor, Sender};
use crate::layers::rate_of_batch;
use crate::media::{self, Event, JSON, JSONS};
use crate::problem::{EVENTS_REFUSED, INVALID_CLOUD_EVENT, OVERLOADED, Problem, details};
use crate::router::App;

/// Memory that the answer about one event takes: its entry with a receipt, or a problem, and few findings.
const ANSWER_BYTES: usize = 4096;

/// Registers one event or a batch of them.
pub(crate) async fn register(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let sender = app.producers.sender(&parts.headers, &parts.extensions, EvidenceDoor::Events)?.clone();
    let event = media::require_event(&parts.headers)?;
    media::negotiate(&parts.headers, JSONS)?;
    let wait = if media::prefers_async(&parts.headers) { Wait::ForCommit } else { Wait::ForReceipt };
    let (form, headers) = match event {
        Event::Batch => return batch(&app, parts, body, &sender, wait).await,
        Event::Structured => (Form::CloudEvent, Vec::new()),
        Event::Data(kind) => {
            if kind.is_some_and(|kind| !matches!(kind, Kind::AigpEvent | Kind::EvidenceEvent)) {
                return Err(Problem::of(&INVALID_CLOUD_EVENT)
                    .because("the content type of its data is of a record that is no event"));
            }
            (Form::CloudEventData, attributes::read(&parts.headers)?)
        }
    };
    let payload = app.guards.bodies.read(&parts.headers, body).await?.into_bytes();
    let Sender { id, scope } = sender;
    let record = Record { form, payload, producer: Some(id), headers, envelope: false, scope };
    let entry = app.ledger.register_record(record, wait).await;
    let entry = entry.map_err(|error| Problem::record(&error, &app.public_url))?;
    Ok(registered(&app, &entry, StatusCode::ACCEPTED, wait))
}

/// 202 if every event of the batch is on the log. Otherwise a problem that tells of each what became of it; those that
/// are registered stay so, and sending the batch again changes nothing for them.
async fn batch(
    app: &App,
    parts: Parts,
    body: Body,
    sender: &Sender,
    wait: Wait,
) -> Result<Response, Problem> {
    let limit = app.guards.limits.batch_entries;
    let content = app.guards.bodies.read_batch(&parts.headers, body).await?.into_bytes();
    let events = app.ledger.elements(content, limit).await.map_err(|error| Problem::slices(&error))?;
    rate_of_batch(&app.guards, &parts, events.len())?;
    let room = app.guards.bodies.reserve(&parts, events.len().saturating_mul(ANSWER_BYTES))?;
    let record = |payload| {
        let Sender { id, scope } = sender.clone();
        let (form, headers) = (Form::CloudEvent, Vec::new());
        Record { form, payload, producer: Some(id), headers, envelope: false, scope }
    };
    let outcomes =
        app.ledger.register_records(events.into_iter().map(record).collect(), wait, FINDINGS_OF_MANY).await;
    let failed = outcomes.iter().any(Result::is_err);
    let again = outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(is_passing));
    let results: Vec<Value> = outcomes.into_iter().map(|outcome| told(app, outcome)).collect();
    if failed {
        let problem = if again {
            Problem::of(&OVERLOADED).retry_after(app.guards.limits.busy_retry())
        } else {
            Problem::of(&EVENTS_REFUSED)
        };
        return Err(problem.member("results", Value::Array(results)).in_room(room));
    }
    let answer = json!({ "results": results }).to_string().into_bytes();
    Ok(negotiated(StatusCode::ACCEPTED, JSON, NEVER, Body::from(room.onto(answer))))
}

/// The result of one event, with the status it would have had by itself.
fn told(app: &App, outcome: Result<RecordEntry, RecordError>) -> Value {
    match outcome {
        Ok(entry) => {
            let mut told = members(app, &entry);
            told.insert("status".to_owned(), json!(StatusCode::ACCEPTED.as_u16()));
            Value::Object(told)
        }
        Err(error) => Value::Object(details(&Problem::record(&error, &app.public_url))),
    }
}

/// Whether sending the event again may end otherwise.
fn is_passing(error: &RecordError) -> bool {
    matches!(
        error,
        RecordError::Register(
            RegisterError::Overloaded { .. }
                | RegisterError::Deadline { .. }
                | RegisterError::Stopped
                | RegisterError::Internal(_)
        )
    )
}
