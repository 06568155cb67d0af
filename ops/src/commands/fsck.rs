//! `stele fsck`: does what is stored still say what was signed?

use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::{EXIT_CODES, Exit, Failure};
use ledger::FsckReport;
use serde_json::json;
use std::path::PathBuf;

/// How many entries pass between two lines of progress.
const PROGRESS_EVERY: u64 = 100_000;

/// Check a log's folder: re-derive every leaf, tile and root; change nothing
///
/// Everything is derived again from the statements that are stored and compared with the heads that were signed. The
/// service must not be running on the folder.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = DataDir::open(&args.folder)?;
    let store = folder.open_store_read_only()?;
    let mut told = 0;
    let report = ledger::fsck(&store, &mut |done| {
        if done / PROGRESS_EVERY > told {
            told = done / PROGRESS_EVERY;
            console.say(format_args!("{done} entries checked"));
        }
    })
    .map_err(|error| Failure::refused(format_args!("{}: {error}", args.folder.display())))?;
    if args.json {
        console.json(&as_json(&report))?;
    } else {
        print(&report, console)?;
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::Refused })
}

fn as_json(report: &FsckReport) -> serde_json::Value {
    json!({
        "clean": report.is_clean(),
        "tree_size": report.head.size.get(),
        "root": report.head.root.to_string(),
        "checkpoint_size": report.checkpoint.get(),
        "entries_checked": report.entries,
        "heads_checked": report.heads,
        "faults": report.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "more_faults": report.more_faults,
    })
}

fn print(report: &FsckReport, console: &mut Console<'_>) -> Result<(), Failure> {
    console.line(format_args!("tree size   {}", report.head.size))?;
    console.line(format_args!("root        {}", report.head.root))?;
    console.line(format_args!("checkpoint  covers {} of {} entries", report.checkpoint, report.head.size))?;
    console.line(format_args!("checked     {} entries, {} committed heads", report.entries, report.heads))?;
    for fault in &report.faults {
        console.line(format_args!("FAULT       {fault}"))?;
    }
    if report.more_faults > 0 {
        console.line(format_args!("            and {} more", report.more_faults))?;
    }
    if report.is_clean() {
        console.line("clean: everything stored agrees with everything signed")
    } else {
        console.line("NOT CLEAN: keep this folder as it is, and restore a backup of all of it elsewhere")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Fault;
    use proofs::{LeafIndex, TreeHead, TreeSize, sha256};

    fn report(faults: Vec<Fault>) -> FsckReport {
        FsckReport {
            head: TreeHead { size: TreeSize::new(4), root: sha256(b"root") },
            entries: 4,
            heads: 2,
            checkpoint: TreeSize::new(3),
            faults,
            more_faults: 0,
        }
    }

    #[test]
    fn a_report_reads_well() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        print(&report(vec![Fault::Statement(LeafIndex::new(3))]), &mut Console::new(&mut out, &mut err))
            .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "tree size   4\n\
             root        4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2\n\
             checkpoint  covers 3 of 4 entries\n\
             checked     4 entries, 2 committed heads\n\
             FAULT       entry 3: the stored statement is not the one that was hashed into the log\n\
             NOT CLEAN: keep this folder as it is, and restore a backup of all of it elsewhere\n"
        );
        assert!(err.is_empty());
    }

    #[test]
    fn json_has_one_word_for_scripts() {
        assert_eq!(as_json(&report(Vec::new()))["clean"], true);
        let faulty = as_json(&report(vec![Fault::Checkpoint(TreeSize::new(3))]));
        assert_eq!(faulty["clean"], false);
        assert_eq!(faulty["faults"].as_array().unwrap().len(), 1);
    }
}
