use ed25519_dalek::{Signer, SigningKey};

use super::*;

const TEXT: &str = "This is an example message.\n";
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const BLOB: &str =
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";

fn example() -> String {
    format!("{TEXT}\n— example.com/foo {BLOB}\n")
}

fn vkey(name: &str, seed: u8) -> NoteVerifierKey {
    ed25519_vkey(name, SigningKey::from_bytes(&[seed; 32]).verifying_key().as_bytes()).unwrap()
}

/// A signature by the key of this seed under this name.
fn sign(text: &str, name: &str, seed: u8) -> NoteSignature {
    let key = vkey(name, seed);
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(text.as_bytes());
    NoteSignature { name: key.name().clone(), key_id: key.id(), signature: signature.to_vec() }
}

/// A line no key here knows.
fn line(name: &str) -> String {
    format!("— {name} {}\n", BASE64.encode(b"key!signature"))
}

#[test]
fn note_07_the_vector_verifies() {
    let key: NoteVerifierKey = VKEY.parse().unwrap();
    let note = SignedNote::parse(example()).unwrap();
    assert_eq!(note.text(), TEXT);
    assert_eq!(note.signatures().len(), 1);
    assert_eq!(note.signatures()[0].name.as_str(), "example.com/foo");
    assert_eq!(note.signatures()[0].key_id.to_string(), "530d903a");
    assert_eq!(note.to_string(), example());
    assert_eq!(note.verify(std::slice::from_ref(&key)), Ok(vec![&key]));
}

#[test]
fn note_07_one_flipped_bit_does_not_verify() {
    let key = [VKEY.parse::<NoteVerifierKey>().unwrap()];
    let name = key[0].name().clone();
    let forged = SignedNote::parse(example().replace("example message", "example massage")).unwrap();
    assert_eq!(forged.verify(&key), Err(VerifyNoteError::BadSignature { name: name.clone() }));
    let blob = BASE64.decode(BLOB.as_bytes()).unwrap();
    for bit in 0..8 * blob.len() {
        let mut blob = blob.clone();
        blob[bit / 8] ^= 1 << (bit % 8);
        let note = SignedNote::parse(example().replace(BLOB, &BASE64.encode(&blob))).unwrap();
        let error = if bit < 32 {
            VerifyNoteError::NoKnownKey
        } else {
            VerifyNoteError::BadSignature { name: name.clone() }
        };
        assert_eq!(note.verify(&key), Err(error), "{bit}");
    }
}

#[test]
fn note_01_valid_utf_8_without_control_characters() {
    let with = |text: &[u8]| SignedNote::parse([text, b"\n\n", line("a").as_bytes()].concat());
    assert_eq!(with("grüß".as_bytes()).unwrap().text(), "grüß\n");
    assert_eq!(with(b"\x7f").unwrap().text(), "\x7f\n");
    assert_eq!(with(b"\xff"), Err(NoteError::NotUtf8));
    assert_eq!(with(b"\xc3"), Err(NoteError::NotUtf8));
    for byte in (0..0x20).filter(|byte| *byte != b'\n') {
        assert_eq!(with(&[b'a', byte, b'b']), Err(NoteError::ControlCharacter), "{byte:#x}");
    }
    let crlf = example().replace('\n', "\r\n");
    assert_eq!(SignedNote::parse(crlf), Err(NoteError::ControlCharacter));
}

#[test]
fn note_01_the_last_empty_line_ends_the_text() {
    let a = line("a");
    for text in ["one\n", "one\n\ntwo\n", "\n", "\n\n\n", "one\n\n", "one\n\n— b bm90IHRoaXMgb25l\n"] {
        let note = format!("{text}\n{a}");
        let read = SignedNote::parse(&note).unwrap();
        assert_eq!((read.text(), read.signatures().len()), (text, 1));
        assert_eq!(read.to_string(), note);
        assert_eq!(SignedNote::new(text.to_owned(), read.signatures().to_vec()), Ok(read));
    }
}

#[test]
fn note_01_what_is_no_note() {
    let a = line("a");
    let no_signatures = [
        String::new(),
        "\n".into(),
        "\n\n".into(),
        "text\n".into(),
        "text\n\n".into(),
        "text\n\n\n".into(),
        a.clone(),
        format!("\n{a}"),
        format!("text\n{a}"),
        format!("text\n\n{a}\n"),
        format!("text\n\n{}", a.trim_end()),
    ];
    for note in no_signatures {
        assert_eq!(SignedNote::parse(&note), Err(NoteError::NoSignatures), "{note:?}");
    }
    let signatures = SignedNote::parse(format!("t\n\n{a}")).unwrap().signatures;
    assert_eq!(SignedNote::new("text".into(), signatures.clone()), Err(NoteError::TextNotEnded));
    assert_eq!(SignedNote::new(String::new(), signatures.clone()), Err(NoteError::TextNotEnded));
    assert_eq!(SignedNote::new("text\n".into(), vec![]), Err(NoteError::NoSignatures));
    assert_eq!(SignedNote::new("te\0xt\n".into(), signatures), Err(NoteError::ControlCharacter));
}

#[test]
fn note_02_lines_that_are_no_signatures() {
    let blob = BASE64.encode(b"key!signature");
    let lines = [
        "text".into(),
        format!("- a {blob}"),
        format!("—a {blob}"),
        format!("—  a {blob}"),
        format!("— {blob}"),
        format!("— a  {blob}"),
        format!("— a {blob} "),
        format!("— a {blob} x"),
        format!("— a+b {blob}"),
        format!("— a\u{a0}b {blob}"),
        format!("—\u{a0}a {blob}"),
        format!("– a {blob}"),
        "— a ".into(),
        "— a".into(),
        format!("— a {}", BASE64.encode(b"key!")),
        format!("— a {}", BASE64.encode(b"key")),
        format!("— a {blob}="),
        format!("— a {}", blob.trim_end_matches('=')),
        format!("— a {}", blob.replace('5', "-")),
    ];
    for wrong in lines {
        let good = line("a");
        let note = format!("text\n\n{good}{wrong}\n");
        assert_eq!(SignedNote::parse(note), Err(NoteError::BadSignatureLine { line: 2 }), "{wrong:?}");
        let note = format!("text\n\n{wrong}\n{good}");
        assert_eq!(SignedNote::parse(note), Err(NoteError::BadSignatureLine { line: 1 }), "{wrong:?}");
    }
    let empty = NoteSignature { signature: vec![], ..sign(TEXT, "a", 1) };
    let written = SignedNote::new(TEXT.into(), vec![empty]);
    assert_eq!(written, Err(NoteError::BadSignatureLine { line: 1 }));
}

#[test]
fn note_03_name_and_id_must_both_be_known() {
    let note = |signature| SignedNote::new(TEXT.into(), vec![signature]).unwrap();
    let mine = vkey("a", 1);
    let right = sign(TEXT, "a", 1);
    let same_name = sign(TEXT, "a", 2);
    let same_id = NoteSignature { name: KeyName::new("b").unwrap(), ..right.clone() };
    let same_key = sign(TEXT, "b", 1);
    assert!(note(right).verify(std::slice::from_ref(&mine)).is_ok());
    for other in [same_name, same_id, same_key] {
        assert_eq!(note(other).verify(std::slice::from_ref(&mine)), Err(VerifyNoteError::NoKnownKey));
    }
}

/// The lines of other types are of any length and mean nothing to a reader who knows no such key.
#[test]
fn note_04_signatures_of_other_types_are_carried() {
    let others: Vec<NoteSignature> = [1, 8 + 64, 8 + 2420, 5000]
        .map(|len| NoteSignature { signature: vec![6; len], ..sign(TEXT, "other", 3) })
        .into();
    let signatures = [&others[..], &[sign(TEXT, "a", 1)]].concat();
    let note = SignedNote::new(TEXT.into(), signatures.clone()).unwrap();
    assert_eq!(SignedNote::parse(note.to_string()).unwrap().signatures(), signatures);
    assert!(note.verify(&[vkey("a", 1)]).is_ok());
    // Of the type that is known, exactly 64 bytes are a signature.
    for len in [1, 63, 65, 72] {
        let mut wrong = sign(TEXT, "a", 1);
        wrong.signature.resize(len, 0);
        let note = SignedNote::new(TEXT.into(), vec![wrong]).unwrap();
        assert!(matches!(note.verify(&[vkey("a", 1)]), Err(VerifyNoteError::BadSignature { .. })));
    }
}

#[test]
fn note_05_unknown_signatures_are_ignored_and_known_ones_must_verify() {
    let [one, two, three] = [vkey("one", 1), vkey("two", 2), vkey("three", 3)];
    let signatures = vec![sign(TEXT, "two", 2), sign(TEXT, "nobody", 9), sign(TEXT, "one", 1)];
    let note = SignedNote::new(TEXT.into(), signatures.clone()).unwrap();
    let known = [one.clone(), two.clone(), three.clone()];
    assert_eq!(note.verify(&known), Ok(vec![&two, &one]));
    assert_eq!(note.verify(std::slice::from_ref(&one)), Ok(vec![&one]));
    assert_eq!(note.verify(&[three]), Err(VerifyNoteError::NoKnownKey));
    assert_eq!(note.verify(&[]), Err(VerifyNoteError::NoKnownKey));

    let mut forged = signatures;
    forged[0].signature = sign("another text\n", "two", 2).signature;
    let note = SignedNote::new(TEXT.into(), forged).unwrap();
    assert_eq!(
        note.verify(std::slice::from_ref(&one)),
        Ok(vec![&one]),
        "the forged one is not by a known key"
    );
    let error = Err(VerifyNoteError::BadSignature { name: two.name().clone() });
    assert_eq!(note.verify(&known), error);
}

/// A quorum cannot be made of one signer.
#[test]
fn note_05_a_signer_counts_once() {
    let one = vkey("one", 1);
    let note = SignedNote::new(TEXT.into(), vec![sign(TEXT, "one", 1); 3]).unwrap();
    assert_eq!(note.verify(&[one.clone(), one.clone()]), Ok(vec![&one]));
}

#[test]
fn note_05_at_least_16_signatures_and_not_without_end() {
    let lines = |count: usize| (0..count).map(|i| line(&format!("k{i}"))).collect::<String>();
    for count in [1, 16, MAX_SIGNATURES] {
        let note = SignedNote::parse(format!("text\n\n{}", lines(count))).unwrap();
        assert_eq!(note.signatures().len(), count);
    }
    let note = format!("text\n\n{}", lines(MAX_SIGNATURES + 1));
    assert_eq!(SignedNote::parse(note), Err(NoteError::TooManySignatures));

    let note = format!("text\n\n{}", line("a"));
    let longest = format!("{}{note}", "x".repeat(MAX_NOTE_LEN - note.len()));
    assert!(SignedNote::parse(&longest).is_ok());
    assert_eq!(SignedNote::parse(format!("x{longest}")), Err(NoteError::TooLong));
}

#[test]
fn note_05_signatures_are_added_up_to_the_limits() {
    let lines: String = (2..=MAX_SIGNATURES).map(|i| line(&format!("k{i}"))).collect();
    let note = SignedNote::parse(format!("text\n\n{lines}")).unwrap();
    let (one, other) = (sign("text\n", "a", 1), sign("text\n", "b", 2));
    let full = note.with_signature(one.clone()).unwrap();
    assert_eq!((full.signatures().len(), full.signatures().last()), (MAX_SIGNATURES, Some(&one)));
    assert_eq!(full.clone().with_signature(one.clone()), Ok(full.clone()), "it is there already");
    assert_eq!(full.with_signature(other), Err(NoteError::TooManySignatures));

    let note =
        |padding: usize| SignedNote::parse(format!("{}text\n\n{}", "x".repeat(padding), line("k"))).unwrap();
    let room = MAX_NOTE_LEN - note(0).with_signature(one.clone()).unwrap().to_string().len();
    assert_eq!(note(room).with_signature(one.clone()).unwrap().to_string().len(), MAX_NOTE_LEN);
    assert_eq!(note(room + 1).with_signature(one), Err(NoteError::TooLong));
    assert_eq!(parse_signatures(&vec![b'x'; MAX_NOTE_LEN]), Err(NoteError::NoSignatures));
    for beyond in 1..3 {
        assert_eq!(parse_signatures(&vec![b'x'; MAX_NOTE_LEN + beyond]), Err(NoteError::TooLong));
    }
}
