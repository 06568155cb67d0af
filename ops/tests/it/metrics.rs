//! What operators see: every metric is documented, and has a value once the service has done something.

use std::collections::BTreeMap;

use crate::log::Log;
use crate::machine;
use crate::server::Server;
use crate::statements::Issuer;
use crate::wire::Connection;

const DOCUMENT: &str = include_str!("../../dashboards/metrics.md");

/// `| name | kind | help |` of each line about what every service shows.
fn documented() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let cells = |line: &'static str| {
        let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.splitn(3, " | ");
        Some((cells.next()?.strip_suffix('`')?, (cells.next()?, cells.next()?)))
    };
    let (always, _) = DOCUMENT.split_once("## Only where it is used").unwrap();
    always.lines().filter_map(cells).collect()
}

#[test]
fn every_metric_is_documented_and_has_a_value_after_a_registration() {
    let _machine = machine::shared();
    let log = Log::create();
    let issuer = Issuer::new(&log, "metrics");
    let server = Server::start_with(&log, &["--private", "127.0.0.1:0", "--json"]);
    let ready: serde_json::Value = serde_json::from_str(&server.ready).unwrap();
    let private = ready["private"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
    issuer.be_trusted(&log, &server);
    let mut public = server.connect();
    assert_eq!(public.register(&issuer.statement(1)).unwrap().status, 201);
    assert_eq!(public.register(b"no statement").unwrap().status, 400);
    let batch = [issuer.statement(2), issuer.statement(3)].concat();
    let headers = [("content-type", "application/cbor-seq")];
    assert_eq!(public.request("POST", "/entries/batch", &headers, &batch).unwrap().status, 200);

    let state = loop {
        let state: serde_json::Value = serde_json::from_slice(&public.get("/readyz").unwrap().body).unwrap();
        if state["checkpoint_size"] == state["committed_size"] {
            break state;
        }
    };

    let page = Connection::open(private).unwrap().get("/metrics").unwrap().body;
    let page = String::from_utf8(page).unwrap();
    let mut shown = BTreeMap::new();
    for line in page.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            shown.insert(name, ("", help));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            shown.get_mut(name).unwrap().0 = kind;
        }
    }
    let lines: Vec<String> =
        shown.iter().map(|(name, (kind, help))| format!("| `{name}` | {kind} | {help} |")).collect();
    for (name, (_, help)) in &shown {
        assert!(help.ends_with('.') && help.len() > 20, "{name} has one full sentence of help: {help}");
        assert!(page.lines().any(|line| line.starts_with(name)), "{name} has no value");
    }
    assert!(
        shown == documented(),
        "ops/dashboards/metrics.md has to list what the service shows, and nothing else:\n{}",
        lines.join("\n")
    );

    let value = |name: &str| -> f64 {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} has no value")).parse().unwrap()
    };
    for histogram in
        ["queue", "judge", "verify", "integrate", "commit", "fsync", "sign", "receipt", "publish"]
    {
        assert!(value(&format!("stele_{histogram}_seconds_count")) >= 1.0, "{histogram}");
        assert!(value(&format!("stele_{histogram}_seconds_sum")) > 0.0, "{histogram}");
    }
    assert_eq!(value("stele_batch_statements_sum"), 2.0);
    let rounds = value("stele_rounds_total");
    assert_eq!(value("stele_store_syncs_total"), rounds, "one synced write for each round");
    assert_eq!(value("stele_fsync_seconds_count"), rounds);
    assert!(page.contains("stele_registrations_total{outcome=\"registered\"} 5"), "{page}");
    assert!(page.contains("stele_registrations_total{outcome=\"malformed"), "{page}");
    assert_store(&value);
    assert_process(&value);
    let size = |name: &str| state[name].as_u64().and_then(|size| u32::try_from(size).ok()).map(f64::from);
    assert_eq!(Some(value("stele_committed_size")), size("committed_size"));
    assert_eq!(Some(value("stele_checkpoint_size")), size("checkpoint_size"));
    assert_eq!(value("stele_mailbox_entries"), 0.0, "everything is answered");
    assert_eq!(value("stele_mailbox_bytes"), 0.0);
    assert_eq!(value("stele_http_body_bytes_in_flight"), 0.0);
    assert_eq!(value(&format!("stele_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    let sign_buckets = page.lines().filter(|line| line.starts_with("stele_sign_seconds_bucket")).count();
    assert!(sign_buckets > 20, "{sign_buckets}");
    assert!(page.contains("stele_sign_seconds_bucket{le=\"0.000008\"}"), "{page}");
    assert!(page.contains("stele_http_request_duration_seconds_bucket{route=\"/entries\",le=\"0.0001\"}"));
}

/// What is true of the store of a service that has just registered a few statements.
fn assert_store(value: &dyn Fn(&str) -> f64) {
    let store = |name: &str| value(&format!("stele_store_{name}"));
    // What `stele init` wrote went from the write-ahead log into table files when the service opened the log.
    assert!(store("live_bytes") > 0.0 && store("total_bytes") >= store("live_bytes"));
    assert!(store("buffered_bytes") > 0.0 && store("cache_bytes") > 0.0);
    for family in ["heads", "entries", "statements", "collateral", "tiles", "rows", "lists"] {
        let files = store(&format!("unsorted_files{{family=\"{family}\"}}"));
        // What is on a list was registered since, and is not in a file yet.
        let least = if family == "lists" { 0.0 } else { 1.0 };
        assert!((least..10.0).contains(&files), "{family}: {files}");
    }
    for name in ["held_back_seconds_total", "stopped", "delayed_bytes_per_second", "background_errors"] {
        assert_eq!(store(name), 0.0, "{name}");
    }
}

/// What is true of every process that serves.
fn assert_process(value: &dyn Fn(&str) -> f64) {
    let process = |name: &str| value(&format!("process_{name}"));
    assert!(process("cpu_seconds_total") >= 0.0);
    assert!(process("open_fds") > 3.0 && process("max_fds") > process("open_fds"));
    assert!(process("resident_memory_bytes") > 1e6);
    assert!(process("peak_resident_memory_bytes") >= process("resident_memory_bytes"));
    assert!(process("threads") > 3.0, "sequencer, publisher, keeper, and those of HTTP");
}
