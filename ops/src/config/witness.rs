//! `[witness]`: who has to see the checkpoints of this log, and what happens when they do not.

use ledger::{WithoutQuorum, WitnessSettings};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `[witness]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Witness {
    pub(crate) policy: Option<PathBuf>,
    pub(crate) quorum_wait_ms: u64,
    pub(crate) without_quorum: WithoutQuorum,
    pub(crate) request_ms: u64,
    pub(crate) recosign_s: u64,
    pub(crate) known_checkpoints: Vec<String>,
    pub(crate) unreachable: Unreachable,
}

/// What a start does when nobody can be asked what this log has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unreachable {
    /// It goes on, with a warning.
    Start,
    /// It does not.
    Refuse,
}

impl Default for Witness {
    fn default() -> Self {
        Self {
            policy: None,
            quorum_wait_ms: 5_000,
            without_quorum: WithoutQuorum::Publish,
            request_ms: 10_000,
            recosign_s: 600,
            known_checkpoints: Vec::new(),
            unreachable: Unreachable::Start,
        }
    }
}

impl Witness {
    /// What the ledger has to know of it.
    pub(crate) fn settings(&self) -> WitnessSettings {
        WitnessSettings {
            quorum_wait: Duration::from_millis(self.quorum_wait_ms),
            without_quorum: self.without_quorum,
            request_deadline: Duration::from_millis(self.request_ms),
            recosign_interval: Duration::from_secs(self.recosign_s),
        }
    }

    /// What the types cannot say.
    pub(crate) fn check(&self) -> Result<(), String> {
        let times = [
            ("witness.quorum_wait_ms", self.quorum_wait_ms),
            ("witness.request_ms", self.request_ms),
            ("witness.recosign_s", self.recosign_s),
        ];
        if let Some((name, _)) = times.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} must not be 0: no witness would ever be in time"));
        }
        if self.unreachable == Unreachable::Refuse
            && self.policy.is_none()
            && self.known_checkpoints.is_empty()
        {
            return Err(
                "witness.unreachable is \"refuse\", but there is neither a policy nor a known checkpoint to ask"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
