//! The command line: what can be asked, and how an answer leaves the process.

use crate::commands;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A transparency service for signed statements, and the tools to use and check one.
///
/// Statements registered with a transparency service get a receipt that anybody can check offline, for years, without
/// trusting the service (SCITT, RFC 9943; COSE receipts, RFC 9942).
#[derive(Debug, Parser)]
#[command(name = "stele", version, after_help = EXIT_CODES, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    // What each does is said at its arguments, so that the list here and its own help cannot differ.
    Init(commands::init::Args),
    Serve(commands::serve::Args),
    Key(commands::key::Args),
    Token(commands::token::Args),
    Policy(commands::policy::Args),
    Erase(commands::policy::erase::Args),
    Sign(commands::sign::Args),
    Register(commands::register::Args),
    Verify(commands::verify::Args),
    Show(commands::show::Args),
    Fsck(commands::fsck::Args),
    Backup(commands::backup::Args),
    Restore(commands::restore::Args),
    Incident(commands::incident::Args),
    Bench(commands::bench::Args),
    Audit(commands::audit::Args),
    Monitor(commands::monitor::Args),
    Mirror(commands::mirror::Args),
    Witness(commands::witness::Args),
    #[command(hide = true)]
    Config(commands::config::Args),
}

/// Runs the process.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else is wrong usage. A closed pipe is harmless here too.
            error.print().ok();
            let exit = if error.use_stderr() { Exit::Local } else { Exit::Done };
            return ExitCode::from(exit.code());
        }
    };
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut console = Console::new(&mut out, &mut err);
    let exit = run(cli, &mut console).unwrap_or_else(|failure| {
        console.fail(&failure);
        failure.exit
    });
    ExitCode::from(exit.code())
}

fn run(cli: Cli, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match cli.command {
        Command::Init(args) => commands::init::run(&args, console),
        Command::Serve(args) => commands::serve::run(&args, console),
        Command::Key(args) => commands::key::run(&args, console),
        Command::Token(args) => commands::token::run(&args, console),
        Command::Policy(args) => commands::policy::run(&args, console),
        Command::Erase(args) => commands::policy::erase::run(&args, console),
        Command::Sign(args) => commands::sign::run(&args, console),
        Command::Register(args) => commands::register::run(&args, console),
        Command::Verify(args) => commands::verify::run(&args, console),
        Command::Show(args) => commands::show::run(&args, console),
        Command::Fsck(args) => commands::fsck::run(&args, console),
        Command::Backup(args) => commands::backup::run(&args, console),
        Command::Restore(args) => commands::restore::run(&args, console),
        Command::Incident(args) => commands::incident::run(&args, console),
        Command::Bench(args) => commands::bench::run(&args, console),
        Command::Audit(args) => commands::audit::run(&args, console),
        Command::Monitor(args) => commands::monitor::run(&args, console),
        Command::Mirror(args) => commands::mirror::run(&args, console),
        Command::Witness(args) => commands::witness::run(&args, console),
        Command::Config(args) => commands::config::run(&args, console),
    }
}

/// Runs one command inside of a test: how it ends, and what it says.
#[cfg(test)]
pub(crate) fn run_words(words: &[&str]) -> (Result<Exit, Failure>, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ended = match Cli::try_parse_from(["stele"].iter().chain(words)) {
        Ok(cli) => run(cli, &mut Console::new(&mut out, &mut err)),
        Err(error) => Err(Failure::local(error)),
    };
    (ended, String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_documents_the_exit_codes() {
        let mut root = Cli::command();
        root.build();
        check_help(&mut root);
    }

    fn check_help(command: &mut clap::Command) {
        let text = command.render_long_help().to_string();
        let name = command.get_name().to_owned();
        if name == "help" {
            return;
        }
        assert!(text.contains("Exit codes:"), "`{name} --help` documents the exit codes");
        assert!(command.get_about().is_some(), "{name} says what it does");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name}: {} has help", argument.get_id());
        }
        for inner in command.get_subcommands_mut() {
            check_help(inner);
        }
    }
}
