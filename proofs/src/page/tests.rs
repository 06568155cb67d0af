use super::*;
use crate::hash::sha256;

const STATEMENT: &[u8] = &[0xd2, 0x84];

fn row(index: u64) -> PageRow<'static> {
    PageRow {
        index: LeafIndex::new(index),
        entry: EntryId::from_bytes(*sha256(STATEMENT).as_bytes()),
        statement: Some(STATEMENT),
        collateral: PageCollateral::Record(&[0xa0]),
    }
}

fn erased(index: u64) -> PageRow<'static> {
    PageRow { statement: None, collateral: PageCollateral::Digest(sha256(&[0xa0])), ..row(index) }
}

fn page(rows: &[PageRow<'_>], next: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    rows.iter().for_each(|row| write_row(&mut bytes, row));
    write_next(&mut bytes, LeafIndex::new(next));
    bytes
}

fn read(bytes: &[u8], from: u64, to: u64) -> Result<Page<'_>, PageError> {
    read_page(bytes, LeafIndex::new(from), LeafIndex::new(to))
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap()
}

#[test]
fn rows_have_one_spelling_and_read_back() {
    let (entry, record) = (sha256(STATEMENT), sha256(&[0xa0]));
    let expected =
        format!("84 1901f4 5820{entry} 42d284 41a0   84 1901f5 5820{entry} f6 82 2f 5820{record}   1901f6");
    let bytes = page(&[row(500), erased(501)], 502);
    assert_eq!(bytes, unhex(&expected));
    assert_eq!(MAX_PAGE_LEN, 16_777_216);
    let whole = Page { rows: vec![row(500), erased(501)], next: LeafIndex::new(502) };
    assert_eq!(read(&bytes, 500, 502), Ok(whole.clone()));
    assert_eq!(read(&bytes, 500, 9000), Ok(whole), "the page was full, and goes on at 502");
}

#[test]
fn a_page_without_its_end_was_cut_off() {
    let bytes = page(&[row(3), erased(4)], 5);
    for cut in 0..bytes.len() {
        assert!(matches!(read(&bytes[..cut], 3, 5), Err(PageError::Cbor(_))), "{cut}");
    }
    let mut more = bytes.clone();
    more.push(0);
    assert!(matches!(read(&more, 3, 5), Err(PageError::Cbor(ScanError { fault: ScanFault::Trailing, .. }))));
    assert_eq!(read(&page(&[], 3), 3, 5).unwrap().next, LeafIndex::new(3));
}

#[test]
fn a_dropped_a_repeated_and_a_foreign_entry_are_noticed() {
    let order = |expected, found| {
        Err(PageError::Order { expected: LeafIndex::new(expected), found: LeafIndex::new(found) })
    };
    assert_eq!(read(&page(&[row(3), row(5)], 6), 3, 6), order(4, 5));
    assert_eq!(read(&page(&[row(3), row(3)], 4), 3, 6), order(4, 3));
    assert_eq!(read(&page(&[row(4)], 5), 3, 6), order(3, 4));
    assert_eq!(read(&page(&[row(3)], 5), 3, 6), order(4, 5));
    assert_eq!(read(&page(&[row(3), row(4)], 5), 3, 4), Err(PageError::Beyond { to: LeafIndex::new(4) }));
    let last = u64::MAX;
    assert!(read(&page(&[row(last)], last), last, last).is_err(), "no tree has such a leaf");
}

#[test]
fn what_is_no_item_of_a_page() {
    let entry = format!("5820{}", "00".repeat(32));
    for bad in [
        "f6".to_owned(),
        "20".to_owned(),
        "80".to_owned(),
        format!("83 03 {entry} f6"),
        format!("85 03 {entry} f6 40 00"),
        format!("84 20 {entry} f6 40"),
        "84 03 41 00 f6 40".to_owned(),
        format!("84 03 {entry} f4 40"),
        format!("84 03 {entry} f6 f6"),
        format!("84 03 {entry} f6 82 2e {entry}"),
        format!("84 03 {entry} f6 82 2f 4100"),
        format!("84 03 {entry} f6 83 2f {entry} 00"),
    ] {
        let bytes = unhex(&bad);
        assert_eq!(read_item(&bytes), Err(PageError::Shape { offset: 0 }), "{bad}");
    }
    for loose in ["1803", "84 1803", "9f", "5f"] {
        assert!(matches!(read_item(&unhex(loose)), Err(PageError::Cbor(_))), "{loose}");
    }
}

#[test]
fn items_are_read_as_they_arrive() {
    let bytes = page(&[row(3)], 4);
    let (item, len) = read_item(&bytes).unwrap().unwrap();
    assert_eq!(item, PageItem::Row(row(3)));
    for cut in 0..len {
        assert_eq!(read_item(&bytes[..cut]), Ok(None), "{cut}");
    }
    assert_eq!(read_item(&bytes[len..]), Ok(Some((PageItem::Next(LeafIndex::new(4)), 1))));
}
