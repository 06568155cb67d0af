//! Invariant 3 at the edge of the process: what the kernel was asked to do, and in which order.
//!
//! The binary cannot be told not to sync, and should not be. So that the test can be seen to fail, the same
//! service is put together here once more, over a store that syncs and over one that does not; this test
//! binary runs itself as that service.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Barrier};

use ledger::{Keys, Ledger, Metrics, Opened, Parts, SystemClock};
use storage::{Durability, RocksStore};

use crate::log::{Log, SERVICE, STELE};
use crate::machine;
use crate::server::Server;
use crate::statements::Issuer;
use crate::trace::{Judgement, Rule, TooEarly, judge};

const CALLS: &str = "trace=write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,sendto,sendmsg";
const ALONE: usize = 60;
const CLIENTS: usize = 8;
const EACH: usize = 25;

/// The origin of a log of that service.
const ORIGIN: &str = "ts.example";

/// The variable by which the test binary, running itself, is told to serve: `DURABILITY:FOLDER`.
const ASKED: &str = "STELE_TEST_SERVE";

/// Registers some statements one after the other, then some at the same time, with the server under strace.
/// The judgements of the two parts.
fn traced(serve: &[&str]) -> (Judgement, Judgement) {
    let log = Log::create();
    let issuer = Issuer::new(&log, "traced");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    server.stop();
    let alone = judge(&trace(&log, serve, &issuer, 1, ALONE), Rule::LastWrite);
    let crowd = judge(&trace(&log, serve, &issuer, CLIENTS, EACH), Rule::OwnEntry);
    assert_eq!((alone.responses, crowd.responses), (ALONE, CLIENTS * EACH), "responses seen in the traces");
    log.assert_clean();
    (alone, crowd)
}

fn trace(log: &Log, serve: &[&str], issuer: &Issuer, clients: usize, each: usize) -> String {
    let file = log.beside("trace");
    let tracer = ["strace", "-f", "-y", "-s", "10000000", "-e", CALLS, "-o", file.to_str().unwrap(), "--"];
    let server = Server::start_as(log, &[&tracer, serve].concat());
    let start = Barrier::new(clients);
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (server, start) = (&server, &start);
            scope.spawn(move || {
                let mut connection = server.connect();
                start.wait();
                for n in 0..each {
                    let n = u64::try_from(clients * 1000 + client * each + n).unwrap();
                    let reply = connection.register(&issuer.statement(n)).unwrap();
                    assert_eq!(reply.status, 201, "{}", reply.problem());
                }
            });
        }
    });
    server.kill();
    String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned()
}

#[test]
fn arch_34_every_201_comes_after_the_sync_of_its_entry() {
    let _machine = machine::shared();
    let (alone, crowd) = traced(&[STELE, "serve", LOG, "--listen", "127.0.0.1:0"]);
    assert_eq!(alone.too_early, [], "one client");
    assert_eq!(crowd.too_early, [], "{CLIENTS} clients");
}

/// The test above, doubted: a service that does not sync must not pass it, and one that differs in nothing else
/// must.
#[test]
fn arch_34_without_syncs_every_201_is_caught() {
    let _machine = machine::shared();
    let this = std::env::current_exe().unwrap();
    let words = |durability: &str| {
        let asked = format!("{ASKED}={durability}:{LOG}");
        let only = ["--exact", "durability::serves_when_it_is_asked_to", "--nocapture"].map(str::to_owned);
        ["env".to_owned(), asked, this.to_str().unwrap().to_owned()]
            .into_iter()
            .chain(only)
            .collect::<Vec<_>>()
    };
    let run = |durability: &str| traced(&words(durability).iter().map(String::as_str).collect::<Vec<_>>());
    let (alone, crowd) = run("synced");
    assert_eq!((alone.too_early, crowd.too_early), (vec![], vec![]));
    let (alone, crowd) = run("unsynced");
    for (judgement, part) in [(alone, "one client"), (crowd, "a crowd")] {
        let unsynced =
            judgement.too_early.iter().filter(|why| matches!(why, TooEarly::NotSynced { .. })).count();
        assert_eq!(unsynced, judgement.responses, "{part}: {:?}", judgement.too_early.first());
    }
}

/// Stands for the folder of the log in a command.
const LOG: &str = "{log}";

/// Does nothing, unless this binary was started by the test above: then it is the service, until it is killed.
#[test]
fn serves_when_it_is_asked_to() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let (durability, folder) = asked.split_once(':').unwrap();
    let durability = if durability == "synced" { Durability::Synced } else { Durability::Unsynced };
    let key = |role: &str| {
        let pem = fs::read_to_string(format!("{folder}/keys/{role}.pem")).unwrap();
        Arc::new(ledger::PrivateKey::from_pem(&pem).unwrap())
    };
    let cosigning = || {
        let pem = fs::read_to_string(format!("{folder}/keys/checkpoints-ml-dsa-44.pem")).unwrap();
        Arc::new(ledger::CosigningKey::from_pem(&pem, ORIGIN).unwrap())
    };
    let settings = storage::Settings { durability, ..storage::Settings::default() };
    let store = RocksStore::open(format!("{folder}/store").as_ref(), &settings).unwrap();
    let registry = prometheus::Registry::new();
    let parts = Parts {
        store: Arc::new(store),
        keys: Keys {
            receipts: key("receipts"),
            checkpoints: key("checkpoints"),
            checkpoints_ml_dsa_44: Some(cosigning()),
            registrar: key("registrar"),
        },
        clock: Arc::new(SystemClock),
        metrics: Metrics::new(&registry).unwrap(),
        witnessing: None,
    };
    let Opened { ledger, sequencer, publisher, .. } =
        Ledger::open(parts, ledger::Settings::default()).unwrap();
    std::thread::spawn(move || sequencer.run());
    std::thread::spawn(move || publisher.run());
    let metrics = api::HttpMetrics::register(&registry).unwrap();
    let app = api::router(
        ledger,
        api::Limits::default(),
        api::ReadSettings::default(),
        api::EvidenceSettings::default(),
        api::PublicUrl::parse(SERVICE).unwrap(),
        metrics,
    );
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nhttp://{}", listener.local_addr().unwrap());
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
    });
}
