//! `stele audit`: was every entry of this log admitted as its own rules say?

mod remote;
mod report;
mod saved;

use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::http::Transport;
use crate::progress::Progress;
use crate::watch::{HttpSource, Trust, TrustArgs};
use ledger::audit::{AuditError, AuditPace, AuditReport, audit_store};
use report::Summary;
use saved::Saved;
use std::path::{Path, PathBuf};
use std::time::Instant;
use url::Url;

/// Replay a whole log from its genesis: every leaf, signature and decision
///
/// Everything is derived again: leaves, tiles, roots and checkpoints from the statements; what was in force from the
/// control statements; each registration decision, with the issuer's signature, from the statement, the collateral kept
/// with it and the time recorded. Withheld and erased statements are counted, not failed: their leaves are checked.
///
/// With --data the folder of a log is opened without changing anything; the service must not be running on it. With
/// --url the log is read from outside and nothing of it believed before it is proven against a checkpoint that the
/// pinned key signed. With --tree-only the entries are whatever they are: any log that speaks tlog-tiles will do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["data", "url"]))]
pub(crate) struct Args {
    /// The folder of the log
    #[arg(long, value_name = "DIR", conflicts_with_all = ["vkey", "policy", "tree_only"])]
    data: Option<PathBuf>,
    /// Address of the log: what stands in front of /checkpoint
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    transport: Transport,
    /// A file with the bearer token for those who may read statements
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Audit the tree alone: every entry is in the tree that was signed, whatever it means
    #[arg(long)]
    tree_only: bool,
    /// Keep the place in this file and go on from it the next time
    #[arg(long, value_name = "FILE", conflicts_with = "tree_only")]
    state: Option<PathBuf>,
    /// How many threads verify signatures [default: one a core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..))]
    threads: Option<u8>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let pace = AuditPace { threads: threads(args.threads), ..AuditPace::default() };
    let began = Instant::now();
    let mut saved = Saved::open(args.state.as_deref())?;
    let (from, report) = match (&args.data, &args.url) {
        (Some(folder), _) => data(folder, &mut saved, &pace)?,
        (None, Some(url)) => {
            let trust = Trust::of(&args.trust)?;
            let source = HttpSource::new(url, &args.transport)?.with_token(args.token_file.as_deref())?;
            if args.tree_only {
                (0, remote::tree(&source, &trust)?)
            } else {
                remote::all(&source, &source, &trust, &mut saved, &pace)?
            }
        }
        (None, None) => return Err(Failure::local("name the log with --data or --url")),
    };
    let replayed = report.counts.entries.saturating_sub(from);
    let summary = Summary { report: &report, replayed, took: began.elapsed(), tree_only: args.tree_only };
    if args.json {
        console.json(&summary.json())?;
    } else {
        summary.print(console)?;
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::Refused })
}

fn data(folder: &Path, saved: &mut Saved<'_>, pace: &AuditPace) -> Result<(u64, AuditReport), Failure> {
    let store = DataDir::open(folder)?.open_store_read_only()?;
    let state = saved.take();
    let from = state.as_ref().map_or(0, ledger::AuditState::size);
    let bar = Progress::new("auditing", from, from);
    let mut failed = None;
    let report = audit_store(&store, state, pace, &mut |auditor, size| {
        bar.at(auditor.size().get(), size.get());
        failed = saved.offer(auditor, auditor.size() == size).err();
        failed.is_none()
    });
    if let Some(failure) = failed {
        return Err(failure);
    }
    let report = report.map_err(|error| {
        let failure = Failure::refused(format_args!("{}: {error}", folder.display()));
        match error {
            AuditError::State(_) | AuditError::OtherLog(_) => saved::unusable(failure),
            AuditError::Open(_) | AuditError::Store(_) => failure,
        }
    })?;
    Ok((from, report))
}

fn threads(asked: Option<u8>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), usize::from)
}
