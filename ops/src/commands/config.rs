//! `stele config reference`: every setting of stele.toml, as Markdown.

use crate::config;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use clap::Subcommand;

/// About stele.toml
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every setting of stele.toml, as Markdown
    #[command(after_help = EXIT_CODES)]
    Reference,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match args.action {
        Action::Reference => console.raw(config::markdown(config::TEMPLATE).as_bytes())?,
    }
    Ok(Exit::Done)
}
