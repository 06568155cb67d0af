use super::*;
use crate::config::Unreachable;
use proofs::CosignerKey;

const KEY: &str = "w.example+5bf90ebc+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

/// A folder with a policy file, and the settings that name it.
fn policy(text: &str) -> (tempfile::TempDir, DataDir, Settings) {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("stele.toml"), "").unwrap();
    std::fs::create_dir(root.path().join("store")).unwrap();
    std::fs::write(root.path().join("witness.policy"), text).unwrap();
    let folder = DataDir::open(root.path()).unwrap();
    let settings = Settings { policy: Some("witness.policy".into()), ..Settings::default() };
    (root, folder, settings)
}

fn key() -> CosignerKey {
    let bytes = KEY.parse::<CosignerKey>();
    // The id belongs to another name: take the key itself.
    bytes.unwrap_or_else(|_| {
        let ed: [u8; 32] = data_encoding::BASE64
            .decode(b"6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=")
            .unwrap()
            .try_into()
            .unwrap();
        CosignerKey::ed25519("w.example", &ed).unwrap()
    })
}

#[test]
fn without_a_policy_nobody_is_asked() {
    let (_root, folder, _) = policy("quorum none\n");
    assert!(of(&folder, &Settings::default(), "log.example").unwrap().is_none());
}

#[test]
fn a_policy_names_those_who_are_asked() {
    let (_root, folder, settings) = policy(&format!("witness W {} https://w.example/x\nquorum W\n", key()));
    let witnessing = of(&folder, &settings, "log.example").unwrap().unwrap();
    assert_eq!(witnessing.clients.len(), 1);
}

#[test]
fn a_policy_that_cannot_work_is_refused_with_what_to_do() {
    let refused = |text: &str| {
        let (_root, folder, settings) = policy(text);
        of(&folder, &settings, "log.example").err().unwrap()
    };
    let without_url = refused(&format!("witness W {}\nquorum W\n", key()));
    assert!(without_url.message.contains("not a quorum") && without_url.hint.is_some(), "{without_url:?}");
    let bad_url = refused(&format!("witness W {} ftp://w.example\nquorum W\n", key()));
    assert!(bad_url.message.contains("is not an http:// or https:// address"), "{bad_url:?}");
    let bad_line = refused("witness W\nquorum W\n");
    assert!(bad_line.message.contains("line 1: write it as"), "{bad_line:?}");
}

#[test]
fn a_guard_that_must_refuse_needs_somebody_to_ask() {
    let settings = Settings { unreachable: Unreachable::Refuse, ..Settings::default() };
    assert!(settings.check().unwrap_err().contains("neither a policy nor a known checkpoint"));
    let settings = Settings { known_checkpoints: vec!["kept.txt".into()], ..settings };
    assert_eq!(settings.check(), Ok(()));
    let settings = Settings { recosign_s: 0, ..Settings::default() };
    assert!(settings.check().unwrap_err().contains("recosign_s must not be 0"));
}
