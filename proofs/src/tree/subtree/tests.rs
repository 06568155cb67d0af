use super::*;
use crate::hash::leaf_hash;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect()
}

/// MTH of RFC 9162 §2.1.1, word for word.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// SUBTREE_SUBPROOF of MTC §4.4.1, word for word.
fn prove(start: usize, end: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    let n = leaves.len();
    if start == 0 && end == n {
        return if known { vec![] } else { vec![root(leaves)] };
    }
    let k = split(n);
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if end <= k {
        (prove(start, end, left, known), root(right))
    } else if start >= k {
        (prove(start - k, end - k, right, known), root(left))
    } else {
        (prove(0, end - k, right, false), root(left))
    };
    path.push(sibling);
    path
}

#[test]
fn wit_08_a_subtree_starts_at_a_multiple_of_its_rounded_length() {
    for start in 0..70_u64 {
        for end in 0..70_u64 {
            let valid = start <= end && {
                let mut unit = 1;
                while unit < end - start {
                    unit *= 2;
                }
                start.is_multiple_of(unit)
            };
            assert_eq!(Subtree::new(start, end).is_ok(), valid, "[{start}, {end})");
        }
    }
    let half = 1 << 63;
    for (start, end, valid) in [
        (0, u64::MAX, true),
        (1, u64::MAX, false),
        (half, u64::MAX, true),
        (half - 1, u64::MAX, false),
        (u64::MAX, u64::MAX, true),
        (u64::MAX - 1, u64::MAX, true),
    ] {
        assert_eq!(Subtree::new(start, end).is_ok(), valid, "[{start}, {end})");
    }
}

#[test]
fn wit_08_every_subtree_of_every_small_tree_is_proven_and_nothing_else() {
    let all = leaves(37);
    for size in 0..=37_u64 {
        let tree = &all[..usize::try_from(size).unwrap()];
        let head = TreeHead { size: TreeSize::new(size), root: root(tree) };
        for start in 0..=size {
            for end in start..=size {
                let Ok(subtree) = Subtree::new(start, end) else { continue };
                let (from, to) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
                let hash = root(&tree[from..to]);
                let path = if from == to { vec![] } else { prove(from, to, tree, true) };
                let proof = SubtreeProof { subtree, path };
                assert_eq!(proof.verify(&hash, &head), Ok(()), "[{start}, {end}) of {size}");
                refuse_neighbours(&proof, &hash, &head);
            }
        }
    }
}

fn refuse_neighbours(proof: &SubtreeProof, hash: &Hash, head: &TreeHead) {
    let other = leaf_hash(b"another");
    assert!(proof.verify(&other, head).is_err());
    if proof.subtree.start() < proof.subtree.end() {
        assert!(proof.verify(hash, &TreeHead { root: other, ..*head }).is_err());
    }
    let longer = SubtreeProof { path: [&proof.path[..], &[other]].concat(), ..proof.clone() };
    assert!(longer.verify(hash, head).is_err());
    for at in 0..proof.path.len() {
        let mut wrong = proof.clone();
        wrong.path[at] = other;
        assert!(wrong.verify(hash, head).is_err(), "{wrong:?}");
        let mut shorter = proof.clone();
        shorter.path.remove(at);
        assert!(shorter.verify(hash, head).is_err(), "{shorter:?}");
    }
}

#[test]
fn wit_08_from_the_start_it_is_a_consistency_proof() {
    use crate::tree::ConsistencyProof;
    let all = leaves(21);
    let head = TreeHead { size: TreeSize::new(21), root: root(&all) };
    for (old, size) in (1..=21_usize).zip((1..).map(TreeSize::new)) {
        let path = prove(0, old, &all, true);
        let subtree = Subtree::whole(size);
        let proof = ConsistencyProof { old: size, new: head.size, path: path.clone() };
        assert_eq!(proof.verify(&root(&all[..old]), &head.root), Ok(()));
        assert_eq!(SubtreeProof { subtree, path }.verify(&root(&all[..old]), &head), Ok(()));
    }
}

/// The example of tlog-witness `sign-subtree` has the form of a proof of [8, 13) in 14.
#[test]
fn wit_08_the_example_of_the_specification_has_the_length_we_expect() {
    assert_eq!(prove(8, 13, &leaves(14), true).len(), 4);
}

#[test]
fn wit_08_a_subtree_beyond_the_tree_is_refused() {
    let head = TreeHead { size: TreeSize::new(4), root: root(&leaves(4)) };
    let subtree = Subtree::new(4, 5).unwrap();
    let proof = SubtreeProof { subtree, path: vec![] };
    assert_eq!(
        proof.verify(&leaf_hash(b""), &head),
        Err(SubtreeError::BeyondTree { end: 5, size: head.size })
    );
    // The largest sizes neither overflow nor hang.
    let huge = TreeHead { size: TreeSize::new(u64::MAX), root: empty_root() };
    for (start, end) in [(0, u64::MAX), (1 << 63, u64::MAX), (0, 1), (u64::MAX - 1, u64::MAX)] {
        let proof = SubtreeProof { subtree: Subtree::new(start, end).unwrap(), path: vec![empty_root(); 64] };
        assert!(proof.verify(&empty_root(), &huge).is_err());
    }
}
