//! `stele backup`: a consistent copy of a log.

use crate::backup::{Taken, backup};
use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::{EXIT_CODES, Exit, Failure};
use serde_json::json;
use std::path::PathBuf;

/// Copy a log to another folder, also while it is served
///
/// The copy is one moment of the log: everything acknowledged before the command began is in it. It is opened and
/// proven before the command ends, and every file is named with its digest in BACKUP.json, which is written last, so a
/// folder without it is no backup. What is copied is the store, stele.toml and the witness policy; private keys only
/// with --with-keys. A backup cannot be served: stele restore makes a log of it again, in a folder of its own.
///
/// A running service is asked over admin.sock in the log's folder, so run the command as the service's user, on its
/// machine. Statements that are erased later stay in backups made before: replace those.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The folder to make the backup in, new or empty; best on another disk
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// Copy the private keys too: whoever gets the backup can then sign as this log
    #[arg(long)]
    with_keys: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = DataDir::open(&args.folder)?;
    let taken = backup(&folder, &args.target, args.with_keys, &mut |_| Ok(()))?;
    if args.json {
        console.json(&as_json(&taken, args))?;
    } else {
        print(&taken, args, console)?;
    }
    Ok(Exit::Done)
}

fn as_json(taken: &Taken, args: &Args) -> serde_json::Value {
    let manifest = &taken.manifest;
    json!({
        "backup": args.target.display().to_string(),
        "log_id": manifest.log_id,
        "origin": manifest.origin,
        "tree_size": manifest.tree_size,
        "root": manifest.root,
        "checkpoint_size": manifest.checkpoint_size,
        "bytes": manifest.bytes(),
        "while_served": taken.hot,
        "keys": manifest.keys,
        "left_out": taken.left_out,
    })
}

fn print(taken: &Taken, args: &Args, console: &mut Console<'_>) -> Result<(), Failure> {
    let manifest = &taken.manifest;
    let how = if taken.hot { "while it was served" } else { "nobody served it" };
    console.line(format_args!("log         {}, {}", manifest.log_id, manifest.origin))?;
    console.line(format_args!(
        "tree size   {}, {} of them under its newest checkpoint",
        manifest.tree_size, manifest.checkpoint_size
    ))?;
    console.line(format_args!("root        {}", manifest.root))?;
    console.line(format_args!(
        "backup      {}, {} MiB, {how}",
        args.target.display(),
        manifest.bytes() >> 20
    ))?;
    let keys = match manifest.keys.as_slice() {
        [] => "none copied; keep them apart, without them the log cannot be served again".to_owned(),
        keys => format!("{} are in it: keep it as safe as they are", keys.join(", ")),
    };
    console.line(format_args!("keys        {keys}"))?;
    for name in &taken.left_out {
        console.line(format_args!("not copied  {name}, which stele.toml names"))?;
    }
    Ok(())
}
