use data_encoding::HEXLOWER_PERMISSIVE;
use proptest::prelude::*;

use super::*;

fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.replace(' ', "").as_bytes()).unwrap()
}

fn ranges(bytes: &[u8]) -> Vec<Range<usize>> {
    sequence(bytes).collect::<Result<_, _>>().unwrap()
}

#[test]
fn items_follow_one_another_without_a_gap() {
    assert_eq!(ranges(b""), []);
    assert_eq!(ranges(&unhex("01 820203 f6 a10102 d28443a0a0a0a041004100")), [0..1, 1..4, 4..5, 5..8, 8..19]);
}

/// RFC 8949 appendix A has each of these as one item; they are not strict, and still their ends are known.
#[test]
fn what_is_not_strict_is_stepped_over_whole() {
    for item in [
        "1800",
        "f820",
        "1b0000000000000000",
        "5f42010243030405ff",
        "7f657374726561646d696e67ff",
        "9fff",
        "9f018202039f0405ffff",
        "bf61610161629f0203ffff",
        "bf6346756ef563416d7421ff",
        "a2010201 03",
        "c249010000000000000000",
        "f7",
        "f0",
        "f8ff",
        "f97e00",
        "fa47c35000",
        "fb7ff0000000000000",
        "62fffe",
        "80",
        "a0",
        "8180",
        "c0c0c000",
    ] {
        let item = unhex(item);
        let twice = [item.clone(), item.clone(), vec![0]].concat();
        let length = item.len();
        assert_eq!(
            ranges(&twice),
            [0..length, length..2 * length, 2 * length..2 * length + 1],
            "{item:02x?}"
        );
    }
}

#[test]
fn where_bytes_are_no_item_the_sequence_ends_with_the_place() {
    use ScanFault::{Break, Reserved, TooDeep, Truncated};
    let deep = "81".repeat(MAX_SEQUENCE_DEPTH + 1) + "00";
    for (bytes, place, what) in [
        ("00 18", 1, Truncated),
        ("00 42 01", 1, Truncated),
        ("00 82 01", 3, Truncated),
        ("00 9f 01", 3, Truncated),
        ("00 5f 4101", 4, Truncated),
        ("00 c1", 2, Truncated),
        ("00 1c 00", 1, Reserved),
        ("00 3f 00", 1, Reserved),
        ("00 df 00", 1, Reserved),
        ("00 f818 00", 1, Reserved),
        ("00 5f 6161 ff", 2, Reserved),
        ("00 7f 4161 ff", 2, Reserved),
        ("00 5f 5f4101ff ff", 2, Reserved),
        ("00 ff 00", 1, Break),
        ("00 bf 01 ff 00", 3, Break),
        ("00 81 ff 00", 2, Break),
        ("00 c0 ff 00", 2, Break),
        ("00 bb ffffffffffffffff 00", 1, Truncated),
        ("00 5b ffffffffffffffff 00", 1, Truncated),
        ("00 9b ffffffffffffffff 00", 11, Truncated),
    ] {
        let bytes = unhex(bytes);
        let mut items = sequence(&bytes);
        assert_eq!(items.next(), Some(Ok(0..1)));
        assert_eq!(items.next(), Some(Err(ScanError { fault: what, offset: place })), "{bytes:02x?}");
        assert_eq!(items.next(), None);
    }
    assert_eq!(sequence(&unhex(&deep)).last().unwrap().unwrap_err().fault, TooDeep);
    assert!(sequence(&unhex(&deep[2..])).all(|item| item.is_ok()));
}

/// Where `ciborium` can read one item after another, its cursor stands where ours does. It takes a string of indefinite
/// length inside another and a short simple value in two bytes too, which RFC 8949 §3.2.3 and §3.3 forbid; there it
/// counts for nothing.
fn ciborium_boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut rest = bytes;
    let mut ends = Vec::new();
    while !rest.is_empty() && ciborium::from_reader::<ciborium::Value, _>(&mut rest).is_ok() {
        ends.push(bytes.len() - rest.len());
    }
    let fault = sequence(bytes).find_map(Result::err).and_then(|fault| bytes.get(fault.offset..));
    if matches!(fault, Some([0x5f | 0x7f, ..] | [0xf8, 0..32, ..])) {
        ends.truncate(sequence(bytes).filter(Result::is_ok).count());
    }
    ends
}

#[test]
fn what_the_oracle_takes_and_rfc_8949_forbids_is_no_item() {
    for bytes in [&[0xf8, 20][..], &[0x01, 0xf8, 20], &[0x5f, 0x5f, 0xff, 0xff]] {
        let ours: Vec<usize> = sequence(bytes).map_while(Result::ok).map(|range| range.end).collect();
        assert_eq!(ours, ciborium_boundaries(bytes), "{bytes:02x?}");
    }
}

proptest! {
    #[test]
    fn boundaries_are_those_of_a_whole_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let oracle = ciborium_boundaries(&bytes);
        let ours: Vec<usize> = sequence(&bytes).map_while(Result::ok).map(|range| range.end).collect();
        prop_assert!(ours.starts_with(&oracle), "{ours:?} {oracle:?}");
        let mut end = 0;
        for range in sequence(&bytes).map_while(Result::ok) {
            prop_assert_eq!(range.start, end);
            prop_assert!(range.end > end && range.end <= bytes.len());
            end = range.end;
        }
    }

    #[test]
    fn what_was_written_one_after_the_other_is_found(parts in proptest::collection::vec(any::<(i64, Vec<u8>, String)>(), 0..20)) {
        let items: Vec<Vec<u8>> = parts.iter().map(|part| { let mut out = Vec::new(); ciborium::into_writer(part, &mut out).unwrap(); out }).collect();
        let whole = items.concat();
        let found: Vec<Vec<u8>> = ranges(&whole).into_iter().map(|range| whole[range].to_vec()).collect();
        prop_assert_eq!(found, items);
    }
}
