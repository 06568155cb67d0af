//! `GET /entries/{entry_id}/tlog-proof` and `/proofs/inclusion?entry=&size=`: proofs for those who have a checkpoint.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use data_encoding::BASE64;
use ledger::{ProvenConsistency, ProvenInclusion, ReadError};
use proofs::{EntryId, Hash, TreeSize, sha256};
use serde_json::{Value, json};

use super::answer::{FRESH, IMMUTABLE, tagged};
use super::locator::Locator;
use super::query;
use crate::media::{JSON, TEXT};
use crate::problem::{INVALID_SIZE, Problem};
use crate::router::App;

/// The path of an entry together with the newest checkpoint (C2SP tlog-proof).
pub(crate) async fn tlog_proof(
    State(app): State<App>,
    Locator(id): Locator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let proof = app.ledger.tlog_proof(id).await.map_err(|error| {
        let problem = Problem::read_entry(&error, &id);
        match error {
            ReadError::NotYetPublished { .. } => problem.retry_after(app.guards.limits.receipt_retry()),
            _ => problem,
        }
    })?;
    Ok(document(&headers, TEXT, FRESH, proof.to_string()))
}

/// The path of an entry in the tree of an older size.
pub(crate) async fn inclusion(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, size) = entry_and_size(query.as_deref()).ok_or_else(|| Problem::of(&INVALID_SIZE))?;
    let proven = app.ledger.inclusion_at(id, size).await;
    let ProvenInclusion { proof, root } = proven.map_err(|error| Problem::read_entry(&error, &id))?;
    let body = json!({
        "entry": id.to_string(),
        "leaf_index": proof.index.get(),
        "tree_size": proof.size.get(),
        "root_hash": BASE64.encode(root.as_ref()),
        "inclusion_path": path(&proof.path),
    });
    Ok(document(&headers, JSON, IMMUTABLE, body.to_string()))
}

/// What a consistency receipt proves, without the signature.
pub(super) fn consistency(headers: &HeaderMap, proven: &ProvenConsistency) -> Response {
    let ProvenConsistency { proof, old_root, new_root } = proven;
    let body = json!({
        "from": proof.old.get(),
        "to": proof.new.get(),
        "from_root_hash": BASE64.encode(old_root.as_ref()),
        "to_root_hash": BASE64.encode(new_root.as_ref()),
        "consistency_path": path(&proof.path),
    });
    document(headers, JSON, IMMUTABLE, body.to_string())
}

/// Base64, as hashes stand in checkpoints and in tlog-proofs.
fn path(hashes: &[Hash]) -> Vec<Value> {
    hashes.iter().map(|hash| Value::from(BASE64.encode(hash.as_ref()))).collect()
}

fn document(
    headers: &HeaderMap,
    content_type: &'static str,
    caching: &'static str,
    body: String,
) -> Response {
    let tag = sha256(body.as_bytes()).to_string();
    tagged(headers, &tag, content_type, (caching, "accept"), Bytes::from(body))
}

fn entry_and_size(query: Option<&str>) -> Option<(EntryId, TreeSize)> {
    let [entry, size] = query::values(query, ["entry", "size"])?;
    Some((entry?.parse().ok()?, TreeSize::new(query::decimal(size?)?)))
}
