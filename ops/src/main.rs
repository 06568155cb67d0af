//! The `stele` binary: a SCITT transparency service and the tools around it.
//!
//! This is the composition root. It is the only room that knows files, environment, ports and signals;
//! every decision about a statement is made in `ledger`, every byte of a proof in `proofs`.

mod backup;
mod cli;
mod commands;
mod config;
mod console;
mod datadir;
mod date;
mod failure;
mod files;
mod folder;
mod http;
mod keys;
mod progress;
mod restored;
mod serve;
mod submit;
mod telemetry;
mod watch;
mod witness;
mod witnessing;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
