//! `stele bench`: what a service does in a second, how long one waits for it, and what it costs.

mod check;
mod engine;
mod evidence;
mod grow;
mod jobs;
mod load;
mod numbers;
mod offline;
mod report;
mod server;
mod statements;
#[cfg(test)]
mod tests;
mod wire;
mod witness;
mod yardstick;

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::http::{Service, Transport};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use std::num::NonZeroU64;
use std::path::PathBuf;
use url::Url;

/// Measure a service: registrations or reads a second, latencies, processor time
///
/// Statements are signed before the clock starts, no two alike, and receipts are verified after it has stopped. The
/// service must let their issuers register: with --operator-key the operator admits them first, under rules named
/// "bench 0", "bench 1" and so on, which a later run replaces; without it they are named by their keys (did:key,
/// did:jwk), if the policy admits such names. Never do this to a log that matters: what is registered
/// stays. Exit code 1 if an answer does not prove what it should, 3 if nothing was answered well.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    load: LoadArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    Evidence(evidence::Args),
    Grow(grow::Args),
    Offline(offline::Args),
    Witness(witness::Args),
    Yardstick(YardstickArgs),
}

/// Measure a disk: the time to append 1,200 bytes and sync them, a thousand times
///
/// No durable registration can be faster than that on this disk.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct YardstickArgs {
    /// A folder on the disk; the file made there is removed
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What load is put on which service.
#[derive(Debug, clap::Args)]
struct LoadArgs {
    // Not needed by the subcommands, so it may be missing here.
    /// Address of the transparency service, http://HOST:PORT
    #[arg(long, value_name = "URL", required = true)]
    url: Option<Url>,
    #[command(flatten)]
    transport: Transport,
    /// Connections, each with one request on its way
    #[arg(long, value_name = "C", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,
    /// Seconds that each repetition lasts
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    duration: u16,
    /// How often the measurement is repeated
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repetitions: u16,
    /// Seconds of the same load before the first repetition; not counted
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=3600))]
    warmup: u16,
    /// What the issuers sign with
    #[arg(long, value_enum, value_name = "ALG", default_value_t = statements::Algorithm::Ed25519)]
    alg: statements::Algorithm,
    /// Bytes of each payload; a statement is about 250 larger
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    payload_bytes: u32,
    /// How many issuers, each with a key of its own
    #[arg(long, value_name = "I", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    issuers: u16,
    /// Requests a second, each due at its time whether the service keeps up or not; latencies count from then
    #[arg(long, value_name = "R")]
    rate: Option<NonZeroU64>,
    /// Statements in each request, sent to POST /entries/batch; latencies are those of whole batches
    #[arg(long, value_name = "N", conflicts_with = "read", value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: Option<u16>,
    /// Read instead of registering
    #[arg(long, value_enum, value_name = "WHAT")]
    read: Option<What>,
    /// Verify the receipt of every registration, and many more answers to reads, not only a sample
    #[arg(long)]
    verify: bool,
    /// The operator's private key, to let the issuers of this run register
    #[arg(long, value_name = "FILE")]
    operator_key: Option<PathBuf>,
    /// Where the service shows its metrics, for its processor time, rounds and syncs
    #[arg(long, value_name = "URL")]
    metrics_url: Option<Url>,
    /// The service's process on this machine, for its processor time and peak memory
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// A folder on the disk of the service: what a synced write takes there is measured before and after
    #[arg(long, value_name = "DIR")]
    yardstick: Option<PathBuf>,
    /// Threads that ask
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl LoadArgs {
    fn service(&self) -> Result<Service, Failure> {
        let url = self.url.clone().ok_or_else(|| Failure::local("name the service to measure with --url"))?;
        Ok(Service { url, transport: self.transport.clone() })
    }
}

/// What can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Receipts of registered statements, signed afresh each
    Receipt,
    /// Full tiles of the lowest level
    Tile,
    /// The checkpoint
    Checkpoint,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.action {
        Some(Action::Evidence(args)) => evidence::run(args, console),
        Some(Action::Grow(args)) => grow::run(args, console),
        Some(Action::Offline(args)) => offline::run(args, console),
        Some(Action::Witness(args)) => witness::run(args, console),
        Some(Action::Yardstick(args)) => measure_disk(args, console),
        None => load::run(&args.load, console),
    }
}

fn measure_disk(args: &YardstickArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let summary = yardstick::measure(&args.folder)?;
    if args.json {
        let folder = args.folder.display().to_string();
        console.json(&json!({ "folder": folder, "times": summary.count, "latency_ms": summary.json() }))?;
    } else {
        for (name, value) in summary.millis() {
            console.line(format_args!("{name:5}  {value:9.3} ms"))?;
        }
    }
    Ok(Exit::Done)
}
