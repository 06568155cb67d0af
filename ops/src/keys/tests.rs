use super::*;
use ledger::signer::KeyAlgorithm;
use proofs::sha256;

fn key(kind: KeyAlgorithm) -> PrivateKey {
    PrivateKey::generate(kind).unwrap()
}

#[test]
fn every_form_of_a_public_key_reads_back_as_the_same_key() {
    for kind in [KeyAlgorithm::Ed25519, KeyAlgorithm::Es256, KeyAlgorithm::Es384] {
        let private = key(kind);
        let public = private.public_key().clone();
        let forms: [(&str, Vec<u8>); 6] = [
            ("private PEM", private.to_pem().unwrap().as_bytes().to_vec()),
            ("SPKI PEM", public.to_pem().into_bytes()),
            ("SPKI PEM with blank lines around", format!("\n\n{}\n", public.to_pem()).into_bytes()),
            ("JWK", public.to_jwk().to_string().into_bytes()),
            ("COSE_Key", public.to_cose()),
            ("COSE key set of one", KeySet::new([public.clone()]).encode()),
        ];
        for (form, bytes) in forms {
            let read = public_from(&bytes).unwrap_or_else(|| panic!("{form} of {kind:?}"));
            assert_eq!(read.thumbprint(), public.thumbprint(), "{form} of {kind:?}");
            let set = set_from(&bytes).unwrap_or_else(|| panic!("{form} of {kind:?} as a set"));
            assert!(set.get(public.thumbprint().as_bytes()).is_some(), "{form} of {kind:?} as a set");
        }
    }
}

#[test]
fn one_cose_key_keeps_the_kid_it_gives_itself() {
    let public = key(KeyAlgorithm::Ed25519).public_key().clone();
    let plain = public.to_cose();
    // The 32-byte thumbprint is replaced by another kid of the same length.
    let own = public.thumbprint();
    let other = sha256(b"another name");
    let at = plain.windows(32).position(|window| window == own.as_bytes()).unwrap();
    let renamed = [&plain[..at], other.as_bytes(), &plain[at + 32..]].concat();
    let set = set_from(&renamed).unwrap();
    assert!(set.get(other.as_bytes()).is_some());
}

#[test]
fn a_set_of_two_is_no_single_key() {
    let pair = [key(KeyAlgorithm::Ed25519), key(KeyAlgorithm::Es256)].map(|key| key.public_key().clone());
    let bytes = KeySet::new(pair).encode();
    assert!(public_from(&bytes).is_none());
    assert_eq!(set_from(&bytes).unwrap().len(), 2);
}

#[test]
fn what_is_no_key_is_none() {
    for bytes in [
        &b""[..],
        b"{",
        b"{}",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        b"\x80",
        b"\xa0",
        b"\xff",
    ] {
        assert!(public_from(bytes).is_none(), "{bytes:?}");
        assert!(set_from(bytes).is_none(), "{bytes:?}");
    }
}

#[test]
fn a_private_key_that_others_can_read_gets_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    files::write_secret(&path, key(KeyAlgorithm::Ed25519).to_pem().unwrap().as_bytes()).unwrap();
    assert_eq!(loose(&path), None);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(loose(&path).unwrap().contains("mode 640"));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    private(&path, &mut Console::new(&mut out, &mut err)).unwrap();
    assert!(String::from_utf8(err).unwrap().starts_with("warning: "));
}

#[test]
fn a_public_key_is_not_taken_for_a_private_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, key(KeyAlgorithm::Es256).public_key().to_pem()).unwrap();
    let failure = private_quiet(&path).unwrap_err();
    assert!(failure.message.contains("holds no private key"), "{}", failure.message);
}
