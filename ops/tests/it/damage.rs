//! A damaged disk: the log refuses to open, in one clear line, and never opens shorter than it was.

use std::fs::{self, File};
use std::path::Path;

use crate::keeping::wait_for_checkpoint;
use crate::log::{Log, both, clear_line, copy_folder, stele, succeed};
use crate::machine::{self, Random};
use crate::server::Server;
use crate::statements::Issuer;

const STATEMENTS: u64 = 120;

/// What the newest checkpoint says of the entries that are in the write-ahead log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checkpoint {
    /// It covers them all, so it alone would give a shorter log away.
    Covers,
    /// It covers none of them: they were acknowledged, and what noticed their loss must be the store.
    IsOlder,
}

/// A log that was killed with its newest entries in the write-ahead log alone.
fn killed_log(checkpoint: Checkpoint) -> Log {
    let log = Log::create();
    if checkpoint == Checkpoint::IsOlder {
        log.set("ledger", "checkpoint_interval_ms", "3600000");
    }
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "damaged");
    issuer.be_trusted(&log, &server);
    fill(&server, &issuer, 0);
    if checkpoint == Checkpoint::Covers {
        wait_for_checkpoint(&server, 5 + STATEMENTS);
    }
    server.kill();
    log
}

/// Registers some statements.
fn fill(server: &Server, issuer: &Issuer, first: u64) {
    let mut connection = server.connect();
    for n in first..first + STATEMENTS {
        let reply = connection.register(&issuer.statement(n)).unwrap();
        assert_eq!(reply.status, 201, "{}", reply.problem());
    }
}

/// Both commands refuse the log, and say why in a line.
fn assert_refused(log: &Log, what: &str) {
    let output = stele(&["fsck", log.path()]);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{what}: stele fsck: {}", both(&output));
    machine::say(&format!("{what}: stele fsck: {}", clear_line(&output)));
    machine::say(&format!("{what}: stele serve: {}", Server::refuse(log, &[])));
}

fn newest_wal(log: &Log) -> std::path::PathBuf {
    log.database_files("log").pop().expect("there is a write-ahead log")
}

fn flip(file: &Path, bit: u64) {
    let mut bytes = fs::read(file).unwrap();
    let at = usize::try_from(bit / 8).unwrap();
    bytes[at] ^= 1 << (bit % 8);
    fs::write(file, bytes).unwrap();
}

/// The number of bits in a file.
fn bits(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len() * 8
}

#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_refused() {
    let _machine = machine::shared();
    for checkpoint in [Checkpoint::Covers, Checkpoint::IsOlder] {
        let log = killed_log(checkpoint);
        let length = bits(&newest_wal(&log));
        for (third, bit) in [("first", length / 6), ("middle", length / 2), ("last", length * 5 / 6)] {
            let damaged = log.copy();
            flip(&newest_wal(&damaged), bit);
            assert_refused(
                &damaged,
                &format!("a flipped bit in the {third} third of the WAL, {checkpoint:?}"),
            );
        }
        log.assert_clean();
        Server::start(&log).stop();
    }
}

/// Wherever the bit is, the log is either refused or whole, also where a damaged length looks like the torn
/// tail of a write that was never acknowledged, and no checkpoint knows better.
#[test]
fn no_flipped_bit_makes_the_log_shorter() {
    let _machine = machine::shared();
    let log = killed_log(Checkpoint::IsOlder);
    let mut random = Random::from_environment("flipped bits");
    let (length, mut refused) = (bits(&newest_wal(&log)), 0);
    // The last bytes are tried one by one: the last record is where a torn tail would be.
    let tail = (length.saturating_sub(160)..length).step_by(8);
    let anywhere: Vec<u64> = (0..40).map(|_| random.below(length)).collect();
    for bit in anywhere.into_iter().chain(tail) {
        let damaged = log.copy();
        flip(&newest_wal(&damaged), bit);
        let output = stele(&["fsck", damaged.path(), "--json"]);
        if output.status.success() {
            let size = format!("{}", STATEMENTS + 5);
            assert!(
                both(&output).contains(&size),
                "bit {bit}: the log opened, but not whole: {}",
                both(&output)
            );
        } else {
            refused += 1;
        }
    }
    assert!(refused >= 55, "only {refused} of 60 flipped bits were noticed");
}

#[test]
fn a_missing_write_ahead_log_is_refused() {
    let _machine = machine::shared();
    for checkpoint in [Checkpoint::Covers, Checkpoint::IsOlder] {
        let log = killed_log(checkpoint);
        fs::remove_file(newest_wal(&log)).unwrap();
        assert_refused(&log, &format!("a missing WAL, {checkpoint:?}"));
    }
}

#[test]
fn a_truncated_write_ahead_log_is_refused() {
    let _machine = machine::shared();
    for checkpoint in [Checkpoint::Covers, Checkpoint::IsOlder] {
        let log = killed_log(checkpoint);
        let wal = newest_wal(&log);
        let length = fs::metadata(&wal).unwrap().len();
        for keep in [0, length / 3, length - 1] {
            let damaged = log.copy();
            File::options().write(true).open(newest_wal(&damaged)).unwrap().set_len(keep).unwrap();
            assert_refused(&damaged, &format!("a WAL cut from {length} to {keep} bytes, {checkpoint:?}"));
        }
    }
}

#[test]
fn a_truncated_or_changed_table_is_refused() {
    let _machine = machine::shared();
    let log = killed_log(Checkpoint::Covers);
    // Opening the log again turns its write-ahead log into tables.
    Server::start(&log).stop();
    let table = log.database_files("sst").pop().expect("a recovered log has a table");
    let name = table.file_name().unwrap();
    let length = fs::metadata(&table).unwrap().len();

    let damaged = log.copy();
    let file = damaged.database().join(name);
    File::options().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
    assert_refused(&damaged, "a truncated SST");

    let damaged = log.copy();
    fs::remove_file(damaged.database().join(name)).unwrap();
    assert_refused(&damaged, "a missing SST");

    // A changed block of a table is found by whoever reads it, fsck at the latest.
    let damaged = log.copy();
    flip(&damaged.database().join(name), length * 4);
    let output = stele(&["fsck", damaged.path()]);
    assert!(!output.status.success(), "a flipped bit in an SST: {}", both(&output));
}

/// Restoring an old copy of the database must not make the log sign a second history.
#[test]
fn an_older_database_beside_a_newer_checkpoint_is_refused() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "restored");
    issuer.be_trusted(&log, &server);
    fill(&server, &issuer, 0);
    server.stop();
    let old = log.beside("old");
    copy_folder(&log.database(), &old);
    let old_marker = log.beside("old-marker");
    fs::copy(log.dir.join("store/committed"), &old_marker).unwrap();
    let server = Server::start(&log);
    fill(&server, &issuer, STATEMENTS);
    server.stop();
    log.assert_clean();
    let newer = log.copy();
    fs::remove_dir_all(newer.database()).unwrap();
    copy_folder(&old, &newer.database());
    assert_refused(&newer, "an older database beside a newer checkpoint");

    // The same with everything of the store older but the checkpoint itself.
    fs::copy(&old_marker, newer.dir.join("store/committed")).unwrap();
    assert_refused(&newer, "an older store beside a newer checkpoint");
}

#[test]
fn a_missing_or_foreign_checkpoint_is_refused() {
    let _machine = machine::shared();
    let log = killed_log(Checkpoint::Covers);
    let lost = log.copy();
    fs::remove_file(lost.dir.join("store/checkpoint")).unwrap();
    assert_refused(&lost, "a missing checkpoint file");

    let other = Log::create();
    Server::start(&other).stop();
    let mixed = log.copy();
    fs::copy(other.dir.join("store/checkpoint"), mixed.dir.join("store/checkpoint")).unwrap();
    assert_refused(&mixed, "the checkpoint file of another log");

    let flipped = log.copy();
    let file = flipped.dir.join("store/checkpoint");
    flip(&file, bits(&file) - 100);
    assert_refused(&flipped, "a flipped bit in the checkpoint file");
}

#[test]
fn a_log_of_another_version_and_a_folder_that_is_none_are_refused() {
    let _machine = machine::shared();
    let log = Log::create();
    let future = log.copy();
    let file = future.dir.join("store/FORMAT");
    let text = fs::read_to_string(&file).unwrap();
    let digit = text.find(|c: char| c.is_ascii_digit()).expect("the format file holds a number");
    fs::write(&file, format!("{}9{}", &text[..digit], &text[digit + 1..])).unwrap();
    assert_refused(&future, "a log of another version");

    let none = log.copy();
    fs::remove_dir_all(none.dir.join("store")).unwrap();
    assert_refused(&none, "a folder without a store");

    let empty = log.copy();
    fs::remove_dir_all(&empty.dir).unwrap();
    fs::create_dir(&empty.dir).unwrap();
    assert_refused(&empty, "an empty folder");
    let left: Vec<_> = fs::read_dir(&empty.dir).unwrap().collect();
    assert!(left.is_empty(), "serve made something in a folder that is no log: {left:?}");
    succeed(&["fsck", log.path()]);
}
