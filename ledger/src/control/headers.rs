//! The protected headers that tie a control statement to one log and one place in it (D4).

use ciborium::Value;
use proofs::{Algorithm, EntryId, Label, PublicKey, SignFailed, Signer, StatementHeader, cbor, sha256};

/// Protected header with the id of the log that the statement is for: 32 bytes.
pub const LOG_HEADER: &str = "stele.log";
/// Protected header with the entry id that the statement supersedes or follows: 32 bytes.
pub const FOLLOWS_HEADER: &str = "stele.follows";
/// Protected header with the signature of a new operator key over [`acceptance_message`].
pub const ACCEPTANCE_HEADER: &str = "stele.operator-acceptance";

const ACCEPTANCE_CONTEXT: &str = "stele operator acceptance v1";

/// The label [`LOG_HEADER`].
pub fn log_label() -> Label {
    Label::Text(LOG_HEADER.to_owned())
}

/// The label [`FOLLOWS_HEADER`].
pub fn follows_label() -> Label {
    Label::Text(FOLLOWS_HEADER.to_owned())
}

/// The label [`ACCEPTANCE_HEADER`].
pub fn acceptance_label() -> Label {
    Label::Text(ACCEPTANCE_HEADER.to_owned())
}

/// The entry id under a label; `None` if it is absent or not 32 bytes.
pub(crate) fn entry_id(header: &StatementHeader, label: &Label) -> Option<EntryId> {
    let bytes: [u8; 32] = header.extra(label)?.as_bytes()?.as_slice().try_into().ok()?;
    Some(EntryId::from_bytes(bytes))
}

/// The entry that a control statement follows.
pub(crate) fn follows(header: &StatementHeader) -> Option<EntryId> {
    entry_id(header, &follows_label())
}

pub(crate) fn entry_id_value(id: &EntryId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

/// What a new operator key signs to accept its role: the deterministic CBOR (RFC 8949 §4.2.1) of
/// `["stele operator acceptance v1", log id, follows, SHA-256(payload)]`, the last three as 32-byte strings.
///
/// No COSE structure and no note begins with these bytes, so the signature can serve nothing else.
pub fn acceptance_message(log_id: &EntryId, follows: &EntryId, payload: &[u8]) -> Vec<u8> {
    cbor::encode(&Value::Array(vec![
        Value::Text(ACCEPTANCE_CONTEXT.to_owned()),
        entry_id_value(log_id),
        entry_id_value(follows),
        Value::Bytes(sha256(payload).as_bytes().to_vec()),
    ]))
}

pub(crate) fn accept(
    log_id: &EntryId,
    follows: &EntryId,
    payload: &[u8],
    new_operator: &dyn Signer,
) -> Result<Value, SignFailed> {
    new_operator.sign(&acceptance_message(log_id, follows, payload)).map(Value::Bytes)
}

/// Whether `signature` is the acceptance by `key`, under any algorithm that the key allows.
pub(crate) fn is_accepted(
    log_id: &EntryId,
    follows: &EntryId,
    payload: &[u8],
    key: &PublicKey,
    signature: &Value,
) -> bool {
    let message = acceptance_message(log_id, follows, payload);
    signature.as_bytes().is_some_and(|signature| {
        let mut algorithms = Algorithm::ALL.iter().copied().filter(|algorithm| key.allows(*algorithm));
        algorithms.any(|algorithm| key.verify(algorithm, &message, signature).is_ok())
    })
}
