//! `/compat/rekor`: the two calls of Rekor v1 that `agent-manifest` makes (systems.md §1.2 e).
//!
//! What is sent, byte for byte, stands in the protected header of a hash envelope of the registrar whose payload is the
//! digest. The uuid is the entry id. The inclusion proof is one in this log, whose leaf is the entry id and not the body;
//! the receipt beside it is what a verifier should use. There is no `signedEntryTimestamp`: nobody here can sign Rekor's.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::Response;
use data_encoding::BASE64;
use ledger::rekor::{HashedRekord, PREIMAGE_TYPE};
use ledger::{DigestSubmission, ReadError, ReceiptState, Registration, Wait, registrar};
use proofs::{Checkpoint, EntryId, SignedNote, SignedStatement};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use tracing::{Span, field::display};

use super::answer::{FRESH, NEVER, dressed, set};
use super::locator::Locator;
use crate::evidence::{EvidenceDoor, Sender};
use crate::media::{self, JSON};
use crate::problem::{INTERNAL, MALFORMED, NO_SUCH_ENTRY, OUT_OF_SCOPE, Problem};
use crate::reading::Reader;
use crate::router::App;

/// How long the answer waits for a checkpoint that covers the entry. The client keeps what it is told here.
const CHECKPOINT_WITHIN: Duration = Duration::from_secs(3);
/// How often it looks for one.
const LOOK: Duration = Duration::from_millis(20);

/// `POST /api/v1/log/entries`: 201 with the entry. Sent again it is the same entry, and 201 again.
pub(crate) async fn register(
    State(app): State<App>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Body,
) -> Result<Response, Problem> {
    let sender = app.producers.sender(&headers, &extensions, EvidenceDoor::Rekor)?;
    let Sender { id: producer, scope } = sender.clone();
    media::require_json(&headers)?;
    let record = app.guards.bodies.read(&headers, body).await?.into_bytes();
    let entry = HashedRekord::parse(&record).map_err(|error| Problem::of(&MALFORMED).because(error))?;
    let subject = entry.subject();
    if !scope.admits_subject(&subject) {
        return Err(Problem::of(&OUT_OF_SCOPE).because("it is not for this subject"));
    }
    let digest = DigestSubmission {
        content_type: PREIMAGE_TYPE.to_owned(),
        subject,
        producer: Some(producer),
        digest: entry.digest,
        record,
    };
    let registered = app.ledger.register_digest(digest, Wait::ForCommit).await;
    let registered = registered.map_err(|error| Problem::register(&error, &app.public_url))?;
    let (Registration::Issued { id, index, .. } | Registration::Committed { id, index }) = registered;
    Span::current().record("entry_id", display(id)).record("leaf_index", display(index));
    let deadline = Instant::now() + CHECKPOINT_WITHIN;
    // Without one it stays true that the entry is in the log, which is what 201 says.
    let proof = loop {
        let proof = proof(&app, id).await?;
        if proof.is_some() || Instant::now() >= deadline {
            break proof;
        }
        sleep(LOOK).await;
    };
    let body = told(&app, id, proof).await?;
    let mut response = dressed(StatusCode::CREATED, JSON, (NEVER, "accept"), body.to_string());
    set(
        &mut response,
        LOCATION,
        &format!("{}/compat/rekor/api/v1/log/entries/{id}", app.public_url.as_str()),
    );
    Ok(response)
}

/// `GET /api/v1/log/entries/{uuid}`: the entry, for those who may read statements.
pub(crate) async fn entry(
    State(app): State<App>,
    Locator(id): Locator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reader = Reader::of_whole(&headers, &app.read)?;
    let proof = proof(&app, id).await?;
    let body = told(&app, id, proof).await?;
    Ok(dressed(StatusCode::OK, JSON, reader.caching(FRESH), body.to_string()))
}

/// What Rekor's clients read of an entry.
async fn told(app: &App, id: EntryId, proof: Option<Proof>) -> Result<Value, Problem> {
    let failed = |error: ReadError| Problem::read_entry(&error, &id);
    let bytes = app.ledger.statement(id).await.map_err(failed)?;
    let identity = app.ledger.identity();
    let statement = SignedStatement::parse(&bytes, bytes.len());
    let statement = statement.map_err(|error| Problem::of(&INTERNAL).cause(error))?;
    let record = registrar::record(statement.header(), &identity);
    let record = record
        .ok_or_else(|| Problem::of(&NO_SUCH_ENTRY).detail("The entry did not come through this door"))?;
    let summary = app.ledger.summary(id).await.map_err(failed)?;
    let mut verification = Map::new();
    if let ReceiptState::Issued { receipt, .. } = app.ledger.receipt(id).await.map_err(failed)? {
        verification.insert("receipt".to_owned(), json!(BASE64.encode(&receipt)));
    }
    let mut entry = json!({
        "body": BASE64.encode(record),
        "integratedTime": summary.hit.registered_at.secs(),
        "logID": identity.log_id.to_string(),
        "logIndex": summary.hit.index.get(),
    });
    if let (Some(members), Some(Proof { inclusion, checkpoint })) = (entry.as_object_mut(), proof) {
        // Rekor has the proof under `verification`; agent-manifest looks beside it.
        verification.insert("inclusionProof".to_owned(), inclusion.clone());
        members.insert("inclusionProof".to_owned(), inclusion);
        members.insert("checkpoint".to_owned(), json!(checkpoint));
    }
    if let Some(members) = entry.as_object_mut() {
        members.insert("verification".to_owned(), Value::Object(verification));
    }
    Ok(Value::Object(Map::from_iter([(id.to_string(), entry)])))
}

struct Proof {
    inclusion: Value,
    checkpoint: String,
}

/// The path of the entry in the tree of the newest checkpoint, if that covers it.
async fn proof(app: &App, id: EntryId) -> Result<Option<Proof>, Problem> {
    let internal = |error: &dyn std::fmt::Display| Problem::of(&INTERNAL).cause(error);
    let checkpoint = app.ledger.checkpoint();
    let note = SignedNote::parse(checkpoint.as_bytes()).map_err(|error| internal(&error))?;
    let size = Checkpoint::parse(note.text()).map_err(|error| internal(&error))?.head.size;
    let proven = match app.ledger.inclusion_at(id, size).await {
        Ok(proven) => proven,
        Err(ReadError::BadSize { .. }) => return Ok(None),
        Err(error) => return Err(Problem::read_entry(&error, &id)),
    };
    let hashes: Vec<String> = proven.proof.path.iter().map(ToString::to_string).collect();
    let inclusion = json!({
        "logIndex": proven.proof.index.get(),
        "treeSize": proven.proof.size.get(),
        "rootHash": proven.root.to_string(),
        "hashes": hashes,
        "checkpoint": &*checkpoint,
    });
    Ok(Some(Proof { inclusion, checkpoint: checkpoint.to_string() }))
}
