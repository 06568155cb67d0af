//! The checkpoint kept beside the commits.

use super::sample::grow;
use crate::store::LogStore;

pub(super) fn a_checkpoint_is_replaced_whole(store: &dyn LogStore) {
    let long = "a line of a note\n".repeat(1000);
    for checkpoint in ["first", long.as_str(), "", "last\n"] {
        store.publish(checkpoint.as_bytes()).unwrap();
        assert_eq!(store.published().unwrap().as_deref(), Some(checkpoint.as_bytes()));
    }
}

pub(super) fn a_checkpoint_is_apart_from_the_commits(store: &dyn LogStore) {
    store.publish(b"before").unwrap();
    let early = store.snapshot().unwrap();
    grow(store, 0, 3);
    assert_eq!(store.published().unwrap().as_deref(), Some(&b"before"[..]));
    store.publish(b"after").unwrap();
    assert_eq!(early.head(), None, "publishing does not touch a view");
    assert_eq!(store.published().unwrap().as_deref(), Some(&b"after"[..]));
}

pub(super) fn an_announced_checkpoint_is_apart_from_the_published_one(store: &dyn LogStore) {
    assert_eq!(store.announced().unwrap(), None);
    store.publish(b"published").unwrap();
    for announced in ["first\n", "", "last\n"] {
        store.announce(announced.as_bytes()).unwrap();
        assert_eq!(store.announced().unwrap().as_deref(), Some(announced.as_bytes()));
    }
    assert_eq!(store.published().unwrap().as_deref(), Some(&b"published"[..]));
}
