use super::*;

/// What a segment, already decoded once, names among these kids.
fn named<'a>(segment: &str, kids: &'a [&'a [u8]]) -> Option<&'a [u8]> {
    find(segment, |asked| kids.iter().copied().find(|kid| *kid == asked))
}

#[test]
fn scr_14_every_kid_is_named_by_its_unpadded_base64url() {
    for kid in [&b"k"[..], b"\x00", b"\xff\xfe/", b"a kid with blanks", &[0xfb; 32]] {
        assert_eq!(named(&BASE64URL_NOPAD.encode(kid), &[b"other", kid]), Some(kid));
    }
    assert_eq!(named("aw==", &[b"k"]), None, "padding");
    assert_eq!(named("ax", &[b"k"]), None, "bits behind the end");
    assert_eq!(named("_v8", &[b"\xfe\xff"]), Some(&b"\xfe\xff"[..]));
    assert_eq!(named("/v8", &[b"\xfe\xff"]), None, "base64 that is not base64url");
}

#[test]
fn scr_15_a_path_safe_kid_is_named_by_itself_too() {
    for kid in ["key-1", "2026~a", "a:b@c!$&'()*+,;=", "...", "~"] {
        assert_eq!(named(kid, &[kid.as_bytes()]), Some(kid.as_bytes()), "{kid}");
    }
    for kid in ["a/b", "a b", "a%b", "a?b", "a#b", ".", "..", "caf\u{e9}", "a\"b", "[a]"] {
        assert_eq!(named(kid, &[kid.as_bytes()]), None, "{kid}");
    }
}

#[test]
fn scr_16_the_base64url_form_wins_where_both_could_be_meant() {
    assert_eq!(named("aw", &[b"aw", b"k"]), Some(&b"k"[..]));
}
