use super::*;
use crate::cli::run_words;
use crate::datadir::DataDir;
use crate::failure::{Exit, Failure};
use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use proofs::{TreeHead, TreeSize, leaf_hash};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use storage::{LogStore, RocksStore, StoreError};
use tempfile::TempDir;

/// A log of three entries in a temporary folder.
struct World {
    temp: TempDir,
    log: PathBuf,
}

fn must(words: &[&str]) -> String {
    let (ended, said) = run_words(words);
    assert_eq!(ended.unwrap(), Exit::Done);
    said
}

fn refused(words: &[&str]) -> Failure {
    run_words(words).0.unwrap_err()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl World {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        must(&["init", text(&log), "--service-url", "https://ts.example"]);
        Self { temp, log }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// A backup, without keys.
    fn backup(&self, name: &str) -> PathBuf {
        let target = self.path(name);
        must(&["backup", text(&self.log), text(&target)]);
        target
    }

    fn restore(&self, backup: &Path, name: &str) -> PathBuf {
        let (to, keys) = (self.path(name), self.log.join("keys"));
        must(&["restore", text(backup), text(&to), "--keys", text(&keys)]);
        to
    }

    fn take(&self, target: &Path, step: Steps<'_>) -> Result<(), Failure> {
        backup(&DataDir::open(&self.log).unwrap(), target, false, step).map(|_| ())
    }

    fn put(&self, backup: &Path, root: &Path, step: Steps<'_>) -> Result<(), Failure> {
        restore(&Wanted { backup, root, keys: None, log_id: None, known: &[] }, step).map(|_| ())
    }
}

/// Every file below a folder, relative to it.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).into_iter().flatten() {
        let path = item.unwrap().path();
        if path.is_dir() { found.extend(tree(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Runs `work` and ends it at the n-th step, as a kill does (nothing is cleaned up), or with an error. Whether it was
/// ended.
fn ended_at(n: usize, kill: bool, work: impl Fn(Steps<'_>) -> Result<(), Failure>) -> bool {
    let mut steps = 0;
    let mut step = |_: &str| {
        steps += 1;
        if steps == n && kill {
            std::panic::resume_unwind(Box::new("killed"));
        }
        if steps == n { Err(Failure::local("no space left on device")) } else { Ok(()) }
    };
    match catch_unwind(AssertUnwindSafe(|| work(&mut step))) {
        Err(_killed) => true,
        Ok(result) => result.is_err(),
    }
}

#[test]
fn a_backup_that_was_killed_at_any_step_is_no_backup() {
    let world = World::new();
    let before = tree(&world.log);
    for n in 1.. {
        let target = world.path(&format!("killed-{n}"));
        let whole = !ended_at(n, true, |step| world.take(&target, step));
        let written = target.join(MANIFEST).exists();
        let back = run_words(&["restore", text(&target), text(&world.path(&format!("back-{n}")))]).0;
        assert_eq!(written, back.is_ok(), "step {n}");
        if let Err(failure) = back {
            assert_eq!(failure.exit, Exit::Refused, "{}", failure.message);
            assert!(failure.message.contains("no whole backup"), "{}", failure.message);
            assert!(!world.path(&format!("back-{n}")).exists());
            if !tree(&target).is_empty() {
                assert!(refused(&["backup", text(&world.log), text(&target)]).message.contains("not empty"));
            }
        }
        if whole {
            assert!(written && n > 8, "only {n} steps");
            break;
        }
    }
    assert_eq!(tree(&world.log), before, "the log is as it was");
    must(&["fsck", text(&world.log)]);
}

#[test]
fn a_backup_or_restore_that_fails_leaves_nothing() {
    let world = World::new();
    let whole = world.backup("whole");
    let (absent, empty) = (world.path("absent"), world.path("empty"));
    fs::create_dir(&empty).unwrap();
    for n in 1.. {
        for target in [&absent, &empty] {
            let taken = !ended_at(n, false, |step| world.take(target, step));
            if !taken {
                assert_eq!(tree(target), Vec::<PathBuf>::new(), "backup, step {n}");
                assert_eq!((absent.exists(), empty.exists()), (false, true));
            } else {
                fs::remove_dir_all(target).unwrap();
                fs::create_dir_all(&empty).unwrap();
            }
            let put = !ended_at(n, false, |step| world.put(&whole, target, step));
            if !put {
                assert_eq!(tree(target), Vec::<PathBuf>::new(), "restore, step {n}");
            } else {
                fs::remove_dir_all(target).unwrap();
                fs::create_dir_all(&empty).unwrap();
            }
            if taken && put {
                assert!(n > 8);
                return;
            }
        }
    }
}

/// Invariant 13: wherever a restore is interrupted, there is no log, or one that is marked.
#[test]
fn d11_a_restore_that_was_killed_at_any_step_cannot_be_served() {
    let world = World::new();
    let backup = world.backup("backup");
    for n in 1.. {
        let root = world.path(&format!("killed-{n}"));
        let whole = !ended_at(n, true, |step| world.put(&backup, &root, step));
        let store = RocksStore::open(&root.join("store"), &storage::Settings::default()).err().unwrap();
        assert!(matches!(store, StoreError::NotALog | StoreError::Restored), "step {n}: {store}");
        if whole {
            assert_eq!(store, StoreError::Restored);
            assert!(n > 8, "only {n} steps");
            break;
        }
        if root.join(UNFINISHED).exists() {
            let failure = DataDir::open(&root).unwrap_err();
            assert!(failure.message.contains("was interrupted"), "{}", failure.message);
            let again = refused(&["restore", text(&backup), text(&root)]);
            assert!(again.message.contains("interrupted") && again.hint.is_some(), "{}", again.message);
        } else {
            assert_eq!(store, StoreError::Restored, "step {n}");
        }
    }
}

#[test]
fn every_damaged_file_of_a_backup_is_noticed() {
    let world = World::new();
    let whole = world.backup("whole");
    let files: Vec<PathBuf> =
        tree(&whole).iter().map(|path| path.strip_prefix(&whole).unwrap().to_owned()).collect();
    assert!(files.len() > 8, "{files:?}");
    let back = world.path("back");
    for name in &files {
        let path = whole.join(name);
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        if let Some(byte) = flipped.get_mut(good.len() / 2) {
            *byte ^= 1;
        }
        let longer = [&good[..], b"x"].concat();
        for (what, bad) in [("flipped", Some(flipped)), ("longer", Some(longer)), ("gone", None)] {
            match &bad {
                Some(bad) => fs::write(&path, bad).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            if bad.as_ref() != Some(&good) {
                let failure = refused(&["restore", text(&whole), text(&back)]);
                assert_eq!(failure.exit, Exit::Refused, "{what} {}: {}", name.display(), failure.message);
                assert!(!back.exists(), "{what} {}", name.display());
            }
            fs::write(&path, &good).unwrap();
        }
    }
    world.restore(&whole, "back");
}

/// Somebody who can write a manifest can make one for anything; the log is still what its genesis says.
#[test]
fn a_backup_of_another_log_is_noticed() {
    let (world, other) = (World::new(), World::new());
    let (mine, theirs) = (world.backup("mine"), other.backup("theirs"));
    let id = Manifest::read(&theirs).unwrap().log_id;
    let back = world.path("back");
    let failure = refused(&["restore", text(&mine), text(&back), "--log-id", &id]);
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.message.contains("is of the log") && failure.message.contains(&id));

    let mut forged = Manifest::read(&mine).unwrap();
    forged.log_id = id;
    fs::write(mine.join(MANIFEST), forged.sealed().unwrap().text().unwrap()).unwrap();
    let failure = refused(&["restore", text(&mine), text(&back)]);
    assert!(failure.message.contains("holds another log than it says"), "{}", failure.message);
    assert!(!back.exists());

    // No time is too late for a line of text.
    let mut late = Manifest::read(&theirs).unwrap();
    late.made_at = u64::MAX;
    fs::write(theirs.join(MANIFEST), late.sealed().unwrap().text().unwrap()).unwrap();
    assert!(must(&["restore", text(&theirs), text(&back)]).contains("an unknown time"));
    fs::remove_dir_all(&back).unwrap();

    let mut newer = Manifest::read(&theirs).unwrap();
    newer.store_format = 9;
    fs::write(theirs.join(MANIFEST), newer.sealed().unwrap().text().unwrap()).unwrap();
    let failure = refused(&["restore", text(&theirs), text(&back)]);
    assert!(failure.message.contains("storage format 9"), "{}", failure.message);
}

#[test]
fn d19_private_keys_are_copied_only_when_they_are_asked_for() {
    let world = World::new();
    let without = world.backup("without");
    let private = |path: &PathBuf| fs::read(path).unwrap().windows(11).any(|at| at == b"PRIVATE KEY");
    assert!(!tree(&without).iter().any(private));
    let with = world.path("with");
    let said = must(&["backup", text(&world.log), text(&with), "--with-keys"]);
    assert!(said.contains("receipts") && said.contains("keep it as safe"), "{said}");
    assert!(tree(&with).iter().filter(|path| private(path)).count() >= 4);

    let said = must(&["restore", text(&without), text(&world.path("bare"))]);
    assert!(said.contains("bring receipts.pem"), "{said}");
    let keys = world.log.join("keys");
    let failure = refused(&["restore", text(&with), text(&world.path("x")), "--keys", text(&keys)]);
    assert!(failure.message.contains("has its own keys"));
    assert!(!world.path("x").exists());
    must(&["restore", text(&with), text(&world.path("full"))]);
    let restored = world.restore(&without, "served");
    assert!(restored.join("keys/receipts.pem").exists() && !restored.join("keys/operator.pem").exists());
    fs::remove_dir_all(world.log.join("keys")).unwrap();
    let failure = refused(&["backup", text(&world.log), text(&world.path("y")), "--with-keys"]);
    assert!(failure.message.contains("there are no keys"), "{}", failure.message);
    assert!(!world.path("y").exists());
}

#[test]
fn a_folder_that_will_not_do_is_refused_in_a_line_and_left_alone() {
    let world = World::new();
    let backup = world.backup("backup");
    let full = world.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("photo.jpg"), "mine").unwrap();
    for (words, expected) in [
        (vec!["backup", text(&world.log), text(&full)], "is not empty"),
        (vec!["restore", text(&backup), text(&full)], "is not empty"),
        (vec!["backup", text(&world.log), text(&backup)], "is not empty"),
        (vec!["backup", text(&backup), text(&world.path("x"))], "is a backup, not the folder of a log"),
        (vec!["restore", text(&world.log), text(&world.path("x"))], "no whole backup"),
        (vec!["restore", text(&full), text(&world.path("x"))], "no whole backup"),
    ] {
        let failure = refused(&words);
        assert!(
            failure.message.contains(expected) && failure.hint.is_some(),
            "{words:?}: {}",
            failure.message
        );
        assert!(!failure.message.contains('\n'));
    }
    let inside = world.log.join("backup");
    assert!(refused(&["backup", text(&world.log), text(&inside)]).message.contains("inside of the log"));
    assert!(!inside.exists() && !world.path("x").exists());
    assert_eq!(tree(&full).len(), 1);
}

#[test]
fn d11_a_backup_behind_a_checkpoint_that_is_given_is_not_restored() {
    let world = World::new();
    let backup = world.backup("backup");
    let pem = fs::read_to_string(world.log.join("keys/checkpoints.pem")).unwrap();
    let key = ledger::PrivateKey::from_pem(&pem).unwrap();
    let signed = |size: u64, root, origin: &str| {
        let head = TreeHead { size: TreeSize::new(size), root };
        let note = sign_checkpoint(&Checkpoint { origin: Origin::new(origin).unwrap(), head }, &key).unwrap();
        let path = world.path("known");
        fs::write(&path, note).unwrap();
        path
    };
    let back = world.path("back");
    for (size, root, origin, exit, expected) in [
        (99, leaf_hash(b"x"), "ts.example", Exit::Refused, "old copy"),
        (3, leaf_hash(b"x"), "ts.example", Exit::Refused, "another history"),
        (3, leaf_hash(b"x"), "other.example", Exit::Local, "is no checkpoint of this log"),
    ] {
        let known = signed(size, root, origin);
        let failure = refused(&["restore", text(&backup), text(&back), "--known", text(&known)]);
        assert!(failure.exit == exit && failure.message.contains(expected), "{}", failure.message);
        assert!(!back.exists());
    }
    let own = world.log.join("store/checkpoint");
    must(&["restore", text(&backup), text(&back), "--known", text(&own)]);
}

/// The whole way: nothing opens it until the operator has spoken, on the log, and a kill in between loses nothing.
#[test]
fn d11_a_restored_log_goes_on_after_an_incident_statement() {
    let world = World::new();
    let backup = world.backup("backup");
    let log = world.restore(&backup, "back");
    let operator = world.log.join("keys/operator.pem");
    let grow = refused(&["bench", "grow", text(&log), "--entries", "9", "--operator-key", text(&operator)]);
    assert!(grow.message.contains("restored from a backup"), "{}", grow.message);
    let mark = fs::read(log.join("store/RESTORED")).unwrap();

    let stranger = world.log.join("keys/registrar.pem");
    let failure =
        refused(&["incident", "declare", text(&log), "--operator-key", text(&stranger), "--reason", "r"]);
    assert!(failure.message.contains("is not the operator's"), "{}", failure.message);
    assert!(log.join("store/RESTORED").exists());

    // The operator's key is somewhere else.
    let (request, statement) = (world.path("request.json"), world.path("incident.cose"));
    must(&["incident", "prepare", text(&log), "-o", text(&request)]);
    must(&[
        "incident",
        "sign",
        text(&request),
        "--operator-key",
        text(&operator),
        "--reason",
        "the disk burned",
        "-o",
        text(&statement),
    ]);
    let failure = refused(&["incident", "submit", text(&log), text(&request)]);
    assert!(failure.message.contains("no incident statement"), "{}", failure.message);
    let said = must(&["incident", "submit", text(&log), text(&statement), "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["index"], 3);
    assert!(!log.join("store/RESTORED").exists());
    must(&["fsck", text(&log)]);

    // Killed after the entry and before the mark was gone.
    fs::write(log.join("store/RESTORED"), &mark).unwrap();
    let said = must(&["incident", "submit", text(&log), text(&statement)]);
    assert!(said.contains("on the log already"), "{said}");
    assert!(!log.join("store/RESTORED").exists());
    let store = RocksStore::open(&log.join("store"), &storage::Settings::default()).unwrap();
    assert_eq!(store.head().unwrap().unwrap().tree.size, TreeSize::new(4));
}

#[test]
fn an_incident_for_another_head_is_refused_and_the_mark_stays() {
    let world = World::new();
    let backup = world.backup("backup");
    let (first, second) = (world.restore(&backup, "first"), world.restore(&backup, "second"));
    let operator = world.log.join("keys/operator.pem");
    must(&["incident", "declare", text(&first), "--operator-key", text(&operator), "--reason", "one"]);
    let request = world.path("request.json");
    must(&["incident", "prepare", text(&first), "-o", text(&request)]);
    let statement = world.path("late.cose");
    must(&[
        "incident",
        "sign",
        text(&request),
        "--operator-key",
        text(&operator),
        "--reason",
        "two",
        "-o",
        text(&statement),
    ]);
    let failure = refused(&["incident", "submit", text(&second), text(&statement)]);
    assert_eq!(failure.exit, Exit::Refused, "{}", failure.message);
    assert!(second.join("store/RESTORED").exists());
    fs::write(second.join("store/RESTORED"), b"nonsense").unwrap();
    let failure =
        refused(&["incident", "declare", text(&second), "--operator-key", text(&operator), "--reason", "r"]);
    assert!(failure.message.contains("is not as it was written"), "{}", failure.message);
}

#[test]
fn what_the_configuration_names_is_copied_or_told() {
    let world = World::new();
    let config = world.log.join("stele.toml");
    let mut toml = fs::read_to_string(&config).unwrap();
    for (before, after) in [
        ("#policy = \"witness.policy\"", "policy = \"etc/witness.policy\""),
        (
            "\n[tls]\n",
            "\n[tls]\ncertificate = \"tls/chain.pem\"\nkey = \"tls/key.pem\"\nclient_ca = \"/etc/clients.pem\"\n",
        ),
    ] {
        assert!(toml.contains(before));
        toml = toml.replacen(before, after, 1);
    }
    fs::write(&config, toml).unwrap();
    for folder in ["etc", "tls"] {
        fs::create_dir(world.log.join(folder)).unwrap();
    }
    fs::write(world.log.join("etc/witness.policy"), "quorum none\n").unwrap();
    fs::write(world.log.join("tls/key.pem"), "-----BEGIN PRIVATE KEY-----").unwrap();
    let target = world.path("backup");
    let told = must(&["backup", text(&world.log), text(&target), "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["left_out"], serde_json::json!(["/etc/clients.pem", "tls/chain.pem", "tls/key.pem"]));
    assert!(!target.join("tls").exists());
    let back = world.restore(&target, "back");
    assert_eq!(fs::read(back.join("etc/witness.policy")).unwrap(), b"quorum none\n");
}

/// A service that is starting has the log and no socket yet; nobody copies files that it writes.
#[test]
fn a_log_that_somebody_writes_is_not_copied_behind_his_back() {
    let world = World::new();
    let held = DataDir::open(&world.log).unwrap().open_store(&storage::Settings::default()).unwrap();
    let target = world.path("backup");
    let failure = refused(&["backup", text(&world.log), text(&target)]);
    assert!(failure.exit == Exit::Unreachable && failure.hint.is_some(), "{}", failure.message);
    assert!(failure.message.contains("is in use") && !target.exists(), "{}", failure.message);
    drop(held);
    world.backup("backup");
}

/// The name of a socket has at most 107 bytes, and folders may lie deeper.
#[test]
fn a_log_far_down_has_a_socket_too() {
    let world = World::new();
    let deep = world.path(&format!("{0}/{0}/{0}", "d".repeat(60)));
    fs::create_dir_all(&deep).unwrap();
    fs::rename(&world.log, deep.join("log")).unwrap();
    let folder = DataDir::open(&deep.join("log")).unwrap();
    let (path, _held) = socket(&folder).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(deep.join("log/admin.sock").exists());
    let (again, _held) = socket(&folder).unwrap();
    let _client = std::os::unix::net::UnixStream::connect(again).unwrap();
    listener.accept().unwrap();
}
