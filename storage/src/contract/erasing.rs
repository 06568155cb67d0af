//! The exception to the second promise: what a commit erases is gone, whole, and nothing else is.

use proofs::LeafIndex;

use super::sample::{self, BY_ENTRY, BY_NAME, digest, dump, entry, grow, next};
use crate::commit::{Commit, Erased, Erasure, IndexRow};
use crate::error::{ConflictKind, StoreError};
use crate::store::{EntryRow, LogStore};

/// Erases leaf 3 of a sample log by its leaf `by`, with its name.
fn erasure(by: u64) -> Erasure {
    let erased = Erased { by: LeafIndex::new(by), remains: *digest("remains", 3).as_bytes() };
    Erasure { leaf: LeafIndex::new(3), erased, rows: vec![(BY_NAME, b"name/3".to_vec())] }
}

fn erasing(from: u64, erasures: Vec<Erasure>) -> Commit {
    Commit { erasures, ..next(from, from + 1) }
}

pub(super) fn what_is_erased_is_gone_and_its_entry_stays(store: &dyn LogStore) {
    grow(store, 0, 10);
    let early = store.snapshot().unwrap();
    let before = dump(early.as_ref());
    store.commit(erasing(10, vec![erasure(10)])).unwrap();
    assert_eq!(dump(early.as_ref()), before, "a view stays at its commit");
    drop(early);
    let view = store.snapshot().unwrap();
    let leaf = LeafIndex::new(3);
    let row = EntryRow { erased: Some(erasure(10).erased), ..sample::row(&entry(3)) };
    assert_eq!(view.entry(leaf).unwrap(), Some(row));
    assert_eq!(view.entries(LeafIndex::new(2), 3).unwrap().get(1), Some(&row));
    assert_eq!(view.statement(leaf).unwrap(), None);
    assert_eq!(view.collateral(leaf).unwrap(), None);
    assert_eq!(view.lookup(BY_NAME, b"name/3").unwrap(), None);
    assert!(view.scan(BY_NAME, b"name/3", 10).unwrap().is_empty());
    assert_eq!(view.lookup(BY_ENTRY, &entry(3).entry).unwrap(), Some(leaf), "a row that was not named stays");
    for other in [2, 4, 10] {
        let at = LeafIndex::new(other);
        assert_eq!(view.statement(at).unwrap(), Some(entry(other).statement));
        assert_eq!(view.collateral(at).unwrap(), Some(entry(other).collateral));
        assert_eq!(view.entry(at).unwrap(), Some(sample::row(&entry(other))));
    }
    assert_eq!(view.lookup(BY_NAME, b"name/6").unwrap(), Some(LeafIndex::new(6)));
}

pub(super) fn an_erasure_that_does_not_fit_changes_nothing(store: &dyn LogStore) {
    grow(store, 0, 10);
    let before = dump(store.snapshot().unwrap().as_ref());
    let refuse = |from: u64, erasures: Vec<Erasure>, rows: Vec<IndexRow>| {
        let leaf = erasures.last().unwrap().leaf;
        let mut commit = erasing(from, erasures);
        commit.rows.extend(rows);
        let expected = Err(StoreError::Conflict(ConflictKind::Erasure(leaf)));
        assert_eq!(store.commit(commit), expected);
    };
    let of = |leaf: u64| Erasure { leaf: LeafIndex::new(leaf), rows: vec![], ..erasure(10) };
    let named = |key: &[u8]| Erasure { rows: vec![(BY_NAME, key.to_vec())], ..erasure(10) };
    refuse(10, vec![of(10)], vec![]);
    refuse(10, vec![of(11)], vec![]);
    refuse(10, vec![erasure(9)], vec![]);
    refuse(10, vec![erasure(11)], vec![]);
    refuse(10, vec![erasure(10), erasure(10)], vec![]);
    refuse(10, vec![named(b"name/6")], vec![]);
    refuse(10, vec![named(b"nobody")], vec![]);
    let again = IndexRow { index: BY_NAME, key: b"name/3".to_vec(), leaf: LeafIndex::new(3) };
    refuse(10, vec![erasure(10)], vec![again]);
    assert_eq!(dump(store.snapshot().unwrap().as_ref()), before);
    store.commit(erasing(10, vec![erasure(10)])).unwrap();
    refuse(
        11,
        vec![of(3)].into_iter().map(|e| Erasure { erased: erasure(11).erased, ..e }).collect(),
        vec![],
    );
    grow(store, 11, 12);
}

pub(super) fn a_key_that_was_erased_is_free_again(store: &dyn LogStore) {
    grow(store, 0, 10);
    store.commit(erasing(10, vec![erasure(10)])).unwrap();
    let between = store.snapshot().unwrap();
    let mut commit = next(11, 12);
    commit.rows.push(IndexRow { index: BY_NAME, key: b"name/3".to_vec(), leaf: LeafIndex::new(11) });
    store.commit(commit).unwrap();
    assert_eq!(between.lookup(BY_NAME, b"name/3").unwrap(), None);
    let view = store.snapshot().unwrap();
    assert_eq!(view.lookup(BY_NAME, b"name/3").unwrap(), Some(LeafIndex::new(11)));
    assert_eq!(view.scan(BY_NAME, b"name/3", 9).unwrap(), vec![(b"name/3".to_vec(), LeafIndex::new(11))]);
}

pub(super) fn scrubbing_changes_nothing_that_is_seen(store: &dyn LogStore) {
    assert!(store.scrub().unwrap(), "there is nothing to do in an empty store");
    grow(store, 0, 300);
    store.commit(erasing(300, vec![Erasure { rows: vec![], ..erasure(300) }])).unwrap();
    let before = dump(store.snapshot().unwrap().as_ref());
    assert!(store.scrub().unwrap());
    assert!(store.scrub().unwrap());
    assert_eq!(dump(store.snapshot().unwrap().as_ref()), before);
    grow(store, 301, 302);
}
