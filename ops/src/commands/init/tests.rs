use super::*;
use crate::config::Config;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn args(folder: &Path, url: &str, receipt_alg: ReceiptAlgorithm) -> Args {
    Args {
        folder: folder.to_owned(),
        service_url: url.to_owned(),
        iss: None,
        origin: None,
        receipt_alg,
        json: true,
    }
}

fn init(args: &Args) -> Result<serde_json::Value, Failure> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    run(args, &mut Console::new(&mut out, &mut err))?;
    Ok(serde_json::from_slice(&out).unwrap())
}

#[test]
fn d3_a_new_log_has_its_keys_configuration_and_three_entries() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("log");
    let told = init(&args(&root, "http://127.0.0.1:8099", ReceiptAlgorithm::Esp256)).unwrap();

    let folder = DataDir::open(&root).unwrap();
    for role in Role::ALL {
        let mode = folder.key_file(role).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{role}");
    }
    let config = Config::read(&folder.config_file()).unwrap();
    assert_eq!(config.service.url.as_str(), "http://127.0.0.1:8099");
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:8099");

    let store = folder.open_store(&config.store).unwrap();
    let genesis = keys::genesis(&store).unwrap();
    assert_eq!(genesis.issuer, "http://127.0.0.1:8099");
    assert_eq!(genesis.origin, "127.0.0.1:8099");
    assert_eq!(genesis.receipts.algorithm(), Some(Algorithm::Esp256));
    assert_eq!(told["receipts_kid"], genesis.receipts.thumbprint().to_string());
    let service = keys::of_service(&folder, &store).unwrap();
    assert_eq!(service.receipts.algorithm(), Algorithm::Esp256);
    drop(store);

    let store = folder.open_store_read_only().unwrap();
    let report = ledger::fsck(&store, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.entries, 3);
}

#[test]
fn d19_serving_does_not_need_the_operator_key() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("log");
    init(&args(&root, "https://ts.example", ReceiptAlgorithm::Eddsa)).unwrap();
    let folder = DataDir::open(&root).unwrap();
    std::fs::remove_file(folder.key_file(Role::Operator)).unwrap();
    let store = folder.open_store(&storage::Settings::default()).unwrap();
    assert!(keys::of_service(&folder, &store).is_ok());
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::write(parent.path().join("mine"), "").unwrap();
    assert!(init(&args(parent.path(), "https://ts.example", ReceiptAlgorithm::Eddsa)).is_err());
    assert_eq!(parent.path().read_dir().unwrap().count(), 1);
}

#[test]
fn a_second_process_gets_a_clear_line() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("log");
    init(&args(&root, "https://ts.example", ReceiptAlgorithm::Eddsa)).unwrap();
    let folder = DataDir::open(&root).unwrap();
    let _first = folder.open_store(&storage::Settings::default()).unwrap();
    let failure = folder.open_store(&storage::Settings::default()).err().unwrap();
    assert!(failure.message.contains("another process has this log open"), "{}", failure.message);
}

#[test]
fn names_are_checked_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("log");
    let refused = |change: &dyn Fn(&mut Args)| {
        let mut args = args(&root, "https://ts.example/log", ReceiptAlgorithm::Eddsa);
        change(&mut args);
        init(&args).unwrap_err();
        assert!(!root.exists());
    };
    refused(&|args| args.service_url = "ts.example".to_owned());
    refused(&|args| args.origin = Some("two words".to_owned()));
    refused(&|args| args.iss = Some(String::new()));
    let identity = Identity::of(&args(&root, "https://ts.example/log/", ReceiptAlgorithm::Eddsa)).unwrap();
    assert_eq!(
        (identity.issuer.as_str(), identity.origin.as_str()),
        ("https://ts.example/log", "ts.example/log")
    );
}

#[test]
fn a_loopback_url_says_where_to_listen() {
    for (url, address) in [
        ("http://127.0.0.1:9000", "127.0.0.1:9000"),
        ("http://localhost:9000/x", "127.0.0.1:9000"),
        ("http://[::1]:9000", "[::1]:9000"),
        ("http://ts.example:9000", "127.0.0.1:8080"),
        ("https://127.0.0.1", "127.0.0.1:8080"),
    ] {
        assert_eq!(loopback_address(url).to_string(), address, "{url}");
    }
}
