//! `stele witness`: a witness of other logs.

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::witness::{self, WitnessDir};
use clap::{Subcommand, ValueEnum};
use proofs::CosignatureKind;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Be a witness of other logs: cosign their checkpoints when they only grew
///
/// A witness (C2SP tlog-witness) keeps the newest checkpoint of each log that it knows, and cosigns one that continues it.
/// It never forgets: what it has cosigned is on its disk before anybody sees it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Init),
    Serve(Serve),
}

/// Make a new witness: its keys, its configuration, an empty list of logs
///
/// Add the logs it is to know to logs.policy, one vkey a line, and give its own vkeys to those who run them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct Init {
    /// The folder to make; new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Name under which it cosigns; looks like a URL without a scheme, and is fixed for ever
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Which keys it has
    #[arg(long, value_enum, value_name = "KEYS", default_value_t = Keys::Both)]
    keys: Keys,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Which keys a witness has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Keys {
    /// Ed25519 and ML-DSA-44: what every log knows today, and what lasts
    Both,
    /// Ed25519 alone
    Ed25519,
    /// ML-DSA-44 alone
    MlDsa44,
}

impl Keys {
    const fn kinds(self) -> &'static [CosignatureKind] {
        match self {
            Self::Both => &[CosignatureKind::Ed25519, CosignatureKind::MlDsa44],
            Self::Ed25519 => &[CosignatureKind::Ed25519],
            Self::MlDsa44 => &[CosignatureKind::MlDsa44],
        }
    }
}

/// Serve a witness over HTTP until SIGTERM or Ctrl-C
///
/// One process serves a folder. Its root is the submission prefix and the monitoring prefix.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
struct Serve {
    /// The folder of the witness, made by stele witness init
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Listen here instead of address; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// A proxy in front of the witness ends TLS, so listening beyond loopback is safe
    #[arg(long)]
    behind_proxy: bool,
    /// Print the line that says the witness is ready as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.command {
        Command::Init(args) => init(args, console),
        Command::Serve(args) => serve(args, console),
    }
}

fn init(args: &Init, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let vkeys = WitnessDir::create(&args.folder, &args.name, args.keys.kinds())?;
    if args.json {
        console.json(
            &json!({ "name": args.name, "vkeys": vkeys, "folder": args.folder.display().to_string() }),
        )?;
        return Ok(Exit::Done);
    }
    for vkey in &vkeys {
        console.line(vkey)?;
    }
    console.say(format_args!(
        "\nAdd the logs to {}, then: stele witness serve {}",
        args.folder.join("logs.policy").display(),
        args.folder.display()
    ));
    Ok(Exit::Done)
}

fn serve(args: &Serve, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = WitnessDir::open(&args.folder)?;
    let mut config = folder.config()?;
    if let Some(address) = args.listen {
        config.address = address;
    }
    config.behind_proxy |= args.behind_proxy;
    crate::telemetry::start_log(&crate::config::Log::default())?;
    let mut told = Ok(());
    witness::serve(&folder, &config, &mut |address, logs| {
        told = if args.json {
            console
                .line(json!({ "listening": format!("http://{address}"), "name": config.name, "logs": logs }))
        } else {
            console.line(format_args!("stele: {} witnesses {logs} logs on http://{address}", config.name))
        };
    })?;
    told?;
    Ok(Exit::Done)
}
