use proofs::checkpoint::{Checkpoint, Origin};
use proofs::cosignature::cosign;
use proofs::{TreeHead, TreeSize, UnixTime, leaf_hash};

use super::*;

const KINDS: [CosignatureKind; 2] = [CosignatureKind::Ed25519, CosignatureKind::MlDsa44];

#[test]
fn cosig_01_cosig_02_a_generated_key_cosigns_and_survives_its_pem() {
    let head = TreeHead { size: TreeSize::new(3), root: leaf_hash(b"r") };
    let checkpoint = Checkpoint { origin: Origin::new("log.example").unwrap(), head };
    for kind in KINDS {
        let key = CosigningKey::generate(kind, "witness.example").unwrap();
        assert_eq!(key.key().kind(), kind);
        let pem = key.to_pem().unwrap();
        let again = CosigningKey::from_pem(&pem, "witness.example").unwrap();
        assert_eq!(again.key(), key.key());
        let time = UnixTime::from_secs(1_790_000_000);
        let line = cosign(&checkpoint.text(), &checkpoint, time, &again).unwrap();
        assert_eq!(key.key().verify(&checkpoint.text(), &checkpoint, &line), Ok(time));
        assert!(format!("{key:?}").starts_with("CosigningKey(CosignerKey(witness.example+"), "{key:?}");
    }
}

#[test]
fn what_is_no_cosigning_key_is_refused() {
    let other = crate::PrivateKey::generate(crate::signer::KeyAlgorithm::Es256).unwrap();
    let error = CosigningKey::from_pem(&other.to_pem().unwrap(), "w").unwrap_err();
    assert_eq!(error, CosigningKeyError::Key(KeyError::Unsupported));
    assert_eq!(CosigningKey::from_pem("x", "w").unwrap_err(), CosigningKeyError::Key(KeyError::NotPem));
    let error = CosigningKey::generate(CosignatureKind::MlDsa44, "a b").unwrap_err();
    assert_eq!(error, CosigningKeyError::Name(NoteKeyError::BadName));
}
