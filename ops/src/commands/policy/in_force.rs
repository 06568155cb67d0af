//! What a service says is in force (`GET /policy`).

use crate::failure::Failure;
use crate::http::Client;
use ledger::policy::Policy;
use ledger::trust::Anchor;
use proofs::EntryId;
use serde::{Deserialize, Deserializer};

/// The answer of `GET /policy`. Members that a later version may add are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct InForce {
    #[serde(deserialize_with = "entry_id")]
    pub(super) log_id: EntryId,
    pub(super) iss: String,
    pub(super) origin: String,
    pub(super) policy: PolicyEntry,
    pub(super) anchors: AnchorEntries,
}

#[derive(Debug, Deserialize)]
pub(super) struct PolicyEntry {
    pub(super) index: u64,
    #[serde(deserialize_with = "entry_id")]
    pub(super) entry_id: EntryId,
    pub(super) document: Policy,
}

#[derive(Debug, Deserialize)]
pub(super) struct AnchorEntries {
    pub(super) index: u64,
    #[serde(deserialize_with = "entry_id")]
    pub(super) entry_id: EntryId,
    pub(super) in_force: Vec<Registered>,
    pub(super) retired: Vec<Registered>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Registered {
    pub(super) anchor: Anchor,
    pub(super) from: u64,
    pub(super) to: Option<u64>,
}

impl InForce {
    /// Asks the service.
    pub(super) fn fetch(client: &Client) -> Result<Self, Failure> {
        Self::parse(&fetch(client)?)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes).map_err(|error| {
            Failure::refused(format_args!("the service's policy cannot be read: {error}"))
                .hint("is there a Stele at this address?")
        })
    }
}

/// The bytes of the answer.
pub(super) fn fetch(client: &Client) -> Result<Vec<u8>, Failure> {
    client.fetch("policy", "application/json")
}

fn entry_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EntryId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
