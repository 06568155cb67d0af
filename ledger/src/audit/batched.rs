//! Batches of TRACE records list the records of the log (`crate::trace_batch`).

use data_encoding::HEXLOWER;
use proofs::{EntryId, Hash, LeafIndex, SignedStatement};

use crate::collateral::Collateral;
use crate::control::ControlType;
use crate::profile::anchor_leaf;
use crate::trace_batch::TraceBatch;

/// How many records may wait for their batch. A log that makes none would otherwise fill the memory; its later batches,
/// should there be any, are counted as not checked.
const MAX_WAITING: usize = 262_144;
/// How many of them a state file keeps.
const MAX_SAVED: usize = 65_536;
/// What a state says when there were more.
const LOST: &str = "lost";

/// The records that no batch looked at yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Batched {
    lost: bool,
    /// The first entry that no batch looked at.
    next: u64,
    waiting: Vec<Waiting>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    index: LeafIndex,
    id: EntryId,
    /// `None` for an entry of which nobody knows whether it was a record.
    leaf: Option<Hash>,
}

/// What a batch turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It lists the records that it looked at.
    Holds,
    /// It lists those that are known, and others, which may be what was withheld or erased.
    NotChecked,
    /// It does not go on where the one before it ended, or lists other records.
    Contradicts,
}

impl Batched {
    /// Takes the next entry: its collateral, if that is there.
    pub(super) fn entry(&mut self, index: LeafIndex, id: EntryId, record: Option<&Collateral>) {
        let leaf = record.map(|record| record.examined.as_ref().and_then(anchor_leaf));
        match leaf {
            _ if self.lost => {}
            Some(None) => {}
            Some(leaf) => self.waiting.push(Waiting { index, id, leaf }),
            None => self.waiting.push(Waiting { index, id, leaf: None }),
        }
        if self.waiting.len() > MAX_WAITING {
            *self = Self { lost: true, ..Self::default() };
        }
    }

    /// An entry that was erased before its batch was made is not listed, one that was erased later is.
    pub(super) fn erased(&mut self, id: &EntryId) {
        self.waiting.iter_mut().filter(|one| one.id == *id).for_each(|one| one.leaf = None);
    }

    /// Compares a batch at `index` with the records it looked at, and goes on behind them; `None` for what is no batch.
    pub(super) fn check(&mut self, index: LeafIndex, statement: &SignedStatement) -> Option<Verdict> {
        if ControlType::of(statement.header()) != Some(ControlType::TraceBatch) {
            return None;
        }
        let Ok(batch) = TraceBatch::of(statement.header()) else { return Some(Verdict::Contradicts) };
        if self.lost {
            return Some(Verdict::NotChecked);
        }
        if batch.from.get() != self.next || batch.to > index {
            return Some(Verdict::Contradicts);
        }
        let looked_at = self.waiting.partition_point(|one| one.index < batch.to);
        let rest = self.waiting.split_off(looked_at);
        let looked_at = std::mem::replace(&mut self.waiting, rest);
        self.next = batch.to.get();
        let hidden = looked_at.iter().filter(|one| one.leaf.is_none()).count();
        let known: Vec<Hash> = looked_at.into_iter().filter_map(|one| one.leaf).collect();
        // In order: those passed over belong to what is hidden.
        let mut listed = batch.leaves.iter();
        let all = known.iter().all(|leaf| listed.any(|other| other == leaf));
        let others = batch.leaves.len().saturating_sub(known.len());
        Some(match (all, others) {
            (true, 0) => Verdict::Holds,
            (true, others) if others <= hidden => Verdict::NotChecked,
            _ => Verdict::Contradicts,
        })
    }

    /// For a state file.
    pub(super) fn to_text(&self) -> String {
        if self.lost || self.waiting.len() > MAX_SAVED {
            return LOST.to_owned();
        }
        let mut text = self.next.to_string();
        for Waiting { index, id, leaf } in &self.waiting {
            text.push_str(&format!(" {}:", index.get()));
            HEXLOWER.encode_append(id.as_bytes(), &mut text);
            text.push(':');
            match leaf {
                Some(leaf) => HEXLOWER.encode_append(leaf.as_bytes(), &mut text),
                None => text.push('-'),
            }
        }
        text
    }

    /// What [`Batched::to_text`] wrote.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        if text == LOST {
            return Some(Self { lost: true, ..Self::default() });
        }
        let mut words = text.split_ascii_whitespace();
        let next = words.next()?.parse().ok()?;
        let one = |word: &str| {
            let (index, rest) = word.split_once(':')?;
            let (id, leaf) = rest.split_once(':')?;
            let leaf = match leaf {
                "-" => None,
                leaf => Some(leaf.parse().ok()?),
            };
            Some(Waiting { index: LeafIndex::new(index.parse().ok()?), id: id.parse().ok()?, leaf })
        };
        Some(Self { lost: false, next, waiting: words.map(one).collect::<Option<_>>()? })
    }
}
