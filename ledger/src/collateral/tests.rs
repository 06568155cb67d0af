//! One record has one spelling.

use super::*;

fn full() -> Collateral {
    Collateral {
        policy: Some(LeafIndex::new(1)),
        anchors: Some(LeafIndex::new(300)),
        evaluated_at: UnixTime::from_secs(1_790_000_000),
        registered_at: UnixTime::from_secs(1_790_000_001),
        key: Some(KeyId::new([7; 32])),
        anchor: Some("acme".into()),
        rule: Some("acme agents".into()),
        stripped_x5chain: vec![vec![0x30, 0x00], vec![0x30, 0x01]],
        examined: None,
    }
}

#[test]
fn arch_24_collateral_has_one_spelling() {
    let bytes = full().encode();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&bytes),
        "a9010102010319012c041a6ab13b80051a6ab13b81065820070707070707070707070707070707070707070707070707070707070707\
         0707076461636d65086b61636d65206167656e747309824230004230 01"
            .replace(' ', "")
    );
    assert_eq!(Collateral::decode(&bytes), Ok(full()));
}

#[test]
fn empty_fields_are_absent() {
    let bare = Collateral {
        policy: None,
        anchors: None,
        key: None,
        anchor: None,
        rule: None,
        stripped_x5chain: Vec::new(),
        ..full()
    };
    assert_eq!(bare.encode().len(), 1 + 2 + 6 + 6);
    assert_eq!(Collateral::decode(&bare.encode()), Ok(bare));
}

#[test]
fn anything_else_is_refused() {
    let bytes = full().encode();
    assert_eq!(Collateral::decode(&bytes[..bytes.len() - 1]), Err(CollateralError::Cbor));
    assert_eq!(Collateral::decode(&[0x01]), Err(CollateralError::Shape));
    assert_eq!(Collateral::decode(&[0xa0]), Err(CollateralError::Shape));
    let mut other_version = bytes.clone();
    other_version[2] = 2;
    assert_eq!(Collateral::decode(&other_version), Err(CollateralError::Shape));
    let unknown_field = [&[0xa4, 1, 1, 4, 1, 5, 1, 0x18, 99, 0][..]].concat();
    assert_eq!(Collateral::decode(&unknown_field), Err(CollateralError::Shape));
    let unsorted = [0xa3, 4, 1, 1, 1, 5, 1];
    assert_eq!(Collateral::decode(&unsorted), Err(CollateralError::Shape));
}

#[test]
fn d18_what_a_profile_said_has_one_spelling() {
    use crate::profile::{Finding, IndexTerm, Severity};
    let finding = |as_of| Finding {
        id: "TR-X".into(),
        severity: Severity::Warning,
        pointer: "/a".into(),
        message: "m".into(),
        as_of,
    };
    let examined = Examined {
        profile: "trace@1".into(),
        complete: true,
        findings: vec![finding(None), finding(Some(300))],
        terms: vec![IndexTerm { code: 13, value: "spiffe://x".into() }],
        links: vec![vec![200, 0]],
    };
    let record = Collateral { examined: Some(examined), ..full() };
    let bytes = record.encode();
    assert_eq!(Collateral::decode(&bytes), Ok(record.clone()));
    let tail = "0a856774726163654031f582846454522d5801622f61616d856454522d5801622f61616d19012c81820d6a7370696666653a2f2f788142c800";
    assert!(
        data_encoding::HEXLOWER.encode(&bytes).ends_with(tail),
        "{}",
        data_encoding::HEXLOWER.encode(&bytes)
    );
    // Another shape anywhere in it is no record.
    for (from, to) in
        [("674", "674"), ("f582", "f682"), ("5801622f61616d85", "5803622f61616d85"), ("820d6a", "82206a")]
    {
        let text = data_encoding::HEXLOWER.encode(&bytes).replacen(from, to, 1);
        let other = data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        assert_eq!(Collateral::decode(&other).is_ok(), other == bytes, "{from} -> {to}");
    }
}
