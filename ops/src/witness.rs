//! The folder of a witness: `witness.toml`, `logs.policy`, `keys/`, `journal`, for its owner only.

mod journal;
mod server;

pub(crate) use server::serve;

use crate::config::parse_private;
use crate::failure::Failure;
use crate::folder::{self, NewFolder};
use crate::keys;
use crate::witnessing::read_policy;
use crate::{console::printable, files};
use journal::Journal;
use ledger::{CheckpointWitness, CosigningKey, SystemClock, WitnessParts, WitnessWriter};
use proofs::{CosignatureKind, Cosigner, LogKey, TlogPolicy};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The annotated configuration with every default.
pub(crate) const TEMPLATE: &str = include_str!("witness/witness.toml");
/// The logs of a new witness: none.
const NO_LOGS: &str = "\
# The logs that this witness knows (C2SP tlog-policy): one line a key, `log <vkey> [<url>]`. The name in the vkey is the
# origin of the log. Restart the witness after a change.
quorum none
";

/// The key files, by kind. A witness has one of them, or both.
const KEYS: [(CosignatureKind, &str); 2] =
    [(CosignatureKind::Ed25519, "ed25519.pem"), (CosignatureKind::MlDsa44, "ml-dsa-44.pem")];

/// `witness.toml`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) behind_proxy: bool,
    pub(crate) private: String,
    pub(crate) max_connections: usize,
    pub(crate) requests_in_flight: usize,
    pub(crate) head_timeout_s: u64,
}

impl Config {
    /// Where `/metrics` is served, if anywhere.
    pub(crate) fn private(&self) -> Result<Option<SocketAddr>, Failure> {
        parse_private(&self.private)
            .map_err(|why| Failure::local(format_args!("witness.toml: private: {why}")))
    }
}

/// The folder of one witness.
#[derive(Clone, Debug)]
pub(crate) struct WitnessDir(PathBuf);

impl WitnessDir {
    /// Makes a witness of this name in a new or empty folder, with keys of these kinds; gives their vkeys. After a failure
    /// the folder itself is as it was before.
    pub(crate) fn create(root: &Path, name: &str, kinds: &[CosignatureKind]) -> Result<Vec<String>, Failure> {
        let new = NewFolder::take(root, || {
            Failure::local(format_args!("{} is not empty", root.display()))
                .hint("a witness is only made in an empty folder")
        })?;
        Self(root.to_owned()).fill(name, kinds).inspect_err(|_| new.abandon())
    }

    fn fill(&self, name: &str, kinds: &[CosignatureKind]) -> Result<Vec<String>, Failure> {
        let made = kinds
            .iter()
            .map(|kind| CosigningKey::generate(*kind, name))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Failure::local(format_args!("--name {}: {error}", printable(name))))?;
        folder::make(&self.0.join("keys"))?;
        for key in &made {
            let pem =
                key.to_pem().map_err(|error| Failure::local(format_args!("cannot write a key: {error}")))?;
            files::write_secret(&self.key_file(key.key().kind()), pem.as_bytes())?;
        }
        files::write_new(&self.0.join("logs.policy"), NO_LOGS.as_bytes(), 0o644)?;
        Journal::create(&self.0)?;
        let quoted = toml::Value::from(name).to_string();
        let text = TEMPLATE.replace("name = \"witness.example\"", &format!("name = {quoted}"));
        // Last: a folder without it is no witness.
        files::write_new(&self.0.join("witness.toml"), text.as_bytes(), 0o644)?;
        Ok(made.iter().map(|key| key.key().to_string()).collect())
    }

    /// Takes the folder of an existing witness.
    pub(crate) fn open(root: &Path) -> Result<Self, Failure> {
        if !root.join("witness.toml").is_file() {
            return Err(Failure::local(format_args!("{} is not the folder of a witness", root.display()))
                .hint("make one with: stele witness init DIR --name NAME"));
        }
        Ok(Self(root.to_owned()))
    }

    fn key_file(&self, kind: CosignatureKind) -> PathBuf {
        let name = KEYS.iter().find(|(of, _)| *of == kind).map_or("", |(_, name)| name);
        self.0.join("keys").join(name)
    }

    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let path = self.0.join("witness.toml");
        toml::from_str(&files::read_text(&path)?)
            .map_err(|error| Failure::local(format_args!("{}: {}", path.display(), error.message())))
    }

    /// The keys that there are.
    pub(crate) fn cosigners(&self, name: &str) -> Result<Vec<Arc<dyn Cosigner>>, Failure> {
        let mut cosigners: Vec<Arc<dyn Cosigner>> = Vec::new();
        for (kind, _) in KEYS {
            let path = self.key_file(kind);
            if path.exists() {
                cosigners.push(Arc::new(keys::cosigning(&path, name)?));
            }
        }
        Ok(cosigners)
    }

    /// The logs it knows.
    pub(crate) fn logs(&self) -> Result<Vec<LogKey>, Failure> {
        let policy: TlogPolicy = read_policy(&self.0.join("logs.policy"))?;
        Ok(policy.logs().iter().map(|log| log.key.clone()).collect())
    }

    /// Opens the witness: its handle, and the writer of its journal.
    pub(crate) fn witness(&self, config: &Config) -> Result<(CheckpointWitness, WitnessWriter), Failure> {
        let (journal, kept) = Journal::open(&self.0)?;
        let parts = WitnessParts {
            cosigners: self.cosigners(&config.name)?,
            logs: self.logs()?,
            kept,
            journal: Box::new(journal),
            clock: Arc::new(SystemClock),
        };
        CheckpointWitness::open(parts)
            .map_err(|error| Failure::local(format_args!("{}: {error}", self.0.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [CosignatureKind; 2] = [CosignatureKind::Ed25519, CosignatureKind::MlDsa44];

    #[test]
    fn a_witness_that_cannot_be_made_leaves_the_folder_as_it_was() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("w");
        let failure = WitnessDir::create(&root, "two words", &KINDS).unwrap_err();
        assert!(failure.message.starts_with("--name two words: "), "{}", failure.message);
        assert!(!root.exists());
        // Two keys of one kind do not fit in one file, so the second cannot be written.
        let twice = [CosignatureKind::Ed25519; 2];
        let failure = WitnessDir::create(&root, "witness.example/w", &twice).unwrap_err();
        assert!(failure.message.starts_with("cannot create "), "{}", failure.message);
        assert!(!root.exists());
        std::fs::create_dir(&root).unwrap();
        WitnessDir::create(&root, "witness.example/w", &twice).unwrap_err();
        assert_eq!(root.read_dir().unwrap().count(), 0);
        assert_eq!(WitnessDir::create(&root, "witness.example/w", &KINDS).unwrap().len(), 2);
        WitnessDir::open(&root).unwrap();
    }

    #[test]
    fn a_witness_is_only_made_in_an_empty_folder_that_can_be_read() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("notes.txt");
        std::fs::write(&file, "mine").unwrap();
        let failure = WitnessDir::create(root.path(), "witness.example/w", &KINDS).unwrap_err();
        assert_eq!(failure.message, format!("{} is not empty", root.path().display()));
        assert_eq!(failure.hint.as_deref(), Some("a witness is only made in an empty folder"));
        let failure = WitnessDir::create(&file, "witness.example/w", &KINDS).unwrap_err();
        assert!(failure.message.starts_with("cannot use "), "{}", failure.message);
        assert_eq!(root.path().read_dir().unwrap().count(), 1);
    }
}
