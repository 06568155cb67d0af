//! The folder of a log: `stele.toml`, `keys/`, `store/`, for its owner only.

use crate::config::Config;
use crate::failure::Failure;
use crate::folder::{self, NewFolder};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use storage::{RocksStore, StoreError};

/// What a key signs (D19: one key a role).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Receipts.
    Receipts,
    /// Checkpoints.
    Checkpoints,
    /// Checkpoints, a second time, with ML-DSA-44 (CKPT-06). Logs that were made before it was known have none.
    CheckpointsMlDsa,
    /// Statements the service itself registers.
    Registrar,
    /// Policy and trust anchors. `serve` never reads it.
    Operator,
}

impl Role {
    pub(crate) const ALL: [Self; 5] =
        [Self::Receipts, Self::Checkpoints, Self::CheckpointsMlDsa, Self::Registrar, Self::Operator];

    const fn name(self) -> &'static str {
        match self {
            Self::Receipts => "receipts",
            Self::Checkpoints => "checkpoints",
            Self::CheckpointsMlDsa => "checkpoints-ml-dsa-44",
            Self::Registrar => "registrar",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The folder of one log.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
    /// The folder as this process took it, if it makes the log.
    new: Option<NewFolder>,
}

impl DataDir {
    /// Makes the folder, or takes an empty one.
    pub(crate) fn create(root: &Path) -> Result<Self, Failure> {
        let new = NewFolder::take(root, || {
            Failure::local(format_args!(
                "{} is not empty, and a log is only made in an empty folder",
                root.display()
            ))
            .hint("name another folder; a log that is already there is served with: stele serve")
        })?;
        folder::make(&root.join("keys")).inspect_err(|_| new.give_back())?;
        Ok(Self { root: root.to_owned(), new: Some(new) })
    }

    /// Takes the folder of an existing log.
    pub(crate) fn open(root: &Path) -> Result<Self, Failure> {
        let hint = "make a log with: stele init DIR --service-url URL";
        match root.metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                return Err(Failure::local(format_args!(
                    "{} is a file, not the folder of a log",
                    root.display()
                ))
                .hint(hint));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Failure::local(format_args!("{} does not exist", root.display())).hint(hint));
            }
            Err(error) => return Err(Failure::local(format_args!("cannot use {}: {error}", root.display()))),
        }
        let folder = Self { root: root.to_owned(), new: None };
        if root.join(crate::backup::UNFINISHED).exists() {
            return Err(Failure::local(format_args!(
                "{} is not a log: restoring a backup into it was interrupted",
                root.display()
            ))
            .hint("delete the folder, then run stele restore again"));
        }
        if root.join(crate::backup::MANIFEST).exists() {
            return Err(Failure::local(format_args!(
                "{} is a backup, not the folder of a log",
                root.display()
            ))
            .hint("put it back in a folder of its own with: stele restore BACKUP DIR"));
        }
        for needed in [folder.config_file(), folder.store_folder()] {
            if !needed.exists() {
                return Err(Failure::local(format_args!(
                    "{} is not the folder of a log: it has no {}",
                    root.display(),
                    needed.file_name().unwrap_or_default().to_string_lossy()
                ))
                .hint(hint));
            }
        }
        Ok(folder)
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `stele.toml`
    pub(crate) fn config_file(&self) -> PathBuf {
        self.root.join("stele.toml")
    }

    /// The private key of a role.
    pub(crate) fn key_file(&self, role: Role) -> PathBuf {
        self.root.join("keys").join(format!("{role}.pem"))
    }

    /// The folder of the store.
    pub(crate) fn store_folder(&self) -> PathBuf {
        self.root.join("store")
    }

    /// A file the configuration names; relative names begin at this folder.
    pub(crate) fn resolve(&self, named: &Path) -> PathBuf {
        self.root.join(named)
    }

    /// The configuration of the log.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::read(&self.config_file())
    }

    /// Makes the store of a new log.
    pub(crate) fn create_store(&self) -> Result<RocksStore, Failure> {
        folder::make(&self.store_folder())?;
        RocksStore::create(&self.store_folder(), &storage::Settings::default())
            .map_err(|error| self.explain(&error))
    }

    /// Opens the store for one process alone.
    pub(crate) fn open_store(&self, settings: &storage::Settings) -> Result<RocksStore, Failure> {
        RocksStore::open(&self.store_folder(), settings).map_err(|error| self.explain(&error))
    }

    /// Opens the store for one process alone, also of a log that was restored and may not sign yet.
    pub(crate) fn open_restored_store(&self, settings: &storage::Settings) -> Result<RocksStore, Failure> {
        RocksStore::open_restored(&self.store_folder(), settings).map_err(|error| self.explain(&error))
    }

    /// Opens the store without changing anything in it.
    pub(crate) fn open_store_read_only(&self) -> Result<RocksStore, Failure> {
        RocksStore::open_read_only(&self.store_folder(), &storage::Settings::default())
            .map_err(|error| self.explain(&error))
    }

    /// Takes back what an `init` that failed has made. Files it did not make keep their folder alive.
    pub(crate) fn abandon(&self) {
        std::fs::remove_dir_all(self.store_folder()).ok();
        for role in Role::ALL {
            std::fs::remove_file(self.key_file(role)).ok();
        }
        std::fs::remove_dir(self.root.join("keys")).ok();
        std::fs::remove_file(self.config_file()).ok();
        if let Some(new) = &self.new {
            new.give_back();
        }
    }

    fn explain(&self, error: &StoreError) -> Failure {
        Failure::local(format_args!("{}: {error}", self.root.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_folder_is_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("log");
        DataDir::create(&root).unwrap();
        for folder in [root.clone(), root.join("keys")] {
            assert_eq!(
                folder.metadata().unwrap().permissions().mode() & 0o777,
                0o700,
                "{}",
                folder.display()
            );
        }
    }

    #[test]
    fn a_log_is_only_made_in_an_empty_folder() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("notes.txt"), "mine").unwrap();
        let failure = DataDir::create(root.path()).unwrap_err();
        assert_eq!(failure.exit, Exit::Local);
        assert!(failure.message.ends_with("is not empty, and a log is only made in an empty folder"));
        assert!(root.path().join("notes.txt").exists());
        assert!(!root.path().join("keys").exists());
    }

    #[test]
    fn what_is_no_log_is_said_in_one_line() {
        let parent = tempfile::tempdir().unwrap();
        let line = |path: &Path| {
            let failure = DataDir::open(path).unwrap_err();
            assert!(failure.hint.is_some());
            failure.message
        };
        assert!(line(&parent.path().join("absent")).ends_with("absent does not exist"));
        assert!(line(parent.path()).ends_with("is not the folder of a log: it has no stele.toml"));
        let file = parent.path().join("stele.toml");
        std::fs::write(&file, "").unwrap();
        assert!(line(&file).ends_with("is a file, not the folder of a log"));
        assert!(line(parent.path()).ends_with("it has no store"));
    }

    #[test]
    fn a_failed_init_leaves_nothing_of_its_own() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("log");
        let folder = DataDir::create(&root).unwrap();
        std::fs::write(folder.key_file(Role::Operator), "secret").unwrap();
        std::fs::create_dir(folder.store_folder()).unwrap();
        folder.abandon();
        assert!(!root.exists());
        DataDir::create(parent.path()).unwrap().abandon();
        assert_eq!(
            parent.path().read_dir().unwrap().count(),
            0,
            "a folder that was there stays, empty as it was"
        );
    }

    #[test]
    fn a_store_that_is_none_does_not_open() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("stele.toml"), "").unwrap();
        std::fs::create_dir(root.path().join("store")).unwrap();
        let folder = DataDir::open(root.path()).unwrap();
        let message = folder.open_store(&storage::Settings::default()).err().unwrap().message;
        assert!(message.contains("holds no log"), "{message}");
    }

    #[test]
    fn relative_names_begin_at_the_folder() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("stele.toml"), "").unwrap();
        std::fs::create_dir(root.path().join("store")).unwrap();
        let folder = DataDir::open(root.path()).unwrap();
        assert_eq!(folder.resolve(Path::new("tls/key.pem")), root.path().join("tls/key.pem"));
        assert_eq!(folder.resolve(Path::new("/etc/key.pem")), Path::new("/etc/key.pem"));
    }
}
