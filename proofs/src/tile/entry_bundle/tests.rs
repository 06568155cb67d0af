use super::*;
use crate::hash::sha256;

#[test]
fn tile_08_lengths_are_16_bits_big_endian() {
    let long = vec![7; 0x0102];
    let bundle = encode(&[&b"ab"[..], b"", &long]).unwrap();
    assert_eq!(bundle[..7], *b"\x00\x02ab\x00\x00\x01");
    assert_eq!(bundle[7], 2);
    assert_eq!(bundle.len(), 2 + 2 + 2 + 2 + 0x0102);
    assert_eq!(decode(&bundle).unwrap(), [&b"ab"[..], b"", &long]);
}

#[test]
fn tile_08_one_to_256_entries() {
    let entries = vec![[9; 32]; 257];
    assert_eq!(encode::<Vec<u8>>(&[]), Err(EncodeBundleError::Empty));
    assert_eq!(decode(&[]), Err(DecodeBundleError::Empty));
    assert_eq!(encode(&entries), Err(EncodeBundleError::TooMany { count: 257 }));
    for count in [1, 2, 255, 256] {
        let bundle = encode(&entries[..count]).unwrap();
        assert_eq!(bundle.len(), 34 * count);
        assert_eq!(decode(&bundle).unwrap(), entries[..count]);
    }
    let mut bundle = encode(&entries[..256]).unwrap();
    bundle.extend_from_slice(&[0, 0]);
    assert_eq!(decode(&bundle), Err(DecodeBundleError::TooMany));
}

#[test]
fn tile_08_an_entry_has_at_most_65_535_bytes() {
    let entries = [vec![1; 3], vec![2; MAX_ENTRY_LEN]];
    assert_eq!(decode(&encode(&entries).unwrap()).unwrap(), entries);
    let entries = [vec![1; 3], vec![2; MAX_ENTRY_LEN + 1]];
    assert_eq!(encode(&entries), Err(EncodeBundleError::EntryTooLong { position: 1, len: 65_536 }));
}

#[test]
fn tile_08_a_truncated_bundle_is_refused() {
    let bundle = encode(&[&b"abc"[..], b"", b"de"]).unwrap();
    // After these many bytes an entry ends.
    let whole = [5, 7, 11];
    for len in 1..bundle.len() {
        let position = whole.iter().filter(|end| **end <= len).count();
        match decode(&bundle[..len]) {
            Ok(entries) => assert!(whole.contains(&len) && entries.len() == position, "{len}"),
            Err(error) => {
                assert!(!whole.contains(&len));
                assert_eq!(error, DecodeBundleError::Truncated { position }, "{len}");
            }
        }
    }
}

/// Appendix A of the digest of standards: the eight classic entries, then the golden signed statement.
#[test]
fn tile_08_golden_bundle() {
    let statement = concat!(
        "d2845864a40132036a746578742f706c61696e045820866eefbd6718c8846cd7ddfe43fc74ab1daac4538ff8514ea2ec2d41",
        "0a4157430fa2017668747470733a2f2f6973737565722e6578616d706c65027675726e3a6578616d706c653a617274696661",
        "63743a31a04b68656c6c6f2073636974745840292c77c9ea70d82e86cd3ba9036e1ce7930288e6ff2707636bce7064ae584d",
        "91cda69ca183d7d874ef7d78bf8daa488494ba2bd2bbb8dcf3b4090bf2ac668d02",
    );
    let entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
        statement,
    ]
    .map(|entry| data_encoding::HEXLOWER.decode(entry.as_bytes()).unwrap());
    let bundle = encode(&entries).unwrap();
    assert_eq!(bundle.len(), 235);
    let expected = "aeff8cd3bc8d582152e09d8b84ae225977673e6f61a0fafe559da80a6e426495";
    assert_eq!(sha256(&bundle).to_string(), expected);

    let tile: Vec<u8> = entries.iter().flat_map(|entry| *crate::hash::leaf_hash(entry).as_bytes()).collect();
    assert_eq!(tile.len(), 288);
    let expected = "fd5887a3e4aa38ccc660dec167d00bc7de88f140d3b60a65f95a9682a33bc686";
    assert_eq!(sha256(&tile).to_string(), expected);
}
