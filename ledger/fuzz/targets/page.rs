//! Pages of statements: what is read is written back byte for byte, whole or item by item.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::LeafIndex;
use proofs::page::{PageItem, read_item, read_page, write_next, write_row};

fuzz_target!(|data: &[u8]| {
    let mut written = Vec::new();
    let mut first = None;
    while let Ok(Some((item, len))) = read_item(&data[written.len()..]) {
        let before = written.len();
        match item {
            PageItem::Row(row) => write_row(&mut written, &row),
            PageItem::Next(next) => write_next(&mut written, next),
        }
        assert_eq!(written.len() - before, len);
        assert_eq!(data[..written.len()], written);
        first = first.or(Some(match item {
            PageItem::Row(row) => row.index,
            PageItem::Next(next) => next,
        }));
    }
    let from = first.unwrap_or(LeafIndex::new(0));
    if let Ok(page) = read_page(data, from, LeafIndex::new(u64::MAX)) {
        assert_eq!(written, data, "a page is nothing but its items");
        assert_eq!(page.next.get(), from.get() + page.rows.len() as u64);
    }
});
