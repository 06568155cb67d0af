//! Collateral cannot be rewritten later: the records fold to what the manifests registered (D12).

use data_encoding::HEXLOWER;
use proofs::manifest::{CollateralManifest, Fold};
use proofs::{Hash, LeafIndex};
use serde::{Deserialize, Serialize};

/// How many records may wait for their manifest. A log that makes none would otherwise fill the memory; its next
/// manifests, should there be any, are not checked.
const MAX_WAITING: usize = 16 * 65_536;
/// How many of them are written down, so that a state file stays small.
const MAX_SAVED: usize = 65_536;
/// What a state says when more were waiting.
const LOST: &str = "lost";

/// The collateral records that no manifest covers yet, by the hashes that stand for them: what it takes to see that none
/// was rewritten, from outside too. Written down as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Covered {
    /// Whether it is not known where it begins: more than [`MAX_WAITING`] were waiting, or records were passed over.
    lost: bool,
    /// The first entry that no manifest covers.
    to: u64,
    /// The hash of each record from there on, where it is known.
    waiting: Vec<Option<Hash>>,
}

/// What a collateral manifest turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The records are those that were registered.
    Holds,
    /// A record is withheld and so is its hash, or was passed over.
    NotChecked,
    /// It does not go on where the one before it ended, or covers what is not there yet.
    Range,
    /// The records are others than those that were registered.
    Contradicts,
}

impl Covered {
    /// Records were passed over: manifests are checked again from the second one on.
    #[must_use]
    pub fn unknown() -> Self {
        Self { lost: true, ..Self::default() }
    }

    /// Takes the record of the next entry, by [`proofs::manifest::collateral_hash`]; `None` where not even that is known.
    pub fn record(&mut self, hash: Option<Hash>) {
        if self.waiting.len() >= MAX_WAITING {
            *self = Self::unknown();
        }
        if !self.lost {
            self.waiting.push(hash);
        }
    }

    /// Compares the manifest that is entry `index` with the records it covers, and goes on behind them. The record of
    /// the manifest itself comes afterwards.
    pub fn check(&mut self, index: LeafIndex, manifest: &CollateralManifest) -> Verdict {
        if self.lost {
            // From here on it is known again where manifests begin, but not what was before this one.
            let between = index.get().saturating_sub(manifest.to.get());
            let between = usize::try_from(between).unwrap_or(usize::MAX);
            if between < MAX_WAITING {
                *self = Self { lost: false, to: manifest.to.get(), waiting: vec![None; between] };
            }
            return Verdict::NotChecked;
        }
        let count = usize::try_from(manifest.records()).unwrap_or(usize::MAX);
        if manifest.from.get() != self.to || count > self.waiting.len() {
            return Verdict::Range;
        }
        let rest = self.waiting.split_off(count);
        let covered = std::mem::replace(&mut self.waiting, rest);
        self.to = manifest.to.get();
        let mut fold = Fold::new();
        for hash in covered {
            let Some(hash) = hash else { return Verdict::NotChecked };
            fold.hash(hash);
        }
        if manifest.check(&fold).is_ok() { Verdict::Holds } else { Verdict::Contradicts }
    }

    /// For a state file: where it begins, and the hashes as text.
    pub(super) fn to_text(&self) -> (u64, String) {
        if self.lost || self.waiting.len() > MAX_SAVED {
            return (0, LOST.to_owned());
        }
        let mut text = String::with_capacity(self.waiting.len().saturating_mul(65));
        for hash in &self.waiting {
            match hash {
                Some(hash) => HEXLOWER.encode_append(hash.as_bytes(), &mut text),
                None => text.push('-'),
            }
            text.push(' ');
        }
        (self.to, text)
    }

    /// What [`Covered::to_text`] wrote for a log of this size.
    pub(super) fn from_text(to: u64, text: &str, size: u64) -> Option<Self> {
        if text == LOST {
            return Some(Self { lost: true, ..Self::default() });
        }
        let hash = |word: &str| match word {
            "-" => Some(None),
            word => word.parse().ok().map(Some),
        };
        let waiting: Vec<Option<Hash>> = text.split_ascii_whitespace().map(hash).collect::<Option<_>>()?;
        let end = to.checked_add(u64::try_from(waiting.len()).ok()?)?;
        (end == size).then_some(Self { lost: false, to, waiting })
    }
}

impl From<Covered> for String {
    fn from(covered: Covered) -> Self {
        let (to, text) = covered.to_text();
        format!("{to} {text}")
    }
}

impl TryFrom<String> for Covered {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let read = || {
            let (to, text) = text.split_once(' ')?;
            let to: u64 = to.parse().ok()?;
            let size = to.checked_add(u64::try_from(text.split_ascii_whitespace().count()).ok()?)?;
            Self::from_text(to, text, size)
        };
        read().ok_or("the hashes of collateral do not read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofs::LeafIndex;
    use proofs::manifest::collateral_hash;

    fn over(records: &[&[u8]], from: u64) -> CollateralManifest {
        let mut fold = Fold::new();
        records.iter().for_each(|record| fold.record(record));
        let to = LeafIndex::new(from + fold.count());
        CollateralManifest { from: LeafIndex::new(from), to, root: fold.root() }
    }

    fn with(records: &[&[u8]]) -> Covered {
        let mut covered = Covered::default();
        records.iter().for_each(|record| covered.record(Some(collateral_hash(record))));
        covered
    }

    /// A manifest right behind what was taken.
    fn at(covered: &mut Covered, manifest: &CollateralManifest) -> Verdict {
        let index = covered.to + u64::try_from(covered.waiting.len()).unwrap();
        covered.check(LeafIndex::new(index), manifest)
    }

    #[test]
    fn d12_manifests_go_on_where_the_one_before_ended() {
        let mut covered = with(&[b"a", b"b", b"c"]);
        assert_eq!(at(&mut covered, &over(&[b"b", b"c"], 1)), Verdict::Range);
        assert_eq!(at(&mut covered, &over(&[b"a", b"b"], 0)), Verdict::Holds);
        assert_eq!(at(&mut covered, &over(&[b"a", b"b"], 0)), Verdict::Range);
        assert_eq!(at(&mut covered, &over(&[b"c", b"d"], 2)), Verdict::Range, "it is not there yet");
        let (to, text) = covered.to_text();
        assert_eq!(Covered::from_text(to, &text, 3), Some(covered.clone()));
        assert_eq!(Covered::from_text(to, &text, 4), None);
        assert_eq!(at(&mut covered, &over(&[b"x"], 2)), Verdict::Contradicts);
    }

    #[test]
    fn d12_a_record_without_a_hash_leaves_its_manifest_unchecked() {
        let mut covered = with(&[b"a"]);
        covered.record(None);
        let (to, text) = covered.to_text();
        assert_eq!(Covered::from_text(to, &text, 2), Some(covered.clone()));
        assert_eq!(at(&mut covered, &over(&[b"a", b"b"], 0)), Verdict::NotChecked);
        covered.record(Some(collateral_hash(b"c")));
        assert_eq!(at(&mut covered, &over(&[b"c"], 2)), Verdict::Holds);
    }

    #[test]
    fn d12_who_passed_records_over_checks_from_the_second_manifest_on() {
        let mut covered = Covered::unknown();
        covered.record(Some(collateral_hash(b"passed over")));
        // The manifest at 9 covers what is below 7; of 7 and 8 nothing is known.
        let first = over(&[b"x"], 6);
        assert_eq!(covered.check(LeafIndex::new(9), &first), Verdict::NotChecked);
        covered.record(Some(collateral_hash(b"manifest")));
        covered.record(Some(collateral_hash(b"a")));
        assert_eq!(at(&mut covered, &over(&[b"?", b"?", b"manifest"], 7)), Verdict::NotChecked);
        let text = String::from(covered.clone());
        assert_eq!(Covered::try_from(text), Ok(covered.clone()));
        assert_eq!(at(&mut covered, &over(&[b"b"], 10)), Verdict::Contradicts);
        covered.record(Some(collateral_hash(b"c")));
        assert_eq!(at(&mut covered, &over(&[b"c"], 11)), Verdict::Holds);
        for bad in ["", "x", "0 x", "lost", "1"] {
            assert!(Covered::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(Covered::try_from("0 lost".to_owned()), Ok(Covered::unknown()));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut covered = Covered::default();
        for _ in 0..=MAX_WAITING {
            covered.record(None);
        }
        assert_eq!((covered.lost, covered.waiting.len()), (true, 0));
        let (to, text) = covered.to_text();
        assert_eq!(Covered::from_text(to, &text, 9), Some(covered.clone()));
        assert_eq!(at(&mut covered, &over(&[b"a"], 0)), Verdict::NotChecked);
    }
}
