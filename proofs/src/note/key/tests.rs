use super::*;
use crate::hash::sha256;

const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

fn parse(vkey: &str) -> Result<NoteVerifierKey, NoteKeyError> {
    vkey.parse()
}

#[test]
fn note_02_names_of_keys() {
    for name in ["a", "example.com/foo", "log.example/scitt", "ключ", "a—b", "a\u{7f}b"] {
        assert_eq!(KeyName::new(name).unwrap().as_str(), name);
    }
    for name in
        ["", " ", "a b", "a+b", "+", "a\nb", "a\tb", "a\u{a0}b", "a\u{2003}b", "a\u{85}b", "a\0b", "a\u{1b}b"]
    {
        assert_eq!(KeyName::new(name), Err(NoteKeyError::BadName), "{name:?}");
    }
}

#[test]
fn note_03_the_id_is_the_start_of_a_digest_over_name_type_and_key() {
    let key = [0xe9; 32];
    let digest = sha256(&[b"example.com/foo\n\x01".as_slice(), &key].concat());
    let id = NoteKeyId::ed25519(&KeyName::new("example.com/foo").unwrap(), &key);
    assert_eq!(id.as_bytes()[..], digest.as_bytes()[..4]);
    assert_eq!(id.to_string(), digest.to_string()[..8]);

    let wrong = VKEY.replace("530d903a", "530d903b");
    assert_eq!(parse(&wrong), Err(NoteKeyError::WrongId));
    let renamed = VKEY.replace("foo", "bar");
    assert_eq!(parse(&renamed), Err(NoteKeyError::WrongId));
}

/// The key of a cosigner (appendix A12) is not one that signs notes themselves, although it is the same
/// point.
#[test]
fn note_04_only_keys_of_type_1_are_read() {
    let cosigner = "witness.example/w1+eb762cc2+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    assert_eq!(parse(cosigner), Err(NoteKeyError::UnsupportedType(4)));
    for kind in (0..=255).filter(|kind| *kind != 1) {
        let typed = BASE64.encode(&[&[kind][..], &[9; 32]].concat());
        assert_eq!(parse(&format!("a+00000000+{typed}")), Err(NoteKeyError::UnsupportedType(kind)));
    }
    assert_eq!(NoteKeyError::UnsupportedType(4).to_string(), "note keys of type 0x04 are not supported");
}

#[test]
fn note_06_vkeys_print_as_they_are_read() {
    let key = parse(VKEY).unwrap();
    assert_eq!(key.to_string(), VKEY);
    assert_eq!(key.name().as_str(), "example.com/foo");
    assert_eq!(key.id().to_string(), "530d903a");
    assert_eq!(key.ed25519_bytes()[0], 0xe9);
    assert_eq!(ed25519_vkey("example.com/foo", key.ed25519_bytes()), Ok(key));
}

#[test]
fn note_06_any_other_spelling_is_refused() {
    let syntax = [
        "",
        "+",
        "++",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+30d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+0530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a00+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2_",
    ];
    for vkey in syntax {
        assert_eq!(parse(vkey), Err(NoteKeyError::Syntax), "{vkey}");
    }
    assert_eq!(parse(&VKEY.replace("com/foo", "com foo")), Err(NoteKeyError::BadName));
    assert_eq!(parse(&VKEY.replace("example.com/foo", "")), Err(NoteKeyError::BadName));
}

#[test]
fn note_06_points_that_anybody_can_sign_for_are_no_keys() {
    // The neutral element, a point of order 2, the y-coordinate p + 1 (a second spelling of the neutral
    // element), and a y-coordinate without a point.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut order_2 = [0xff; 32];
    (order_2[0], order_2[31]) = (0xec, 0x7f);
    let mut twice = order_2;
    twice[0] = 0xee;
    let mut none = [0; 32];
    none[0] = 2;
    let keys = [
        (neutral, KeyError::SmallOrder),
        (order_2, KeyError::SmallOrder),
        (twice, KeyError::SmallOrder),
        (none, KeyError::NotAPoint),
    ];
    for (key, error) in keys {
        assert_eq!(ed25519_vkey("a", &key), Err(NoteKeyError::BadKey(error)));
        let typed = BASE64.encode(&[&[1], &key[..]].concat());
        let id = NoteKeyId::ed25519(&KeyName::new("a").unwrap(), &key);
        assert_eq!(parse(&format!("a+{id}+{typed}")), Err(NoteKeyError::BadKey(error)));
    }
    for len in [0, 31, 33] {
        let typed = BASE64.encode(&[&[1][..], &vec![9; len]].concat());
        assert_eq!(parse(&format!("a+00000000+{typed}")), Err(NoteKeyError::BadKey(KeyError::Length)));
    }
}

/// A point of full order can have a second spelling too: y and y + p, for y below 19.
#[test]
fn note_06_a_second_spelling_of_a_key_is_refused() {
    let mut refused = 0;
    for y in 0..19_u8 {
        let mut canonical = [0; 32];
        canonical[0] = y;
        let mut other = [0xff; 32];
        (other[0], other[31]) = (0xed + y, 0x7f);
        if ed25519_vkey("a", &canonical).is_ok() {
            let error = NoteKeyError::BadKey(KeyError::NotCanonical);
            assert_eq!(ed25519_vkey("a", &other), Err(error));
            refused += 1;
        }
    }
    assert!(refused > 0);
}
