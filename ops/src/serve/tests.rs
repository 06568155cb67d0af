use super::*;
use crate::datadir::DataDir;
use crate::failure::Exit;
use std::time::Duration;

/// Stops the paused clock of the runtime until this is dropped. It would go on by itself whenever a connection waits for
/// bytes that are on their way: while something blocks it does not.
pub(super) fn stopped_clock() -> std::sync::mpsc::Sender<()> {
    let (held, released) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || released.recv().ok());
    held
}

/// Lets so much time pass on a stopped clock, by steps that leave connections the time to answer.
pub(super) async fn pass(time: Duration, step: Duration) {
    let mut passed = Duration::ZERO;
    while passed < time {
        tokio::time::advance(step).await;
        passed += step;
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
}

fn plan(extra: &str) -> Result<Plan, Failure> {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("store")).unwrap();
    let text = format!("[service]\nurl = \"http://127.0.0.1:1\"\n{extra}");
    std::fs::write(root.path().join("stele.toml"), text).unwrap();
    let folder = DataDir::open(root.path()).unwrap();
    let config = folder.config()?;
    Plan::new(&folder, config)
}

#[test]
fn scr_34_beyond_loopback_only_over_tls_or_behind_a_proxy() {
    let beyond = ["0.0.0.0:443", "[::]:443", "192.0.2.1:80", "[2001:db8::1]:80"];
    for address in beyond.map(|text| text.parse().unwrap()) {
        let failure = allowed(address, false, false).unwrap_err();
        assert_eq!(failure.exit, Exit::Local);
        assert!(failure.hint.unwrap().contains("--behind-proxy"));
        assert!(allowed(address, true, false).is_ok());
        assert!(allowed(address, false, true).is_ok());
    }
    for address in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080"].map(|text| text.parse().unwrap()) {
        assert!(allowed(address, false, false).is_ok(), "{address}");
    }
}

#[test]
fn the_plan_applies_the_rule_to_the_configuration() {
    assert!(plan("").is_ok());
    assert!(plan("[listen]\naddress = \"0.0.0.0:8080\"\n").is_err());
    assert!(plan("[listen]\naddress = \"0.0.0.0:8080\"\nbehind_proxy = true\n").is_ok());
    let tls =
        plan("[listen]\naddress = \"0.0.0.0:8080\"\n[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n")
            .unwrap();
    let files = tls.tls.unwrap();
    assert!(files.certificate.is_absolute() && files.certificate.ends_with("c.pem"), "{files:?}");
    assert_eq!(files.key, std::path::Path::new("/k.pem"));
}

#[test]
fn advice_is_given_where_a_setting_surprises() {
    assert!(plan("").unwrap().advice().is_empty());
    let advice = plan("[listen]\nbehind_proxy = true\nprivate = \"0.0.0.0:9\"\n").unwrap().advice();
    assert_eq!(advice.len(), 2, "{advice:?}");
    assert!(
        plan("[listen]\nbehind_proxy = true\n[limits]\ntrust_forwarded_for = true\n")
            .unwrap()
            .advice()
            .is_empty()
    );
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let failure = listen(address, PUBLIC).unwrap_err();
    assert_eq!(failure.message, format!("{address} is in use: the service cannot listen there"));
    assert!(failure.hint.unwrap().contains("--listen"));
    assert!(listen(address, PRIVATE).unwrap_err().hint.unwrap().contains("--private"));
    let elsewhere = listen("203.0.113.7:1".parse().unwrap(), PUBLIC).unwrap_err();
    assert!(elsewhere.message.contains("is not an address of this machine"), "{}", elsewhere.message);
}

#[test]
fn tls_files_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = tls::Files {
        certificate: folder.path().join("c.pem"),
        key: folder.path().join("k.pem"),
        client_ca: None,
    };
    assert!(tls::config(&files).unwrap_err().message.contains("c.pem"));
    std::fs::write(&files.certificate, "not a certificate").unwrap();
    assert!(tls::config(&files).unwrap_err().message.ends_with("holds no certificate"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    assert!(tls::config(&files).is_ok());
    let empty = folder.path().join("clients.pem");
    std::fs::write(&empty, "").unwrap();
    let files = tls::Files { client_ca: Some(empty), ..files };
    let message = tls::config(&files).unwrap_err().message;
    assert!(message.contains("clients.pem holds no certificates of authorities"), "{message}");
}
