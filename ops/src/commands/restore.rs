//! `stele restore`: a backup becomes a log again.

use crate::backup::{Restored, Wanted, restore};
use crate::console::Console;
use crate::date;
use crate::failure::{EXIT_CODES, Exit, Failure};
use proofs::EntryId;
use serde_json::json;
use std::path::PathBuf;

/// Put a backup back, so that no second history comes of it
///
/// Every file is compared with its digest, and the store is proven as stele fsck would begin to, before anything there
/// counts as a log. The log is marked as restored then: stele serve refuses to sign until the fork guard has asked the
/// witnesses what the log signed after the backup, or, where receipts and checkpoints do not wait for witnesses, until
/// the operator has said in public from where it goes on (stele incident). Whatever was registered after the backup is
/// not in it and has to be registered again.
///
/// Make sure that the log does not run anywhere else.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The folder of the backup
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// The folder to restore the log in, new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Copy the service's private keys from this folder; the operator's is left where it is
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    /// Refuse a backup that is behind this checkpoint of the log, which somebody else kept; may be given again
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Restore only a backup of the log with this id
    #[arg(long, value_name = "ID")]
    log_id: Option<EntryId>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let wanted = Wanted {
        backup: &args.backup,
        root: &args.folder,
        keys: args.keys.as_deref(),
        log_id: args.log_id,
        known: &args.known,
    };
    let restored = restore(&wanted, &mut |_| Ok(()))?;
    if args.json {
        console.json(&as_json(&restored, args))?;
    } else {
        print(&restored, args, console)?;
    }
    Ok(Exit::Done)
}

/// What lets the log sign again.
fn needs(restored: &Restored) -> &'static str {
    if restored.manifest.bound_by_witnesses { "witnesses" } else { "incident" }
}

fn as_json(Restored { manifest, missing_keys, .. }: &Restored, args: &Args) -> serde_json::Value {
    json!({
        "log": args.folder.display().to_string(),
        "log_id": manifest.log_id,
        "origin": manifest.origin,
        "tree_size": manifest.tree_size,
        "root": manifest.root,
        "backup_made_at": manifest.made_at,
        "missing_keys": missing_keys,
        "needs": if manifest.bound_by_witnesses { "witnesses" } else { "incident" },
    })
}

fn print(restored: &Restored, args: &Args, console: &mut Console<'_>) -> Result<(), Failure> {
    let Restored { manifest, missing_keys } = restored;
    let dir = args.folder.display();
    console.line(format_args!("log         {}, {}", manifest.log_id, manifest.origin))?;
    let made = date::of(manifest.made_at).unwrap_or_else(|| "an unknown time".to_owned());
    console.line(format_args!("tree size   {}, as of {made}", manifest.tree_size))?;
    console.line(format_args!("root        {}", manifest.root))?;
    console.line(format_args!("restored    {dir}"))?;
    if !missing_keys.is_empty() {
        console
            .line(format_args!("keys        bring {} to {dir}/keys, mode 0600", missing_keys.join(", ")))?;
    }
    console.line("RESTORED    the log signs nothing yet. Nothing else may run under its keys. Next:")?;
    match needs(restored) {
        "witnesses" => console.line(format_args!("            stele serve {dir}, which asks the witnesses first")),
        _ => console.line(format_args!(
            "            stele incident declare {dir} --operator-key FILE --reason TEXT, then stele serve {dir}"
        )),
    }
}
