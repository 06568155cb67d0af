//! `stele mirror`: a verified copy of a log, as plain files.

mod folder;
#[cfg(test)]
mod tests;

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::http::Transport;
use crate::progress::Progress;
use crate::watch::{
    HttpSource, ProvenLog, SignedHead, Source, Succession, Trust, TrustArgs, WatchError, keep_evidence,
    succeeds,
};
use folder::MirrorFolder;
use proofs::{TreeHead, TreeSize};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Copy a log's tiles, entries and checkpoint into a folder, each proven before it is kept
///
/// The folder has the layout of C2SP tlog-tiles (`checkpoint`, `tile/L/N`, `tile/entries/N`), so that any
/// web server can serve it. Everything is proven against a checkpoint that the pinned key signed, and its witnesses if
/// a policy asks for them; the checkpoint is written last. Run again, it fetches what is new, and what an interrupted
/// run has left out.
///
/// A checkpoint that is shorter than the copy, or contradicts it, changes nothing in the copy. When the log has
/// contradicted itself both signed heads are kept in DIR/evidence.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Address of the log: what stands in front of /checkpoint
    #[arg(long, value_name = "URL")]
    url: Url,
    /// The folder of the copy
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    transport: Transport,
    /// Go on for ever, looking for more after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// Print what was done as one line of JSON a run
    #[arg(long)]
    json: bool,
}

/// What one run did.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    from: TreeSize,
    head: TreeHead,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let trust = Trust::of(&args.trust)?;
    let source = HttpSource::new(&args.url, &args.transport)?;
    let folder = MirrorFolder::open(&args.folder)?;
    loop {
        let outcome = once(&source, &trust, &folder);
        let Some(seconds) = args.every else {
            tell(args.json, &outcome?, console)?;
            return Ok(Exit::Done);
        };
        match outcome {
            Ok(done) => tell(args.json, &done, console)?,
            Err(failure) if matches!(failure.exit, Exit::Contradicted | Exit::Local) => return Err(failure),
            // What may be otherwise the next time does not end a mirror that is to go on for ever.
            Err(failure) => console.fail(&failure),
        }
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

fn tell(as_json: bool, done: &Done, console: &mut Console<'_>) -> Result<(), Failure> {
    let Done { from, head } = done;
    let added = head.size.get().saturating_sub(from.get());
    if as_json {
        let size = head.size.get();
        return console.line(json!({ "tree_size": size, "root": head.root.to_string(), "added": added }));
    }
    console.line(format_args!("{added} new entries; the copy holds {} under root {}", head.size, head.root))
}

/// Brings the copy up to the log's newest checkpoint.
fn once(source: &dyn Source, trust: &Trust, folder: &MirrorFolder) -> Result<Done, Failure> {
    let known = folder.checkpoint()?.map(|note| own(trust, &note, folder)).transpose()?;
    let note = source.checkpoint().map_err(WatchError::from)?;
    let untrusted = |error| Failure::refused(format_args!("the log's checkpoint cannot be trusted: {error}"));
    let head = trust.open(&note).map_err(untrusted)?;
    let from = known.as_ref().map_or(TreeSize::EMPTY, |known| known.head.size);
    if let Some(known) = &known {
        match succeeds(known, &head, source)? {
            Succession::Same | Succession::Grown => {}
            Succession::Stale => return Err(rolled_back(known, &head)),
            Succession::Contradicts(found) => {
                let place = keep_evidence(&folder.evidence(), trust, &found)?;
                return Err(Failure::contradicted(&*found).hint(format_args!(
                    "both signed heads are kept in {}; the copy is as it was",
                    place.display()
                )));
            }
        }
    }
    trust.check_quorum(&head).map_err(untrusted)?;
    if head.head.size > from {
        copy(&ProvenLog::new(source, head.head), from, folder)?;
        folder.sync()?;
    }
    // A head that is known may carry more cosignatures now.
    folder.publish(&note)?;
    if head.head.size > from {
        folder.drop_outgrown(from, head.head.size);
    }
    Ok(Done { from, head: head.head })
}

/// The copy's own checkpoint, which has to be one of the same log.
fn own(trust: &Trust, note: &[u8], folder: &MirrorFolder) -> Result<SignedHead, Failure> {
    trust.open(note).map_err(|error| {
        Failure::local(format_args!(
            "the copy in {} is not one of this log: {error}",
            folder.root().display()
        ))
        .hint("name another folder, or the key under which this copy was made")
    })
}

fn rolled_back(known: &SignedHead, shown: &SignedHead) -> Failure {
    Failure::refused(format_args!(
        "the log was rolled back: its checkpoint is over {} entries, the copy has {}",
        shown.head.size, known.head.size
    ))
    .hint("a cache in front of the log can be behind; if it stays so, the log was restored from a backup")
}

/// Fetches, proves and keeps what the tree has beyond `from`.
fn copy(log: &ProvenLog<'_>, from: TreeSize, folder: &MirrorFolder) -> Result<(), Failure> {
    let size = log.head().size;
    let bar = Progress::new("mirroring", from.get(), size.get());
    let have = |index| folder.bundle(index, size);
    log.entries(from.get()..size.get(), &have, &mut |bundle| {
        folder.keep_bundle(&bundle, size)?;
        bar.at(bundle.end(), size.get());
        Ok::<_, Failure>(())
    })?;
    folder.keep_tiles_above(log, from)
}
