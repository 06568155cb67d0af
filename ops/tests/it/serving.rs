//! `stele serve` as a process: what it refuses to start with, and how it ends.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::log::{Log, fail};
use crate::machine::{self, until};
use crate::server::Server;
use crate::statements::{Issuer, entry, keys, verify};
use crate::wire::{Connection, STATEMENT, head};

/// D19: the operator's key signs policy, and `serve` never reads it.
#[test]
fn arch_44_the_service_runs_without_the_operator_key() {
    let _machine = machine::shared();
    let log = Log::create();
    let issuer = Issuer::new(&log, "early");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    server.stop();
    fs::remove_file(log.operator_file()).unwrap();
    let server = Server::start(&log);
    let reply = server.connect().register(&issuer.statement(1)).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.problem());
    server.stop();
    log.assert_clean();
}

#[test]
fn a_second_server_on_one_folder_is_refused() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let line = Server::refuse(&log, &[]);
    assert!(line.contains("another process"), "{line}");
    let line = fail(&["fsck", log.path()], 2);
    assert!(line.contains("another process"), "{line}");
    // Two servers, one log: the first must not have noticed.
    assert_eq!(server.connect().get("/healthz").unwrap().status, 200);
    server.stop();
    log.assert_clean();
}

#[test]
fn scr_34_beyond_loopback_it_needs_tls_or_a_proxy() {
    let _machine = machine::shared();
    let log = Log::create();
    let line = Server::refuse(&log, &["--listen", "0.0.0.0:0"]);
    assert!(line.contains("loopback") && line.contains("TLS"), "{line}");
    log.set("tls", "certificate", "\"missing.pem\"");
    log.set("tls", "key", "\"missing.key\"");
    let line = Server::refuse(&log, &["--listen", "0.0.0.0:0"]);
    assert!(line.contains("missing."), "{line}");
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let _machine = machine::shared();
    let log = Log::create();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = Server::refuse(&log, &["--listen", &address]);
    assert!(line.contains(&address) && line.contains("in use"), "{line}");
    drop(taken);
    Server::start(&log).stop();
}

/// Numbers about the service are served on an address of their own, and nowhere else.
#[test]
fn metrics_are_private() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start_with(&log, &["--private", "127.0.0.1:0", "--json"]);
    let ready: serde_json::Value = serde_json::from_str(&server.ready).unwrap();
    let private = ready["private"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
    let mut connection = Connection::open(private).unwrap();
    let page = String::from_utf8(connection.get("/metrics").unwrap().body).unwrap();
    for name in ["stele_build_info", "# HELP stele_"] {
        assert!(page.contains(name), "{name} is missing: {page}");
    }
    assert_eq!(connection.get("/entries/x").unwrap().status, 404, "the API is not served there");
    let mut public = server.connect();
    assert_eq!(public.get("/metrics").unwrap().status, 404);
    assert_eq!(public.get("/readyz").unwrap().status, 200);
    server.interrupt();
    assert!(server.wait().success(), "Ctrl-C ends it as SIGTERM does");
}

/// What was accepted is finished: a request whose head was taken before SIGTERM and whose body comes after it
/// still gets its receipt, and the process ends with 0.
#[test]
fn arch_33_sigterm_finishes_what_was_accepted() {
    let _machine = machine::shared();
    let log = Log::create();
    let issuer = Issuer::new(&log, "late");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    let keys = keys(&server);
    let statements: Vec<_> = (0..20).map(|n| issuer.statement(n)).collect();
    let mut accepted: Vec<_> = statements
        .iter()
        .map(|statement| {
            let mut connection = server.connect();
            let headers = [STATEMENT[0], ("expect", "100-continue")];
            connection.send_raw(head("POST", "/entries", &headers, statement.len()).as_bytes()).unwrap();
            // Only a server that is already working on the request asks for its body.
            assert_eq!(connection.receive().unwrap().status, 100);
            connection
        })
        .collect();
    server.ask_to_stop();
    for (connection, statement) in accepted.iter_mut().zip(&statements) {
        let (first, second) = statement.split_at(statement.len() / 2);
        connection.send_raw(first).unwrap();
        connection.send_raw(second).unwrap();
    }
    for (connection, statement) in accepted.iter_mut().zip(&statements) {
        let reply = connection.receive().unwrap();
        assert_eq!(reply.status, 201, "{}", reply.problem());
        verify(&entry(statement), &reply.body, &keys);
    }
    drop(accepted);
    assert!(server.wait().success());
    log.assert_clean();

    let server = Server::start(&log);
    let mut connection = server.connect();
    for statement in &statements {
        let path = format!("/entries/{}", crate::statements::id(statement));
        assert_eq!(connection.get(&path).unwrap().status, 200);
    }
    server.stop();
}

/// SIGTERM under load: every 201 that a client saw is true, and the end is still clean.
#[test]
fn arch_34_sigterm_under_load_loses_nothing() {
    let _machine = machine::shared();
    let log = Log::create();
    let issuer = Issuer::new(&log, "busy");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    let keys = keys(&server);
    let answered = AtomicUsize::new(0);
    let registered: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16_u64)
            .map(|client| {
                let (mut connection, issuer, keys, answered) = (server.connect(), &issuer, &keys, &answered);
                scope.spawn(move || {
                    let mut registered = Vec::new();
                    for n in 0..10_000 {
                        let statement = issuer.statement(client * 100_000 + n);
                        match connection.register(&statement) {
                            Ok(reply) if reply.status == 201 => {
                                verify(&entry(&statement), &reply.body, keys);
                                registered.push(statement);
                                answered.fetch_add(1, Ordering::SeqCst);
                            }
                            Ok(reply) => assert_eq!(reply.status, 503, "{}", reply.problem()),
                            Err(_) => break,
                        }
                    }
                    registered
                })
            })
            .collect();
        // A test that fails here ends when the server's watchdog ends the clients.
        until("enough are registered", || answered.load(Ordering::SeqCst) >= 300);
        server.ask_to_stop();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(server.wait().success());
    log.assert_clean();
    let server = Server::start(&log);
    let mut connection = server.connect();
    for statement in &registered {
        let path = format!("/entries/{}", crate::statements::id(statement));
        assert_eq!(connection.get(&path).unwrap().status, 200);
    }
    server.stop();
}

/// Not even a log that says everything says what stands in a payload. `Server::wait` looks for it; here the
/// log is at its loudest, for statements that are admitted, refused and malformed.
#[test]
fn arch_47_no_payload_is_logged() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start_with(&log, &["--log", "trace"]);
    let (known, stranger) = (Issuer::new(&log, "known"), Issuer::new(&log, "stranger"));
    known.be_trusted(&log, &server);
    let mut connection = server.connect();
    let good = known.statement(1);
    let mut spoiled = known.statement(2);
    *spoiled.last_mut().unwrap() ^= 1;
    let cut = &known.statement(3)[..150];
    let bodies =
        [good.as_slice(), &spoiled, cut, &stranger.statement(4), crate::statements::MARKER.as_bytes()];
    let statuses = bodies.map(|body| connection.register(body).unwrap().status);
    assert_eq!(statuses, [201, 400, 400, 400, 400]);
    assert!(
        server.errors().len() > 1000,
        "the log is silent, so this test says nothing: {}",
        server.errors()
    );
    server.stop();
}
