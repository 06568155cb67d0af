//! Folders that a command makes and fills: new or empty when it begins, and as they were before when it fails.

use crate::failure::Failure;
use anyhow::Context;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder that was empty when this process took it.
#[derive(Clone, Debug)]
pub(crate) struct NewFolder {
    root: PathBuf,
    /// Whether it was not there before.
    made: bool,
}

impl NewFolder {
    /// Makes the folder, or takes an empty one. `not_empty` says why one with something in it is not taken.
    pub(crate) fn take(root: &Path, not_empty: impl FnOnce() -> Failure) -> Result<Self, Failure> {
        let made = match root.read_dir().map(|mut items| items.next().is_some()) {
            Ok(false) => false,
            Ok(true) => return Err(not_empty()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make(root)?;
                true
            }
            Err(error) => return Err(Failure::local(format_args!("cannot use {}: {error}", root.display()))),
        };
        Ok(Self { root: root.to_owned(), made })
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Takes back whatever is in the folder by now, and the folder if it was not there before.
    pub(crate) fn abandon(&self) {
        for item in self.root.read_dir().into_iter().flatten().flatten() {
            let path = item.path();
            fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)).ok();
        }
        self.give_back();
    }

    /// Takes back the folder alone, if it was not there before and is empty again.
    pub(crate) fn give_back(&self) {
        if self.made {
            fs::remove_dir(&self.root).ok();
        }
    }
}

/// Makes a folder for its owner only, and those above it.
pub(crate) fn make(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    Ok(made.with_context(|| format!("cannot make {}", folder.display()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;
    use std::os::unix::fs::PermissionsExt;

    fn take(root: &Path) -> Result<NewFolder, Failure> {
        NewFolder::take(root, || Failure::refused("not empty"))
    }

    fn fill(root: &Path) {
        fs::create_dir_all(root.join("keys/more")).unwrap();
        fs::write(root.join("keys/more/key.pem"), "secret").unwrap();
        fs::write(root.join("stele.toml"), "").unwrap();
    }

    #[test]
    fn a_new_folder_is_for_its_owner_only_and_goes_when_it_is_abandoned() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("above/log");
        let folder = take(&root).unwrap();
        assert_eq!(root.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        fill(&root);
        folder.abandon();
        assert!(!root.exists());
    }

    #[test]
    fn an_empty_folder_is_taken_and_stays_empty_when_it_is_abandoned() {
        let root = tempfile::tempdir().unwrap();
        let folder = take(root.path()).unwrap();
        fill(root.path());
        // A link is taken back, and not what it leads to.
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("mine"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        folder.abandon();
        assert_eq!(root.path().read_dir().unwrap().count(), 0);
        assert!(outside.path().join("mine").exists());
    }

    #[test]
    fn only_an_empty_folder_is_given_back() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("log");
        let folder = take(&root).unwrap();
        fs::write(root.join("notes.txt"), "mine").unwrap();
        folder.give_back();
        assert!(root.join("notes.txt").exists());
        fs::remove_file(root.join("notes.txt")).unwrap();
        folder.give_back();
        assert!(!root.exists());
    }

    #[test]
    fn what_is_in_use_is_not_taken_and_what_cannot_be_read_is_said() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("notes.txt");
        fs::write(&file, "mine").unwrap();
        assert_eq!(take(root.path()).unwrap_err().message, "not empty");
        let failure = take(&file).unwrap_err();
        assert_eq!(failure.exit, Exit::Local);
        assert!(failure.message.starts_with("cannot use "), "{}", failure.message);
        let failure = take(&file.join("log")).unwrap_err();
        assert!(failure.message.starts_with("cannot use "), "{}", failure.message);
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }
}
