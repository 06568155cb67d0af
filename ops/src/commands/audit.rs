//! `stele audit`: was every entry of this log admitted as its own rules say?

mod report;
mod saved;

use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::progress::Progress;
use ledger::audit::{AuditError, AuditPace, audit_store};
use report::Summary;
use saved::Saved;
use std::path::PathBuf;
use std::time::Instant;

/// Replay a whole log from its genesis: every leaf, signature and decision
///
/// Everything is derived again: leaves, tiles, roots and checkpoints from the statements; what was in force from the
/// control statements; each registration decision, with the issuer's signature, from the statement, the collateral kept
/// with it and the time recorded. Withheld and erased statements are counted, not failed: their leaves are checked.
///
/// With --data the folder of a log is opened without changing anything; the service must not be running on it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The folder of the log
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Keep the place in this file and go on from it the next time
    #[arg(long, value_name = "FILE")]
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
    let (from, report) = data(args, &mut saved, &pace)?;
    let replayed = report.counts.entries.saturating_sub(from);
    let summary = Summary { report: &report, replayed, took: began.elapsed() };
    if args.json {
        console.json(&summary.json())?;
    } else {
        summary.print(console)?;
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::Refused })
}

fn data(
    args: &Args,
    saved: &mut Saved<'_>,
    pace: &AuditPace,
) -> Result<(u64, ledger::audit::AuditReport), Failure> {
    let store = DataDir::open(&args.data)?.open_store_read_only()?;
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
        let failure = Failure::refused(format_args!("{}: {error}", args.data.display()));
        match error {
            AuditError::State(_) | AuditError::OtherLog(_) => {
                Failure { exit: Exit::Local, ..failure }.hint("name another --state file to begin anew")
            }
            AuditError::Open(_) | AuditError::Store(_) => failure,
        }
    })?;
    Ok((from, report))
}

fn threads(asked: Option<u8>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), usize::from)
}
