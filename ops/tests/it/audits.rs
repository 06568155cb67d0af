//! `stele audit` on the folder of a log.

use std::fs;

use serde_json::Value;

use crate::log::{Log, both, clear_line, fail, stele, succeed};
use crate::machine;
use crate::server::Server;
use crate::statements::Issuer;

fn log_of(statements: u64) -> Log {
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "audited");
    issuer.be_trusted(&log, &server);
    let mut connection = server.connect();
    for n in 0..statements {
        assert_eq!(connection.register(&issuer.statement(n)).unwrap().status, 201);
    }
    server.stop();
    log
}

#[test]
fn arch_24_a_folder_is_audited_in_place_and_where_it_was_left_off() {
    let _machine = machine::shared();
    let log = log_of(20);
    let state = log.beside("audit.json");
    let words = ["audit", "--data", log.path(), "--json", "--state", state.to_str().unwrap()];
    let report: Value = serde_json::from_str(&succeed(&words)).unwrap();
    assert_eq!(
        (&report["clean"], &report["entries"], &report["judged"], &report["replayed_now"]),
        (&true.into(), &25.into(), &25.into(), &25.into()),
        "{report}"
    );
    let again: Value = serde_json::from_str(&succeed(&words)).unwrap();
    assert_eq!((&again["root"], &again["replayed_now"]), (&report["root"], &0.into()));
    let text = succeed(&["audit", "--data", log.path()]);
    assert!(text.ends_with("clean: every entry follows from what was in force before it\n"), "{text}");
    log.assert_clean();

    // Another log, or no state at all.
    let other = log_of(0);
    let line = fail(&["audit", "--data", other.path(), "--state", state.to_str().unwrap()], 2);
    assert!(line.ends_with("its 25 entries are not the beginning of what is stored"), "{line}");
    fs::write(&state, "{}").unwrap();
    let output = stele(&words);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(clear_line(&output).contains("is not the state of an audit"));
}

#[test]
fn d11_a_restored_backup_is_found_by_its_checkpoint() {
    let _machine = machine::shared();
    let log = log_of(3);
    let backup = log.copy();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "later");
    issuer.be_trusted(&log, &server);
    server.stop();
    // The older database, put below the newer checkpoint.
    fs::copy(log.dir.join("store/checkpoint"), backup.dir.join("store/checkpoint")).unwrap();
    let line = fail(&["audit", "--data", backup.path()], 1);
    assert!(line.contains("it is an old copy or has lost its end"), "{line}");
}
