//! `stele incident report`: an incident on a log that is served.

use super::Operator;
use super::change::Session;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::watch::{FetchError, HttpSource, Source};
use ledger::control::Incident;
use proofs::checkpoint::Checkpoint;
use proofs::tile::entry_bundle;
use proofs::{EntryId, NodeId, SignedNote, TileId, TreeHead};
use std::time::Duration;

/// How often the newest head is looked up again because the log grew meanwhile.
const MAX_TRIES: usize = 40;
/// How long until then.
const BETWEEN: Duration = Duration::from_millis(250);

/// Put an incident on the record of a log that is served
///
/// The statement names the newest head of the log, and is refused when another entry comes before it; it is made again
/// then. On a log that takes entries all the time there may be no moment for it: keep producers away for a second.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: Operator,
    /// Why, in public and for ever; name no person
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let session = Session::open(&args.operator, console)?;
    let source = HttpSource::new(&args.operator.service.url, &args.operator.service.transport)?;
    for _ in 0..MAX_TRIES {
        let (head, last) = newest(&source)?;
        let incident = Incident { head, reason: args.reason.clone() };
        match session.report(&incident, last, console) {
            Ok(done) => {
                session.tell(&[done], console)?;
                return Ok(Exit::Done);
            }
            // The log grew meanwhile, or had already, and the checkpoint of that is still to come.
            Err(failure) if failure.exit == Exit::Refused && session.committed() != Some(head.size.get()) => {
                std::thread::sleep(BETWEEN);
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::unreachable("the log grew each time the incident was to be put behind its last entry")
        .hint("keep producers away for a moment, then run the command again"))
}

/// The newest published head and its last entry. Nothing here is believed: the service refuses what does not fit.
fn newest(source: &HttpSource) -> Result<(TreeHead, EntryId), Failure> {
    let cannot = |why: &dyn std::fmt::Display| {
        Failure::refused(format_args!("the log's newest head cannot be read: {why}"))
    };
    let fetched = |error: FetchError| Failure::unreachable(error);
    let note = SignedNote::parse(source.checkpoint().map_err(fetched)?).map_err(|error| cannot(&error))?;
    let head = Checkpoint::parse(note.text()).map_err(|error| cannot(&error))?.head;
    let last = head.size.last().ok_or_else(|| cannot(&"it is empty"))?;
    let tile = TileId::for_node(NodeId::leaf(last)).tile;
    let bundle = source.bundle(tile.index, tile.partial_width_at(head.size)).map_err(fetched)?;
    let bundle = bundle.ok_or_else(|| cannot(&"its last bundle is gone"))?;
    let entries = entry_bundle::decode(&bundle).map_err(|error| cannot(&error))?;
    let entry: Option<[u8; 32]> = entries.last().and_then(|entry| (*entry).try_into().ok());
    Ok((head, EntryId::from_bytes(entry.ok_or_else(|| cannot(&"its last entry has another form"))?)))
}
