use proofs::page::{PageCollateral, read_page, write_next};
use proofs::{LeafIndex, TreeSize, sha256};

use super::{Detail, PIECE_BYTES, PageRange};
use crate::error::ReadError;
use crate::settings::Settings;
use crate::testing::{Bench, World, statement_with};

/// A published log of five entries and `more` statements with payloads of `bytes` bytes each.
fn published(world: &World, more: usize, bytes: usize) -> (Bench, Vec<Vec<u8>>) {
    let mut bench = world.bench(Settings::default());
    let statements: Vec<_> = (0..more)
        .map(|n| statement_with(&world.issuer, &[n.to_be_bytes().to_vec(), vec![7; bytes]].concat()))
        .collect();
    statements.iter().for_each(|statement| drop(bench.must(statement.clone())));
    bench.publisher.publish_newest().unwrap();
    (bench, statements)
}

fn range(bench: &Bench, from: u64, to: u64) -> Result<PageRange, ReadError> {
    bench.ledger.page_range(LeafIndex::new(from), Some(TreeSize::new(to)))
}

/// All pieces of a range, each at most `limit` bytes, with the end behind them.
fn read(bench: &Bench, range: PageRange, detail: Detail, limit: usize) -> (Vec<u8>, usize) {
    let (mut bytes, mut next, mut pieces) = (Vec::new(), range.from(), 0);
    while let Some(rest) = range.rest(next) {
        let piece = bench.runtime.block_on(bench.ledger.page_piece(rest, detail, limit)).unwrap();
        if piece.next == next {
            break;
        }
        assert!(piece.bytes.len() <= limit);
        bytes.extend(piece.bytes);
        next = piece.next;
        pieces += 1;
    }
    write_next(&mut bytes, next);
    (bytes, pieces)
}

#[test]
fn a_page_holds_what_was_committed_in_order() {
    let world = World::new();
    let (bench, statements) = published(&world, 4, 100);
    let all = bench.ledger.page_range(LeafIndex::new(0), None).unwrap();
    let (bytes, _) = read(&bench, all, Detail::Whole, usize::MAX);
    let page = read_page(&bytes, LeafIndex::new(0), LeafIndex::new(9)).unwrap();
    assert_eq!(page.next, LeafIndex::new(9));
    let snapshot = world.store.snapshot().unwrap();
    for row in &page.rows {
        assert_eq!(sha256(row.statement.unwrap()).as_bytes(), row.entry.as_bytes());
        assert_eq!(snapshot.entry(row.index).unwrap().unwrap().entry, *row.entry.as_bytes());
        let record = snapshot.collateral(row.index).unwrap().unwrap();
        assert_eq!(row.collateral, PageCollateral::Record(&record));
    }
    let found: Vec<_> = page.rows[5..].iter().map(|row| row.statement.unwrap()).collect();
    assert_eq!(found, statements);
    assert_eq!(page.rows[0].entry, world.log_id);

    // The log's own statements are for everybody (D4), so that what they tie together can be checked by everybody.
    let (bytes, _) = read(&bench, range(&bench, 0, 6).unwrap(), Detail::Digests, usize::MAX);
    let digests = read_page(&bytes, LeafIndex::new(0), LeafIndex::new(6)).unwrap();
    assert_eq!(digests.rows[..5], page.rows[..5]);
    assert_eq!(digests.rows[5].statement, None);

    let (bytes, _) = read(&bench, range(&bench, 6, 8).unwrap(), Detail::Digests, usize::MAX);
    let page = read_page(&bytes, LeafIndex::new(6), LeafIndex::new(8)).unwrap();
    assert_eq!(page.rows.len(), 2);
    for row in page.rows {
        assert_eq!(row.statement, None);
        let record = snapshot.collateral(row.index).unwrap().unwrap();
        assert_eq!(row.collateral, PageCollateral::Digest(sha256(&record)));
    }
}

#[test]
fn a_piece_is_bounded_in_bytes() {
    let world = World::new();
    let (bench, _) = published(&world, 8, 40_000);
    let all = range(&bench, 0, 13).unwrap();
    let (bytes, pieces) = read(&bench, all, Detail::Whole, usize::MAX);
    assert!(bytes.len() > 8 * 40_000 && pieces > 3, "{} bytes in {pieces} pieces", bytes.len());
    let piece = bench.runtime.block_on(bench.ledger.page_piece(all, Detail::Whole, usize::MAX)).unwrap();
    assert!(piece.bytes.len() < PIECE_BYTES + 41_000);
    // A limit that the next row does not fit into ends the page before it.
    let small = bench.runtime.block_on(bench.ledger.page_piece(all, Detail::Whole, 30_000)).unwrap();
    assert_eq!(small.next, LeafIndex::new(5));
    let none = bench.runtime.block_on(bench.ledger.page_piece(all, Detail::Whole, 10)).unwrap();
    assert_eq!((none.bytes.len(), none.next), (0, LeafIndex::new(0)));
}

#[test]
fn a_range_ends_at_the_newest_checkpoint() {
    let world = World::new();
    let (mut bench, _) = published(&world, 1, 1);
    bench.must(world.statement(1));
    assert_eq!((bench.ledger.head().tree.size.get(), bench.ledger.published_size().get()), (7, 6));
    for (from, to) in [(0, 6), (5, 6), (0, 1)] {
        assert!(range(&bench, from, to).is_ok());
    }
    for (from, to) in [(0, 7), (6, 6), (6, 7), (5, 4), (0, 0), (u64::MAX, u64::MAX)] {
        assert!(matches!(range(&bench, from, to), Err(ReadError::BadPage { .. })), "{from} {to}");
    }
    assert!(bench.ledger.page_range(LeafIndex::new(6), None).is_err());
}

#[test]
fn a_tag_belongs_to_one_range_of_one_log_in_one_detail() {
    let (world, other) = (World::new(), World::new());
    let ((one, _), (two, _)) = (published(&world, 3, 1), published(&other, 3, 1));
    let tag = |bench: &Bench, from, to, detail| {
        bench.runtime.block_on(bench.ledger.page_tag(range(bench, from, to).unwrap(), detail)).unwrap()
    };
    let tags = [
        tag(&one, 0, 8, Detail::Whole),
        tag(&one, 1, 8, Detail::Whole),
        tag(&one, 0, 7, Detail::Whole),
        tag(&one, 0, 8, Detail::Digests),
        tag(&two, 0, 8, Detail::Whole),
    ];
    for (n, first) in tags.iter().enumerate() {
        assert!(tags[n + 1..].iter().all(|other| other != first), "{n}");
    }
    assert_eq!(tag(&one, 0, 8, Detail::Whole), tags[0]);
}
