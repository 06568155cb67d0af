//! The report of an audit, for people and for scripts.

use crate::console::{Console, printable};
use crate::failure::Failure;
use ledger::audit::AuditReport;
use serde_json::{Value, json};
use std::time::Duration;

/// What an audit says at its end.
pub(super) struct Summary<'a> {
    pub(super) report: &'a AuditReport,
    /// How many entries this run replayed.
    pub(super) replayed: u64,
    pub(super) took: Duration,
    /// Whether only the tree was looked at.
    pub(super) tree_only: bool,
}

impl Summary<'_> {
    /// One object; `clean` is the one word for scripts.
    pub(super) fn json(&self) -> Value {
        let AuditReport { head, counts, discrepancies, more_discrepancies } = self.report;
        json!({
            "clean": self.report.is_clean(),
            "tree_only": self.tree_only,
            "tree_size": head.size.get(),
            "root": head.root.to_string(),
            "entries": counts.entries,
            "judged": counts.judged,
            "controls": counts.controls,
            "withheld": counts.withheld,
            "without_collateral": counts.without_collateral,
            "cannot_evaluate": counts.cannot_evaluate,
            "log_findings_not_checked": counts.log_findings_not_checked,
            "manifests": counts.manifests,
            "manifests_not_checked": counts.manifests_not_checked,
            "batches": counts.batches,
            "batches_not_checked": counts.batches_not_checked,
            "replayed_now": self.replayed,
            "seconds": self.took.as_secs_f64(),
            "discrepancies": discrepancies,
            "more_discrepancies": more_discrepancies,
        })
    }

    pub(super) fn print(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let AuditReport { head, counts, discrepancies, more_discrepancies } = self.report;
        console.line(format_args!("tree size   {}", head.size))?;
        console.line(format_args!("root        {}", head.root))?;
        let rate =
            f64::from(u32::try_from(self.replayed).unwrap_or(u32::MAX)) / self.took.as_secs_f64().max(1e-3);
        console.line(format_args!(
            "replayed    {} entries in {:.1} s, {rate:.0} a second",
            self.replayed,
            self.took.as_secs_f64()
        ))?;
        if self.tree_only {
            console.line("judged      nothing: only the tree was audited")?;
        } else {
            console.line(format_args!(
                "judged      {} decisions with their signatures, {} of them about the log itself",
                counts.judged, counts.controls
            ))?;
        }
        console.line(format_args!("collateral  {} manifests hold", counts.manifests))?;
        if counts.batches > 0 {
            console.line(format_args!("batches     {} of TRACE records hold", counts.batches))?;
        }
        for (count, what) in [
            (counts.withheld, "statements withheld or erased: only their leaves were checked"),
            (counts.without_collateral, "entries without collateral: their decisions were not replayed"),
            (
                counts.cannot_evaluate,
                "entries of profiles that this program cannot evaluate: all else of them was judged",
            ),
            (
                counts.log_findings_not_checked,
                "entries whose profile asked what stood before them, which was withheld or erased since",
            ),
            (counts.manifests_not_checked, "collateral manifests over records that are withheld"),
            (counts.batches_not_checked, "batches of TRACE records that list more than is known"),
        ] {
            if count > 0 {
                console.line(format_args!("not judged  {count} {what}"))?;
            }
        }
        for found in discrepancies {
            console.line(format_args!("DISCREPANCY {}", printable(found)))?;
        }
        if *more_discrepancies > 0 {
            console.line(format_args!("            and {more_discrepancies} more"))?;
        }
        if self.report.is_clean() && self.tree_only {
            console.line("clean: every entry is in the tree that was signed")
        } else if self.report.is_clean() {
            console.line("clean: every entry follows from what was in force before it")
        } else {
            console.line("NOT CLEAN: the log does not follow its own rules")
        }
    }
}
