//! Records that nobody signed, through the real binary: the commands of the README, and streams larger than any buffer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::log::{Log, STELE, succeed};
use crate::machine;
use crate::server::Server;

const README: &str = include_str!("../../../README.md");

fn data(path: &str) -> Vec<u8> {
    fs::read(format!("{}/../ledger/tests/data/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The blocks of code in the README's section about handing records in, with their languages.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let section = README.split_once("### Handing records in\n").unwrap().1;
    let section = section.split_once("Keys that signatures *inside*").unwrap().0;
    let fenced = section.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

/// Whether curl is there; where everything has to be tested it must be.
fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "CI needs curl");
    found
}

/// Runs a block as somebody who copies it into a terminal; what it printed.
fn run(folder: &Path, script: &str) -> String {
    let programs = PathBuf::from(STELE).parent().unwrap().to_owned();
    let path = std::env::join_paths(
        std::iter::once(programs).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let script = script.replace("curl ", "curl --fail-with-body --silent --show-error ");
    let output =
        Command::new("sh").args(["-ec", &script]).current_dir(folder).env("PATH", path.unwrap()).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn files(folder: &Path) {
    let vectors: Value = serde_json::from_slice(&data("iatp/vectors/attestation-vectors.json")).unwrap();
    let cases: Value = serde_json::from_slice(&data("agent-evidence/samples/cases.json")).unwrap();
    let named = |case: &&Value| case["name"] == "manifest-valid";
    let manifest = cases["cases"].as_array().unwrap().iter().find(named).unwrap()["document"].clone();
    fs::create_dir(folder.join(".agent-trace")).unwrap();
    for (name, bytes) in [
        ("record.json", data("trace/tutorial-body.json")),
        ("trust-record.json", data("trace/tutorial-body.json")),
        ("records.jsonl", data("aigp/vectors/reference-output-aigp-1.0.0.jsonl")),
        ("events.jsonl", data("aigp/vectors/reference-output-aigp-1.0.0.jsonl")),
        ("event.json", data("aigp/vectors/cloudevent-structured-v0.12.json")),
        ("export-manifest.json", manifest.to_string().into_bytes()),
        ("attestation.json", vectors["signed"]["attestation"].to_string().into_bytes()),
        (".agent-trace/traces.jsonl", data("agent-trace/reference-output/traces.jsonl")),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn the_commands_of_the_readme_hand_records_of_all_five_systems_in() {
    if !has_curl() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let _machine = machine::shared();
    let log = Log::create();
    let folder = log.beside("producer");
    fs::create_dir(&folder).unwrap();
    files(&folder);
    let mut blocks = blocks().into_iter();
    let (_, make_token) = blocks.next().unwrap();
    let said = run(&folder, make_token);
    let digest = said.lines().find_map(|line| line.strip_prefix("token_sha256  ")).unwrap();
    let (language, settings) = blocks.next().unwrap();
    assert_eq!(language, "toml");
    let file = log.dir.join("stele.toml");
    let config = fs::read_to_string(&file).unwrap() + "\n" + &settings.replace("7d54…", digest);
    fs::write(&file, config).unwrap();
    let server = Server::start(&log);
    let mut systems = std::collections::BTreeSet::new();
    for (language, script) in blocks {
        assert_eq!(language, "sh");
        let said = run(&folder, &script.replace("http://127.0.0.1:8080", &server.url));
        let results: Vec<Value> =
            serde_json::Deserializer::from_str(&said).into_iter().map(Result::unwrap).collect();
        assert!(!results.is_empty(), "{script}");
        for result in results {
            assert!(result["receipt"].is_string() && result["entry_id"].is_string(), "{script}\n{result}");
            systems.insert(result["system"].as_str().unwrap().to_owned());
        }
    }
    let all = ["agent-evidence", "agent-trace", "aigp", "iatp", "trace"];
    assert_eq!(systems.iter().map(String::as_str).collect::<Vec<_>>(), all);
    server.stop();
    log.assert_clean();
}

/// Far more than a batch may hold, and than lies in the buffers of two sockets: it only gets through if results are
/// read while events are sent, and if the service never waits for the one before it does the other.
#[test]
fn d17_a_stream_larger_than_any_buffer_is_answered_while_it_is_sent() {
    let _machine = machine::shared();
    let log = Log::create();
    let token = log.beside("producer.token");
    let token = token.to_str().unwrap();
    let made: Value = serde_json::from_str(&succeed(&["token", "new", token, "--json"])).unwrap();
    let digest = made["token_sha256"].as_str().unwrap();
    let producer = format!("[{{ id = \"bench\", token_sha256 = [\"{digest}\"], doors = [\"evidence\"] }}]");
    log.set("evidence", "producers", &producer);
    log.set("limits", "batch_bytes", "1048576");
    let server = Server::start(&log);
    let words = ["bench", "evidence", "--url", &server.url, "--token", token, "--request-timeout", "600"];
    let told = succeed(&[&words[..], &["--events", "9100", "--concurrency", "2", "--json"]].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    let repetition = &told["repetitions"][0];
    assert_eq!(repetition["errors_by_kind"], serde_json::json!({}), "{told}");
    assert_eq!((&repetition["done"], &repetition["wrong"]), (&9100.into(), &0.into()));
    assert!(repetition["verified"].as_u64().unwrap() > 150, "{repetition}");
    server.stop();
    let size =
        &serde_json::from_str::<Value>(&succeed(&["fsck", log.path(), "--json"])).unwrap()["tree_size"];
    assert_eq!(size, &Value::from(9103));
}
