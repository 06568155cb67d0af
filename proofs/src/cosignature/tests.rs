use aws_lc_rs::signature::{KeyPair, ML_DSA_44_SIGNING, PqdsaKeyPair};
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;

use super::*;
use crate::note::{NoteKeyId, SignedNote, parse_signatures};
use crate::position::TreeSize;

const SEED: [u8; 32] = [7; 32];
const NAME: &str = "witness.example.com/w";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/data/cosignature/transparency-dev.json")).unwrap()
}

fn text(vectors: &Value, name: &str) -> String {
    vectors[name].as_str().unwrap().to_owned()
}

fn note(vectors: &Value, name: &str) -> (SignedNote, Checkpoint) {
    let note = SignedNote::parse(text(vectors, name)).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    (note, checkpoint)
}

/// Signs with the test seed; its signatures are those of its kind unless `lies` is set.
pub(crate) struct TestCosigner {
    key: CosignerKey,
    pub(crate) lies: bool,
}

impl TestCosigner {
    pub(crate) fn new(kind: CosignatureKind, name: &str) -> Self {
        let key = match kind {
            CosignatureKind::Ed25519 => {
                CosignerKey::ed25519(name, &SigningKey::from_bytes(&SEED).verifying_key().to_bytes())
            }
            CosignatureKind::MlDsa44 => {
                let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &SEED).unwrap();
                CosignerKey::ml_dsa_44(name, pair.public_key().as_ref())
            }
        };
        Self { key: key.unwrap(), lies: false }
    }
}

impl Cosigner for TestCosigner {
    fn key(&self) -> &CosignerKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        let message = if self.lies { b"another message" } else { message };
        Ok(match self.key.kind() {
            CosignatureKind::Ed25519 => SigningKey::from_bytes(&SEED).sign(message).to_vec(),
            CosignatureKind::MlDsa44 => {
                let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &SEED).unwrap();
                let mut signature = vec![0; ML_DSA_44_SIGNATURE_LEN];
                pair.sign(message, &mut signature).unwrap();
                signature
            }
        })
    }
}

const KINDS: [CosignatureKind; 2] = [CosignatureKind::Ed25519, CosignatureKind::MlDsa44];

#[test]
fn cosig_01_cosig_02_what_others_cosigned_is_accepted_with_its_time() {
    let vectors = vectors();
    for kind in ["ed25519", "mldsa"] {
        let key: CosignerKey = text(&vectors, &format!("{kind}_vkey")).parse().unwrap();
        assert_eq!(key.to_string(), text(&vectors, &format!("{kind}_vkey")));
        let (note, checkpoint) = note(&vectors, &format!("{kind}_note"));
        let time = key.verify(note.text(), &checkpoint, &note.signatures()[0]).unwrap();
        assert!(time.secs() > 1_790_000_000, "{time}");
    }
}

/// The seeds of the vectors are ours, so their public keys must be too (FIPS 204 algorithm 1).
#[test]
fn cosig_02_a_seed_makes_the_same_key_as_elsewhere() {
    let vectors = vectors();
    for (kind, label) in KINDS.into_iter().zip(["ed", "mldsa"]) {
        let vkey = text(&vectors, if label == "ed" { "ed25519_vkey" } else { "mldsa_vkey" });
        let name = vkey.split('+').next().unwrap();
        assert_eq!(TestCosigner::new(kind, name).key().to_string(), vkey);
    }
}

#[test]
fn cosig_02_wycheproof_agrees_about_ml_dsa_44() {
    let cases = include_str!("../../tests/data/cosignature/wycheproof-mldsa44.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    let unhex = |case: &Value, name: &str| HEXLOWER.decode(case[name].as_str().unwrap().as_bytes()).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for case in &cases {
        let key = CosignerKey::ml_dsa_44("a", &unhex(case, "key"));
        let accepted = key.is_ok_and(|key| key.verify_raw(&unhex(case, "msg"), &unhex(case, "sig")));
        assert_eq!(accepted, case["result"] == "valid", "{} {}", case["tcId"], case["comment"]);
        *if accepted { &mut valid } else { &mut invalid } += 1;
    }
    assert!(valid >= 4 && invalid >= 6, "{valid} valid, {invalid} invalid");
}

#[test]
fn cosig_01_a_plain_signature_is_told_apart_from_a_cosignature() {
    let vectors = vectors();
    let key: CosignerKey = text(&vectors, "ed25519_vkey").parse().unwrap();
    let (plain, checkpoint) = note(&vectors, "plain_note");
    let line = &plain.signatures()[0];
    assert_eq!(line.signature.len(), 64);
    assert_eq!(key.verify(plain.text(), &checkpoint, line), Err(CosignatureError::Plain));
    // As siglog's witness has it: 64 bytes under the id of a cosigner.
    let posing = NoteSignature { key_id: key.id(), ..line.clone() };
    assert_eq!(key.verify(plain.text(), &checkpoint, &posing), Err(CosignatureError::Plain));
}

#[test]
fn cosig_01_cosig_02_what_is_cosigned_here_verifies_here() {
    let (note, checkpoint) = note(&vectors(), "ed25519_note");
    for kind in KINDS {
        let cosigner = TestCosigner::new(kind, NAME);
        let time = UnixTime::from_secs(1_790_000_000);
        let line = cosign(note.text(), &checkpoint, time, &cosigner).unwrap();
        assert_eq!(cosigner.key().verify(note.text(), &checkpoint, &line), Ok(time));
        let read = parse_signatures(line.to_string().as_bytes()).unwrap();
        assert_eq!(read, std::slice::from_ref(&line));
        for at in [0, 7, 8, line.signature.len() - 1] {
            let mut wrong = line.clone();
            wrong.signature[at] ^= 1;
            assert!(cosigner.key().verify(note.text(), &checkpoint, &wrong).is_err(), "byte {at}");
        }
        let mut long = line.clone();
        long.signature.push(0);
        assert_eq!(cosigner.key().verify(note.text(), &checkpoint, &long), Err(CosignatureError::Length));
        let other = Checkpoint {
            head: crate::TreeHead { size: TreeSize::new(1), ..checkpoint.head },
            ..checkpoint.clone()
        };
        let refused = cosigner.key().verify(&other.text(), &other, &line);
        assert_eq!(refused, Err(CosignatureError::Invalid));
    }
}

#[test]
fn cosig_04_ml_dsa_commits_to_the_name_and_ed25519_does_not() {
    let (note, checkpoint) = note(&vectors(), "ed25519_note");
    for kind in KINDS {
        let (one, two) = (TestCosigner::new(kind, NAME), TestCosigner::new(kind, "witness.example.com/v"));
        let line = cosign(note.text(), &checkpoint, UnixTime::from_secs(9), &one).unwrap();
        let renamed = NoteSignature { name: two.key().name().clone(), key_id: two.key().id(), ..line };
        let accepted = two.key().verify(note.text(), &checkpoint, &renamed).is_ok();
        assert_eq!(accepted, kind == CosignatureKind::Ed25519);
    }
}

#[test]
fn cosig_05_extension_lines_are_signed_by_ed25519_only() {
    let (note, checkpoint) = note(&vectors(), "ed25519_note");
    let extended = format!("{}extension\n", note.text());
    for kind in KINDS {
        let cosigner = TestCosigner::new(kind, NAME);
        let line = cosign(note.text(), &checkpoint, UnixTime::from_secs(9), &cosigner).unwrap();
        let accepted = cosigner.key().verify(&extended, &checkpoint, &line).is_ok();
        assert_eq!(accepted, kind == CosignatureKind::MlDsa44);
    }
}

#[test]
fn cosig_03_times_have_a_range() {
    let (note, checkpoint) = note(&vectors(), "ed25519_note");
    for kind in KINDS {
        let cosigner = TestCosigner::new(kind, NAME);
        for time in [0, MAX_TIMESTAMP + 1, u64::MAX] {
            let made = cosign(note.text(), &checkpoint, UnixTime::from_secs(time), &cosigner);
            assert_eq!(made, Err(CosignError::Time));
        }
        let last = UnixTime::from_secs(MAX_TIMESTAMP);
        let mut line = cosign(note.text(), &checkpoint, last, &cosigner).unwrap();
        assert_eq!(cosigner.key().verify(note.text(), &checkpoint, &line), Ok(last));
        line.signature[0] |= 0x80;
        assert_eq!(cosigner.key().verify(note.text(), &checkpoint, &line), Err(CosignatureError::Time));
    }
}

#[test]
fn cosig_03_wit_08_a_subtree_is_cosigned_without_a_time() {
    let vectors = vectors();
    let subtree = &vectors["subtree"];
    let range = Subtree::new(subtree["start"].as_u64().unwrap(), subtree["end"].as_u64().unwrap()).unwrap();
    let hash = Hash::from_slice(&BASE64.decode(text(subtree, "hash").as_bytes()).unwrap()).unwrap();
    let origin = "example.com/behind-the-sofa";
    let key: CosignerKey = text(&vectors, "mldsa_vkey").parse().unwrap();
    let theirs = parse_signatures(text(subtree, "line").as_bytes()).unwrap().remove(0);
    assert_eq!(key.verify_subtree(origin, range, &hash, &theirs), Ok(()));

    let cosigner = TestCosigner::new(CosignatureKind::MlDsa44, key.name().as_str());
    let ours = cosign_subtree(origin, range, &hash, &cosigner).unwrap();
    assert_eq!(key.verify_subtree(origin, range, &hash, &ours), Ok(()));
    let other = Subtree::new(8, 12).unwrap();
    assert_eq!(key.verify_subtree(origin, other, &hash, &ours), Err(CosignatureError::Invalid));
    assert_eq!(key.verify_subtree("example.com", range, &hash, &ours), Err(CosignatureError::Invalid));
    let mut timed = ours.clone();
    timed.signature[7] = 1;
    assert_eq!(key.verify_subtree(origin, range, &hash, &timed), Err(CosignatureError::Time));
    let ed25519 = TestCosigner::new(CosignatureKind::Ed25519, NAME);
    assert_eq!(cosign_subtree(origin, range, &hash, &ed25519), Err(CosignError::NoSubtrees));
    assert_eq!(ed25519.key().verify_subtree(origin, range, &hash, &ours), Err(CosignatureError::NoSubtrees));
    assert_eq!(cosign_subtree("", range, &hash, &cosigner), Err(CosignError::Name));
}

#[test]
fn a_signer_that_signs_wrongly_is_found_out() {
    let (note, checkpoint) = note(&vectors(), "ed25519_note");
    for kind in KINDS {
        let liar = TestCosigner { lies: true, ..TestCosigner::new(kind, NAME) };
        let made = cosign(note.text(), &checkpoint, UnixTime::from_secs(9), &liar);
        assert_eq!(made, Err(CosignError::WrongSignature));
    }
    let long = TestCosigner::new(CosignatureKind::Ed25519, NAME);
    let origin = Checkpoint::parse(&note.text().replace("example.com", &"x".repeat(256))).unwrap();
    assert!(cosign(note.text(), &origin, UnixTime::from_secs(9), &long).is_ok(), "Ed25519 has no such limit");
    let ml_dsa = TestCosigner::new(CosignatureKind::MlDsa44, NAME);
    let refused = cosign(note.text(), &origin, UnixTime::from_secs(9), &ml_dsa);
    assert_eq!(refused, Err(CosignError::Name));
}

#[test]
fn note_06_vkeys_of_cosigners_have_one_spelling() {
    let key = TestCosigner::new(CosignatureKind::Ed25519, NAME).key;
    let vkey = key.to_string();
    assert_eq!(vkey.parse::<CosignerKey>().as_ref(), Ok(&key));
    let error = |vkey: &str| vkey.parse::<CosignerKey>().unwrap_err();
    use crate::note::NoteKeyError::{BadKey, BadName, Syntax, UnsupportedType, WrongId};
    assert_eq!(error(&vkey.replace("+B", "+A")), UnsupportedType(0));
    assert_eq!(error(&vkey.replace(NAME, "witness.example.com/v")), WrongId);
    assert_eq!(error(&vkey.replace(NAME, "")), BadName);
    assert_eq!(error(&vkey[..vkey.len() - 4]), BadKey(crate::cose::KeyError::Length));
    assert_eq!(error("a+b"), Syntax);
    let name = "x".repeat(256);
    assert_eq!(CosignerKey::ml_dsa_44(&name, &[0; ML_DSA_44_PUBLIC_LEN]), Err(BadName));
    let longest = "x".repeat(255);
    assert_eq!(CosignerKey::ml_dsa_44(&longest, &[0; 1312]).unwrap().name().as_str(), longest);
    assert_eq!(CosignerKey::ml_dsa_44("a", &[0; 1311]), Err(BadKey(crate::cose::KeyError::Length)));
}

#[test]
fn note_05_name_and_id_have_to_be_the_keys_own() {
    let (note, checkpoint) = note(&vectors(), "ed25519_note");
    for kind in KINDS {
        let (cosigner, other) = (TestCosigner::new(kind, NAME), TestCosigner::new(kind, "other.example/w"));
        let (key, name) = (cosigner.key(), other.key().name().clone());
        let line = cosign(note.text(), &checkpoint, UnixTime::from_secs(9), &cosigner).unwrap();
        assert!(key.is_named_by(&line) && !key.is_plain(&line));
        assert!(!key.is_named_by(&NoteSignature { name: name.clone(), ..line.clone() }));
        assert!(!key.is_named_by(&NoteSignature { key_id: other.key().id(), ..line.clone() }));
        let plain = NoteSignature { key_id: NoteKeyId::of(key.name(), 1, key.public_bytes()), ..line };
        assert_eq!(key.is_plain(&plain), kind == CosignatureKind::Ed25519);
        assert!(!key.is_plain(&NoteSignature { name, ..plain }));
        let shown: &dyn Cosigner = &cosigner;
        assert_eq!(format!("{shown:?}"), format!("Cosigner({key})"));
        assert_eq!(format!("{key:?}"), format!("CosignerKey({NAME}+{}, {kind:?})", key.id()));
    }
}
