//! Those outside who see that the log only grew (C2SP tlog-witness). How they are reached, the ledger does not know.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use proofs::{CosignerKey, TlogPolicy, TreeSize};
use serde::Deserialize;

/// What a witness said, or that it said nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessReply {
    /// 200: signature lines, not verified.
    Cosigned(Vec<u8>),
    /// 409: the size of the checkpoint that it cosigned last; none when it did not say a size.
    Conflict(Option<TreeSize>),
    /// 404: it does not know this log.
    UnknownLog,
    /// 403: it does not take the log's signature.
    BadSignature,
    /// 422: it does not take the proof, or knows another root for this size.
    Inconsistent,
    /// Any other refusal: 400 among them.
    Refused(u16),
    /// It could not be reached, or broke off.
    Unreachable(String),
}

/// A future that may cross threads.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One witness, as somebody who knows HTTP reaches it.
pub trait Witness: Send + Sync {
    /// Sends a body of `add-checkpoint` (tlog-witness). Whoever asks gives up after a deadline of its own.
    fn add_checkpoint(&self, body: String) -> Answer<'_, WitnessReply>;

    /// The newest checkpoint of this log that its monitoring endpoint knows, not verified; `None` when there is none,
    /// or nobody to ask.
    fn newest(&self) -> Answer<'_, Option<Vec<u8>>>;
}

/// How a witness of the policy is reached.
#[derive(Clone)]
pub struct WitnessClient {
    /// Its key, by which its cosignatures are known. They are what makes it that witness.
    pub key: CosignerKey,
    /// Who reaches it.
    pub witness: Arc<dyn Witness>,
}

/// Who has to see a checkpoint before it is published, and how they are asked.
#[derive(Clone)]
pub struct Witnessing {
    /// The quorum.
    pub policy: TlogPolicy,
    /// The witnesses of the policy that can be reached.
    pub clients: Vec<WitnessClient>,
    /// How patient the log is.
    pub settings: WitnessSettings,
}

/// What happens to a checkpoint that the quorum did not cosign in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutQuorum {
    /// It is published as it is, and counted: fail-open.
    Publish,
    /// It is held back, and newer ones are tried: fail-closed.
    Hold,
}

/// How patient the log is with its witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessSettings {
    /// How long the publication of a checkpoint waits for the quorum.
    pub quorum_wait: Duration,
    /// What happens then.
    pub without_quorum: WithoutQuorum,
    /// How long a witness may take to answer one request.
    pub request_deadline: Duration,
    /// How long nothing may happen before the newest checkpoint is cosigned anew.
    pub recosign_interval: Duration,
}

impl Default for WitnessSettings {
    fn default() -> Self {
        Self {
            quorum_wait: Duration::from_secs(5),
            without_quorum: WithoutQuorum::Publish,
            request_deadline: Duration::from_secs(10),
            recosign_interval: Duration::from_secs(600),
        }
    }
}
