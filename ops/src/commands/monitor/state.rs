//! What a monitor knows from one run to the next.

use super::event::Event;
use crate::failure::Failure;
use crate::files;
use ledger::audit::Covered;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the state that this code reads and writes.
const VERSION: u32 = 1;

/// How many alerts may wait for a receiver that does not answer; the oldest stay.
const MAX_SPOOL: usize = 1000;

/// The state of one monitor. Written whole after every step that must not be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    /// The log it is about.
    pub(super) origin: String,
    /// The newest checkpoint that was verified, as received; none before the first.
    pub(super) checkpoint: Option<String>,
    /// Every entry below this index was read and all that was found in it delivered.
    pub(super) next: u64,
    /// Alerts that are not delivered yet, oldest first.
    pub(super) spool: Vec<Event>,
    /// Where the evidence is, once the log has contradicted itself.
    pub(super) contradicted: Option<PathBuf>,
    /// How many statements were withheld or erased, so that no rule could look at them.
    pub(super) withheld: u64,
    /// The collateral records that no manifest covers yet, of which the hashes were read.
    #[serde(default = "Covered::unknown")]
    pub(super) collateral: Covered,
    /// The ids of the alerts about a trouble that lasts, so that each is reported once.
    pub(super) raised: Vec<String>,
}

impl State {
    pub(super) fn new(origin: &str) -> Self {
        Self {
            version: VERSION,
            origin: origin.to_owned(),
            checkpoint: None,
            next: 0,
            spool: Vec::new(),
            contradicted: None,
            withheld: 0,
            collateral: Covered::default(),
            raised: Vec::new(),
        }
    }

    /// Puts an alert where it is delivered from, for certain, sooner or later.
    pub(super) fn alert(&mut self, event: Event) {
        if self.spool.len() < MAX_SPOOL && !self.spool.contains(&event) {
            self.spool.push(event);
        }
    }

    /// The same for a trouble that lasts: once, until it is over.
    pub(super) fn raise(&mut self, event: Event) {
        if self.raised.len() < MAX_SPOOL && !self.raised.contains(&event.id) {
            self.raised.push(event.id.clone());
            self.alert(event);
        }
    }
}

/// Where the state is kept.
pub(super) trait Keep {
    /// Writes it down for good.
    fn save(&mut self, state: &State) -> Result<(), Failure>;
}

/// A file.
pub(super) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file, and what stands in it; a state of another log is refused.
    pub(super) fn open(path: &Path, origin: &str) -> Result<(Self, State), Failure> {
        let file = Self { path: path.to_owned() };
        if !path.exists() {
            return Ok((file, State::new(origin)));
        }
        let refused = |why: &dyn std::fmt::Display| {
            let path = path.display();
            Failure::local(format_args!("{path} is not the state of a monitor of {origin}: {why}"))
                .hint("name another --state file to begin anew")
        };
        let state: State = serde_json::from_slice(&files::read(path)?).map_err(|error| refused(&error))?;
        if state.version != VERSION {
            return Err(refused(&format_args!("it has version {}", state.version)));
        }
        if state.origin != origin {
            return Err(refused(&format_args!("it is of {}", state.origin)));
        }
        Ok((file, state))
    }
}

impl Keep for StateFile {
    fn save(&mut self, state: &State) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(state)
            .map_err(|error| Failure::local(format_args!("the state cannot be written: {error}")))?;
        files::replace(&self.path, &bytes)
    }
}
