//! What is kept beside the entries: manifests over it, and what becomes of it.

use crate::log::{Log, fail, succeed};
use crate::machine::{self, until};
use crate::server::Server;
use crate::statements::{Issuer, id};
use crate::wire::Connection;

/// The size in the newest checkpoint.
/// The size of the published checkpoint.
pub(crate) fn published(connection: &mut Connection) -> u64 {
    let note = String::from_utf8(connection.get("/checkpoint").unwrap().body).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// Waits until everything below `size` is under a published checkpoint.
pub(crate) fn wait_for_checkpoint(server: &Server, size: u64) {
    let mut connection = server.connect();
    until("a checkpoint over what was registered", || published(&mut connection) >= size);
}

#[test]
fn d12_a_running_service_registers_manifests_over_its_collateral() {
    let _machine = machine::shared();
    let log = Log::create();
    log.set("ledger", "manifest_entries", "3");
    let issuer = Issuer::new(&log, "covered");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    let mut last = Vec::new();
    for n in 0..8 {
        last = issuer.statement(n);
        assert_eq!(server.connect().register(&last).unwrap().status, 201);
    }
    // Thirteen entries of ours; whatever is beyond them is a manifest.
    wait_for_checkpoint(&server, 14);
    assert_eq!(server.connect().get(&format!("/entries/{}", id(&last))).unwrap().status, 200);
    server.stop();
    log.assert_clean();
}

fn holds(folder: &std::path::Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|item| {
        let path = item.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        // A file may go away while it is looked at.
        std::fs::read(path).unwrap_or_default().windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn d20_an_erased_statement_leaves_the_disk_of_a_running_service() {
    let _machine = machine::shared();
    let log = Log::create();
    log.set("ledger", "manifest_entries", "3");
    let issuer = Issuer::new(&log, "forgotten");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    let statement = issuer.statement(1);
    assert_eq!(server.connect().register(&statement).unwrap().status, 201);
    let entry = id(&statement).to_string();
    // Its signature: nothing else in the store is like it.
    let secret = statement[statement.len() - 40..].to_vec();
    let store = log.dir.join("store");
    assert!(holds(&store, &secret));
    let url = server.url.clone();
    let operator = log.operator_file();
    let operator = operator.to_str().unwrap();
    let erase = |entry: &str| {
        let reason = "asked for by the person";
        let options = ["--url", &url, "--operator-key", operator, "--reason", reason];
        [&["erase", entry][..], &options].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(succeed(&erase(&entry)).contains("erasure"));
    for path in ["", "/transparent", "/collateral"] {
        let reply = server.connect().get(&format!("/statements/{entry}{path}")).unwrap();
        assert_eq!(reply.status, 410, "{path}: {}", reply.problem());
    }
    assert_eq!(server.connect().get(&format!("/entries/{entry}")).unwrap().status, 410);
    let again = server.connect().register(&statement).unwrap();
    assert_eq!(again.status, 400, "{}", again.problem());
    until("what was erased is out of every file", || !holds(&store, &secret));
    assert!(fail(&erase(&"0".repeat(64)), 1).contains("no entry"));
    server.stop();
    assert!(!holds(&store, &secret));
    log.assert_clean();
}
