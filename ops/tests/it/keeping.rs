//! What is kept beside the entries: manifests over it, and what becomes of it.

use crate::log::Log;
use crate::machine;
use crate::server::Server;
use crate::statements::{Issuer, id};

/// The size in the newest checkpoint.
pub(crate) fn published(server: &Server) -> u64 {
    let reply = server.connect().get("/checkpoint").unwrap();
    let note = String::from_utf8(reply.body).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
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
    while published(&server) < 14 {
        assert_eq!(server.connect().get(&format!("/entries/{}", id(&last))).unwrap().status, 200);
    }
    server.stop();
    log.assert_clean();
}
