//! Making a backup.

use super::copy::{copy, sync, sync_folders};
use super::manifest::{MANIFEST, Manifest, Named};
use super::{Steps, live};
use crate::config::Config;
use crate::datadir::{DataDir, Role};
use crate::failure::Failure;
use crate::files;
use crate::folder::NewFolder;
use crate::progress::Progress;
use anyhow::Context;
use ledger::{Clock, SystemClock};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use storage::RocksStore;

/// What came of it.
pub(crate) struct Taken {
    pub(crate) manifest: Manifest,
    /// Whether the service went on meanwhile.
    pub(crate) hot: bool,
    /// Files that the configuration names and that a backup does not hold.
    pub(crate) left_out: Vec<String>,
}

/// Where the store is copied from.
pub(super) enum Source {
    /// A copy that the running service made; it goes away with the connection.
    Live {
        store: PathBuf,
        #[expect(dead_code, reason = "its end is the message")]
        lease: UnixStream,
    },
    /// The store itself, which nobody can open for writing as long as this is held.
    AtRest(PathBuf, #[expect(dead_code, reason = "it holds the lock")] Box<RocksStore>),
}

impl Source {
    fn of(folder: &DataDir) -> Result<Self, Failure> {
        if let Some(live) = live::freeze(folder)? {
            return Ok(live);
        }
        match RocksStore::open_read_only(&folder.store_folder(), &storage::Settings::default()) {
            Ok(store) => Ok(Self::AtRest(folder.store_folder(), Box::new(store))),
            Err(storage::StoreError::Locked) => Err(Failure::unreachable(format_args!(
                "{} is in use, and nobody there makes copies: a service that is starting or stopping, or another command",
                folder.root().display()
            ))
            .hint("run the command again in a moment")),
            Err(error) => Err(Failure::local(format_args!("{}: {error}", folder.root().display()))),
        }
    }

    fn store(&self) -> &Path {
        match self {
            Self::Live { store, .. } | Self::AtRest(store, _) => store,
        }
    }
}

/// Makes a backup of a log in a folder that is new or empty. After a failure the folder is as it was before.
pub(crate) fn backup(
    folder: &DataDir,
    target: &Path,
    with_keys: bool,
    step: Steps<'_>,
) -> Result<Taken, Failure> {
    let config = folder.config()?;
    let target = Target::make(folder, target)?;
    target.fill(folder, &config, with_keys, step).inspect_err(|_| target.0.abandon())
}

/// The folder of a backup that is being made.
struct Target(NewFolder);

impl Target {
    fn make(folder: &DataDir, root: &Path) -> Result<Self, Failure> {
        let new = NewFolder::take(root, || {
            Failure::local(format_args!(
                "{} is not empty, and a backup is only made in an empty folder",
                root.display()
            ))
            .hint("name another folder, one for each backup")
        })?;
        let inside = root.canonicalize().ok().zip(folder.root().canonicalize().ok());
        if inside.is_some_and(|(target, log)| target.starts_with(log)) {
            new.abandon();
            return Err(Failure::local("a backup inside of the log's own folder is none")
                .hint("name a folder on another disk"));
        }
        Ok(Self(new))
    }

    fn fill(
        &self,
        folder: &DataDir,
        config: &Config,
        with_keys: bool,
        step: Steps<'_>,
    ) -> Result<Taken, Failure> {
        let source = Source::of(folder)?;
        step("the copy was made")?;
        let (beside, left_out) = beside(folder, config);
        let keys = if with_keys { keys(folder)? } else { Vec::new() };
        let store = RocksStore::files(source.store()).map_err(Failure::local)?;
        let jobs: Vec<(PathBuf, String)> = store
            .iter()
            .map(|name| (source.store().join(name), format!("store/{}", name.display())))
            .chain(beside.into_iter().map(|name| (folder.resolve(Path::new(&name)), name)))
            .chain(keys.iter().map(|role| (folder.key_file(*role), format!("keys/{role}.pem"))))
            .collect();
        let files = self.copy_all(&jobs, step)?;
        let hot = matches!(source, Source::Live { .. });
        drop(source);
        step("everything was copied")?;
        let found = self.inspect()?;
        step("the backup was checked")?;
        let manifest = Manifest {
            stele_backup: 0,
            made_at: SystemClock.now().secs(),
            log_id: found.identity.log_id.to_string(),
            iss: found.identity.genesis.issuer,
            origin: found.identity.genesis.origin,
            tree_size: found.head.tree.size.get(),
            root: found.head.tree.root.to_string(),
            checkpoint_size: found.published.get(),
            bound_by_witnesses: ledger::is_bound_by_witnesses(
                &config.ledger,
                config.witness.policy.is_some().then(|| config.witness.settings()).as_ref(),
            ),
            store_format: storage::rocks::FORMAT,
            keys: keys.iter().map(Role::to_string).collect(),
            files,
            check: String::new(),
        };
        let manifest = manifest.sealed()?;
        sync_folders(self.0.root(), manifest.files.iter().map(|file| Path::new(&file.path)))?;
        files::replace(&self.0.root().join(MANIFEST), &manifest.text()?)?;
        if let Some(above) = self.0.root().parent().filter(|above| !above.as_os_str().is_empty()) {
            sync(above)?;
        }
        step("the manifest was written")?;
        Ok(Taken { manifest, hot, left_out })
    }

    fn copy_all(&self, jobs: &[(PathBuf, String)], step: Steps<'_>) -> Result<Vec<Named>, Failure> {
        let total = jobs.iter().filter_map(|(from, _)| from.metadata().ok()).map(|facts| facts.len()).sum();
        let (progress, mut done) = (Progress::new("backup", 0, total), 0);
        let mut copied = Vec::with_capacity(jobs.len());
        for (from, name) in jobs {
            let content = copy(from, &self.0.root().join(name), &mut |bytes| {
                done += bytes;
                progress.at(done, total);
            })?;
            step("a file was copied")?;
            copied.push(Named { path: name.clone(), bytes: content.bytes, sha256: content.sha256 });
        }
        Ok(copied)
    }

    /// Opens what was copied, and proves it as opening the log does.
    fn inspect(&self) -> Result<ledger::Inspected, Failure> {
        let path = self.0.root().join("store");
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::local(format_args!("what was copied is not the log: {error}"))
                .hint("is the log itself whole? stop the service and run: stele fsck DIR")
        };
        let store =
            RocksStore::open_copy(&path, &storage::Settings::default()).map_err(|error| cannot(&error))?;
        let found = ledger::inspect(&store).map_err(|error| cannot(&error))?;
        drop(store);
        forget_opening(&path)?;
        Ok(found)
    }
}

/// Removes what looking at a copy has left in it.
fn forget_opening(store: &Path) -> Result<(), Failure> {
    for name in ["LOCK", "db/LOG", "db/LOCK"] {
        let path = store.join(name);
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// The configuration, the witness policy and the client CA that it names, and what it names besides.
fn beside(folder: &DataDir, config: &Config) -> (Vec<String>, Vec<String>) {
    let (mut copied, mut left_out) = (vec!["stele.toml".to_owned()], Vec::new());
    for named in [config.witness.policy.as_deref(), config.tls.client_ca()].into_iter().flatten() {
        let name = named.display().to_string();
        let inside =
            super::copy::is_below(named) && !named.starts_with("store") && !named.starts_with("keys");
        let list = if inside && folder.resolve(named).is_file() { &mut copied } else { &mut left_out };
        if !list.contains(&name) {
            list.push(name);
        }
    }
    if let Some((certificate, key)) = config.tls.files() {
        left_out.extend([certificate.display().to_string(), key.display().to_string()]);
    }
    (copied, left_out)
}

/// The private keys there are. The operator's may be elsewhere, the service's must be here.
fn keys(folder: &DataDir) -> Result<Vec<Role>, Failure> {
    let found: Vec<Role> = Role::ALL.into_iter().filter(|role| folder.key_file(*role).exists()).collect();
    if found.iter().all(|role| *role == Role::Operator) {
        return Err(Failure::local(format_args!("there are no keys in {}/keys", folder.root().display()))
            .hint("leave --with-keys out, and keep the keys in a safe of their own"));
    }
    Ok(found)
}
