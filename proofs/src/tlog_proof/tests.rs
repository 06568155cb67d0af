use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::checkpoint::{CheckpointSyntaxError, Origin};
use crate::note::{NoteSignature, VerifyNoteError, ed25519_vkey};
use crate::position::{NodeId, TreeHead, TreeSize};
use crate::tree::{CompactRange, NodeReader};

const ORIGIN: &str = "log.example/scitt";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn vkey() -> NoteVerifierKey {
    ed25519_vkey(ORIGIN, key().verifying_key().as_bytes()).unwrap()
}

fn entry(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

/// All nodes of a small tree.
struct Nodes(std::collections::HashMap<NodeId, Hash>);

impl NodeReader for Nodes {
    type Error = ();

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, ()> {
        ids.iter().map(|id| self.0.get(id).copied().ok_or(())).collect()
    }
}

/// A proof of entry `index` in a log of `size` entries.
fn proof(index: u64, size: u64) -> TlogProof {
    let (mut range, mut nodes) = (CompactRange::empty(), Nodes(std::collections::HashMap::new()));
    for n in 0..size {
        range
            .append(leaf_hash(&entry(n)), &mut |id, hash| assert_eq!(nodes.0.insert(id, hash), None))
            .unwrap();
    }
    let proof = InclusionProof::prove(LeafIndex::new(index), TreeSize::new(size), &nodes).unwrap();
    TlogProof::new(proof, signed(range.head())).unwrap()
}

fn signed(head: TreeHead) -> SignedNote {
    let checkpoint = Checkpoint { origin: Origin::new(ORIGIN).unwrap(), head };
    let signature = key().sign(checkpoint.text().as_bytes()).to_vec();
    let line = NoteSignature { name: vkey().name().clone(), key_id: vkey().id(), signature };
    SignedNote::new(checkpoint.text(), vec![line]).unwrap()
}

#[test]
fn proof_02_a_proof_is_verified_against_the_key_of_the_log_alone() {
    for size in 1..=17 {
        for index in 0..size {
            let text = proof(index, size).to_string();
            let read = TlogProof::parse(&text).unwrap();
            assert_eq!(read.to_string(), text);
            let checkpoint = read.verify(&entry(index), &vkey()).unwrap();
            assert_eq!((read.index().get(), checkpoint.head.size.get()), (index, size));
            let other = read.verify(&entry(size), &vkey());
            assert_eq!(other, Err(InclusionError::RootMismatch.into()), "{index} of {size}");
        }
    }
}

#[test]
fn proof_02_what_does_not_hold_is_refused() {
    let good = proof(5, 9);
    let text = good.to_string();
    let changed = |from: &str, to: &str| TlogProof::parse(text.replacen(from, to, 1)).unwrap();
    assert_eq!(
        changed("index 5", "index 4").verify(&entry(5), &vkey()),
        Err(InclusionError::RootMismatch.into())
    );
    assert!(matches!(
        changed("index 5", "index 9").verify(&entry(5), &vkey()),
        Err(TlogProofError::Inclusion(InclusionError::NoSuchLeaf { .. }))
    ));
    // The size is signed, as a receipt's is not.
    let forged = changed("scitt\n9\n", "scitt\n8\n").verify(&entry(5), &vkey());
    let bad = VerifyNoteError::BadSignature { name: vkey().name().clone() };
    assert_eq!(forged, Err(TlogProofError::Checkpoint(bad.into())));
    let stranger = ed25519_vkey("log.example/other", key().verifying_key().as_bytes()).unwrap();
    let unknown = Err(TlogProofError::Checkpoint(VerifyNoteError::NoKnownKey.into()));
    assert_eq!(good.verify(&entry(5), &stranger), unknown);
    let path: Vec<_> = text.lines().skip(2).take(good.path.len()).collect();
    let short = text.replacen(&format!("{}\n", path[0]), "", 1);
    let short = TlogProof::parse(short).unwrap().verify(&entry(5), &vkey());
    assert_eq!(short, Err(InclusionError::PathTooShort.into()));
    let long = text.replacen(path[0], &format!("{0}\n{0}", path[0]), 1);
    let long = TlogProof::parse(long).unwrap().verify(&entry(5), &vkey());
    assert_eq!(long, Err(InclusionError::PathTooLong.into()));
    let line = signed(proof_head()).signatures()[0].clone();
    let note = SignedNote::new("no checkpoint\n".to_owned(), vec![line]).unwrap();
    let none = TlogProof { checkpoint: note, ..good }.verify(&entry(5), &vkey());
    assert!(matches!(none, Err(TlogProofError::Checkpoint(_))));
    assert_eq!(Checkpoint::parse("no checkpoint\n"), Err(CheckpointSyntaxError::Lines));
}

fn proof_head() -> TreeHead {
    TreeHead { size: TreeSize::new(1), root: leaf_hash(b"") }
}

#[test]
fn proof_01_extra_data_is_carried_and_proves_nothing() {
    let text = proof(5, 9).to_string().replacen("\nindex", "\nextra aGVsbG8=\nindex", 1);
    let read = TlogProof::parse(&text).unwrap();
    assert_eq!((read.extra(), read.to_string()), (Some(&b"hello"[..]), text.clone()));
    assert!(read.verify(&entry(5), &vkey()).is_ok());
    let empty = TlogProof::parse(text.replacen("aGVsbG8=", "", 1)).unwrap();
    assert_eq!(empty.extra(), Some(&b""[..]));
    let long = BASE64.encode(&vec![0; MAX_EXTRA_LEN + 1]);
    assert_eq!(TlogProof::parse(text.replacen("aGVsbG8=", &long, 1)), Err(TlogProofSyntaxError::Extra));
    for bad in ["aGVsbG8", "aGVsbG9=", " aGVsbG8=", "aGVs bG8="] {
        let result = TlogProof::parse(text.replacen("aGVsbG8=", bad, 1));
        assert_eq!(result, Err(TlogProofSyntaxError::Extra), "{bad}");
    }
}

#[test]
fn every_line_has_one_spelling() {
    use TlogProofSyntaxError::{FirstLine, Index, NoCheckpoint, NotUtf8, Path, TooLong};
    let text = proof(5, 9).to_string();
    let hash = text.lines().nth(2).unwrap().to_owned();
    let loose = format!("{}==", &hash[..hash.len() - 2]);
    for (from, to, why) in [
        ("@v1\n", "@v2\n", FirstLine),
        ("@v1\n", "@v1\r\n", FirstLine),
        ("c2sp", " c2sp", FirstLine),
        ("index 5\n", "", Index),
        ("index 5", "index 05", Index),
        ("index 5", "index +5", Index),
        ("index 5", "index", Index),
        ("index 5", "index 5 ", Index),
        ("index 5", "Index 5", Index),
        ("index 5", "index 18446744073709551616", Index),
        ("index 5\n", "extra \nextra \nindex 5\n", Index),
        (hash.as_str(), "AAAA", Path { line: 1 }),
        (hash.as_str(), loose.as_str(), Path { line: 1 }),
        (hash.as_str(), "index 5", Path { line: 1 }),
    ] {
        assert_eq!(TlogProof::parse(text.replacen(from, to, 1)), Err(why), "{from:?} {to:?}");
    }
    let many = text.replacen(&hash, &vec![hash.as_str(); 65].join("\n"), 1);
    assert_eq!(TlogProof::parse(many), Err(Path { line: 65 }));
    assert_eq!(TlogProof::parse([0xff]), Err(NotUtf8));
    assert_eq!(TlogProof::parse(vec![b'a'; MAX_TLOG_PROOF_LEN + 1]), Err(TooLong));
    assert_eq!(TlogProof::parse(vec![b'a'; MAX_TLOG_PROOF_LEN]), Err(FirstLine));
    assert_eq!(MAX_TLOG_PROOF_LEN, 1_091_477, "a note, extra data in base64, and 64 hashes with room");
    assert_eq!(TlogProof::parse(text.split_once("\n\n").unwrap().0), Err(NoCheckpoint));
    let cut = TlogProof::parse(text.trim_end());
    assert!(matches!(cut, Err(TlogProofSyntaxError::Note(_))), "{cut:?}");
}
