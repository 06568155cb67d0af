use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::cose::{Algorithm, Curve, PublicKey};
use crate::hash::{leaf_hash, sha256};
use crate::position::{LeafIndex, TreeHead};

/// RFC 8032 §7.1, test 1.
const SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44,
    0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
const VKEY: &str = "log.example/scitt+a6f9a921+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
const GOLDEN: &str = "log.example/scitt
9
KDmsiwqhONXfLtLc2i5lhe2YXbgmNUezscLS49Q2Zl8=

— log.example/scitt pvmpIbqmQ+Siv8a72UMNp80hr6vj24tGYP3+kRhvFl+kM1Fptbual0t5v18uslrynp2Op+TyQyhz7g8/PeNlgWfyrgw=
";
const EMPTY_ROOT: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const ROOT: &str = "KDmsiwqhONXfLtLc2i5lhe2YXbgmNUezscLS49Q2Zl8=";

fn golden() -> Checkpoint {
    let root = "2839ac8b0aa138d5df2ed2dcda2e6585ed985db8263547b3b1c2d2e3d436665f".parse().unwrap();
    Checkpoint {
        origin: Origin::new("log.example/scitt").unwrap(),
        head: TreeHead { size: TreeSize::new(9), root },
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&SEED)
}

/// Claims to have one key, signs with another or not at all.
struct TestSigner {
    public_key: PublicKey,
    key: Option<SigningKey>,
}

impl Signer for TestSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        self.key.as_ref().map(|key| key.sign(message).to_vec()).ok_or(SignFailed)
    }
}

/// The log's public key with this private key.
fn signer(key: Option<SigningKey>) -> TestSigner {
    let public_key = PublicKey::ed25519(self::key().verifying_key().to_bytes()).unwrap();
    TestSigner { public_key: public_key.with_algorithm(Algorithm::EdDsa).unwrap(), key }
}

/// Any text under the log's signature.
fn sign_text(text: &str) -> String {
    let vkey: NoteVerifierKey = VKEY.parse().unwrap();
    let signature = key().sign(text.as_bytes()).to_vec();
    let line = NoteSignature { name: vkey.name().clone(), key_id: vkey.id(), signature };
    SignedNote::new(text.into(), vec![line]).unwrap().to_string()
}

#[test]
fn a11_the_golden_checkpoint() {
    let note = sign_checkpoint(&golden(), &signer(Some(key()))).unwrap();
    assert_eq!(note, GOLDEN);
    assert_eq!(note.len(), 181);
    let digest = "64ffeb1e45821a039fca5a43b80c6523726d4ff9d23e0c1603ce91cbe99d29d2";
    assert_eq!(sha256(note.as_bytes()).to_string(), digest);
    let vkey = ed25519_vkey("log.example/scitt", key().verifying_key().as_bytes()).unwrap();
    assert_eq!(vkey.to_string(), VKEY);
    assert_eq!(open_checkpoint(GOLDEN, &vkey), Ok(golden()));
}

#[test]
fn ckpt_01_origins_a_log_can_choose() {
    for origin in ["a", "log.example/scitt", "example.com/behind-the-sofa", &"x".repeat(255)] {
        assert_eq!(Origin::new(origin).unwrap().as_str(), origin);
    }
    for origin in ["", " ", "a b", "a+b", "a\nb", "a\tb", "a\u{a0}b", &"x".repeat(256)] {
        assert_eq!(Origin::new(origin), Err(OriginError), "{origin:?}");
    }
}

/// "Clients MUST NOT assume that the origin is following this format."
#[test]
fn ckpt_01_any_origin_is_read() {
    for origin in ["go.sum database tree", "a+b", &"x".repeat(300)] {
        let checkpoint = Checkpoint::parse(&format!("{origin}\n9\n{ROOT}\n")).unwrap();
        assert_eq!(checkpoint.origin.to_string(), origin);
        assert_eq!(checkpoint.text(), format!("{origin}\n9\n{ROOT}\n"));
    }
    let bell = format!("a\u{7}b\n9\n{ROOT}\n");
    assert_eq!(Checkpoint::parse(&bell), Err(CheckpointSyntaxError::Origin));
    assert_eq!(Checkpoint::parse(&format!("\n9\n{ROOT}\n")), Err(CheckpointSyntaxError::Lines));
}

#[test]
fn ckpt_02_sizes_have_one_spelling() {
    let parse =
        |size: &str| Checkpoint::parse(&format!("log\n{size}\n{ROOT}\n")).map(|it| it.head.size.get());
    assert_eq!(parse("1"), Ok(1));
    assert_eq!(parse("20852163"), Ok(20_852_163));
    assert_eq!(parse("18446744073709551615"), Ok(u64::MAX));
    for size in ["00", "01", "+1", "-1", " 1", "1 ", "1.0", "0x1", "1_000", "a", "٣", "18446744073709551616"]
    {
        assert_eq!(parse(size), Err(CheckpointSyntaxError::Size), "{size}");
    }
}

#[test]
fn ckpt_02_the_empty_tree_has_one_root() {
    let empty = Checkpoint {
        origin: Origin::new("log").unwrap(),
        head: TreeHead { size: TreeSize::EMPTY, root: empty_root() },
    };
    assert_eq!(empty.text(), format!("log\n0\n{EMPTY_ROOT}\n"));
    assert_eq!(Checkpoint::parse(&empty.text()), Ok(empty));
    let wrong = format!("log\n0\n{ROOT}\n");
    assert_eq!(Checkpoint::parse(&wrong), Err(CheckpointSyntaxError::EmptyRoot));
}

#[test]
fn ckpt_03_extension_lines_are_passed_over_and_never_written() {
    let text = format!("log.example/scitt\n9\n{ROOT}\n");
    assert_eq!(golden().text(), text);
    assert_eq!(Checkpoint::parse(&format!("{text}more\nand more\n")), Ok(golden()));
    let note = sign_text(&format!("{text}more\n"));
    assert_eq!(open_checkpoint(&note, &VKEY.parse().unwrap()), Ok(golden()));
    let malformed = [
        format!("{text}\n"),
        format!("{text}\nmore\n"),
        format!("{text}more\n\n"),
        text.trim_end().into(),
        format!("\n{text}"),
        "log\n9\n".into(),
        "log\n".into(),
        "\n".into(),
        String::new(),
        format!("log\n\n{ROOT}\n"),
    ];
    for text in malformed {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointSyntaxError::Lines), "{text:?}");
    }
}

#[test]
fn ckpt_04_only_what_continues_may_be_signed() {
    let leaves: Vec<Hash> = (0..9_u8).map(|i| leaf_hash(&[i])).collect();
    let mut range = crate::tree::CompactRange::empty();
    let mut heads = vec![range.head()];
    for leaf in &leaves {
        range.append(*leaf, &mut |_, _| ()).unwrap();
        heads.push(range.head());
    }
    let at = |n: usize| Checkpoint { head: heads[n], ..golden() };
    let proof = |old: usize, new: usize, path: Vec<Hash>| ConsistencyProof {
        old: heads[old].size,
        new: heads[new].size,
        path,
    };
    let right = proof(8, 9, vec![leaves[8]]);
    assert_eq!(at(9).continues(&at(8), &right), Ok(()));
    assert_eq!(at(9).continues(&at(9), &proof(9, 9, vec![])), Ok(()));
    assert_eq!(at(9).continues(&at(0), &proof(0, 9, vec![])), Ok(()));
    assert_eq!(at(0).continues(&at(0), &proof(0, 0, vec![])), Ok(()));

    // A smaller size, the same size with another root, another history, another log.
    let smaller = at(8).continues(&at(9), &proof(9, 8, vec![leaves[8]]));
    assert!(matches!(smaller, Err(ContradictionError::Proof(ConsistencyError::OldLarger { .. }))));
    let other = Checkpoint { head: TreeHead { root: leaves[0], ..heads[9] }, ..golden() };
    let mismatch = Err(ContradictionError::Proof(ConsistencyError::NewRootMismatch));
    assert_eq!(other.continues(&at(9), &proof(9, 9, vec![])), mismatch);
    assert_eq!(other.continues(&at(8), &right), mismatch);
    assert_eq!(at(9).continues(&at(8), &proof(8, 9, vec![leaves[7]])), mismatch);
    assert_eq!(at(9).continues(&at(7), &right), Err(ContradictionError::OtherSizes));
    let empty_old = Err(ContradictionError::Proof(ConsistencyError::EmptyOld));
    assert_eq!(at(9).continues(&at(0), &proof(0, 9, vec![leaves[0]])), empty_old);
    let elsewhere = Checkpoint { origin: Origin::new("log.example/other").unwrap(), ..at(9) };
    let error = elsewhere.continues(&at(8), &right).unwrap_err();
    assert!(matches!(error, ContradictionError::OtherOrigin { .. }));
    assert_eq!(LeafIndex::new(9), heads[9].size.next_index());
}

#[test]
fn ckpt_05_the_key_is_named_as_the_origin() {
    let elsewhere = Checkpoint { origin: Origin::new("log.example/other").unwrap(), ..golden() };
    let note = sign_text(&elsewhere.text());
    let error = open_checkpoint(&note, &VKEY.parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "the checkpoint is of log.example/other, the key is of log.example/scitt");
    // A log that chose no better origin cannot name its key.
    let spaced = Checkpoint::parse(&format!("go.sum database tree\n9\n{ROOT}\n")).unwrap();
    let error = sign_checkpoint(&spaced, &signer(Some(key())));
    assert_eq!(error, Err(SignCheckpointError::Key(NoteKeyError::BadName)));
}

/// CKPT-06 and TILE-02: the Ed25519 signature is the one that is read, whatever stands beside it.
#[test]
fn ckpt_06_a_post_quantum_signature_beside_ours_is_carried() {
    let ml_dsa =
        format!("— log.example/scitt {}\n", BASE64.encode(&[&[1, 2, 3, 4][..], &[5; 8 + 2420]].concat()));
    let note = format!("{GOLDEN}{ml_dsa}");
    assert_eq!(open_checkpoint(&note, &VKEY.parse().unwrap()), Ok(golden()));
}

#[test]
fn ckpt_07_unknown_signatures_are_ignored_and_ours_is_needed() {
    let witness = "— witness.example/w1 63YswgAAAABqsTuAlABmcat5TH4lnAmaxiPyb7UGSInfy9/eRd2y2LwzTHw9za1+4z4ErmQUI7F8Yl8TUyduwNWweOEl4M3Sn9U/BQ==\n";
    let vkey: NoteVerifierKey = VKEY.parse().unwrap();
    assert_eq!(open_checkpoint(format!("{GOLDEN}{witness}"), &vkey), Ok(golden()));
    let unsigned = format!("{}\n{witness}", golden().text());
    let unknown = Err(CheckpointError::Signature(VerifyNoteError::NoKnownKey));
    assert_eq!(open_checkpoint(unsigned, &vkey), unknown);
    let forged = GOLDEN.replace("\n9\n", "\n8\n");
    let bad = Err(CheckpointError::Signature(VerifyNoteError::BadSignature { name: vkey.name().clone() }));
    assert_eq!(open_checkpoint(forged, &vkey), bad);
    assert_eq!(open_checkpoint("text", &vkey), Err(CheckpointError::Note(NoteError::NoSignatures)));
    let no_checkpoint = Err(CheckpointError::Syntax(CheckpointSyntaxError::Lines));
    assert_eq!(open_checkpoint(sign_text("no checkpoint\n"), &vkey), no_checkpoint);
}

#[test]
fn ckpt_08_roots_have_one_spelling() {
    let spellings = [
        "AAAA",
        EMPTY_ROOT.trim_end_matches('='),
        "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
        // The two last bits of the last digit are not zero.
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
        // 31 and 33 bytes.
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= ",
        " 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ];
    for root in spellings {
        let text = format!("log\n1\n{root}\n");
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointSyntaxError::Root), "{root}");
    }
    let note = GOLDEN.replace(
        "yrgw=
", "yrgx=
",
    );
    assert_eq!(
        open_checkpoint(note, &VKEY.parse().unwrap()),
        Err(NoteError::BadSignatureLine { line: 1 }.into())
    );
}

#[test]
fn ckpt_08_one_key_signs_once() {
    let vkey: NoteVerifierKey = VKEY.parse().unwrap();
    let line = GOLDEN.lines().last().unwrap();
    let witness = "— witness.example/w1 63YswgAAAAA=";
    let twice = |note: String| match open_checkpoint(note, &vkey) {
        Err(CheckpointError::DuplicateSignature { name }) => name.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(twice(format!("{GOLDEN}{line}\n")), "log.example/scitt");
    assert_eq!(twice(format!("{GOLDEN}{witness}\n{witness}\n")), "witness.example/w1");
    assert_eq!(
        twice(format!("{GOLDEN}{witness}\n— a 63YswgAA\n{}\n", witness.replace("AAAAA", "AAAAE"))),
        "witness.example/w1"
    );
    // The same name with another id is another key.
    assert!(
        open_checkpoint(format!("{GOLDEN}{witness}\n— witness.example/w1 73YswgAAAAA=\n"), &vkey).is_ok()
    );
}

#[test]
fn a_signature_that_does_not_verify_never_leaves() {
    let other = SigningKey::from_bytes(&[7; 32]);
    let result = sign_checkpoint(&golden(), &signer(Some(other)));
    assert_eq!(result, Err(SignCheckpointError::WrongSignature));
    let result = sign_checkpoint(&golden(), &signer(None));
    assert_eq!(result, Err(SignCheckpointError::Signer(SignFailed)));
}

#[test]
fn tile_02_checkpoints_are_signed_with_ed25519() {
    // The base point of P-256 (FIPS 186-5).
    let coordinate = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
    let x = coordinate("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
    let y = coordinate("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    let public_key = PublicKey::ec2(Curve::P256, &x, &y).unwrap();
    let result = sign_checkpoint(&golden(), &TestSigner { public_key, key: Some(key()) });
    assert_eq!(result, Err(SignCheckpointError::NotEd25519("P-256")));
}
