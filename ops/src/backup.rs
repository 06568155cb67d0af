//! Backups of a log: a consistent copy of its folder, and putting one back so that no second history comes of it (D11).
//!
//! A backup is a folder that nothing takes for a log:
//!
//! ```text
//! BACKUP.json   which log, how far, and every file with its length and SHA-256; written last
//! stele.toml    the configuration, and the witness policy that it names
//! store/        the store without FORMAT
//! keys/         the private keys, only if they were asked for
//! ```

mod copy;
mod live;
mod manifest;
mod put;
mod take;
#[cfg(test)]
mod tests;

pub(crate) use live::{Answer, MAX_LINE, REQUEST, socket};
pub(crate) use manifest::MANIFEST;
#[cfg(test)]
use manifest::Manifest;
pub(crate) use put::{Restored, UNFINISHED, Wanted, restore};
pub(crate) use take::{Taken, backup};

/// What happens between two steps. Tests stop there, as a kill does.
pub(crate) type Steps<'a> = &'a mut dyn FnMut(&str) -> Result<(), crate::failure::Failure>;
