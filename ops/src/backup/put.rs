//! Putting a backup back.

use super::Steps;
use super::copy::{copy, sync, sync_folders};
use super::manifest::{Manifest, damaged};
use crate::datadir::Role;
use crate::failure::Failure;
use crate::files;
use crate::folder::{self, NewFolder};
use crate::progress::Progress;
use anyhow::Context;
use ledger::{Compared, Inspected, RestoredMark};
use proofs::EntryId;
use std::fs;
use std::path::{Path, PathBuf};
use storage::RocksStore;

/// The file that is in the folder as long as the backup is not back whole.
pub(crate) const UNFINISHED: &str = "RESTORING";

/// What is to be restored, and what it has to be.
pub(crate) struct Wanted<'a> {
    pub(crate) backup: &'a Path,
    pub(crate) root: &'a Path,
    /// The folder with the private keys, where the backup has none.
    pub(crate) keys: Option<&'a Path>,
    /// Only if it is a backup of this log.
    pub(crate) log_id: Option<EntryId>,
    /// Checkpoints of this log that somebody else kept.
    pub(crate) known: &'a [PathBuf],
}

/// What came of it.
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    /// The private keys of the service that are not in the folder yet.
    pub(crate) missing_keys: Vec<String>,
}

/// Puts a backup back in a folder that is new or empty. It is no log until the last step, and bears the mark of a
/// restored one then. After a failure the folder is as it was before.
pub(crate) fn restore(wanted: &Wanted<'_>, step: Steps<'_>) -> Result<Restored, Failure> {
    let manifest = Manifest::read(wanted.backup)?;
    check(wanted, &manifest)?;
    let place = Place::make(wanted.root)?;
    place.fill(wanted, manifest, step).inspect_err(|_| place.0.abandon())
}

/// What can be told without copying anything.
fn check(wanted: &Wanted<'_>, manifest: &Manifest) -> Result<(), Failure> {
    if let Some(log) = wanted.log_id.filter(|log| log.to_string() != manifest.log_id) {
        return Err(Failure::refused(format_args!(
            "the backup in {} is of the log {}, not of {log}",
            wanted.backup.display(),
            manifest.log_id
        )));
    }
    if manifest.store_format != storage::rocks::FORMAT {
        let found = manifest.store_format;
        let error = storage::StoreError::WrongVersion { found, expected: storage::rocks::FORMAT };
        return Err(Failure::local(format_args!("{}: {error}", wanted.backup.display())));
    }
    for file in &manifest.files {
        let length = wanted.backup.join(&file.path).metadata().map(|facts| facts.len());
        match length {
            Ok(length) if length == file.bytes => {}
            Ok(length) => {
                let why = format!("{} has {length} bytes, not {}", file.path, file.bytes);
                return Err(damaged(wanted.backup, &why));
            }
            Err(error) => return Err(damaged(wanted.backup, &format!("{}: {error}", file.path))),
        }
    }
    Ok(())
}

/// The folder that a backup is put back in.
struct Place(NewFolder);

impl Place {
    fn make(root: &Path) -> Result<Self, Failure> {
        let new = NewFolder::take(root, || {
            if root.join(UNFINISHED).exists() {
                return Failure::local(format_args!(
                    "{} holds what a restore left that was interrupted",
                    root.display()
                ))
                .hint("delete the folder and run the command again, or name another");
            }
            Failure::local(format_args!(
                "{} is not empty, and a log is only restored in an empty folder",
                root.display()
            ))
            .hint("name another folder; keep a log that was damaged until the restored one serves")
        })?;
        files::replace(&root.join(UNFINISHED), b"a restore into this folder is not finished\n")
            .inspect_err(|_| new.abandon())?;
        Ok(Self(new))
    }

    fn fill(&self, wanted: &Wanted<'_>, manifest: Manifest, step: Steps<'_>) -> Result<Restored, Failure> {
        step("the folder was made")?;
        self.copy_all(wanted.backup, &manifest, step)?;
        self.copy_keys(wanted, &manifest)?;
        step("the keys were copied")?;
        sync_folders(self.0.root(), manifest.files.iter().map(|file| Path::new(&file.path)))?;
        let found = self.inspect(wanted, &manifest)?;
        step("the store was checked")?;
        let mark = RestoredMark { head: found.head.tree, witnessed: manifest.bound_by_witnesses };
        RocksStore::seal_restored(&self.0.root().join("store"), manifest.store_format, &mark.to_json())
            .map_err(Failure::local)?;
        step("the store was sealed")?;
        let unfinished = self.0.root().join(UNFINISHED);
        fs::remove_file(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
        sync(self.0.root())?;
        if let Some(above) = self.0.root().parent().filter(|above| !above.as_os_str().is_empty()) {
            sync(above)?;
        }
        step("the restore was finished")?;
        let missing_keys = self.missing_keys(found.identity.genesis.checkpoints_ml_dsa_44.is_some());
        Ok(Restored { manifest, missing_keys })
    }

    fn copy_all(&self, backup: &Path, manifest: &Manifest, step: Steps<'_>) -> Result<(), Failure> {
        let total = manifest.bytes();
        let (progress, mut done) = (Progress::new("restore", 0, total), 0);
        for file in &manifest.files {
            let content = copy(&backup.join(&file.path), &self.0.root().join(&file.path), &mut |bytes| {
                done += bytes;
                progress.at(done, total);
            })?;
            if !file.holds(&content) {
                return Err(damaged(backup, &format!("{} is not as it was written", file.path)));
            }
            step("a file was copied")?;
        }
        Ok(())
    }

    /// Puts the keys in place that were given. The operator's is for whoever decides, not for the machine that serves
    /// (D19).
    fn copy_keys(&self, wanted: &Wanted<'_>, manifest: &Manifest) -> Result<(), Failure> {
        let keys = self.0.root().join("keys");
        folder::make(&keys)?;
        let Some(folder) = wanted.keys else { return Ok(()) };
        if !manifest.keys.is_empty() {
            return Err(Failure::local("the backup has its own keys, so --keys would be ambiguous"));
        }
        for role in of_service() {
            let from = folder.join(format!("{role}.pem"));
            if from.exists() {
                copy(&from, &keys.join(format!("{role}.pem")), &mut |_| {})?;
            }
        }
        sync(&keys)
    }

    /// Which of the service's keys somebody still has to bring. Old logs have no second checkpoint key.
    fn missing_keys(&self, second: bool) -> Vec<String> {
        let needed = of_service().filter(|role| second || *role != Role::CheckpointsMlDsa);
        let names = needed.map(|role| format!("{role}.pem"));
        names.filter(|name| !self.0.root().join("keys").join(name).exists()).collect()
    }

    /// Proves what was put back: it is the log that the backup says, as far as it says, and nobody's checkpoint is ahead
    /// of it.
    fn inspect(&self, wanted: &Wanted<'_>, manifest: &Manifest) -> Result<Inspected, Failure> {
        let damage = |error: &dyn std::fmt::Display| damaged(wanted.backup, &error.to_string());
        let store = RocksStore::open_copy(&self.0.root().join("store"), &storage::Settings::default())
            .map_err(|error| damage(&error))?;
        let found = ledger::inspect(&store).map_err(|error| damage(&error))?;
        let head = found.head.tree;
        if found.identity.log_id.to_string() != manifest.log_id
            || (head.size.get(), head.root.to_string()) != (manifest.tree_size, manifest.root.clone())
        {
            return Err(damage(&"its store holds another log than it says"));
        }
        for known in wanted.known {
            let name = known.display();
            match ledger::compare(&store, &files::read(known)?).map_err(|error| damage(&error))? {
                Compared::Foreign(why) => {
                    return Err(Failure::local(format_args!("{name} is no checkpoint of this log: {why}")));
                }
                compared => {
                    if let Some(why) = compared.stops() {
                        return Err(Failure::refused(format_args!(
                            "this backup is too old: {name} shows that {why}"
                        )));
                    }
                }
            }
        }
        Ok(found)
    }
}

fn of_service() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| *role != Role::Operator)
}
