use super::testing::{FakeLog, at, entries};
use super::*;
use crate::failure::{Exit, Failure};
use proofs::tile::TileId;
use proofs::{TreeHead, sha256};

fn read(log: &FakeLog, size: usize) -> Result<Vec<Vec<u8>>, WatchError> {
    let mut got = Vec::new();
    let proven = ProvenLog::new(log, log.head(size));
    proven.entries(0..u64::try_from(size).unwrap(), &|_| None, &mut |bundle| {
        got.extend(bundle.entries);
        Ok::<_, WatchError>(())
    })?;
    Ok(got)
}

fn signed(log: &FakeLog, head: TreeHead) -> SignedHead {
    log.trust().open(&log.note(head)).unwrap()
}

#[test]
fn tile_07_every_entry_is_read_in_order_whatever_the_size() {
    for size in [1, 2, 255, 256, 257, 1000, 65_535, 65_536, 65_537, 66_000] {
        let log = FakeLog::new(entries(size));
        assert!(read(&log, size).unwrap() == log.entries(), "size {size}");
    }
}

#[test]
fn tile_08_only_bundles_with_entries_that_are_asked_for_are_read() {
    let log = FakeLog::new(entries(1000));
    let proven = ProvenLog::new(&log, log.head(1000));
    for (asked, expected) in
        [(300..300, vec![]), (255..256, vec![0]), (256..700, vec![1, 2]), (300..1000, vec![1, 2, 3])]
    {
        let mut got = Vec::new();
        let read = proven.entries(asked.clone(), &|_| None, &mut |bundle| {
            assert_eq!(
                (bundle.first(), bundle.end()),
                (256 * bundle.index, 1000.min(256 * (bundle.index + 1)))
            );
            got.push(bundle.index);
            Ok::<_, WatchError>(())
        });
        assert_eq!((read, got), (Ok(()), expected), "{asked:?}");
    }
}

#[test]
fn a_failure_of_who_uses_the_entries_ends_the_reading_and_comes_back_whole() {
    let log = FakeLog::new(entries(1000));
    let mut seen = Vec::new();
    let failure = ProvenLog::new(&log, log.head(1000))
        .entries(0..1000, &|_| None, &mut |bundle| {
            seen.push(bundle.index);
            if bundle.index < 1 { Ok(()) } else { Err(Failure::contradicted("own words").hint("own hint")) }
        })
        .unwrap_err();
    assert_eq!(seen, [0, 1]);
    assert_eq!(failure.exit, Exit::Contradicted);
    assert_eq!((failure.message.as_str(), failure.hint.as_deref()), ("own words", Some("own hint")));
}

#[test]
fn tile_07_full_tiles_stand_in_for_partial_ones_that_were_dropped() {
    let mut log = FakeLog::new(entries(66_000));
    log.lie = Some(Box::new(|path, honest| honest.filter(|_| !path.contains("001.p/"))));
    assert!(read(&log, 300).unwrap() == log.entries()[..300]);
    assert_eq!((log.asked_for("tile/entries/001.p/44"), log.asked_for("tile/0/001.p/44")), (1, 1));
    assert_eq!((log.asked_for("tile/entries/001"), log.asked_for("tile/0/001")), (2, 2));
}

#[test]
fn row_3_a_reader_of_the_tree_fetches_34_bytes_an_entry_and_little_more() {
    let size = 65_536;
    let log = FakeLog::new(entries(size));
    read(&log, size).unwrap();
    assert_eq!(log.asked_for("tile/entries/"), 256);
    assert_eq!(log.asked_for("tile/0/"), 0, "the bundles give what the tiles of level 0 hold");
    assert!(log.asked_for("tile/") <= 256 + 3);
}

#[test]
fn row_4_two_heads_are_compared_with_two_tiles_a_level_at_most() {
    let log = FakeLog::new(entries(70_000));
    for (old, new) in [(1, 70_000), (65_536, 70_000), (65_535, 65_537), (300, 69_999), (69_999, 70_000)] {
        log.asked.lock().unwrap().clear();
        let (old, new) = (signed(&log, log.head(old)), signed(&log, log.head(new)));
        assert_eq!(succeeds(&old, &new, &log).unwrap(), Succession::Grown);
        for level in 0..3 {
            assert!(log.asked_for(&format!("tile/{level}/")) <= 2, "{old:?} {new:?}");
        }
    }
}

#[test]
fn attack_a_tile_with_one_flipped_bit() {
    let mut log = FakeLog::new(entries(66_000));
    for place in ["tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1", "tile/0/257.p/208"] {
        log.lie = at(place, |mut tile| {
            let middle = tile.len() / 2;
            tile[middle] ^= 0x10;
            Some(tile)
        });
        let error = read(&log, 66_000).unwrap_err().to_string();
        let start = "what the log serves is not what it signed at size 66000: ";
        assert!(error.starts_with(start), "{place}: {error}");
    }
}

#[test]
fn attack_a_bundle_truncated_dropped_reordered_or_changed() {
    type Change = fn(Vec<u8>) -> Option<Vec<u8>>;
    let mut log = FakeLog::new(entries(600));
    let flip: Change = |mut bundle| {
        bundle[40] ^= 1;
        Some(bundle)
    };
    let cases: [(Change, &str); 5] = [
        (|bundle| Some(bundle[..bundle.len() - 1].to_vec()), "the bundle ends within entry 255"),
        (
            |bundle| Some(bundle[..bundle.len() - 34].to_vec()),
            "bundle 1 is truncated: it has 255 entries, the tree has 256 there",
        ),
        (
            |bundle| Some([&bundle[34..68], &bundle[..34], &bundle[68..]].concat()),
            "bundle 1 does not hold the entries of the tree",
        ),
        (flip, "bundle 1 does not hold the entries of the tree"),
        (|_| None, "entry bundle 1 is missing"),
    ];
    for (lie, message) in cases {
        log.lie = at("tile/entries/001", lie);
        let error = read(&log, 600).unwrap_err().to_string();
        assert!(error.ends_with(message), "{error}");
    }
}

#[test]
fn attack_two_roots_at_one_size() {
    let log = FakeLog::new(entries(300));
    let other = TreeHead { root: sha256(b"other"), ..log.head(300) };
    let (one, other) = (signed(&log, log.head(300)), signed(&log, other));
    let Succession::Contradicts(found) = succeeds(&one, &other, &log).unwrap() else { panic!("not seen") };
    assert!(found.to_string().starts_with("the log signed two roots at size 300: "), "{found}");
    assert_eq!(log.asked_for("tile"), 0, "the two notes say it all");
    assert_eq!(succeeds(&one, &one, &log).unwrap(), Succession::Same);
}

#[test]
fn attack_a_second_history_longer_or_shorter() {
    let log = FakeLog::new(entries(1000));
    let mut changed = entries(1200);
    changed[10][0] ^= 1;
    let fork = log.fork(changed);
    let known = signed(&log, log.head(1000));
    for size in [1100, 1200] {
        let step = succeeds(&known, &signed(&fork, fork.head(size)), &fork).unwrap();
        let Succession::Contradicts(found) = step else { panic!("not seen") };
        let start = "the log signed two histories: at size 1000 it signed root ";
        assert!(found.to_string().starts_with(start), "{found}");
        assert_eq!(found.recomputed, fork.head(1000).root);
    }
    // A shorter head of the other history, while the log still serves the tiles of the first.
    let short = signed(&fork, fork.head(900));
    assert!(matches!(succeeds(&known, &short, &log).unwrap(), Succession::Contradicts(_)));
}

#[test]
fn attack_a_checkpoint_rolled_back_is_told_from_a_fork() {
    let log = FakeLog::new(entries(1000));
    let (known, old) = (signed(&log, log.head(1000)), signed(&log, log.head(900)));
    assert_eq!(succeeds(&known, &old, &log).unwrap(), Succession::Stale);
    let empty = signed(&log, log.head(0));
    assert_eq!(succeeds(&known, &empty, &log).unwrap(), Succession::Stale);
    assert_eq!(succeeds(&empty, &known, &log).unwrap(), Succession::Grown);
}

#[test]
fn tiles_that_prove_nothing_accuse_nobody() {
    let mut log = FakeLog::new(entries(1000));
    log.lie = at("tile/1/000.p/3", |mut tile| {
        tile[0] ^= 1;
        Some(tile)
    });
    let (old, new) = (signed(&log, log.head(500)), signed(&log, log.head(1000)));
    assert!(matches!(succeeds(&old, &new, &log), Err(WatchError::NotWhatWasSigned { size: 1000, .. })));
}

#[test]
fn a_tile_is_as_wide_as_the_head_says() {
    let log = FakeLog::new(entries(70_000));
    let proven = ProvenLog::new(&log, log.head(66_000));
    assert_eq!(proven.tile(TileId { level: 1, index: 0 }).unwrap().len(), 256 * 32);
    assert_eq!(proven.tile(TileId { level: 1, index: 1 }).unwrap().len(), 32);
}

#[test]
fn evidence_is_both_notes_and_the_same_place_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::new(entries(10));
    let known = signed(&log, log.head(10));
    let other = signed(&log, TreeHead { root: sha256(b"other"), ..log.head(10) });
    let Succession::Contradicts(found) = succeeds(&known, &other, &log).unwrap() else { panic!("not seen") };
    let place = keep_evidence(folder.path(), &log.trust(), &found).unwrap();
    assert_eq!(keep_evidence(folder.path(), &log.trust(), &found).unwrap(), place);
    let note = |name: &str| std::fs::read(place.join(name)).unwrap();
    assert_eq!(log.trust().open(&note("known.checkpoint")).unwrap(), known);
    assert_eq!(log.trust().open(&note("other.checkpoint")).unwrap(), other);
    let summary: serde_json::Value = serde_json::from_slice(&note("contradiction.json")).unwrap();
    assert_eq!(summary["known"]["size"], 10);
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}
