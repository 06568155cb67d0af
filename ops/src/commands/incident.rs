//! `stele incident`: what happened to a log, on the log itself, and from where it goes on (D11).

mod at_rest;
mod request;

use crate::commands::policy::incident as report;
use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::{files, keys};
use clap::Subcommand;
use request::Request;
use std::path::PathBuf;

/// Say in public what happened to a log, and from which head it goes on
///
/// A log that was restored from a backup may have given receipts that are not in the backup. So it signs nothing until
/// its operator has put on the log, as the very next entry, that it goes on from there: everybody can see it for ever,
/// and compare it with the receipts and checkpoints they hold. What is missing has to be registered again.
///
/// Before any of this: make sure that the log does not run anywhere else, and that there is no newer backup. Where
/// somebody holds a checkpoint that this log signed and does not contain, no statement helps: found a new log.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Declare(DeclareArgs),
    Prepare(PrepareArgs),
    Sign(SignArgs),
    Submit(SubmitArgs),
    Report(report::Args),
}

/// Put it on a log that nobody serves: prepare, sign and submit in one
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct DeclareArgs {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The private key of the operator that the policy in force names, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    operator_key: PathBuf,
    /// What happened, in public and for ever; name no person
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Write down what the operator has to sign, where the operator's key is kept elsewhere
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct PrepareArgs {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Sign what stele incident prepare has written, on the operator's own machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct SignArgs {
    /// What was prepared
    #[arg(value_name = "REQUEST")]
    request: PathBuf,
    /// The private key of the operator that the policy in force names, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    operator_key: PathBuf,
    /// What happened, in public and for ever; name no person
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The file for the signed statement
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Put a signed incident statement on a log that nobody serves
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct SubmitArgs {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The signed statement
    #[arg(value_name = "STATEMENT")]
    statement: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.action {
        Action::Declare(args) => {
            let folder = DataDir::open(&args.folder)?;
            let key = keys::private(&args.operator_key, console)?;
            let declare = |log: &at_rest::AtRest| Request::of(log.inspected()).sign(&key, &args.reason);
            at_rest::record(&folder, &declare, args.json, console)?;
        }
        Action::Prepare(args) => {
            let folder = DataDir::open(&args.folder)?;
            let store = folder.open_store_read_only()?;
            let found = ledger::inspect(&store)
                .map_err(|error| Failure::local(format_args!("{}: {error}", args.folder.display())))?;
            files::write(&args.output, &Request::of(&found).to_json()?)?;
        }
        Action::Sign(args) => {
            let request = Request::from_json(&files::read(&args.request)?)
                .map_err(|why| Failure::local(format_args!("{}: {why}", args.request.display())))?;
            let key = keys::private(&args.operator_key, console)?;
            files::write(&args.output, &request.sign(&key, &args.reason)?)?;
        }
        Action::Submit(args) => {
            let folder = DataDir::open(&args.folder)?;
            let statement = files::read(&args.statement)?;
            at_rest::record(&folder, &|_| Ok(statement.clone()), args.json, console)?;
        }
        Action::Report(args) => return report::run(args, console),
    }
    Ok(Exit::Done)
}
