use super::*;
use crate::contract;
use crate::contract::sample::{dump, grow, head, next, tile};
use crate::error::ConflictKind;

#[test]
fn passes_the_contract() {
    contract::check(&|| Box::new(MemoryStore::new()));
}

#[test]
fn a_lost_commit_leaves_nothing() {
    let store = MemoryStore::new();
    store.fail_commit(2, Fault::Lost);
    grow(&store, 0, 3);
    let before = dump(store.snapshot().unwrap().as_ref());
    assert_eq!(store.commit(next(3, 5)).unwrap_err().kind(), "unavailable");
    assert_eq!(dump(store.snapshot().unwrap().as_ref()), before);
    assert_eq!(
        store.commit(next(3, 5)).unwrap_err().kind(),
        "unavailable",
        "no commit until it is opened again"
    );
    store.reopen();
    grow(&store, 3, 5);
    assert_eq!(store.commits(), 3);
}

#[test]
fn a_persisted_commit_is_there_although_it_was_reported_as_failed() {
    let store = MemoryStore::new();
    store.fail_commit(1, Fault::Persisted);
    assert_eq!(store.commit(next(0, 5)).unwrap_err().kind(), "unavailable");
    store.reopen();
    assert_eq!(store.head().unwrap(), Some(head(5)));
    let retry = store.commit(next(0, 5));
    assert!(matches!(retry, Err(StoreError::Conflict(ConflictKind::Base { .. }))));
    grow(&store, 5, 6);
}

#[test]
fn conflicts_do_not_count_as_commits() {
    let store = MemoryStore::new();
    store.fail_commit(2, Fault::Lost);
    grow(&store, 0, 1);
    assert_eq!(store.commit(next(0, 1)).unwrap_err().kind(), "conflict");
    assert_eq!(store.commits(), 1);
    assert_eq!(store.commit(next(1, 2)).unwrap_err().kind(), "unavailable");
}

#[test]
fn a_copy_goes_its_own_way() {
    let store = MemoryStore::new();
    grow(&store, 0, 4);
    store.publish(b"old").unwrap();
    let backup = store.copy();
    grow(&store, 4, 9);
    store.publish(b"new").unwrap();
    assert_eq!(backup.head().unwrap(), Some(head(4)));
    assert_eq!(backup.published().unwrap().as_deref(), Some(&b"old"[..]));
    grow(&backup, 4, 5);
    assert_eq!(store.head().unwrap(), Some(head(9)));
}

#[test]
fn tampering_shows() {
    let store = MemoryStore::new();
    grow(&store, 0, 4);
    let leaf = LeafIndex::new(2);
    store.tamper(Tamper::Statement(leaf, Bytes::from_static(b"other")));
    store.tamper(Tamper::Tile(tile(0, 4).id, vec![9; 32]));
    store.tamper(Tamper::Row(contract::sample::BY_NAME, b"name/0".to_vec(), Some(leaf)));
    store.tamper(Tamper::Row(contract::sample::BY_NAME, b"name/3".to_vec(), None));
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.statement(leaf).unwrap().as_deref(), Some(&b"other"[..]));
    assert_eq!(snapshot.tiles(&[tile(0, 4).id]).unwrap(), vec![Some(vec![9; 32])]);
    assert_eq!(snapshot.lookup(contract::sample::BY_NAME, b"name/0").unwrap(), Some(leaf));
    assert_eq!(snapshot.lookup(contract::sample::BY_NAME, b"name/3").unwrap(), None);
}
