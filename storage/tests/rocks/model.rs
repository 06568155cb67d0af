//! Random logs, built step by step in memory and on disk: the two answer alike and never differ.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;
use storage::contract::sample::{BY_NAME, digest, dump, next, tile};
use storage::{Commit, IndexRow, LogStore, MemoryStore, RocksStore};
use tempfile::TempDir;

use crate::support::{create, dump_of, open};

#[derive(Debug, Clone)]
enum Step {
    /// A commit that continues the log by so many entries.
    Grow(u64),
    /// One that is broken in some way.
    Break(u64, Break),
    Flush,
    Reopen,
    Publish(Vec<u8>),
    /// A view to be compared again at the end.
    Keep,
}

#[derive(Debug, Clone)]
enum Break {
    Base(u64),
    Root,
    Size,
    Tile(Index),
    Row(Index),
    Twice,
}

fn step() -> impl Strategy<Value = Step> {
    let broken = prop_oneof![
        (0_u64..40).prop_map(Break::Base),
        Just(Break::Root),
        Just(Break::Size),
        any::<Index>().prop_map(Break::Tile),
        any::<Index>().prop_map(Break::Row),
        Just(Break::Twice),
    ];
    prop_oneof![
        8 => (1_u64..20).prop_map(Step::Grow),
        1 => (100_u64..600).prop_map(Step::Grow),
        4 => (1_u64..300, broken).prop_map(|(count, broken)| Step::Break(count, broken)),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Step::Publish),
        2 => Just(Step::Keep),
    ]
}

/// A commit that some of the laws forbid, or none: the stores must agree on it.
fn broken(size: u64, count: u64, how: &Break) -> Commit {
    let mut commit = next(size, size + count);
    match how {
        Break::Base(back) => {
            let base = size.saturating_sub(*back);
            commit = next(base, base + count);
        }
        Break::Root => {
            if let Some(base) = &mut commit.base {
                base.root = digest("elsewhere", size);
            }
        }
        Break::Size => {
            commit.entries.pop();
        }
        Break::Tile(at) => {
            let put = at.index(usize::try_from((size + count) / 256 + 1).unwrap());
            let mut shrunk = tile(u64::try_from(put).unwrap(), size + count);
            shrunk.hashes.truncate(32);
            commit.tiles = vec![shrunk];
        }
        Break::Row(at) => {
            let key = format!("name/{}", at.index(usize::try_from(size + count).unwrap())).into_bytes();
            let leaf = proofs::LeafIndex::new(size + count - 1);
            commit.rows.push(IndexRow { index: BY_NAME, key, leaf });
        }
        Break::Twice => {
            let again = commit.tiles.clone();
            commit.tiles.extend(again);
        }
    }
    commit
}

/// Both stores get the commit; it must end alike.
fn both(memory: &MemoryStore, disk: &RocksStore, commit: Commit) {
    let expected = memory.commit(commit.clone());
    assert_eq!(disk.commit(commit), expected);
}

fn run(steps: Vec<Step>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let memory = MemoryStore::new();
    let mut disk = create(&path);
    let mut kept = Vec::new();
    let mut published = None;
    for step in steps {
        let size = memory.head().unwrap().map_or(0, |head| head.tree.size.get());
        match step {
            Step::Grow(count) => both(&memory, &disk, next(size, size + count)),
            Step::Break(count, how) => both(&memory, &disk, broken(size, count, &how)),
            Step::Flush => disk.flush().unwrap(),
            Step::Reopen => {
                drop(disk);
                disk = open(&path).unwrap();
            }
            Step::Publish(checkpoint) => {
                disk.publish(&checkpoint).unwrap();
                published = Some(checkpoint);
            }
            Step::Keep => kept.push((memory.snapshot().unwrap(), dump_of(&disk))),
        }
        assert_eq!(disk.head().unwrap(), memory.head().unwrap());
    }
    assert_eq!(dump_of(&disk), dump(memory.snapshot().unwrap().as_ref()));
    for (early, shown) in kept {
        assert_eq!(shown, dump(early.as_ref()), "a view in memory stays what the one on disk was");
    }
    assert_eq!(disk.published().unwrap(), published);
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]
    #[test]
    fn memory_and_disk_never_differ(steps in proptest::collection::vec(step(), 1..30)) {
        run(steps);
    }
}
