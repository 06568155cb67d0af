//! `stele erase`: the statement of one entry goes, its place in the log stays (D20).

use super::Operator;
use super::change::Session;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use ledger::control::Erasure;
use proofs::EntryId;

/// Erase the statement of an entry, for good
///
/// Statement, index terms, collateral and findings are deleted in one step with the registration of this erasure, and
/// leave the files of the store soon after. The entry's leaf stays, so every proof and every receipt issued before still
/// verifies; asking for the statement or a fresh receipt answers 410 from then on, and sending the statement again is
/// rejected. Entry id and reason stay on the log for everybody to read. Backups made before still hold the statement.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: Operator,
    /// Why, in public and for ever; name no person
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The entry
    #[arg(value_name = "ID")]
    entry: EntryId,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let session = Session::open(&args.operator, console)?;
    let erasure = Erasure { entry: args.entry, reason: args.reason.clone() };
    let done = session.erase(&erasure, console)?;
    session.tell(&[done], console)?;
    Ok(Exit::Done)
}
