use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;
use crate::hash::{empty_root, leaf_hash};
use crate::position::{LeafIndex, TreeSize};
use crate::tile::ExpandedTile;
use crate::tree::{ConsistencyProof, InclusionProof};

type Fetched = Result<Vec<Option<Vec<u8>>>, ()>;

/// A tree of leaves 0, 1, 2 …, stored as tiles.
struct Log {
    tiles: BTreeMap<TileId, Vec<u8>>,
    range: CompactRange,
    heads: Vec<TreeHead>,
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

impl Log {
    fn of(size: u64) -> Self {
        let mut log = Self { tiles: BTreeMap::new(), range: CompactRange::empty(), heads: Vec::new() };
        log.heads.push(log.range.head());
        for index in 0..size {
            let tiles = &mut log.tiles;
            let put = &mut |id: NodeId, hash: Hash| {
                let run = TileId::for_node(id);
                if run.len == 1 {
                    let tile = tiles.entry(run.tile).or_default();
                    assert_eq!(tile.len(), 32 * run.start);
                    tile.extend_from_slice(hash.as_bytes());
                }
            };
            log.range.append(leaf(index), put).unwrap();
            log.heads.push(log.range.head());
        }
        log
    }

    fn head(&self, size: usize) -> TreeHead {
        self.heads[size]
    }

    fn nodes(&self, head: TreeHead) -> TiledNodes<impl Fn(&[TileId]) -> Fetched + Clone> {
        TiledNodes::open(head, |ids: &[TileId]| {
            Ok(ids.iter().map(|id| self.tiles.get(id).cloned()).collect())
        })
    }
}

const SIZES: [usize; 14] = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 600, 4095, 4096, 5000];

fn size(size: usize) -> TreeSize {
    TreeSize::new(u64::try_from(size).unwrap())
}

/// Some leaves all over a tree.
fn some_leaves(size: u64) -> impl Iterator<Item = u64> {
    let spread = [0, 1, 2, 128, 254, 255, 256, 257, 511, 512, size / 2, size - 1];
    spread.into_iter().filter(move |index| *index < size)
}

#[test]
fn proofs_at_every_head_out_of_tiles_that_grew_beyond() {
    let log = Log::of(5000);
    for n in SIZES {
        let head = log.head(n);
        let (bounded, proven) = (log.nodes(head), log.nodes(head).proven());
        for index in some_leaves(head.size.get()) {
            let proof = InclusionProof::prove(LeafIndex::new(index), head.size, &bounded).unwrap();
            assert_eq!(proof.verify(&leaf(index), &head.root), Ok(()));
            let again = InclusionProof::prove(LeafIndex::new(index), head.size, &proven).unwrap();
            assert_eq!(again, proof);
        }
        for old in SIZES.into_iter().filter(|old| *old <= n) {
            let proof = ConsistencyProof::prove(size(old), head.size, &bounded).unwrap();
            assert_eq!(proof.verify(&log.head(old).root, &head.root), Ok(()));
            assert_eq!(ConsistencyProof::prove(size(old), head.size, &proven).as_ref(), Ok(&proof));
        }
    }
}

#[test]
fn expanded_tiles_read_the_same() {
    let log = Log::of(5000);
    let head = log.head(5000);
    let nodes = TiledNodes::open(head, |ids: &[TileId]| {
        Ok::<_, ()>(ids.iter().map(|id| log.tiles.get(id).and_then(|tile| ExpandedTile::new(tile))).collect())
    });
    for index in some_leaves(5000) {
        let index = LeafIndex::new(index);
        let expected = InclusionProof::prove(index, head.size, &log.nodes(head)).unwrap();
        assert_eq!(InclusionProof::prove(index, head.size, &nodes).as_ref(), Ok(&expected));
        assert_eq!(InclusionProof::prove(index, head.size, &nodes.clone().proven()), Ok(expected));
    }
}

#[test]
fn the_right_edge_is_where_appending_goes_on() {
    let log = Log::of(5000);
    for n in SIZES {
        let mut range = log.nodes(log.head(n)).verify_right_edge().unwrap();
        assert_eq!(range.head(), log.head(n));
        if n < 5000 {
            range.append(leaf(size(n).get()), &mut |_, _| ()).unwrap();
            assert_eq!(range.head(), log.head(n + 1));
        }
        let other = TreeHead { root: leaf(0), ..log.head(n) };
        if n > 1 {
            assert_eq!(log.nodes(other).verify_right_edge(), Err(TileError::RootMismatch));
        }
    }
}

#[test]
fn tile_06_nothing_is_fetched_for_the_empty_tree() {
    let nodes = |root| {
        let head = TreeHead { size: TreeSize::EMPTY, root };
        TiledNodes::open(head, |_: &[TileId]| Err::<Vec<Option<Vec<u8>>>, _>("fetched"))
    };
    assert_eq!(nodes(empty_root()).verify_right_edge(), Ok(CompactRange::empty()));
    assert_eq!(nodes(empty_root()).proven().read(&[]), Ok(vec![]));
    assert_eq!(nodes(leaf(0)).proven().read(&[]), Err(TileError::RootMismatch));
    let first = NodeId { level: 0, index: 0 };
    assert_eq!(nodes(empty_root()).read(&[first]), Err(TileError::Beyond { level: 0, index: 0 }));
}

#[test]
fn tile_07_nothing_is_read_beyond_the_head() {
    let log = Log::of(600);
    let nodes = log.nodes(log.head(300));
    for (level, index) in [(0, 300), (0, 599), (1, 150), (2, 75), (8, 1), (9, 0), (64, 0), (255, u64::MAX)] {
        let beyond = Err(TileError::Beyond { level, index });
        assert_eq!(nodes.read(&[NodeId { level: 0, index: 0 }, NodeId { level, index }]), beyond);
        assert_eq!(nodes.clone().proven().read(&[NodeId { level, index }]), beyond);
    }
    assert_eq!(nodes.read(&[NodeId { level: 0, index: 299 }]), Ok(vec![leaf(299)]));
}

#[test]
fn each_tile_is_fetched_once_in_one_call() {
    let log = Log::of(5000);
    let calls = RefCell::new(Vec::new());
    let nodes = TiledNodes::open(log.head(5000), |ids: &[TileId]| {
        calls.borrow_mut().push(ids.to_vec());
        Ok::<_, ()>(ids.iter().map(|id| log.tiles.get(id).cloned()).collect())
    });
    let prove = |index| InclusionProof::prove(LeafIndex::new(index), size(5000), &nodes).unwrap();
    let tile = |level, index| TileId { level, index };
    prove(300);
    assert_eq!(calls.take(), [[tile(0, 1), tile(0, 19), tile(1, 0)]]);
    let nodes = nodes.clone().proven();
    InclusionProof::prove(LeafIndex::new(300), size(5000), &nodes).unwrap();
    assert_eq!(calls.take(), [[tile(0, 1), tile(0, 19), tile(1, 0)]]);
}

#[test]
fn missing_short_and_damaged_tiles_are_refused() {
    let mut log = Log::of(5000);
    let head = log.head(5000);
    let read = |log: &Log, proven| {
        let nodes = log.nodes(head);
        let index = LeafIndex::new(300);
        if proven {
            InclusionProof::prove(index, head.size, &nodes.proven())
        } else {
            InclusionProof::prove(index, head.size, &nodes)
        }
        .map_err(|error| match error {
            crate::tree::ProveError::Read(error) => error,
            other => panic!("{other:?}"),
        })
    };
    for id in [(0, 1), (0, 19), (1, 0)].map(|(level, index)| TileId { level, index }) {
        let tile = log.tiles[&id].clone();
        for proven in [false, true] {
            log.tiles.remove(&id);
            assert_eq!(read(&log, proven), Err(TileError::Missing(id)));
            for len in [0, 1, 32, tile.len() - 32, tile.len() - 1] {
                log.tiles.insert(id, tile[..len].to_vec());
                assert_eq!(read(&log, proven), Err(TileError::Short(id)), "{id:?} of {len}");
            }
            log.tiles.insert(id, [&tile[..], &[0; 8193]].concat());
            assert_eq!(read(&log, proven), Err(TileError::Short(id)));
            log.tiles.insert(id, tile.clone());
            assert!(read(&log, proven).is_ok());
        }
    }
    let nodes = TiledNodes::open(head, |_: &[TileId]| Ok::<_, ()>(vec![Some(vec![0; 32])]));
    let ids = [NodeId { level: 0, index: 0 }, NodeId { level: 0, index: 300 }];
    assert_eq!(nodes.read(&ids), Err(TileError::WrongCount { asked: 2, got: 1 }));
    let nodes = TiledNodes::open(head, |_: &[TileId]| Err::<Vec<Option<Vec<u8>>>, _>("closed"));
    assert_eq!(nodes.read(&ids), Err(TileError::Fetch("closed")));
}

/// Although the hash that was asked for is there.
#[test]
fn tile_06_a_tile_narrower_than_the_head_implies_is_refused() {
    let mut log = Log::of(600);
    for index in [1, 2] {
        let id = TileId { level: 0, index };
        let first = NodeId { level: 0, index: 256 * index };
        let whole = log.tiles[&id].len();
        assert_eq!(log.nodes(log.head(600)).read(&[first]), Ok(vec![leaf(first.index)]));
        log.tiles.get_mut(&id).unwrap().truncate(whole - 32);
        assert_eq!(log.nodes(log.head(600)).read(&[first]), Err(TileError::Short(id)));
        let before = size(usize::try_from(first.index).unwrap() + whole / 32 - 1);
        let head = log.head(usize::try_from(before.get()).unwrap());
        assert_eq!(log.nodes(head).read(&[first]), Ok(vec![leaf(first.index)]), "wide enough for this head");
    }
}

/// Also a bit that no node asked for depends on.
#[test]
fn one_flipped_bit_in_any_tile_read_is_refused() {
    let mut log = Log::of(5000);
    for n in [300, 600, 5000] {
        let head = log.head(n);
        let ids = [NodeId { level: 0, index: 3 }, NodeId { level: 3, index: 33 }];
        let reached: Vec<TileId> =
            log.tiles.keys().copied().filter(|id| id.width_at(head.size) > 0).collect();
        for id in reached {
            let width = usize::from(id.width_at(head.size));
            let vouched = id.level > 0 || [0, 1].contains(&id.index) || width < 256;
            for at in [0, 32 * width / 2 + 5, 32 * width - 1] {
                log.tiles.get_mut(&id).unwrap()[at] ^= 0x10;
                let result = log.nodes(head).proven().read(&ids);
                assert_eq!(result.is_err(), vouched, "{id:?} at {at} in {n}");
                if let Err(error) = result {
                    let contradicts = error == TileError::Contradicts(id);
                    assert!(contradicts || error == TileError::RootMismatch, "{error:?}");
                }
                log.tiles.get_mut(&id).unwrap()[at] ^= 0x10;
            }
        }
        assert!(log.nodes(head).proven().read(&ids).is_ok());
    }
}

/// What lies beyond the head is not believed and not looked at.
#[test]
fn tile_07_damage_beyond_the_head_does_not_matter() {
    let mut log = Log::of(600);
    let head = log.head(300);
    let id = TileId { level: 0, index: 1 };
    log.tiles.get_mut(&id).unwrap()[32 * 44] ^= 1;
    assert!(log.nodes(head).proven().read(&[NodeId { level: 0, index: 256 }]).is_ok());
    log.tiles.get_mut(&id).unwrap()[32 * 44 - 1] ^= 1;
    let result = log.nodes(head).proven().read(&[NodeId { level: 0, index: 256 }]);
    assert_eq!(result, Err(TileError::RootMismatch));
}

/// Three levels of tiles, the lower two of which are full.
#[test]
fn tile_05_full_tiles_are_vouched_for_up_to_the_root() {
    let mut log = Log::of(65_600);
    let head = log.head(65_600);
    let read = |log: &Log| log.nodes(head).proven().read(&[NodeId { level: 0, index: 1000 }]);
    assert_eq!(read(&log), Ok(vec![leaf(1000)]));
    for (level, index) in [(0, 3), (1, 0), (2, 0)] {
        let id = TileId { level, index };
        log.tiles.get_mut(&id).unwrap()[7] ^= 1;
        assert!(read(&log).is_err(), "{id:?}");
        log.tiles.get_mut(&id).unwrap()[7] ^= 1;
    }
    assert_eq!(read(&log), Ok(vec![leaf(1000)]));
}
