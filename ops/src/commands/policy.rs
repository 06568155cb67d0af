//! `stele policy`: who may register what, read and changed.
//!
//! Every change is a signed statement on the log itself (D4): it names the log and the entry it follows, so it counts
//! once, here, and for everybody to see.

mod admit;
mod change;
pub(crate) mod erase;
mod in_force;
pub(crate) mod incident;
mod inside;
mod show;
#[cfg(test)]
mod tests;
mod trust;

pub(crate) use admit::{NewIssuer, admit, with_issuers};
pub(crate) use in_force::InForce;

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::http::Service;
use crate::submit::PatienceArgs;
use clap::Subcommand;
use proofs::EntryId;
use std::path::PathBuf;

/// Read or change who may register what
///
/// Every change is a signed statement on the log itself, so anybody can see later what was in force when.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(ShowArgs),
    Trust(trust::Args),
    TrustInside(inside::Args),
    Retire(RetireArgs),
    Set(SetArgs),
}

/// Who changes the policy of which log.
#[derive(Debug, clap::Args)]
struct Operator {
    #[command(flatten)]
    service: Service,
    /// The private key of the operator that the policy in force names, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    operator_key: PathBuf,
    /// Sign only if the service at the URL is the log with this id
    #[arg(long, value_name = "ID")]
    log_id: Option<EntryId>,
    #[command(flatten)]
    patience: PatienceArgs,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Show the policy and the trust anchors in force, with their indices
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct ShowArgs {
    #[command(flatten)]
    service: Service,
    /// Print only the policy document, for editing and stele policy set
    #[arg(long, conflicts_with = "json")]
    document: bool,
    /// Print everything as JSON, as the service tells it
    #[arg(long)]
    json: bool,
}

/// Stop trusting anchors, by their ids; what they vouched for so far stays valid
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct RetireArgs {
    #[command(flatten)]
    operator: Operator,
    /// The anchors to retire
    #[arg(value_name = "ANCHOR", required = true)]
    anchors: Vec<String>,
}

/// Replace the whole policy by a document
///
/// Begin with: stele policy show --url URL --document > policy.json. To hand the log to another operator, give that
/// operator's private key with --new-operator-key: it has to sign too, so that a typing mistake locks nobody out.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct SetArgs {
    #[command(flatten)]
    operator: Operator,
    /// The private key of the operator from now on, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    new_operator_key: Option<PathBuf>,
    /// The policy document, JSON
    #[arg(value_name = "FILE")]
    document: PathBuf,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.action {
        Action::Show(args) => show::run(args, console)?,
        Action::Trust(args) => trust::run(args, console)?,
        Action::TrustInside(args) => inside::run(args, console)?,
        Action::Retire(args) => change::retire(args, console)?,
        Action::Set(args) => change::set(args, console)?,
    }
    Ok(Exit::Done)
}
