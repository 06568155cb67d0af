//! What only the log can say about a payload, asked when its place is known: log findings (D18).

use std::collections::BTreeMap;
use std::ops::Bound;

use proofs::LeafIndex;
use storage::{IndexRow, Snapshot, StoreError};

use crate::collateral::Examined;
use crate::governance::Admitted;
use crate::profile::{LogView, is_probed, log_findings};
use crate::rows;

/// The rows of this round that probes may look for.
#[derive(Default)]
pub(super) struct RoundRows(BTreeMap<Vec<u8>, LeafIndex>);

/// The log before one entry: what is committed, and the entries before it in its round.
struct View<'a> {
    before: Option<&'a dyn Snapshot>,
    round: &'a RoundRows,
}

impl LogView for View<'_> {
    fn rows(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, LeafIndex)>, StoreError> {
        let mut found = match self.before {
            Some(snapshot) => snapshot.scan(rows::TERM, prefix, limit)?,
            None => Vec::new(),
        };
        let from = (Bound::Included(prefix.to_vec()), Bound::Unbounded);
        let of_round = self.round.0.range(from).take_while(|(key, _)| key.starts_with(prefix));
        found.extend(of_round.map(|(key, leaf)| (key.clone(), *leaf)));
        found.sort();
        found.truncate(limit);
        Ok(found)
    }
}

impl RoundRows {
    /// Keeps what a later probe of the round may look for.
    pub(super) fn extend(&mut self, rows: &[IndexRow]) {
        let probed = rows.iter().filter(|row| row.index == rows::TERM && is_probed(&row.key));
        self.0.extend(probed.map(|row| (row.key.clone(), row.leaf)));
    }
}

/// What the profile said, log findings included; nothing where none examined the payload.
pub(super) fn examined(
    admitted: &Admitted,
    before: Option<&dyn Snapshot>,
    round: &RoundRows,
    index: LeafIndex,
) -> Result<Option<Examined>, StoreError> {
    let Some(examination) = admitted.examination.as_deref() else { return Ok(None) };
    let findings = log_findings(&examination.probes, &View { before, round }, index)?;
    Ok(Some(Examined::new(examination, findings)))
}
