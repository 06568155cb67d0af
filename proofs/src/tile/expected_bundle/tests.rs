use std::collections::BTreeMap;

use super::*;
use crate::position::TreeHead;
use crate::tile::{TiledNodes, entry_bundle::encode};
use crate::tree::CompactRange;

type Tiles = BTreeMap<TileId, Vec<u8>>;

fn entries(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(|n| format!("entry {n}").into_bytes()).collect()
}

fn tree(entries: &[Vec<u8>]) -> (TreeHead, Tiles) {
    let (mut range, mut tiles) = (CompactRange::empty(), Tiles::new());
    for entry in entries {
        range
            .append(leaf_hash(entry), &mut |node, hash| {
                let run = TileId::for_node(node);
                if run.len == 1 {
                    tiles.entry(run.tile).or_default().extend_from_slice(hash.as_bytes());
                }
            })
            .unwrap();
    }
    (range.head(), tiles)
}

fn expected(entries: &[Vec<u8>], bundles: Range<u64>) -> Vec<ExpectedBundle> {
    let (head, tiles) = tree(entries);
    let fetch = |ids: &[TileId]| {
        Ok::<_, std::convert::Infallible>(ids.iter().map(|id| tiles.get(id).cloned()).collect())
    };
    let nodes = TiledNodes::open(head, fetch).proven();
    ExpectedBundle::read(head.size, bundles, &nodes).unwrap().unwrap()
}

#[test]
fn tile_08_a_bundle_is_the_entries_of_the_tree_or_nothing() {
    for size in [1, 2, 255, 256, 257, 511, 512, 600] {
        let entries = entries(size);
        let expected = expected(&entries, 0..size.div_ceil(256));
        for (bundle, row) in expected.iter().zip(entries.chunks(256)) {
            assert_eq!(bundle.width(), row.len());
            let bytes = encode(row).unwrap();
            let checked = bundle.check(&bytes).unwrap();
            assert_eq!(checked.entries, row);
            let tile: Vec<u8> = row.iter().flat_map(|entry| *leaf_hash(entry).as_bytes()).collect();
            assert_eq!(checked.tile, tile, "size {size}");
        }
    }
}

#[test]
fn tile_08_attacks_on_a_bundle() {
    let entries = entries(600);
    let expected = expected(&entries, 0..3);
    for (bundle, row) in expected.iter().zip(entries.chunks(256)) {
        let index = bundle.index;
        let wrong = |row: &[Vec<u8>]| bundle.check(&encode(row).unwrap()).unwrap_err();
        let mut flipped = row.to_vec();
        flipped[3][0] ^= 1;
        assert_eq!(wrong(&flipped), BundleError::Contradicts { index });
        let mut swapped = row.to_vec();
        swapped.swap(10, 11);
        assert_eq!(wrong(&swapped), BundleError::Contradicts { index });
        let mut dropped = row.to_vec();
        dropped.remove(10);
        let (found, expected) = (row.len() - 1, row.len());
        assert_eq!(wrong(&dropped), BundleError::Truncated { index, found, expected });
        let mut replaced = dropped.clone();
        replaced.insert(20, b"another".to_vec());
        assert_eq!(wrong(&replaced), BundleError::Contradicts { index });
        let bytes = encode(row).unwrap();
        let cut = bundle.check(&bytes[..bytes.len() - 1]).unwrap_err();
        assert!(matches!(cut, BundleError::Form { .. }), "{cut}");
        assert!(matches!(bundle.check(b"").unwrap_err(), BundleError::Form { .. }));
    }
    assert_eq!(
        expected[0].check(&encode(&entries[..10]).unwrap()).unwrap_err().to_string(),
        "bundle 0 is truncated: it has 10 entries, the tree has 256 there"
    );
}

#[test]
fn tile_07_the_full_bundle_stands_in_for_a_narrower_one() {
    let entries = entries(600);
    let narrow = expected(&entries[..300], 1..2);
    let full = encode(&entries[256..512]).unwrap();
    assert_eq!(narrow[0].check(&full).unwrap().entries, entries[256..300]);
}

#[test]
fn a_reader_that_gives_too_few_or_too_many_hashes_proves_nothing() {
    struct Other(usize);
    impl NodeReader for Other {
        type Error = std::convert::Infallible;
        fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, Self::Error> {
            Ok(vec![Hash::new([0; 32]); ids.len().saturating_add(self.0).saturating_sub(1)])
        }
    }
    let size = TreeSize::new(300);
    assert_eq!(ExpectedBundle::read(size, 0..2, &Other(0)), Ok(None));
    assert_eq!(ExpectedBundle::read(size, 0..2, &Other(2)), Ok(None));
    assert!(ExpectedBundle::read(size, 0..2, &Other(1)).unwrap().is_some());
}
