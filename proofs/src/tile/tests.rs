use super::*;
use crate::hash::{Hash, leaf_hash, node_hash};

fn id(level: u8, index: u64) -> TileId {
    TileId { level, index }
}

fn widths(size: u64, level: u8) -> Vec<u16> {
    (0..).map(|index| id(level, index).width_at(TreeSize::new(size))).take_while(|width| *width > 0).collect()
}

#[test]
fn tile_06_widths_of_a_tree_of_70_000() {
    let bottom = widths(70_000, 0);
    assert_eq!(bottom.len(), 274);
    assert!(bottom[..273].iter().all(|width| *width == 256));
    assert_eq!(bottom[273], 112);
    assert_eq!(widths(70_000, 1), [256, 17]);
    assert_eq!(widths(70_000, 2), [1]);
    assert!(widths(70_000, 3).is_empty());
}

#[test]
fn tile_06_widths_of_a_tree_of_256() {
    assert_eq!(widths(256, 0), [256]);
    assert_eq!(widths(256, 1), [1]);
    assert_eq!(widths(255, 0), [255]);
    assert!(widths(255, 1).is_empty());
    assert!(widths(0, 0).is_empty());
}

#[test]
fn tile_06_only_tiles_that_are_not_full_have_a_partial_width() {
    let partial = |size| id(0, 1).partial_width_at(TreeSize::new(size)).map(NonZeroU8::get);
    assert_eq!(partial(256), None);
    assert_eq!(partial(257), Some(1));
    assert_eq!(partial(511), Some(255));
    assert_eq!(partial(512), None);
    assert_eq!(partial(9_999), None);
}

#[test]
fn mrk_11_widths_at_the_end_of_the_range() {
    let full = TreeSize::new(u64::MAX);
    assert_eq!(id(0, u64::MAX / 256 - 1).width_at(full), 256);
    assert_eq!(id(0, u64::MAX / 256).width_at(full), 255);
    assert_eq!(id(0, u64::MAX / 256 + 1).width_at(full), 0);
    assert_eq!(id(0, u64::MAX).width_at(full), 0);
    assert_eq!(id(7, 0).width_at(full), 255);
    assert_eq!(id(7, 1).width_at(full), 0);
    for level in [8, 31, 32, 63, 255] {
        assert_eq!(id(level, 0).width_at(full), 0);
        assert!(!id(level, 0).root_node().in_tree(full));
    }
}

#[test]
fn tile_08_the_tiles_and_bundles_that_hold_a_range() {
    for (hashes, tiles) in [
        (0..0, 0..0),
        (300..300, 0..0),
        (0..1, 0..1),
        (0..256, 0..1),
        (0..257, 0..2),
        (255..257, 0..2),
        (256..257, 1..2),
        (511..512, 1..2),
        (300..70_000, 1..274),
        (0..u64::MAX, 0..u64::MAX / 256 + 1),
    ] {
        assert_eq!(tiles_with(hashes.clone()), tiles, "{hashes:?}");
    }
}

#[test]
fn tile_05_the_first_node_of_a_tile_is_where_it_begins() {
    assert_eq!(usize::try_from(WIDTH), Ok(TILE_WIDTH));
    assert_eq!(id(0, 3).first_node(), NodeId { level: 0, index: 768 });
    assert_eq!(id(1, 3).first_node(), NodeId { level: 8, index: 768 });
    for tile in [id(0, 0), id(0, 273), id(1, 16), id(7, 255)] {
        let run = TileId::for_node(tile.first_node());
        assert_eq!((run.tile, run.start, run.len), (tile, 0, 1));
    }
}

#[test]
fn tile_05_where_a_node_is() {
    let run = |level, index| {
        let run = TileId::for_node(NodeId { level, index });
        (run.tile.level, run.tile.index, run.start, run.len)
    };
    assert_eq!(run(0, 0), (0, 0, 0, 1));
    assert_eq!(run(0, 255), (0, 0, 255, 1));
    assert_eq!(run(0, 256), (0, 1, 0, 1));
    assert_eq!(run(1, 127), (0, 0, 254, 2));
    assert_eq!(run(1, 128), (0, 1, 0, 2));
    assert_eq!(run(7, 1), (0, 0, 128, 128));
    assert_eq!(run(7, 3), (0, 1, 128, 128));
    assert_eq!(run(8, 3), (1, 0, 3, 1));
    assert_eq!(run(13, 9), (1, 1, 32, 32));
    assert_eq!(run(63, 0), (7, 0, 0, 128));
    assert_eq!(run(0, u64::MAX), (0, u64::MAX / 256, 255, 1));
    assert_eq!(id(1, 5).root_node(), NodeId { level: 16, index: 5 });
}

fn row(width: usize) -> (Vec<Hash>, Vec<u8>) {
    let hashes: Vec<Hash> = (0..width).map(|i| leaf_hash(&i.to_be_bytes())).collect();
    let bytes = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    (hashes, bytes)
}

/// Every run of every width, level by level, against the row one level below.
#[test]
fn tile_05_nodes_of_a_tile_of_any_width() {
    for width in (1..=20).chain([100, 127, 128, 129, 255, 256]) {
        let (mut nodes, bytes) = row(width);
        let expanded = ExpandedTile::new(&bytes).unwrap();
        assert_eq!((bytes.width(), expanded.width()), (Some(width), Some(width)));
        let mut len = 1;
        while !nodes.is_empty() {
            for (i, node) in nodes.iter().enumerate() {
                assert_eq!(bytes.node(i * len, len), Some(*node), "{i} of {len} in {width}");
                assert_eq!(expanded.node(i * len, len), Some(*node), "{i} of {len} in {width}");
            }
            assert_eq!(bytes.node(nodes.len() * len, len), None);
            assert_eq!(expanded.node(nodes.len() * len, len), None);
            nodes = nodes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
            len *= 2;
        }
        assert_eq!(expanded.node(0, len), None);
    }
}

#[test]
fn tile_06_a_tile_that_grew_is_the_one_read_at_that_width() {
    let (hashes, bytes) = row(256);
    let mut growing = ExpandedTile::default();
    assert_eq!((growing.width(), growing.node(0, 1)), (None, None));
    let mut kept: Vec<ExpandedTile> = Vec::new();
    for hash in &hashes {
        assert!(growing.push(*hash));
        kept.push(growing.clone());
    }
    assert!(growing.is_full() && !growing.push(hashes[0]), "a full tile takes nothing more");
    assert!(kept.iter().take(255).all(|tile| !tile.is_full()) && !ExpandedTile::default().is_full());
    // What was cloned on the way did not grow with it.
    for (grown, width) in kept.iter().zip(1..) {
        let read = ExpandedTile::new(&bytes[..width * Hash::LEN]).unwrap();
        assert_eq!((grown.width(), read.width()), (Some(width), Some(width)));
        assert_eq!(grown.nodes, read.nodes);
        assert_eq!(grown.bytes(width).unwrap(), bytes[..width * Hash::LEN]);
        assert_eq!(grown.bytes(width - 1).unwrap(), bytes[..(width - 1) * Hash::LEN]);
        assert_eq!(grown.bytes(width + 1), None);
    }
    assert!(growing.nodes.len() * Hash::LEN == ExpandedTile::MAX_BYTES);
    assert_eq!(growing.node(1, 2), None, "no node begins there");
    assert_eq!(growing.node(0, 3), None);
}

#[test]
fn tile_05_what_is_no_tile() {
    let (_, bytes) = row(257);
    for len in [0, 1, 31, 33, 63, 8191, 8193, 8224] {
        assert_eq!(bytes[..len].width(), None, "{len}");
        assert!(ExpandedTile::new(&bytes[..len]).is_none(), "{len}");
    }
    assert_eq!(bytes.node(0, 3), None);
    assert_eq!(bytes.node(0, 0), None);
    assert_eq!(bytes.node(usize::MAX, 1), None);
    assert_eq!(bytes.node(1, usize::MAX), None);
}
