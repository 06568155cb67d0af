//! A change of the trust anchors, as it is registered (D4).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::document::{Anchor, AnchorId};
use crate::control::json::{self, JsonError};

/// The version of the trust anchors document that this code reads and writes.
pub const ANCHORS_VERSION: u32 = 1;
/// The most anchors that one increment adds, and the most that it retires.
pub const MAX_INCREMENT: usize = 256;
/// The most anchors in force at one time.
pub const MAX_ANCHORS: usize = 4096;
/// The most anchors that one log ever names, retired ones included.
pub const MAX_ANCHORS_EVER: usize = 16_384;

/// A registered change of the trust anchors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorIncrement {
    /// [`ANCHORS_VERSION`].
    pub version: u32,
    /// Anchors that count from the next entry on.
    #[serde(default)]
    pub add: Vec<Anchor>,
    /// Anchors that stop counting with the next entry.
    #[serde(default)]
    pub retire: Vec<AnchorId>,
}

/// Why an increment is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorsError {
    /// Not JSON, or not the members that an increment has.
    #[error("the trust anchors do not read: {0}")]
    Json(#[from] JsonError),
    /// Another version than this code reads.
    #[error("the trust anchors have version {found}, this service reads {ANCHORS_VERSION}")]
    Version {
        /// The version that the document names.
        found: u32,
    },
    /// More than [`MAX_INCREMENT`] elements.
    #[error("one increment adds at most {MAX_INCREMENT} trust anchors and retires as many")]
    TooMany,
    /// An id that was used before, or twice in this increment.
    #[error("the trust anchor id `{id}` is taken; ids are never used again, so choose another")]
    Taken {
        /// The id.
        id: AnchorId,
    },
    /// An id to retire that is not in force, or twice in this increment.
    #[error("there is no trust anchor `{id}` in force to retire")]
    NotInForce {
        /// The id.
        id: AnchorId,
    },
    /// [`MAX_ANCHORS`] or [`MAX_ANCHORS_EVER`] would be passed.
    #[error(
        "a log has at most {MAX_ANCHORS} trust anchors in force and names at most {MAX_ANCHORS_EVER} ever"
    )]
    Full,
}

impl AnchorIncrement {
    /// An increment that adds and retires.
    pub fn new(add: Vec<Anchor>, retire: Vec<AnchorId>) -> Self {
        Self { version: ANCHORS_VERSION, add, retire }
    }

    /// Reads an increment; unknown and duplicate members are refused.
    ///
    /// # Errors
    /// [`AnchorsError`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, AnchorsError> {
        let increment: Self = json::parse(bytes)?;
        increment.check()?;
        Ok(increment)
    }

    /// Writes the increment; refuses what [`AnchorIncrement::from_json`] would refuse.
    ///
    /// # Errors
    /// [`AnchorsError`]
    pub fn to_json(&self) -> Result<Vec<u8>, AnchorsError> {
        self.check()?;
        Ok(json::write(self)?)
    }

    fn check(&self) -> Result<(), AnchorsError> {
        if self.version != ANCHORS_VERSION {
            return Err(AnchorsError::Version { found: self.version });
        }
        if self.add.len() > MAX_INCREMENT || self.retire.len() > MAX_INCREMENT {
            return Err(AnchorsError::TooMany);
        }
        let mut seen = BTreeSet::new();
        if let Some(anchor) = self.add.iter().find(|anchor| !seen.insert(anchor.id())) {
            return Err(AnchorsError::Taken { id: anchor.id().clone() });
        }
        let mut seen = BTreeSet::new();
        match self.retire.iter().find(|id| !seen.insert(*id)) {
            Some(id) => Err(AnchorsError::NotInForce { id: id.clone() }),
            None => Ok(()),
        }
    }
}
