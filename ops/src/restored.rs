//! A log that was put back from a backup signs nothing before it is known that the log did not go on without it, or the
//! operator has said in public from where it goes on (D11, invariant 13).

use crate::datadir::DataDir;
use crate::failure::Failure;
use ledger::{Ledger, RestoredMark, Resumption};
use std::collections::BTreeSet;
use storage::RocksStore;

/// The mark of a restored log; none for any other.
pub(crate) fn mark(folder: &DataDir, store: &RocksStore) -> Result<Option<RestoredMark>, Failure> {
    let Some(bytes) = store.restored().map_err(Failure::local)? else { return Ok(None) };
    RestoredMark::from_json(&bytes).map(Some).ok_or_else(|| {
        Failure::local(format_args!(
            "refusing to sign: {}/store/RESTORED is not as it was written",
            folder.root().display()
        ))
        .hint("restore the backup again, in another folder")
    })
}

/// Takes the mark of a restored log away if it may sign again, and refuses if not. `shown` are the witnesses who showed a
/// checkpoint that the log continues.
pub(crate) fn settle(
    folder: &DataDir,
    store: &RocksStore,
    ledger: &Ledger,
    shown: &BTreeSet<usize>,
) -> Result<(), Failure> {
    let Some(mark) = mark(folder, store)? else { return Ok(()) };
    let judged = ledger
        .resumption(&mark, |witness| shown.contains(&witness))
        .map_err(|error| Failure::local(format_args!("{}: {error}", folder.root().display())))?;
    let size = mark.head.size;
    let by = match judged {
        Resumption::ByIncident => "an incident statement says so on the log",
        Resumption::ByWitnesses => "its witnesses know of nothing newer",
        other => return Err(refusal(other, folder, &mark)),
    };
    store.unmark_restored().map_err(Failure::local)?;
    tracing::warn!(tree_size = %size, by, "this log was restored from a backup and goes on");
    Ok(())
}

fn refusal(why: Resumption, folder: &DataDir, mark: &RestoredMark) -> Failure {
    let size = mark.head.size;
    let dir = folder.root().display();
    let restored = format!("refusing to sign: this log was restored from a backup of {size} entries");
    match why {
        Resumption::WitnessesMissing => Failure::unreachable(format_args!(
            "{restored}, and too few of its witnesses show what they cosigned since: those that do not could be a quorum"
        ))
        .hint(format_args!(
            "make more witnesses of [witness] policy reachable, or say in public that the log goes on from here: stele incident declare {dir} --operator-key FILE --reason TEXT"
        )),
        Resumption::AnotherLog => Failure::local(format_args!(
            "{restored}, but its store is not what was restored"
        ))
        .hint("restore the backup again, in another folder"),
        _ => Failure::local(format_args!(
            "{restored}, and nobody can know what it signed after that"
        ))
        .hint(format_args!(
            "say in public that the log goes on from here: stele incident declare {dir} --operator-key FILE --reason TEXT; or found a new log with: stele init"
        )),
    }
}
