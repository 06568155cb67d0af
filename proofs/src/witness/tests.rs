use super::*;

/// The example of tlog-witness, `add-checkpoint`.
const ADD: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

const NOTE: &str = "a\n1\nb\n\n\u{2014} a AAAAAAE=\n";
const HASH: &str = "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n";

#[test]
fn wit_01_the_example_of_the_specification_reads_and_writes_back() {
    let request = AddCheckpoint::parse(ADD.as_bytes()).unwrap();
    assert_eq!((request.old.get(), request.proof.len()), (20_852_014, 4));
    assert_eq!(request.note.signatures().len(), 2);
    assert_eq!(request.to_string(), ADD);
}

#[test]
fn wit_01_what_is_malformed_is_refused() {
    let error = |body: &str| AddCheckpoint::parse(body.as_bytes()).unwrap_err();
    let hashes = |count: usize| HASH.repeat(count);
    assert!(AddCheckpoint::parse(format!("old 0\n\n{NOTE}").as_bytes()).is_ok());
    assert!(AddCheckpoint::parse(format!("old 1\n{}\n{NOTE}", hashes(63)).as_bytes()).is_ok());
    for first in
        ["", "old", "old ", "old 01", "old -1", "old +1", "old 18446744073709551616", "old 1 ", "new 1"]
    {
        assert_eq!(error(&format!("{first}\n\n{NOTE}")), RequestError::FirstLine, "{first:?}");
    }
    assert_eq!(error(&format!("old 1\n{}\n{NOTE}", hashes(64))), RequestError::TooManyLines);
    assert_eq!(error(&format!("old 1\n{}\n{NOTE}", hashes(900))), RequestError::TooManyLines);
    for hash in ["AAAA", "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swl=", "x"] {
        assert_eq!(error(&format!("old 1\n{hash}\n\n{NOTE}")), RequestError::Hash, "{hash:?}");
    }
    assert_eq!(error("old 1\n"), RequestError::NoCheckpoint);
    assert!(matches!(error("old 1\n\nno note\n"), RequestError::Note(_)));
    assert_eq!(error(&"x".repeat(MAX_REQUEST_LEN + 1)), RequestError::TooLong);
    assert_eq!(error(&"x".repeat(MAX_REQUEST_LEN)), RequestError::NoCheckpoint);
    assert_eq!(MAX_REQUEST_LEN, 262_144);
    assert_eq!(AddCheckpoint::parse(b"old 1\n\xff").unwrap_err(), RequestError::NotUtf8);
}

#[test]
fn wit_08_a_subtree_request_reads_and_writes_back() {
    let body = format!("subtree 8 13\n{}\n{NOTE}", HASH.repeat(5));
    let request = SignSubtree::parse(body.as_bytes()).unwrap();
    assert_eq!((request.subtree.start(), request.subtree.end(), request.proof.len()), (8, 13, 4));
    assert_eq!(request.to_string(), body);
    let error = |body: String| SignSubtree::parse(body.as_bytes()).unwrap_err();
    for first in ["subtree 8", "subtree 8 13 14", "subtree 08 13", "subtree  8 13", "old 8"] {
        assert_eq!(error(format!("{first}\n{HASH}\n{NOTE}")), RequestError::FirstLine, "{first:?}");
    }
    assert!(matches!(error(format!("subtree 8 17\n{HASH}\n{NOTE}")), RequestError::Subtree(_)));
    assert!(matches!(error(format!("subtree 13 8\n{HASH}\n{NOTE}")), RequestError::Subtree(_)));
    assert_eq!(error(format!("subtree 8 13\n\n{NOTE}")), RequestError::Hash);
    assert!(SignSubtree::parse(format!("subtree 8 13\n{}\n{NOTE}", HASH.repeat(64)).as_bytes()).is_ok());
    assert_eq!(error(format!("subtree 8 13\n{}\n{NOTE}", HASH.repeat(65))), RequestError::TooManyLines);
}

#[test]
fn wit_01_a_size_has_one_spelling() {
    assert_eq!(parse_size_body(b"20852014\n"), Some(TreeSize::new(20_852_014)));
    assert_eq!(parse_size_body(b"0\n"), Some(TreeSize::EMPTY));
    for wrong in [&b""[..], b"\n", b"1", b"01\n", b"1\n\n", b"1 \n", b"\xff\n"] {
        assert_eq!(parse_size_body(wrong), None);
    }
}

#[test]
fn wit_06_the_monitoring_path_is_the_hash_of_the_origin() {
    let wanted = "5fd2dc0beb4ce54da5050cf6d5c75248b023abad441c3cecde3976fbe9da4fe4/checkpoint";
    assert_eq!(monitoring_path("example.com/behind-the-sofa"), wanted);
}
