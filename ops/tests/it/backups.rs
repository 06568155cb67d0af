//! Backups of a log that is served, and what becomes of them: no second history (D11, invariant 13).

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proofs::note::ed25519_vkey;
use serde_json::Value;

use crate::keeping::wait_for_checkpoint;
use crate::log::{Log, STELE, both, clear_line, fail, stele, succeed};
use crate::machine::{self, until};
use crate::server::Server;
use crate::statements::{Issuer, id};
use crate::witnessing::{Witness, create, knows};

/// `stele incident declare`, with the operator's key of the log that was backed up.
fn declare<'a>(log: &'a Log, original: &'a str) -> [&'a str; 7] {
    ["incident", "declare", log.path(), "--operator-key", original, "--reason", "the disk burned"]
}

fn asks(log: &Log) -> BufReader<UnixStream> {
    let mut stream = UnixStream::connect(log.dir.join("admin.sock")).unwrap();
    stream.write_all(b"freeze\n").unwrap();
    BufReader::new(stream)
}

fn answer(stream: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

/// Everything acknowledged before the backup began is in it, whatever is registered meanwhile; it serves only after the
/// operator has spoken, and what came later is registered again.
#[test]
fn d11_a_log_is_backed_up_while_it_is_served_and_restored() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "kept");
    issuer.be_trusted(&log, &server);
    let backup = log.beside("backup");
    let (sent, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut before = 0;
    let told = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = server.connect();
            while !done.load(Ordering::SeqCst) {
                let n = sent.load(Ordering::SeqCst);
                assert_eq!(connection.register(&issuer.statement(n)).unwrap().status, 201);
                sent.fetch_add(1, Ordering::SeqCst);
            }
        });
        // A test that fails here ends when the server's watchdog ends the other thread.
        until("some are registered before the backup", || sent.load(Ordering::SeqCst) >= 20);
        before = sent.load(Ordering::SeqCst);
        let told = succeed(&["backup", log.path(), backup.to_str().unwrap(), "--json"]);
        let at_end = sent.load(Ordering::SeqCst);
        until("one is registered after the backup", || sent.load(Ordering::SeqCst) > at_end);
        done.store(true, Ordering::SeqCst);
        told
    });
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((told["while_served"].as_bool(), told["keys"].as_array().unwrap().len()), (Some(true), 0));
    let size = told["tree_size"].as_u64().unwrap();
    assert!(size >= before + 5 && size < sent.load(Ordering::SeqCst) + 5, "{told}");
    server.stop();
    assert!(!log.dir.join("admin.sock").exists() && !log.dir.join("store/backup").exists());
    log.assert_clean();

    let restored = log.restored(backup.to_str().unwrap());
    restored.assert_clean();
    let operator = log.operator_file();
    let operator = operator.to_str().unwrap();
    for _ in 0..2 {
        let line = Server::refuse(&restored, &[]);
        assert!(line.contains("refusing to sign") && line.contains("nobody can know"), "{line}");
    }
    let output = stele(&declare(&restored, operator));
    assert!(
        output.status.success() && both(&output).contains("names nobody who could know"),
        "{}",
        both(&output)
    );
    let server = Server::start(&restored);
    let mut connection = server.connect();
    for n in 0..size - 5 {
        let entry = id(&issuer.statement(n)).to_string();
        assert_eq!(connection.get(&format!("/entries/{entry}")).unwrap().status, 200, "statement {n}");
    }
    let lost = issuer.statement(sent.load(Ordering::SeqCst) - 1);
    assert_eq!(connection.get(&format!("/entries/{}", id(&lost))).unwrap().status, 404);
    assert_eq!(connection.register(&lost).unwrap().status, 201);
    server.stop();
    restored.assert_clean();
    succeed(&["audit", "--data", restored.path()]);
}

/// The copy that the service makes goes away with whoever asked for it, killed or not, and with the service.
#[test]
fn a_copy_for_a_backup_lasts_as_long_as_the_one_who_asked() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let (copy, backup) = (log.dir.join("store/backup"), log.beside("backup"));
    let backup = backup.to_str().unwrap();
    let mut holder = asks(&log);
    assert_eq!(answer(&mut holder), "{\"frozen\":\"store/backup\"}\n");
    assert!(copy.join("db/CURRENT").exists());
    let line = fail(&["backup", log.path(), backup], 3);
    assert!(line.contains("another backup") && !Path::new(backup).exists(), "{line}");
    drop(holder);
    until("the copy of somebody who went away is gone", || !copy.exists());
    // Noise is not answered, and harms nobody.
    for noise in [&b"delete everything\n"[..], &[0xff; 9000], b""] {
        let mut stream = UnixStream::connect(log.dir.join("admin.sock")).unwrap();
        stream.write_all(noise).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).ok();
        assert_eq!(said, b"");
    }
    // What the service cannot do it says, and it goes on.
    fs::write(&copy, "in the way").unwrap();
    let line = fail(&["backup", log.path(), backup], 2);
    assert!(line.contains("the running service cannot make a copy") && !Path::new(backup).exists(), "{line}");
    fs::remove_file(&copy).unwrap();
    succeed(&["backup", log.path(), backup]);

    let mut holder = asks(&log);
    answer(&mut holder);
    server.kill();
    assert!(copy.exists() && log.dir.join("admin.sock").exists());
    // Nobody is behind the socket that the killed service left, so the log is copied as it lies there.
    let told = succeed(&["backup", log.path(), log.beside("cold").to_str().unwrap(), "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["while_served"], false);
    let server = Server::start(&log);
    assert!(!copy.exists(), "a killed service leaves no copy behind for long");
    server.stop();
    log.assert_clean();
}

/// What is no backup, a target that will not do, and a disk that is full: one line, and nothing left.
#[test]
fn a_backup_that_cannot_be_written_leaves_nothing() {
    let _machine = machine::shared();
    let log = Log::create();
    let target = log.beside("backup");
    // Whoever writes more than 4 KiB to a file is told that there is no room.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    let full =
        |words: &[&str]| Command::new("sh").args(["-c", script, "sh", STELE]).args(words).output().unwrap();
    let output = full(&["backup", log.path(), target.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(clear_line(&output).contains("cannot write"), "{}", both(&output));
    assert!(!target.exists());
    succeed(&["backup", log.path(), target.to_str().unwrap()]);
    let back = log.beside("back");
    let output = full(&["restore", target.to_str().unwrap(), back.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(clear_line(&output).contains("cannot write") && !back.exists(), "{}", both(&output));
    let line = fail(&["serve", target.to_str().unwrap()], 2);
    assert!(line.contains("is a backup, not the folder of a log"), "{line}");
    log.assert_clean();
}

/// A log with one witness, of which a quorum is made.
fn witnessed_log() -> (Log, Witness, tempfile::TempDir) {
    let (temp, folder, keys) = create();
    let log = Log::create();
    let key = log.key("checkpoints");
    let vkey =
        ed25519_vkey("ts.example", &proofs::Signer::public_key(&key).ed25519_bytes().unwrap()).unwrap();
    knows(&folder, &vkey.to_string());
    let witness = Witness::start(&folder);
    let policy = format!("witness W {} {}\nquorum W\n", keys[0], witness.url);
    fs::write(log.dir.join("witness.policy"), policy).unwrap();
    log.set("witness", "policy", "\"witness.policy\"");
    log.set("witness", "quorum_wait_ms", "60000");
    (log, witness, temp)
}

/// The attack: everything of an older state is put back, its own older checkpoint file included, while a witness or a
/// mirror knows of a newer one.
#[test]
fn arch_45_d11_a_restored_backup_does_not_sign_while_somebody_knows_more() {
    let _machine = machine::shared();
    let (log, witness, _temp) = witnessed_log();
    let issuer = Issuer::new(&log, "lost");
    let backup = log.beside("backup");
    let backup = backup.to_str().unwrap();
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    wait_for_checkpoint(&server, 5);
    succeed(&["backup", log.path(), backup]);
    assert_eq!(server.connect().register(&issuer.statement(1)).unwrap().status, 201);
    wait_for_checkpoint(&server, 6);
    let mirrored = log.beside("mirrored");
    fs::write(&mirrored, server.connect().get("/checkpoint").unwrap().body).unwrap();
    server.stop();
    let operator = log.operator_file();
    let operator = operator.to_str().unwrap();

    // A witness knows. No statement helps against that.
    let restored = log.restored(backup);
    for line in [Server::refuse(&restored, &[]), fail(&declare(&restored, operator), 2)] {
        assert!(line.contains("refusing to sign: the witness") && line.contains("old copy"), "{line}");
        assert!(line.contains("over 6 entries") && line.contains("ends at 5"), "{line}");
        assert!(line.contains("Restore a copy that continues the checkpoint"), "{line}");
    }
    // A mirror knows, and the witness cannot be asked.
    drop(witness);
    restored.set("witness", "known_checkpoints", &format!("[{:?}]", mirrored.to_str().unwrap()));
    for line in [Server::refuse(&restored, &[]), fail(&declare(&restored, operator), 2)] {
        assert!(line.contains("mirrored shows") && line.contains("old copy"), "{line}");
    }
    fail(&["restore", backup, log.beside("x").to_str().unwrap(), "--known", mirrored.to_str().unwrap()], 1);

    // Nobody can be asked: it signs nothing before the operator has spoken; not even then where that is configured.
    restored.set("witness", "known_checkpoints", "[]");
    let line = Server::refuse(&restored, &[]);
    assert!(line.contains("refusing to sign") && line.contains("nobody can know"), "{line}");
    let forgiving = restored.copy();
    let output = stele(&declare(&forgiving, operator));
    assert!(
        output.status.success() && both(&output).contains("none of 1 who could know"),
        "{}",
        both(&output)
    );
    restored.set("witness", "unreachable", "\"refuse\"");
    assert!(fail(&declare(&restored, operator), 3).contains("reached nobody"));
    assert!(Server::refuse_with(&restored, &[], 3).contains("reached nobody"));
    assert!(restored.dir.join("store/RESTORED").exists());
    assert_eq!(
        fs::read(restored.dir.join("store/checkpoint")).unwrap(),
        fs::read(Path::new(backup).join("store/checkpoint")).unwrap()
    );
}

/// A log of which nothing leaves before its witnesses have seen it goes on as soon as they show that they know no more.
#[test]
fn d11_a_log_bound_by_its_witnesses_goes_on_when_they_know_no_more() {
    let _machine = machine::shared();
    let (log, witness, temp) = witnessed_log();
    let issuer = Issuer::new(&log, "bound");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    server.stop();
    // From here on nothing leaves it unseen.
    log.set("witness", "without_quorum", "\"hold\"");
    log.set("ledger", "receipts", "\"witnessed\"");
    let server = Server::start(&log);
    wait_for_checkpoint(&server, 5);
    let backup = log.beside("backup");
    let backup = backup.to_str().unwrap();
    succeed(&["backup", log.path(), backup]);
    server.stop();

    let restored = log.restored(backup);
    let url = witness.url.clone();
    drop(witness);
    let line = Server::refuse_with(&restored, &[], 3);
    assert!(line.contains("too few of its witnesses"), "{line}");
    assert!(restored.dir.join("store/RESTORED").exists());
    // The witness is back, somewhere else.
    let witness = Witness::start(temp.path().join("witness").to_str().unwrap());
    let policy = fs::read_to_string(restored.dir.join("witness.policy")).unwrap();
    fs::write(restored.dir.join("witness.policy"), policy.replace(&url, &witness.url)).unwrap();
    // With the setting changed, receipts would be given that no witness saw: then the operator has to speak.
    restored.set("ledger", "receipts", "\"committed\"");
    assert!(Server::refuse(&restored, &[]).contains("nobody can know"));
    restored.set("ledger", "receipts", "\"witnessed\"");
    let server = Server::start(&restored);
    assert!(!restored.dir.join("store/RESTORED").exists());
    assert_eq!(server.connect().register(&issuer.statement(7)).unwrap().status, 202);
    wait_for_checkpoint(&server, 6);
    server.stop();
    restored.assert_clean();
    Server::start(&restored).stop();
}

/// On a log that serves: an incident is put behind its newest entry.
#[test]
fn d11_an_incident_is_put_on_the_record_of_a_log_that_is_served() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    Issuer::new(&log, "served").be_trusted(&log, &server);
    let operator = log.operator_file();
    let words =
        ["incident", "report", "--url", &server.url, "--operator-key", operator.to_str().unwrap(), "--json"];
    let report = |reason: &str| stele(&[&words[..], &["--reason", reason]].concat());
    // The second may find the log longer than its checkpoint.
    for (index, hours) in [(5, 1), (6, 2)] {
        let output = report(&format!("the clock was wrong for {hours} h"));
        assert!(output.status.success(), "{}", both(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (told["changes"][0]["change"].as_str(), told["changes"][0]["index"].as_u64()),
            (Some("incident"), Some(index))
        );
    }
    assert_eq!(report("").status.code(), Some(2));
    let other = log.dir.join("keys/registrar.pem");
    let wrong = [
        "incident",
        "report",
        "--url",
        &server.url,
        "--operator-key",
        other.to_str().unwrap(),
        "--reason",
        "r",
    ];
    assert!(fail(&wrong, 2).contains("is not the operator's"));
    server.stop();
    log.assert_clean();
    succeed(&["audit", "--data", log.path()]);
}
