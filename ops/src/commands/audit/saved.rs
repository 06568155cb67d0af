//! The file in which an audit keeps its place.

use crate::failure::{Exit, Failure};
use crate::files;
use ledger::{AuditState, Auditor};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the place is written down: what a killed audit does again.
const EVERY: Duration = Duration::from_secs(5);

/// A failure of a state that cannot be gone on from.
pub(super) fn unusable(failure: Failure) -> Failure {
    Failure { exit: Exit::Local, ..failure }.hint("name another --state file to begin anew")
}

/// The state file, or none.
pub(super) struct Saved<'a> {
    path: Option<&'a Path>,
    state: Option<AuditState>,
    written: Instant,
}

impl<'a> Saved<'a> {
    /// Reads what an earlier audit left; a file that is not there yet is a beginning.
    pub(super) fn open(path: Option<&'a Path>) -> Result<Self, Failure> {
        let state = match path.filter(|path| path.exists()) {
            Some(path) => Some(serde_json::from_slice(&files::read(path)?).map_err(|error| {
                let path = path.display();
                unusable(Failure::local(format_args!("{path} is not the state of an audit: {error}")))
            })?),
            None => None,
        };
        Ok(Self { path, state, written: Instant::now() })
    }

    /// What to go on from.
    pub(super) fn take(&mut self) -> Option<AuditState> {
        self.state.take()
    }

    /// Writes the state down if it is time, or if it is the last one.
    pub(super) fn offer(&mut self, auditor: &Auditor, last: bool) -> Result<(), Failure> {
        let Some(path) = self.path.filter(|_| last || self.written.elapsed() >= EVERY) else { return Ok(()) };
        let bytes = serde_json::to_vec(&auditor.state())
            .map_err(|error| Failure::local(format_args!("the state cannot be written: {error}")))?;
        files::replace(path, &bytes)?;
        self.written = Instant::now();
        Ok(())
    }
}
