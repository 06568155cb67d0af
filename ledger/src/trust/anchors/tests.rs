//! The bounds of a log's trust anchors.

use std::ops::Range;

use proofs::Signer;

use super::*;
use crate::signer::{KeyAlgorithm, PrivateKey};

#[test]
fn d4_a_log_names_a_bounded_number_of_anchors_ever() {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().clone();
    let id = |n: usize| AnchorId::new(format!("k{n}")).unwrap();
    let anchor = |n| Anchor::key(id(n), key.clone(), None).unwrap();
    let changed = |set: &AnchorSet, add: Range<usize>, retire: Range<usize>| {
        let increment = AnchorIncrement::new(add.map(anchor).collect(), retire.map(id).collect());
        set.check(&increment).map(|()| set.after(&increment, LeafIndex::new(3)))
    };
    let mut set = AnchorSet::default();
    let mut before = 0..0;
    // However few are in force: their names are never given again.
    for start in (0..MAX_ANCHORS_EVER).step_by(MAX_ANCHORS / 2) {
        let added = start..start + MAX_ANCHORS / 2;
        set = changed(&set, added.clone(), before).unwrap();
        before = added;
    }
    assert_eq!(set.iter().count(), MAX_ANCHORS_EVER);
    let one_more = MAX_ANCHORS_EVER..MAX_ANCHORS_EVER + 1;
    assert_eq!(changed(&set, one_more, before.clone()), Err(AnchorsError::Full));
    changed(&set, 0..0, before).unwrap();
}
