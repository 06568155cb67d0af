//! `BACKUP.json`: what a backup is of, and every file of it. Who changes a byte of a backup is noticed.

use super::copy::{Content, is_below};
use crate::failure::Failure;
use crate::files;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

/// The name of the file.
pub(crate) const MANIFEST: &str = "BACKUP.json";
/// The form that this program reads and writes.
const VERSION: u32 = 1;
/// How many files a backup may have. RocksDB keeps a table for tens of MiB, so this is above every log.
const MAX_FILES: usize = 200_000;
/// What restoring writes itself, and never takes from a backup.
const OURS: [&str; 4] = ["store/FORMAT", "store/RESTORED", "store/LOCK", super::UNFINISHED];

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(super) stele_backup: u32,
    /// When it was made, in seconds.
    pub(crate) made_at: u64,
    pub(crate) log_id: String,
    pub(crate) iss: String,
    pub(crate) origin: String,
    pub(crate) tree_size: u64,
    pub(crate) root: String,
    pub(crate) checkpoint_size: u64,
    /// Whether nothing left the log before its witnesses had seen it.
    pub(crate) bound_by_witnesses: bool,
    pub(super) store_format: u32,
    /// The private keys in it, by role.
    pub(crate) keys: Vec<String>,
    pub(super) files: Vec<Named>,
    /// SHA-256 of this document with this member empty.
    pub(super) check: String,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Named {
    pub(super) fn holds(&self, content: &Content) -> bool {
        self.bytes == content.bytes && self.sha256 == content.sha256
    }
}

impl Manifest {
    /// Fills in what the others follow from.
    pub(super) fn sealed(mut self) -> Result<Self, Failure> {
        self.stele_backup = VERSION;
        self.check = self.expected()?;
        if self.files.len() > MAX_FILES {
            return Err(Failure::local(format_args!("a backup has at most {MAX_FILES} files")));
        }
        Ok(self)
    }

    fn expected(&self) -> Result<String, Failure> {
        let plain = Self { check: String::new(), ..self.clone() };
        Ok(HEXLOWER.encode(&Sha256::digest(plain.text()?)))
    }

    pub(super) fn text(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec_pretty(self).map_err(|error| Failure::local(format_args!("{MANIFEST}: {error}")))
    }

    /// Every byte of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Reads what a backup says of itself.
    pub(crate) fn read(backup: &Path) -> Result<Self, Failure> {
        let path = backup.join(MANIFEST);
        match path.symlink_metadata() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Failure::refused(format_args!(
                    "{} is no whole backup: it has no {MANIFEST}, which is written last",
                    backup.display()
                ))
                .hint("make one with: stele backup DIR TARGET"));
            }
            Err(error) => {
                return Err(Failure::local(format_args!("cannot read {}: {error}", path.display())));
            }
        }
        Self::parse(&files::read(&path)?).map_err(|why| damaged(backup, &format!("{MANIFEST} {why}")))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| format!("does not read: {error}"))?;
        let version = value.get("stele_backup").and_then(serde_json::Value::as_u64);
        if version.is_some_and(|version| version != u64::from(VERSION)) {
            return Err(format!("is of another form than {VERSION}, the one this program reads"));
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("does not read: {error}"))?;
        if manifest.expected().is_ok_and(|expected| expected != manifest.check) {
            return Err("is not as it was written".to_owned());
        }
        if manifest.files.len() > MAX_FILES {
            return Err(format!("names more than {MAX_FILES} files"));
        }
        let mut seen = BTreeSet::new();
        for file in &manifest.files {
            let name = file.path.as_str();
            if !is_below(Path::new(name)) || OURS.contains(&name) || name == MANIFEST || !seen.insert(name) {
                return Err(format!("names {name:?}, which no backup has"));
            }
        }
        Ok(manifest)
    }
}

/// A backup that is not what was written.
pub(super) fn damaged(backup: &Path, why: &str) -> Failure {
    Failure::refused(format_args!("the backup in {} is damaged: {why}", backup.display()))
        .hint("restore another backup; this one is of no use")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn manifest() -> Manifest {
        let named = |path: &str| Named { path: path.to_owned(), bytes: 3, sha256: "ab".repeat(32) };
        let manifest = Manifest {
            stele_backup: 0,
            made_at: 1_790_000_000,
            log_id: "cd".repeat(32),
            iss: "https://ts.example".to_owned(),
            origin: "ts.example".to_owned(),
            tree_size: 5,
            root: "ef".repeat(32),
            checkpoint_size: 5,
            bound_by_witnesses: false,
            store_format: 1,
            keys: Vec::new(),
            files: vec![named("store/db/CURRENT"), named("stele.toml")],
            check: String::new(),
        };
        manifest.sealed().unwrap()
    }

    #[test]
    fn every_changed_byte_of_a_manifest_is_noticed() {
        let good = manifest();
        let text = good.text().unwrap();
        assert_eq!(Manifest::parse(&text), Ok(good));
        for at in 0..text.len() {
            let mut bytes = text.clone();
            bytes[at] ^= 1;
            // White space between the members is all that may differ.
            if let Ok(other) = Manifest::parse(&bytes) {
                assert_eq!(other, manifest(), "byte {at}");
            }
            assert!(Manifest::parse(&text[..at]).is_err());
        }
    }

    #[test]
    fn no_backup_writes_outside_of_its_folder_or_over_what_makes_a_log() {
        let outside = ["../evil", "/etc/passwd", "store/../../evil", "", "./x", "store//db/x", "store/x/"];
        let ours = ["store/FORMAT", "store/RESTORED", "RESTORING", "BACKUP.json"];
        for bad in outside.into_iter().chain(ours).chain(["stele.toml"]) {
            let mut evil = manifest();
            evil.files.push(Named { path: bad.to_owned(), bytes: 1, sha256: "ab".repeat(32) });
            let text = evil.sealed().unwrap().text().unwrap();
            let why = Manifest::parse(&text).unwrap_err();
            assert!(why.contains("which no backup has"), "{bad}: {why}");
        }
    }

    #[test]
    fn another_form_is_named() {
        let text = String::from_utf8(manifest().text().unwrap()).unwrap();
        let later = text.replace("\"stele_backup\": 1", "\"stele_backup\": 2");
        assert!(Manifest::parse(later.as_bytes()).unwrap_err().contains("of another form than 1"));
    }
}
