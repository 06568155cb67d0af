//! What a service says is in force (`GET /policy`).

use crate::failure::Failure;
use crate::http::Client;
use ledger::policy::Policy;
use ledger::trust::{Anchor, AnchorId};
use proofs::EntryId;
use serde::{Deserialize, Deserializer};

/// The answer of `GET /policy`. Members that a later version may add are passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct InForce {
    #[serde(deserialize_with = "entry_id")]
    pub(crate) log_id: EntryId,
    pub(crate) iss: String,
    pub(crate) origin: String,
    pub(crate) policy: PolicyEntry,
    pub(crate) anchors: AnchorEntries,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PolicyEntry {
    pub(crate) index: u64,
    #[serde(deserialize_with = "entry_id")]
    pub(crate) entry_id: EntryId,
    pub(crate) document: Policy,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AnchorEntries {
    pub(crate) index: u64,
    #[serde(deserialize_with = "entry_id")]
    pub(crate) entry_id: EntryId,
    pub(crate) in_force: Vec<Registered>,
    pub(crate) retired: Vec<Retired>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Registered {
    pub(crate) anchor: Anchor,
    pub(crate) from: u64,
}

/// The statement before `from` has the whole of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Retired {
    pub(crate) id: AnchorId,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl InForce {
    /// Asks the service.
    pub(crate) fn fetch(client: &Client) -> Result<Self, Failure> {
        Self::parse(&fetch(client)?)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes).map_err(|error| {
            Failure::refused(format_args!("the service's policy cannot be read: {error}"))
                .hint("is there a Stele at this address?")
        })
    }
}

/// The bytes of the answer.
pub(crate) fn fetch(client: &Client) -> Result<Vec<u8>, Failure> {
    client.fetch("policy", "application/json")
}

fn entry_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EntryId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
