//! The statement of a batch, and what can be told of it from itself alone.

use ciborium::Value;
use data_encoding::HEXLOWER;
use proofs::{
    ContentType, EntryId, Hash, Label, LeafIndex, SignFailed, SignedStatement, Signer, StatementBuilder,
    StatementHeader, UnixTime, empty_root, node_hash,
};
use serde::{Deserialize, Serialize};

use crate::control::{ControlFault, LogIdentity, check_tied, follows_label, json, log_label};
use crate::profile::{rfc3339, unix_seconds};

/// Content type of a batch.
pub const BATCH_CT: &str = "application/vnd.stele.trace-batch+json";
/// Subject of a batch.
pub const BATCH_SUBJECT: &str = "urn:stele:trace-batch";
/// Protected header with the leaf index of the first entry that was looked at and of the first that was not.
pub const RANGE_HEADER: &str = "stele.trace.range";
/// Protected header with the leaf hashes of the records, 32 bytes each, in log order.
pub const LEAVES_HEADER: &str = "stele.trace.leaves";
/// The most records of one batch: 64 KiB of leaves, half of what a protected header may have.
pub const MAX_BATCH_RECORDS: usize = 2048;

/// The party that anchors, as `name/semver`.
const PRODUCER: &str = concat!("stele/", env!("CARGO_PKG_VERSION"));
/// The longest name of a producer, of this program's versions or another's.
const MAX_PRODUCER_BYTES: usize = 64;

/// Why a statement is no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The range is absent, empty or malformed.
    #[error("a batch names the entries it looked at in the protected header `{RANGE_HEADER}`, [from, to)")]
    Range,
    /// The leaves are absent, too many or malformed.
    #[error(
        "a batch lists its leaves in the protected header `{LEAVES_HEADER}`: 1 to {MAX_BATCH_RECORDS} times 32 bytes"
    )]
    Leaves,
    /// The payload is not the registry entry of these leaves.
    #[error("the payload of a batch is the registry entry of its leaves and nothing else")]
    Entry,
    /// The batch does not continue the newest one.
    #[error("the next batch looks at what is committed from entry {next} on")]
    Place {
        /// The first entry that no batch looked at.
        next: LeafIndex,
    },
}

/// A registry entry (`schema/registry-entry.schema.json` of agentrust-io/trace-registry), in the order of its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistryEntry {
    pub(crate) ts: String,
    pub(crate) merkle_root: String,
    pub(crate) leaf_count: u64,
    pub(crate) producer: String,
    pub(crate) batch_id: String,
}

/// Some records in log order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceBatch {
    /// The first entry that was looked at.
    pub(crate) from: LeafIndex,
    /// The first that was not.
    pub(crate) to: LeafIndex,
    /// The leaves of the records between them.
    pub(crate) leaves: Vec<Hash>,
}

impl TraceBatch {
    /// The statement that registers it, behind the batch (or genesis) `follows`.
    pub(crate) fn sign(
        &self,
        follows: EntryId,
        at: UnixTime,
        identity: &LogIdentity,
        registrar: &dyn Signer,
    ) -> Result<Vec<u8>, SignFailed> {
        let id = |id: EntryId| Value::Bytes(id.as_bytes().to_vec());
        let range = Value::Array(vec![Value::from(self.from.get()), Value::from(self.to.get())]);
        let leaves: Vec<u8> = self.leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect();
        let entry = self.entry(rfc3339(at.secs()), PRODUCER.to_owned(), identity);
        // A map of text and numbers always becomes JSON.
        let payload = serde_json::to_vec(&entry).unwrap_or_default();
        StatementBuilder::new(&identity.genesis.issuer, BATCH_SUBJECT)
            .content_type(ContentType::Text(BATCH_CT.to_owned()))
            .extra(log_label(), id(identity.log_id))
            .extra(follows_label(), id(follows))
            .extra(label(RANGE_HEADER), range)
            .extra(label(LEAVES_HEADER), Value::Bytes(leaves))
            .sign(&payload, registrar)
    }

    fn entry(&self, ts: String, producer: String, identity: &LogIdentity) -> RegistryEntry {
        let log = HEXLOWER.encode(identity.log_id.as_bytes().get(..8).unwrap_or_default());
        RegistryEntry {
            ts,
            merkle_root: format!("sha256:{}", root(&self.leaves)),
            leaf_count: self.leaves.len().try_into().unwrap_or(u64::MAX),
            producer,
            batch_id: format!("{log}:{}-{}", self.from.get(), self.to.get()),
        }
    }

    /// Reads the headers of a batch.
    pub(crate) fn of(header: &StatementHeader) -> Result<Self, BatchError> {
        let (from, to) = range_of(header).ok_or(BatchError::Range)?;
        let leaves =
            header.extra(&label(LEAVES_HEADER)).and_then(Value::as_bytes).ok_or(BatchError::Leaves)?;
        let (leaves, rest) = leaves.as_chunks::<32>();
        if !rest.is_empty() || !(1..=MAX_BATCH_RECORDS).contains(&leaves.len()) {
            return Err(BatchError::Leaves);
        }
        Ok(Self { from, to, leaves: leaves.iter().copied().map(Hash::new).collect() })
    }
}

/// What can be told of a batch from itself alone: the right log, the right form, the right root. Whether it continues
/// the one before it is for the sequencer to tell.
pub(crate) fn check_batch(statement: &SignedStatement, identity: &LogIdentity) -> Result<(), ControlFault> {
    check_tied(statement, identity, BATCH_CT, BATCH_SUBJECT)?;
    let batch = TraceBatch::of(statement.header())?;
    let entry: RegistryEntry = json::parse(statement.payload()).map_err(|_| BatchError::Entry)?;
    let named =
        is_producer(&entry.producer) && unix_seconds(&entry.ts).is_some_and(|at| rfc3339(at) == entry.ts);
    let same = batch.entry(entry.ts, entry.producer, identity);
    let written = serde_json::to_vec(&same).is_ok_and(|bytes| bytes == statement.payload());
    if named && written { Ok(()) } else { Err(BatchError::Entry.into()) }
}

/// Which entries the statement says that it looked at.
pub(crate) fn range_of(header: &StatementHeader) -> Option<(LeafIndex, LeafIndex)> {
    let [from, to] = header.extra(&label(RANGE_HEADER))?.as_array()?.as_slice() else { return None };
    let index = |value: &Value| value.as_integer().and_then(|n| u64::try_from(n).ok()).map(LeafIndex::new);
    index(from).zip(index(to)).filter(|(from, to)| from < to)
}

/// `name/semver`, of letters, digits and `.`, `_`, `-`, `+`.
fn is_producer(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    text.len() <= MAX_PRODUCER_BYTES
        && text.split_once('/').is_some_and(|(name, version)| {
            let both =
                [name, version].into_iter().all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
            both && [name, version].into_iter().flat_map(str::bytes).all(plain)
        })
}

fn label(name: &str) -> Label {
    Label::Text(name.to_owned())
}

/// The root over leaf hashes (RFC 9162 §2.1.1).
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = halves(leaves);
            node_hash(&root(left), &root(right))
        }
    }
}

/// The path from a leaf to the root, from the leaf up (RFC 9162 §2.1.3.1).
pub(crate) fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = halves(leaves);
    match index.checked_sub(left.len()) {
        None => [path(left, index), vec![root(right)]].concat(),
        Some(index) => [path(right, index), vec![root(left)]].concat(),
    }
}

/// Two or more leaves, cut at the largest power of two that is smaller than their number.
fn halves(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(leaves.len().div_ceil(2).next_power_of_two())
}
