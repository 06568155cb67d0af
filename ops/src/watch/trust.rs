//! Whose checkpoints count, and which witnesses have to have seen them.

use crate::failure::Failure;
use crate::files;
use proofs::note::SignedNote;
use proofs::tlog_policy::{LogKey, PolicyVerifyError, TlogPolicy, verify_log};
use proofs::{Checkpoint, TreeHead};
use std::path::{Path, PathBuf};

/// A policy without logs and without witnesses.
const NOBODY: &[u8] = b"quorum none\n";

/// How a log's key, and its witnesses, are pinned on the command line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TrustArgs {
    /// The log's checkpoint key: NAME+ID+KEY as `stele init` prints it, or a file that holds it
    #[arg(long, value_name = "VKEY")]
    pub(crate) vkey: Option<String>,
    /// A tlog-policy file: the log's key if --vkey does not give it, and the witnesses whose quorum a checkpoint needs
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

/// Keys that are believed.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    keys: Vec<LogKey>,
    policy: TlogPolicy,
    origin: String,
}

/// A head and the note in which it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedHead {
    pub(crate) head: TreeHead,
    /// The note as received, cosignatures and all.
    pub(crate) note: String,
}

impl Trust {
    /// Reads what is pinned.
    pub(crate) fn of(args: &TrustArgs) -> Result<Self, Failure> {
        if args.vkey.is_none() && args.policy.is_none() {
            return Err(Failure::local("nothing says whose checkpoints count")
                .hint("pin the log's key with --vkey, or name a tlog-policy file with --policy"));
        }
        let policy = match &args.policy {
            None => Self::parse_policy(NOBODY, Path::new("--policy"))?,
            Some(path) => Self::parse_policy(&files::read(path)?, path)?,
        };
        let keys = match &args.vkey {
            Some(vkey) => vec![read_key(vkey)?],
            None => policy.logs().iter().map(|log| log.key.clone()).collect(),
        };
        Self::new(keys, policy)
    }

    /// Trust in these keys of one log.
    pub(crate) fn new(keys: Vec<LogKey>, policy: TlogPolicy) -> Result<Self, Failure> {
        let mut names = keys.iter().map(|key| key.name().as_str());
        let Some(origin) = names.next().map(str::to_owned) else {
            return Err(Failure::local("the policy names no log").hint("pin the log's key with --vkey"));
        };
        if names.any(|name| name != origin) {
            return Err(Failure::local("the policy names several logs").hint("say which one with --vkey"));
        }
        Ok(Self { keys, policy, origin })
    }

    fn parse_policy(bytes: &[u8], path: &Path) -> Result<TlogPolicy, Failure> {
        TlogPolicy::parse(bytes)
            .map_err(|error| Failure::local(format_args!("{} is no tlog-policy: {error}", path.display())))
    }

    /// The origin of the log that is trusted.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a quorum of witnesses is asked for.
    pub(crate) fn asks_witnesses(&self) -> bool {
        self.policy.needs_witnesses()
    }

    /// The keys of the log.
    pub(crate) fn keys(&self) -> &[LogKey] {
        &self.keys
    }

    /// Reads a checkpoint that the log signed. Whether its witnesses saw it is another question: a log that signed two
    /// histories has done so whoever cosigned them.
    pub(crate) fn open(&self, note: &[u8]) -> Result<SignedHead, PolicyVerifyError> {
        let (_, checkpoint) = self.log_signed(note)?;
        // A note that parsed is UTF-8.
        Ok(SignedHead { head: checkpoint.head, note: String::from_utf8_lossy(note).into_owned() })
    }

    /// Whether the quorum of witnesses cosigned the checkpoint.
    pub(crate) fn check_quorum(&self, head: &SignedHead) -> Result<(), PolicyVerifyError> {
        let keys: Vec<&LogKey> = self.keys.iter().collect();
        self.policy.verify_for(&head.note, &keys).map(|_| ())
    }

    /// The witnesses of the policy whose valid cosignature a note bears.
    pub(crate) fn cosigners(&self, head: &SignedHead) -> Vec<String> {
        let Ok((note, checkpoint)) = self.log_signed(head.note.as_bytes()) else { return Vec::new() };
        let valid = self.policy.witnesses().iter().filter(|witness| {
            note.signatures().iter().any(|line| witness.key.verify(note.text(), &checkpoint, line).is_ok())
        });
        valid.map(|witness| witness.key.name().as_str().to_owned()).collect()
    }

    fn log_signed(&self, note: &[u8]) -> Result<(SignedNote, Checkpoint), PolicyVerifyError> {
        let note = SignedNote::parse(note)?;
        let keys: Vec<&LogKey> = self.keys.iter().collect();
        let checkpoint = verify_log(&note, &keys)?;
        Ok((note, checkpoint))
    }
}

fn read_key(vkey: &str) -> Result<LogKey, Failure> {
    let text = if vkey.contains('+') && !Path::new(vkey).exists() {
        vkey.to_owned()
    } else {
        files::read_text(Path::new(vkey))?
    };
    text.trim().parse().map_err(|error| {
        Failure::local(format_args!("--vkey: {error}"))
            .hint("it is the `checkpoint key` that `stele init` printed")
    })
}
