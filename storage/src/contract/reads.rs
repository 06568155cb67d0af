//! The third promise: a view is one moment, and shows what was asked, in order, within its limits.

use proofs::{LeafIndex, TreeSize};

use super::sample::{BY_ENTRY, BY_NAME, digest, dump, entry, grow, head, next, row, tile};
use crate::commit::{Commit, IndexName, IndexRow};
use crate::store::{EntryRow, LogStore};

pub(super) fn a_snapshot_stays_at_its_commit(store: &dyn LogStore) {
    let empty = store.snapshot().unwrap();
    let empty_dump = dump(empty.as_ref());
    grow(store, 0, 10);
    let early = store.snapshot().unwrap();
    let early_dump = dump(early.as_ref());
    for size in 10..20 {
        grow(store, size, size + 1);
    }
    grow(store, 20, 300);
    assert_eq!(dump(empty.as_ref()), empty_dump, "a view of the empty log stays empty");
    assert_eq!(dump(early.as_ref()), early_dump, "a view stays at its commit");
    assert_eq!(early.head(), Some(head(10)));
    assert_eq!(
        early.tiles(&[tile(0, 10).id, tile(1, 300).id]).unwrap(),
        vec![Some(tile(0, 10).hashes), None]
    );
    assert_eq!(early.lookup(BY_ENTRY, &entry(10).entry).unwrap(), None);
    assert_eq!(early.statement(LeafIndex::new(10)).unwrap(), None);
    assert_eq!(early.entries(LeafIndex::new(8), 5).unwrap().len(), 2);
    assert_eq!(store.snapshot().unwrap().head(), Some(head(300)));
}

pub(super) fn entries_are_clipped_to_the_tree(store: &dyn LogStore) {
    grow(store, 0, 7);
    grow(store, 7, 20);
    let snapshot = store.snapshot().unwrap();
    let rows =
        |leaves: std::ops::Range<u64>| -> Vec<EntryRow> { leaves.map(entry).map(|new| row(&new)).collect() };
    let read = |from, count| snapshot.entries(LeafIndex::new(from), count).unwrap();
    assert_eq!(read(0, 20), rows(0..20));
    assert_eq!(read(5, 4), rows(5..9));
    assert_eq!(read(0, 0), vec![]);
    assert_eq!(read(18, 100), rows(18..20));
    assert_eq!(read(19, usize::MAX), rows(19..20));
    assert_eq!(read(20, 1), vec![]);
    assert_eq!(read(u64::MAX, usize::MAX), vec![]);
    assert_eq!(snapshot.entry(LeafIndex::new(19)).unwrap(), rows(19..20).pop());
    assert_eq!(snapshot.entry(LeafIndex::new(20)).unwrap(), None);
}

pub(super) fn tiles_come_in_the_order_asked(store: &dyn LogStore) {
    grow(store, 0, 600);
    let snapshot = store.snapshot().unwrap();
    let stored = |index| Some(tile(index, 600).hashes);
    let ids = [2, 9, 0, 1, 0].map(|index| tile(index, 600).id);
    let expected = vec![stored(2), None, stored(0), stored(1), stored(0)];
    assert_eq!(snapshot.tiles(&ids).unwrap(), expected);
    assert_eq!(snapshot.tiles(&[]).unwrap(), vec![]);
}

pub(super) fn scans_are_in_order_and_limited(store: &dyn LogStore) {
    let row = |key: &str, leaf| IndexRow {
        index: BY_NAME,
        key: key.as_bytes().to_vec(),
        leaf: LeafIndex::new(leaf),
    };
    store.commit(Commit { rows: vec![row("b/2", 0), row("a", 1), row("b/10", 0)], ..next(0, 2) }).unwrap();
    store.commit(Commit { rows: vec![row("b", 2), row("c", 2), row("b/1", 2)], ..next(2, 3) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    let scan = |prefix: &str, limit| {
        let rows = snapshot.scan(BY_NAME, prefix.as_bytes(), limit).unwrap();
        rows.into_iter().map(|(key, leaf)| (String::from_utf8(key).unwrap(), leaf.get())).collect::<Vec<_>>()
    };
    let named =
        |rows: &[(&str, u64)]| rows.iter().map(|(key, leaf)| ((*key).to_owned(), *leaf)).collect::<Vec<_>>();
    let all = [("a", 1), ("b", 2), ("b/1", 2), ("b/10", 0), ("b/2", 0), ("c", 2)];
    assert_eq!(scan("", usize::MAX), named(&all));
    assert_eq!(scan("", 2), named(&[("a", 1), ("b", 2)]));
    assert_eq!(scan("b/", 10), named(&[("b/1", 2), ("b/10", 0), ("b/2", 0)]));
    assert_eq!(scan("b/1", 1), named(&[("b/1", 2)]));
    assert_eq!(scan("", 0), named(&[]));
    assert_eq!(scan("d", 10), named(&[]));
}

pub(super) fn scans_stop_at_the_end_of_a_prefix(store: &dyn LogStore) {
    let row =
        |index, key: &[u8]| IndexRow { index: IndexName(index), key: key.to_vec(), leaf: LeafIndex::new(0) };
    let rows =
        vec![row(254, b"x"), row(255, &[0xff]), row(255, &[0xff, 0xff, 1]), row(255, b"x"), row(0, b"")];
    store.commit(Commit { rows, ..next(0, 1) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    let keys = |index, prefix: &[u8]| -> Vec<Vec<u8>> {
        let rows = snapshot.scan(IndexName(index), prefix, 10).unwrap();
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(255, &[0xff]), vec![vec![0xff], vec![0xff, 0xff, 1]]);
    assert_eq!(keys(255, &[0xff, 0xff]), vec![vec![0xff, 0xff, 1]]);
    assert_eq!(keys(255, b""), vec![b"x".to_vec(), vec![0xff], vec![0xff, 0xff, 1]]);
    assert_eq!(keys(254, b""), vec![b"x".to_vec()]);
    assert_eq!(keys(0, b""), vec![Vec::<u8>::new()]);
    assert_eq!(keys(253, b""), Vec::<Vec<u8>>::new());
}

pub(super) fn every_head_is_kept(store: &dyn LogStore) {
    let sizes = [1, 2, 5, 255, 256, 257, 300];
    let mut from = 0;
    for to in sizes {
        grow(store, from, to);
        from = to;
    }
    let snapshot = store.snapshot().unwrap();
    let read = |from, limit| -> Vec<u64> {
        let heads = snapshot.heads(TreeSize::new(from), limit).unwrap();
        assert!(heads.iter().all(|head| head.tree.root == digest("root", head.tree.size.get())));
        heads.iter().map(|head| head.tree.size.get()).collect()
    };
    assert_eq!(read(0, usize::MAX), sizes);
    assert_eq!(read(0, 3), [1, 2, 5]);
    assert_eq!(read(3, 2), [5, 255]);
    assert_eq!(read(256, 10), [256, 257, 300]);
    assert_eq!(read(300, 10), [300]);
    assert_eq!(read(301, 10), [0; 0]);
    assert_eq!(read(u64::MAX, 10), [0; 0]);
    assert_eq!(read(0, 0), [0; 0]);
}

pub(super) fn a_scan_goes_on_where_it_ended(store: &dyn LogStore) {
    let row = |key: &str| IndexRow { index: BY_NAME, key: key.as_bytes().to_vec(), leaf: LeafIndex::new(0) };
    let rows = ["a/1", "b/1", "b/3", "b/5", "c/1"].map(row).to_vec();
    store.commit(Commit { rows, ..next(0, 1) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    let scan = |prefix: &str, from: &str, limit| -> Vec<String> {
        let rows = snapshot.scan_from(BY_NAME, prefix.as_bytes(), from.as_bytes(), limit).unwrap();
        rows.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    };
    assert_eq!(scan("b/", "b/3", 10), ["b/3", "b/5"]);
    assert_eq!(scan("b/", "b/4", 10), ["b/5"], "the place to begin need not be there");
    assert_eq!(scan("b/", "b/2", 1), ["b/3"]);
    assert_eq!(scan("b/", "a", 10), ["b/1", "b/3", "b/5"], "nothing before the beginning");
    assert_eq!(scan("b/", "c", 10), Vec::<String>::new(), "nothing behind the end");
    assert_eq!(scan("b/", "b/1", 0), Vec::<String>::new());
}
