//! The first two promises: all or nothing, and the past does not change.

use std::thread;

use bytes::Bytes;
use proofs::{LeafIndex, TreeHead, TreeSize, UnixTime};

use super::sample::{self, BY_ENTRY, BY_NAME, digest, dump, grow, head, next, tile};
use crate::commit::{Commit, Head, IndexName, IndexRow, MAX_ROW_KEY, TilePut};
use crate::error::{ConflictKind, StoreError};
use crate::store::LogStore;

pub(super) fn an_empty_store_holds_nothing(store: &dyn LogStore) {
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.published().unwrap(), None);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.head(), None);
    assert_eq!(snapshot.entry(LeafIndex::new(0)).unwrap(), None);
    assert_eq!(snapshot.statement(LeafIndex::new(0)).unwrap(), None);
    assert_eq!(snapshot.collateral(LeafIndex::new(u64::MAX)).unwrap(), None);
    assert_eq!(snapshot.entries(LeafIndex::new(0), 10).unwrap(), vec![]);
    assert_eq!(snapshot.tiles(&[tile(0, 1).id]).unwrap(), vec![None]);
    assert_eq!(snapshot.lookup(BY_ENTRY, b"").unwrap(), None);
    assert_eq!(snapshot.scan(BY_ENTRY, b"", 10).unwrap(), vec![]);
    assert_eq!(snapshot.heads(TreeSize::EMPTY, 10).unwrap(), vec![]);
}

pub(super) fn a_commit_is_visible_whole(store: &dyn LogStore) {
    grow(store, 0, 5);
    assert_eq!(store.head().unwrap(), Some(head(5)));
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.head(), Some(head(5)));
    for leaf in 0..5 {
        let (at, new) = (LeafIndex::new(leaf), sample::entry(leaf));
        let row = sample::row(&new);
        assert_eq!(snapshot.entry(at).unwrap(), Some(row));
        assert_eq!(snapshot.statement(at).unwrap(), Some(new.statement));
        assert_eq!(snapshot.collateral(at).unwrap(), Some(new.collateral));
        assert_eq!(snapshot.lookup(BY_ENTRY, &new.entry).unwrap(), Some(at));
    }
    assert_eq!(snapshot.lookup(BY_NAME, b"name/3").unwrap(), Some(LeafIndex::new(3)));
    assert_eq!(snapshot.lookup(BY_NAME, b"name/4").unwrap(), None);
    assert_eq!(snapshot.lookup(BY_ENTRY, b"name/3").unwrap(), None);
    assert_eq!(snapshot.tiles(&[tile(0, 5).id]).unwrap(), vec![Some(tile(0, 5).hashes)]);
}

pub(super) fn a_commit_for_another_head_is_refused(store: &dyn LogStore) {
    let refuse = |commit: Commit, held: Option<Head>| {
        let base = commit.base;
        let expected = StoreError::Conflict(ConflictKind::Base { held: held.map(|head| head.tree), base });
        assert_eq!(store.commit(commit), Err(expected));
        assert_eq!(store.head().unwrap(), held);
    };
    refuse(next(1, 2), None);
    grow(store, 0, 3);
    refuse(next(0, 3), Some(head(3)));
    refuse(next(0, 4), Some(head(3)));
    refuse(next(2, 4), Some(head(3)));
    refuse(next(4, 5), Some(head(3)));
    let forked = TreeHead { root: digest("fork", 3), ..head(3).tree };
    refuse(Commit { base: Some(forked), ..next(3, 4) }, Some(head(3)));
    grow(store, 3, 4);
}

pub(super) fn sizes_add_up_and_time_does_not_go_back(store: &dyn LogStore) {
    grow(store, 0, 3);
    let refused = |commit: Commit| match store.commit(commit) {
        Err(StoreError::Conflict(kind)) => kind,
        other => unreachable!("the commit must be a conflict, not {other:?}"),
    };
    let mut short = next(3, 5);
    short.entries.pop();
    let old = TreeSize::new(3);
    assert_eq!(refused(short), ConflictKind::Size { old, added: 1, new: TreeSize::new(5) });
    let none = Commit { head: head(3), entries: vec![], tiles: vec![], rows: vec![], ..next(3, 4) };
    assert_eq!(refused(none), ConflictKind::Size { old, added: 0, new: old });
    let mut endless = next(3, 4);
    endless.head.tree.size = TreeSize::new(u64::MAX);
    assert_eq!(refused(endless), ConflictKind::Size { old, added: 1, new: TreeSize::new(u64::MAX) });
    let mut early = next(3, 4);
    early.head.time = UnixTime::from_secs(head(3).time.secs() - 1);
    assert_eq!(refused(early.clone()), ConflictKind::Time { old: head(3).time, new: early.head.time });
    early.head.time = head(3).time;
    store.commit(early).unwrap();
}

pub(super) fn of_two_writers_with_one_base_one_wins(store: &dyn LogStore) {
    for size in 0..20 {
        let results = thread::scope(|scope| {
            let writers = [(); 4].map(|()| scope.spawn(|| store.commit(next(size, size + 1))));
            writers.map(|writer| writer.join().unwrap())
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "one base, one commit");
    }
    assert_eq!(store.head().unwrap(), Some(head(20)));
}

pub(super) fn tiles_grow_by_appending_only(store: &dyn LogStore) {
    grow(store, 0, 3);
    let refuse = |hashes: Vec<u8>| {
        let id = tile(0, 4).id;
        let commit = Commit { tiles: vec![TilePut { id, hashes }], ..next(3, 4) };
        assert_eq!(store.commit(commit), Err(StoreError::Conflict(ConflictKind::Tile(id))));
        let stored = store.snapshot().unwrap().tiles(&[id]).unwrap();
        assert_eq!(stored, vec![Some(tile(0, 3).hashes)], "a stored tile only grows by appending");
    };
    refuse(tile(0, 2).hashes);
    refuse(tile(1, 300).hashes);
    let mut other = tile(0, 4).hashes;
    other.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    refuse(other);
    let same = Commit { tiles: vec![tile(0, 3)], ..next(3, 4) };
    store.commit(same).unwrap();
    let none = Commit { tiles: vec![], ..next(4, 5) };
    store.commit(none).unwrap();
    grow(store, 5, 300);
    let ids = [tile(1, 300).id, tile(0, 300).id];
    let stored = store.snapshot().unwrap().tiles(&ids).unwrap();
    assert_eq!(stored, vec![Some(tile(1, 300).hashes), Some(tile(0, 300).hashes)]);
}

pub(super) fn a_tile_has_the_form_of_one(store: &dyn LogStore) {
    let refuse = |puts: Vec<TilePut>| {
        let commit = Commit { tiles: puts, ..next(0, 1) };
        let kind = store.commit(commit);
        assert!(matches!(kind, Err(StoreError::Conflict(ConflictKind::Tile(_)))), "{kind:?}");
    };
    let id = tile(0, 1).id;
    refuse(vec![TilePut { id, hashes: vec![] }]);
    refuse(vec![TilePut { id, hashes: vec![0; 33] }]);
    refuse(vec![TilePut { id, hashes: vec![0; 257 * 32] }]);
    refuse(vec![tile(0, 1), tile(0, 1)]);
    store.commit(Commit { tiles: vec![TilePut { id, hashes: vec![0; 256 * 32] }], ..next(0, 1) }).unwrap();
}

pub(super) fn a_key_leads_to_one_leaf_for_ever(store: &dyn LogStore) {
    grow(store, 0, 3);
    let row = |leaf| IndexRow { index: BY_NAME, key: b"name/0".to_vec(), leaf: LeafIndex::new(leaf) };
    let with = |rows| Commit { rows, ..next(3, 4) };
    let refuse = |rows, held, leaf| {
        let (held, leaf) = (LeafIndex::new(held), LeafIndex::new(leaf));
        let expected = ConflictKind::Row { index: BY_NAME, held, leaf };
        assert_eq!(store.commit(with(rows)), Err(StoreError::Conflict(expected)));
    };
    refuse(vec![row(3)], 0, 3);
    let fresh = |leaf| IndexRow { key: b"fresh".to_vec(), ..row(leaf) };
    refuse(vec![fresh(2), fresh(3)], 2, 3);
    // The same leaf again says nothing new; the same key in another index is another row.
    let elsewhere = IndexRow { index: IndexName(7), ..row(3) };
    store.commit(with(vec![row(0), fresh(3), fresh(3), elsewhere])).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.lookup(BY_NAME, b"name/0").unwrap(), Some(LeafIndex::new(0)));
    assert_eq!(snapshot.lookup(BY_NAME, b"fresh").unwrap(), Some(LeafIndex::new(3)));
    assert_eq!(snapshot.lookup(IndexName(7), b"name/0").unwrap(), Some(LeafIndex::new(3)));
}

pub(super) fn a_row_has_the_form_of_one(store: &dyn LogStore) {
    let row = |key: Vec<u8>, leaf| IndexRow { index: BY_NAME, key, leaf: LeafIndex::new(leaf) };
    for bad in [row(b"beyond".to_vec(), 1), row(vec![0; MAX_ROW_KEY + 1], 0)] {
        let result = store.commit(Commit { rows: vec![bad], ..next(0, 1) });
        assert!(matches!(result, Err(StoreError::Conflict(ConflictKind::RowForm { .. }))), "{result:?}");
    }
    let longest = vec![0xff; MAX_ROW_KEY];
    store.commit(Commit { rows: vec![row(longest.clone(), 0), row(vec![], 0)], ..next(0, 1) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.lookup(BY_NAME, &longest).unwrap(), Some(LeafIndex::new(0)));
    assert_eq!(snapshot.lookup(BY_NAME, b"").unwrap(), Some(LeafIndex::new(0)));
    assert_eq!(snapshot.lookup(BY_NAME, &[0xff; MAX_ROW_KEY + 1]).unwrap(), None);
}

pub(super) fn a_refused_commit_changes_nothing(store: &dyn LogStore) {
    grow(store, 0, 250);
    let before = dump(store.snapshot().unwrap().as_ref());
    let mut last_row_bad = next(250, 520);
    last_row_bad.rows.push(IndexRow { index: BY_NAME, key: b"name/0".to_vec(), leaf: LeafIndex::new(300) });
    let mut last_tile_bad = next(250, 520);
    let mut other = tile(0, 256);
    other.hashes.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    last_tile_bad.tiles.retain(|put| put.id != other.id);
    last_tile_bad.tiles.push(other);
    for bad in [last_row_bad, last_tile_bad, next(0, 520)] {
        assert!(matches!(store.commit(bad), Err(StoreError::Conflict(_))));
        assert_eq!(store.head().unwrap(), Some(head(250)));
        assert_eq!(dump(store.snapshot().unwrap().as_ref()), before, "a refused commit changes nothing");
    }
    grow(store, 250, 520);
    assert_eq!(store.head().unwrap(), Some(head(520)));
}

pub(super) fn large_and_empty_values_come_back_whole(store: &dyn LogStore) {
    let mut commit = next(0, 4);
    let sizes = [0, 1, 100_000, 3_000_000];
    let value = |length: usize, seed: u8| -> Bytes {
        (0..length).map(|at| u8::try_from(at % 251).unwrap().wrapping_mul(seed)).collect()
    };
    for (entry, length) in commit.entries.iter_mut().zip(sizes) {
        entry.statement = value(length, 7);
        entry.collateral = value(length, 11);
    }
    store.commit(commit).unwrap();
    let snapshot = store.snapshot().unwrap();
    for (leaf, length) in (0..).map(LeafIndex::new).zip(sizes) {
        assert_eq!(snapshot.statement(leaf).unwrap(), Some(value(length, 7)));
        assert_eq!(snapshot.collateral(leaf).unwrap(), Some(value(length, 11)));
    }
}

pub(super) fn a_row_of_a_list_ends_with_its_new_leaf(store: &dyn LogStore) {
    const LIST: IndexName = IndexName(64);
    let row = |name: &str, end: u64, leaf: u64| IndexRow {
        index: LIST,
        key: [name.as_bytes(), &end.to_be_bytes()[..]].concat(),
        leaf: LeafIndex::new(leaf),
    };
    let rows = vec![row("x", 0, 0), row("x", 1, 1), row("y", 1, 1)];
    store.commit(Commit { rows, ..next(0, 2) }).unwrap();
    let refuse = |row: IndexRow| {
        let kind = ConflictKind::RowForm { index: LIST, leaf: row.leaf };
        let commit = Commit { rows: vec![row], ..next(2, 3) };
        assert_eq!(store.commit(commit), Err(StoreError::Conflict(kind)));
    };
    refuse(row("x", 1, 2));
    refuse(row("x", 1, 1));
    refuse(row("x", 3, 3));
    refuse(IndexRow { index: LIST, key: vec![2], leaf: LeafIndex::new(2) });
    store.commit(Commit { rows: vec![row("x", 2, 2)], ..next(2, 3) }).unwrap();
    let found = store.snapshot().unwrap().scan(LIST, b"x", 10).unwrap();
    let leaves: Vec<u64> = found.into_iter().map(|(_, leaf)| leaf.get()).collect();
    assert_eq!(leaves, [0, 1, 2], "in the order of the log");
}
