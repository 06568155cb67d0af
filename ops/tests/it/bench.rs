//! `stele bench` against a real service: what it counts adds up, and what it makes is a log. Never how fast.

use serde_json::Value;

use crate::log::{Log, fail, succeed};
use crate::machine;
use crate::server::Server;

/// Runs a short measurement that looks at the process; what it told as JSON.
fn bench(log: &Log, server: &Server, options: &[&str]) -> Value {
    watched(log, server, ["--server-pid", &server.pid().to_string()], options)
}

/// The same with another way to look.
fn watched(log: &Log, server: &Server, watch: [&str; 2], options: &[&str]) -> Value {
    let operator = log.operator_file();
    let words = ["bench", "--url", &server.url, "--operator-key", operator.to_str().unwrap()];
    let words = [&words[..], &watch].concat();
    let short =
        ["--concurrency", "8", "--duration", "1", "--repetitions", "2", "--request-timeout", "600", "--json"];
    serde_json::from_str(&succeed(&[&words[..], &short, options].concat())).unwrap()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn registrations_are_counted_and_every_receipt_verified() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let mut registered = 0;
    for options in
        [&["--verify"][..], &["--verify", "--batch", "20"], &["--verify", "--rate", "50", "--alg", "es256"]]
    {
        let told = bench(&log, &server, options);
        let repetitions = told["repetitions"].as_array().unwrap();
        assert_eq!(repetitions.len(), 2);
        for repetition in repetitions {
            assert_eq!(repetition["errors_by_kind"], serde_json::json!({}), "{options:?}");
            let done = count(&repetition["done"]);
            assert!(done > 0);
            assert_eq!(count(&repetition["verified"]), done, "{options:?}");
            assert_eq!(count(&repetition["wrong"]), 0);
            assert!(
                repetition["server_cpu_us_each"].is_number()
                    && repetition["server_peak_memory_bytes"].is_number()
            );
            registered += done;
        }
    }
    // Two statements of control a run, three at the beginning, and the uncounted warm-ups.
    server.stop();
    let size = count(
        &serde_json::from_str::<Value>(&succeed(&["fsck", log.path(), "--json"])).unwrap()["tree_size"],
    );
    assert!(size > registered + 9, "{size} entries for {registered} registrations");
}

/// All that it knows of the service then comes from `/metrics`, by name: one that is renamed would be missing here.
#[test]
fn what_a_service_tells_of_itself_is_told() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start_with(&log, &["--private", "127.0.0.1:0", "--json"]);
    let ready: Value = serde_json::from_str(&server.ready).unwrap();
    let metrics = format!("{}/metrics", ready["private"].as_str().unwrap());
    let told = watched(&log, &server, ["--metrics-url", &metrics], &[]);
    for repetition in told["repetitions"].as_array().unwrap() {
        let number = |name: &str| {
            repetition[name].as_f64().unwrap_or_else(|| panic!("{name} is not told: {repetition}"))
        };
        assert!(number("done") > 0.0);
        let (rounds, syncs) = (number("rounds"), number("fdatasyncs"));
        // A round that ends while the page is made may be in one of the two.
        assert!(rounds >= 1.0 && (rounds - syncs).abs() <= 1.0, "{rounds} rounds, {syncs} synced writes");
        assert!(number("done_per_round") > 0.0);
        assert!(number("server_memory_bytes") > 1e6);
        assert!(number("server_peak_memory_bytes") >= number("server_memory_bytes"));
        assert!(number("server_cpu_us_each") > 0.0 && number("server_cores") > 0.0);
    }
    server.stop();
}

#[test]
fn reads_are_counted() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    for what in ["receipt", "checkpoint", "tile"] {
        let told = bench(&log, &server, &["--read", what]);
        for repetition in told["repetitions"].as_array().unwrap() {
            assert_eq!(repetition["errors_by_kind"], serde_json::json!({}), "{what}");
            assert_eq!(count(&repetition["requests"]), count(&repetition["done"]));
            assert!(count(&repetition["verified"]) > 0, "{what}");
        }
    }
    server.stop();
}

#[test]
fn a_log_that_was_grown_is_whole_and_serves_receipts() {
    let _machine = machine::shared();
    let log = Log::create();
    let grown: Value =
        serde_json::from_str(&succeed(&["bench", "grow", log.path(), "--entries", "1500", "--json"]))
            .unwrap();
    // The log adds its collateral manifests by itself.
    assert_eq!(count(&grown["made"]), 1495);
    assert!(count(&grown["entries"]) >= 1500, "{grown}");
    log.assert_clean();
    let again: Value =
        serde_json::from_str(&succeed(&["bench", "grow", log.path(), "--entries", "1400", "--json"]))
            .unwrap();
    assert_eq!(count(&again["made"]), 0, "a log never shrinks");

    let server = Server::start(&log);
    let line = fail(&["bench", "grow", log.path(), "--entries", "2000"], 2);
    assert!(line.contains("in use") || line.contains("lock") || line.contains("another process"), "{line}");
    bench(&log, &server, &["--read", "tile"]);
    server.stop();
}

#[test]
fn nobody_is_let_in_without_the_operator() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let line = fail(&["bench", "--url", &server.url], 2);
    assert!(line.contains("nobody lets the issuers of this run register"), "{line}");
    let line = fail(&["bench", "--url", &server.url, "--read", "tile"], 2);
    assert!(line.contains("the log has no full tile yet"), "{line}");
    server.stop();
}

#[test]
fn issuers_named_by_their_keys_need_no_operator() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    for (method, algorithm) in [("did:key", "es256"), ("did:key", "ed25519"), ("did:jwk", "es256")] {
        let text = succeed(&["policy", "show", "--url", &server.url, "--document"]);
        let mut policy: Value = serde_json::from_str(&text).unwrap();
        policy["rules"] = serde_json::json!([{ "name": "agents", "issuers": [{ "prefix": method }], "self_certified": [method] }]);
        let file = log.beside("policy.json");
        std::fs::write(&file, policy.to_string()).unwrap();
        let operator = log.operator_file();
        succeed(&[
            "policy",
            "set",
            "--url",
            &server.url,
            "--operator-key",
            operator.to_str().unwrap(),
            file.to_str().unwrap(),
        ]);
        let words =
            ["bench", "--url", &server.url, "--alg", algorithm, "--duration", "1", "--repetitions", "1"];
        let told = succeed(
            &[&words[..], &["--issuers", "16", "--concurrency", "4", "--rate", "20", "--json"]].concat(),
        );
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(count(&told["repetitions"][0]["done"]), 20, "{method} {told}");
    }
    server.stop();
}

#[test]
fn a_witness_of_its_own_is_measured_and_every_answer_verified() {
    let _machine = machine::shared();
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("witness");
    let folder = folder.to_str().unwrap();
    let words = ["bench", "witness", folder, "--logs", "8", "--entries", "20", "--concurrency", "4"];
    let told = succeed(&[&words[..], &["--duration", "1", "--repetitions", "2", "--json"]].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    let repetitions = told["repetitions"].as_array().unwrap();
    assert_eq!(repetitions.len(), 2);
    for repetition in repetitions {
        assert_eq!(repetition["errors_by_kind"], serde_json::json!({}));
        assert!(count(&repetition["done"]) > 0 && count(&repetition["verified"]) > 0, "{repetition}");
        assert_eq!(count(&repetition["wrong"]), 0);
    }
    // What it has cosigned stays, as that of any witness.
    let line = fail(&["bench", "witness", folder], 2);
    assert!(line.contains("is not empty"), "{line}");
    let line = fail(&["bench", "witness", "x", "--logs", "8", "--concurrency", "9"], 2);
    assert!(line.contains("--logs has to be at least --concurrency"), "{line}");
}
