//! The trust anchors of a log at one moment: those in force, and the retired ones for whoever reads old entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use proofs::LeafIndex;

use super::document::{Anchor, AnchorId};
use super::increment::{AnchorIncrement, AnchorsError, MAX_ANCHORS, MAX_ANCHORS_EVER};
use crate::profile::System;

/// A trust anchor and the entries that it counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The anchor.
    pub anchor: Arc<Anchor>,
    /// The index of the increment that added it; it counts for larger indices.
    pub added: LeafIndex,
    /// The index of the increment that retired it; it counts for no larger index.
    pub retired: Option<LeafIndex>,
}

/// All trust anchors that a log has ever named, as of one index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnchorSet {
    by_id: BTreeMap<AnchorId, Registered>,
    /// Those in force for signatures inside payloads, by id: few among many, and looked for at every such payload.
    embedded: Vec<Arc<Anchor>>,
}

impl AnchorSet {
    /// An anchor that is in force.
    pub fn in_force(&self, id: &AnchorId) -> Option<&Anchor> {
        self.by_id.get(id).filter(|entry| entry.retired.is_none()).map(|entry| entry.anchor.as_ref())
    }

    /// An anchor, in force or retired.
    pub fn get(&self, id: &AnchorId) -> Option<&Registered> {
        self.by_id.get(id)
    }

    /// All anchors, by id, retired ones included.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.by_id.values()
    }

    /// The anchors in force for signatures inside payloads of a system.
    pub fn embedded(&self, system: System) -> impl Iterator<Item = &Anchor> {
        self.embedded.iter().map(AsRef::as_ref).filter(move |anchor| anchor.embedded().contains(&system))
    }

    /// Whether the increment fits: new ids are new, ids to retire are in force, bounds hold.
    pub(crate) fn check(&self, increment: &AnchorIncrement) -> Result<(), AnchorsError> {
        if let Some(anchor) = increment.add.iter().find(|anchor| self.by_id.contains_key(anchor.id())) {
            return Err(AnchorsError::Taken { id: anchor.id().clone() });
        }
        if let Some(id) = increment.retire.iter().find(|id| self.in_force(id).is_none()) {
            return Err(AnchorsError::NotInForce { id: id.clone() });
        }
        let in_force = self.by_id.values().filter(|entry| entry.retired.is_none()).count();
        let after = in_force.saturating_add(increment.add.len()).saturating_sub(increment.retire.len());
        if after > MAX_ANCHORS || self.by_id.len().saturating_add(increment.add.len()) > MAX_ANCHORS_EVER {
            return Err(AnchorsError::Full);
        }
        Ok(())
    }

    /// The set after an increment at `index` that [`AnchorSet::check`] has passed.
    pub(crate) fn after(&self, increment: &AnchorIncrement, index: LeafIndex) -> Self {
        let mut by_id = self.by_id.clone();
        for id in &increment.retire {
            if let Some(entry) = by_id.get_mut(id) {
                entry.retired = Some(index);
            }
        }
        for anchor in &increment.add {
            let entry = Registered { anchor: Arc::new(anchor.clone()), added: index, retired: None };
            by_id.insert(anchor.id().clone(), entry);
        }
        let in_force = by_id.values().filter(|entry| entry.retired.is_none());
        let embedded = in_force.filter(|entry| !entry.anchor.embedded().is_empty());
        let embedded = embedded.map(|entry| Arc::clone(&entry.anchor)).collect();
        Self { by_id, embedded }
    }
}

#[cfg(test)]
mod tests;
