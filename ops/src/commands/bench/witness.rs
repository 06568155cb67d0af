//! A witness under load: many logs, each with one checkpoint on its way, and every cosignature durable.
//!
//! The witness is a `stele witness serve` of its own, in a folder made for it, because it has to know the keys of the
//! logs that ask. Each log grows by one entry a request and proves it, so that every request makes the witness verify a
//! signature and a consistency proof, cosign, and write down what it cosigned.

mod chains;
#[cfg(test)]
mod tests;

use super::engine::Plan;
use super::load::{self, Yardsticks};
use super::numbers::{float, rate};
use super::report::{Repetition, spreads};
use super::server::Watch;
use super::yardstick;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::witness::WitnessDir;
use anyhow::Context;
use chains::{Chains, cosigner_keys};
use proofs::CosignatureKind;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use url::Url;

/// The name of the witness that is measured.
const NAME: &str = "bench.example/witness";
/// How long the last answers are waited for.
const GRACE: Duration = Duration::from_secs(30);
/// What nobody expects a warm-up to exceed, in requests a second.
const GUESS: f64 = 10_000.0;
/// Cosignatures verified of a repetition.
const SAMPLE: u64 = 1000;

/// Measure a witness: durable cosignatures a second
///
/// Makes a witness in a new folder, with logs of its own that it knows, serves it, and has every log send one checkpoint
/// after the other, each an entry larger than the one before, with the proof that it continues it. Requests are signed
/// before the clock starts; answers are verified after it has stopped. The witness is stopped in the end, its folder
/// stays.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    /// The folder to make, on the disk to be measured; new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Logs that the witness knows; at least as many as connections
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=9000))]
    logs: u16,
    /// Entries of each log when it is cosigned first
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    entries: u32,
    /// Connections, each with one request on its way
    #[arg(long, value_name = "C", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
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
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    if args.logs < args.concurrency {
        return Err(Failure::local("--logs has to be at least --concurrency")
            .hint("a log sends its next checkpoint when the one before was answered"));
    }
    let vkeys =
        WitnessDir::create(&args.folder, NAME, &[CosignatureKind::Ed25519, CosignatureKind::MlDsa44])?;
    let mut chains = Chains::generate(usize::from(args.logs), u64::from(args.entries))?;
    let policy = args.folder.join("logs.policy");
    std::fs::write(&policy, chains.policy()?)
        .with_context(|| format!("cannot write {}", policy.display()))?;
    let before = yardstick::measure(&args.folder)?;
    let served = Served::start(&args.folder)?;
    let measured = measure(args, &served, &mut chains, &vkeys, console);
    let stopped = served.stop();
    let repetitions = measured?;
    stopped?;
    let after = yardstick::measure(&args.folder)?;
    tell(args, Some((before, after)), &repetitions, console)
}

fn measure(
    args: &Args,
    served: &Served,
    chains: &mut Chains,
    vkeys: &[String],
    console: &mut Console<'_>,
) -> Result<Vec<Repetition>, Failure> {
    let keys = cosigner_keys(vkeys)?;
    let watch = Watch::of_process(served.child.id())?;
    let plan = Plan {
        address: served.address()?,
        connections: usize::from(args.concurrency),
        threads: 1,
        duration: Duration::from_secs(u64::from(args.warmup)),
        rate: None,
        grace: GRACE,
    };
    let mut fastest = GUESS;
    let mut repetitions = Vec::new();
    for number in 0..=args.repetitions {
        let plan = match number {
            0 => plan,
            _ => Plan { duration: Duration::from_secs(u64::from(args.duration)), ..plan },
        };
        // So many a second for so many seconds is a number of seconds times a number.
        let planned = plan.duration.mul_f64(fastest).as_secs().saturating_add(u64::from(args.concurrency));
        let job = chains.job(&served.url, planned, SAMPLE)?;
        let run = load::watched(&watch, plan, job.clone())?;
        let speed = rate(run.ran.tally.done, run.ran.elapsed) * 1.5;
        fastest = if number == 0 { speed.max(float(SAMPLE)) } else { fastest.max(speed) };
        let checked = chains.take_back(&job, &keys);
        if number > 0 {
            let repetition = Repetition::of(run, checked);
            console.say(format_args!("{number} of {}: {repetition}", args.repetitions));
            repetitions.push(repetition);
        }
    }
    Ok(repetitions)
}

fn tell(
    args: &Args,
    yardstick: Yardsticks,
    repetitions: &[Repetition],
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let summary = spreads(repetitions);
    if args.json {
        let spreads: Map<String, Value> =
            summary.into_iter().map(|(name, spread)| (name, spread.json())).collect();
        let (before, after) = yardstick.unzip();
        console.json(&json!({
            "what": "checkpoints cosigned",
            "version": env!("CARGO_PKG_VERSION"),
            "logs": args.logs,
            "entries": args.entries,
            "concurrency": args.concurrency,
            "duration_s": args.duration,
            "yardstick_before_ms": before.map(|summary| summary.json()),
            "yardstick_after_ms": after.map(|summary| summary.json()),
            "summary": spreads,
            "repetitions": repetitions.iter().map(Repetition::json).collect::<Vec<_>>(),
        }))?;
    } else {
        console.line(format_args!(
            "checkpoints cosigned for {} logs, {} connections, {} x {} s: median (range)",
            args.logs, args.concurrency, args.repetitions, args.duration
        ))?;
        for (name, spread) in summary {
            console.line(format_args!("{name:26} {spread}"))?;
        }
    }
    Repetition::verdict(repetitions)
}

/// A running witness. Killed when it was not stopped.
struct Served {
    child: Child,
    url: Url,
}

impl Served {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(["witness", "serve", "--listen", "127.0.0.1:0", "--json"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the witness")?;
        let mut line = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let said: Option<Value> = read.and_then(Result::ok).and_then(|_| serde_json::from_str(&line).ok());
        let url = said.as_ref().and_then(|said| said.get("listening")?.as_str()?.parse().ok());
        match url {
            Some(url) => Ok(Self { child, url }),
            None => {
                child.kill().ok();
                child.wait().ok();
                Err(Failure::local("the witness to be measured did not start"))
            }
        }
    }

    fn address(&self) -> Result<SocketAddr, Failure> {
        load::address(&self.url)
    }

    /// Ends it as its operator would.
    fn stop(mut self) -> Result<(), Failure> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("cannot stop the witness")?;
        let status = self.child.wait().context("cannot wait for the witness")?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::local(format_args!("the witness ended with {status}")))
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}
