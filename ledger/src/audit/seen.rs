//! What log findings look at: the entries before one, as index rows (D18).
//!
//! The rows are made from what the entries say, never read from an index of the log's, so a log that leaves rows out of
//! its index is found out. An entry that was erased had rows while it was there, which nobody can make again: as long as
//! such an entry stands before the one in question, a difference proves nothing.

use std::collections::{BTreeMap, HashSet};

use data_encoding::HEXLOWER;
use proofs::{EntryId, LeafIndex};
use storage::StoreError;

use crate::collateral::Examined;
use crate::profile::{LogView, Probe, is_probed, log_findings, rows_of};

/// How many rows are kept: about 100 MiB. The log findings of a log that has more are not checked from there on.
const MAX_ROWS: usize = 1 << 20;
/// How many rows and hidden entries a state file keeps; of more, it says that they are lost.
const MAX_SAVED: usize = 65_536;
/// How many entries whose statement is not there are told apart.
const MAX_HIDDEN: usize = 65_536;
/// What a state says when rows are missing.
const LOST: &str = "lost";
/// Bytes of an entry id that stand for it beside a row: nobody finds a second entry that has them too.
const TAG: usize = 16;

/// The rows that probes may look for, and what is missing from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether rows are missing for good.
    lost: bool,
    /// Key, which ends with the leaf, and of which entry.
    rows: BTreeMap<Vec<u8>, [u8; TAG]>,
    /// Entries that may have had rows, and of which nothing tells that they were erased already.
    hidden: HashSet<EntryId>,
}

/// What came of comparing log findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// They are those that the entries before give.
    Same,
    /// They are others.
    Differ,
    /// They are others, and something that was there then is not there now.
    NotChecked,
}

/// The entries before `before`.
struct View<'a> {
    seen: &'a Seen,
    before: LeafIndex,
}

impl LogView for View<'_> {
    fn rows(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        let rows = self.seen.rows.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        let rows = rows.filter_map(|(key, _)| Some((key.clone(), leaf_of(key)?)));
        Ok(rows.filter(|(_, leaf)| *leaf < self.before).take(limit).collect())
    }
}

/// The leaf at the end of a key.
fn leaf_of(key: &[u8]) -> Option<LeafIndex> {
    key.last_chunk().map(|leaf| LeafIndex::new(u64::from_be_bytes(*leaf)))
}

impl Seen {
    /// Takes what a profile found an entry under.
    pub(super) fn entry(&mut self, index: LeafIndex, id: &EntryId, examined: &Examined) {
        if self.lost {
            return;
        }
        let tag = tag(id);
        let rows = rows_of(&examined.terms, &examined.links, index).into_iter();
        self.rows.extend(rows.filter(|key| is_probed(key)).map(|key| (key, tag)));
        if self.rows.len() > MAX_ROWS {
            self.lose();
        }
    }

    /// Takes an entry of which nobody knows what it said.
    pub(super) fn hidden(&mut self, id: EntryId) {
        if !self.lost {
            self.hidden.insert(id);
            if self.hidden.len() > MAX_HIDDEN {
                self.lose();
            }
        }
    }

    /// From here on the rows of this entry are not there.
    pub(super) fn erased(&mut self, id: &EntryId) {
        if !self.hidden.remove(id) {
            let tag = tag(id);
            self.rows.retain(|_, of| *of != tag);
        }
    }

    fn lose(&mut self) {
        *self = Self { lost: true, ..Self::default() };
    }

    /// Asks again what was asked when the entry was registered, and compares ids, severities and places with what was
    /// kept; messages may change (D18).
    pub(super) fn compare(&self, index: LeafIndex, probes: &[Probe], kept: &Examined) -> Compared {
        let kept: Vec<_> = kept.findings.iter().filter(|finding| finding.as_of.is_some()).collect();
        let again = log_findings(probes, &View { seen: self, before: index }, index);
        let same = again.is_ok_and(|again| {
            again.len() == kept.len()
                && again.iter().zip(&kept).all(|(again, kept)| {
                    (&again.id, again.severity, &again.pointer, again.as_of)
                        == (&kept.id, kept.severity, &kept.pointer, kept.as_of)
                })
        });
        match same {
            true => Compared::Same,
            false if self.lost || !self.hidden.is_empty() => Compared::NotChecked,
            false => Compared::Differ,
        }
    }

    /// For a state file.
    pub(super) fn to_text(&self) -> String {
        if self.lost || self.rows.len().saturating_add(self.hidden.len()) > MAX_SAVED {
            return LOST.to_owned();
        }
        let mut text = String::new();
        for (key, tag) in &self.rows {
            HEXLOWER.encode_append(key, &mut text);
            text.push('.');
            HEXLOWER.encode_append(tag, &mut text);
            text.push(' ');
        }
        for id in &self.hidden {
            text.push('-');
            HEXLOWER.encode_append(id.as_bytes(), &mut text);
            text.push(' ');
        }
        text
    }

    /// What [`Seen::to_text`] wrote.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut seen = Self { lost: text == LOST, ..Self::default() };
        for word in text.split_ascii_whitespace().filter(|_| text != LOST) {
            if let Some(id) = word.strip_prefix('-') {
                seen.hidden.insert(id.parse().ok()?);
                continue;
            }
            let (key, tag) = word.split_once('.')?;
            let key = HEXLOWER.decode(key.as_bytes()).ok()?;
            let tag = HEXLOWER.decode(tag.as_bytes()).ok()?;
            seen.rows.insert(key, tag.try_into().ok()?);
        }
        Some(seen)
    }
}

fn tag(id: &EntryId) -> [u8; TAG] {
    id.as_bytes().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Finding, Severity};

    const LINK: u8 = 200;

    fn id(n: u8) -> EntryId {
        EntryId::from_bytes([n; 32])
    }

    fn examined(links: &[&[u8]]) -> Examined {
        let links = links.iter().map(|link| [&[LINK], *link].concat()).collect();
        Examined { profile: "aigp@1".into(), complete: true, findings: vec![], terms: vec![], links }
    }

    fn missing(link: &[u8]) -> Probe {
        let finding = Finding::new("MISSING", Severity::Warning, "/x", "it is not there");
        Probe::Missing { prefix: [&[LINK], link].concat(), finding }
    }

    fn with_missing(index: u64) -> Examined {
        let mut finding = Finding::new("MISSING", Severity::Warning, "/x", "in other words");
        finding.as_of = Some(index);
        Examined { findings: vec![finding], ..examined(&[]) }
    }

    #[test]
    fn d18_an_entry_sees_those_before_it_and_no_other() {
        let mut seen = Seen::default();
        seen.entry(LeafIndex::new(5), &id(5), &examined(&[b"a"]));
        let compare =
            |seen: &Seen, index, kept: &Examined| seen.compare(LeafIndex::new(index), &[missing(b"a")], kept);
        assert_eq!(compare(&seen, 6, &examined(&[])), Compared::Same);
        assert_eq!(compare(&seen, 6, &with_missing(6)), Compared::Differ);
        assert_eq!(compare(&seen, 5, &with_missing(5)), Compared::Same);
        assert_eq!(compare(&seen, 5, &with_missing(4)), Compared::Differ, "it says as of which entry");
        assert_eq!(Seen::from_text(&seen.to_text()), Some(seen.clone()));
        // Once it is erased nobody sees it.
        seen.erased(&id(5));
        assert_eq!(compare(&seen, 8, &with_missing(8)), Compared::Same);
        assert_eq!(compare(&seen, 8, &examined(&[])), Compared::Differ);
    }

    #[test]
    fn d18_what_is_erased_later_excuses_a_difference_until_its_erasure() {
        let mut seen = Seen::default();
        seen.hidden(id(5));
        let probes = [missing(b"a")];
        assert_eq!(seen.compare(LeafIndex::new(6), &probes, &examined(&[])), Compared::NotChecked);
        assert_eq!(seen.compare(LeafIndex::new(6), &probes, &with_missing(6)), Compared::Same);
        assert_eq!(Seen::from_text(&seen.to_text()), Some(seen.clone()));
        seen.erased(&id(5));
        assert_eq!(seen.compare(LeafIndex::new(8), &probes, &examined(&[])), Compared::Differ);
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_loss_is_said() {
        let mut seen = Seen::default();
        for n in 0..=MAX_HIDDEN {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            seen.hidden(EntryId::from_bytes(id));
        }
        assert!(seen.lost && seen.hidden.is_empty());
        assert_eq!(Seen::from_text(&seen.to_text()), Some(seen.clone()));
        assert_eq!(seen.compare(LeafIndex::new(6), &[missing(b"a")], &examined(&[])), Compared::NotChecked);
        for bad in ["x", "00", "00.00", "-00", "0.", &format!("{LOST} {LOST}")] {
            assert_eq!(Seen::from_text(bad), None, "{bad}");
        }
    }
}
