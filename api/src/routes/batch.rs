//! `POST /entries/batch`: many signed statements in one request (ours).
//!
//! The content is a CBOR sequence (RFC 8742) of signed statements. The answer is a CBOR sequence too, its `n`th item
//! about the `n`th statement, and the kind of item says what became of it:
//!
//! * a COSE receipt (tag 18): registered;
//! * concise problem details (a map, RFC 9290): not registered, or not known to be, as the problem says;
//! * a text, the Location of the receipt: registered, for a client that asked not to wait for receipts.
//!
//! Where the bytes are no CBOR item, nobody can tell where the next statement begins: every statement before that place
//! is answered, the last item of the answer is a problem about the place, and nothing behind it was looked at. A client
//! tells by the number of items. What is wrong with the request as a whole (its type, its size, the number of
//! statements) is answered as everywhere, and then nothing was registered.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use ciborium::Value;
use ledger::{Registration, Wait};
use proofs::cbor::{self, ScanError};

use super::answer::{NEVER, negotiated, set};
use crate::layers::rate_of_batch;
use crate::media::{self, SEQUENCES};
use crate::problem::{MALFORMED, Problem, element};
use crate::router::App;

/// Memory that the answer about one statement takes: a receipt in a log of a hundred million entries, or a problem.
const ANSWER_BYTES: usize = 1280;

/// Registers every statement of a batch.
///
/// What could fail because of the request as a whole fails before anything is registered, room for the answer
/// included.
pub(crate) async fn register(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    media::require_sequence(&parts.headers)?;
    let content_type = media::negotiate(&parts.headers, SEQUENCES)?;
    let hurried = media::prefers_async(&parts.headers);
    let body = app.guards.bodies.read_batch(&parts.headers, body).await?.into_bytes();
    let batch = Batch::read(&body, app.guards.limits.batch_entries)?;
    rate_of_batch(&app.guards, &parts, batch.statements.len())?;
    let room = app.guards.bodies.reserve(&parts, batch.statements.len().saturating_mul(ANSWER_BYTES))?;

    let wait = if hurried { Wait::ForCommit } else { Wait::ForReceipt };
    let outcomes = app.ledger.register_batch(&batch.statements, wait).await;
    let mut answer = Vec::with_capacity(outcomes.len().saturating_mul(ANSWER_BYTES));
    for outcome in outcomes {
        match outcome {
            Ok(Registration::Issued { receipt, .. }) => answer.extend_from_slice(&receipt),
            Ok(Registration::Committed { id, .. }) => {
                answer.extend_from_slice(&cbor::encode(&Value::from(app.public_url.entry(&id))));
            }
            Err(error) => answer.extend_from_slice(&element(&Problem::register(&error, &app.public_url))),
        }
    }
    if let Some(fault) = batch.broken {
        answer.extend_from_slice(&element(&Problem::of(&MALFORMED).because(format_args!(
            "from here on the batch is no sequence of CBOR items: {fault}; what follows was not looked at"
        ))));
    }
    let mut response = negotiated(StatusCode::OK, content_type, NEVER, Body::from(room.onto(answer)));
    if hurried {
        set(&mut response, HeaderName::from_static("preference-applied"), "respond-async");
    }
    Ok(response)
}

/// The statements of a batch, slices of its bytes.
struct Batch {
    statements: Vec<Bytes>,
    /// Where and why the bytes stop being a sequence.
    broken: Option<ScanError>,
}

impl Batch {
    fn read(content: &Bytes, limit: usize) -> Result<Self, Problem> {
        let mut batch = Self { statements: Vec::new(), broken: None };
        for item in cbor::sequence(content) {
            match item {
                Ok(_) if batch.statements.len() >= limit => return Err(Problem::batch_entries(limit)),
                Ok(range) => batch.statements.push(content.slice(range)),
                Err(fault) => batch.broken = Some(fault),
            }
        }
        match batch.broken {
            None if batch.statements.is_empty() => {
                Err(Problem::of(&MALFORMED).because("the batch holds no statement"))
            }
            Some(fault) if batch.statements.is_empty() => Err(Problem::of(&MALFORMED).because(fault)),
            _ => Ok(batch),
        }
    }
}
