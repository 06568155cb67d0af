//! One round of a monitor: look at the newest head, prove it, read what is new, report.
//!
//! What must not be forgotten is written down before the next step is taken: a head before anything is read under it, an
//! alert before it is sent, the place in the log after everything before it was delivered. So a monitor that is killed
//! anywhere goes on without a gap, and may say something twice.

use super::deliver::Sink;
use super::event::{Event, What};
use super::metrics::MonitorMetrics;
use super::rules::{Rules, Subject, content_type};
use super::state::{Keep, State};
use crate::failure::{Exit, Failure};
use crate::watch::{
    Ahead, Bundle, Kept, PageFault, ProvenLog, Row, SignedHead, Source, Statements, Succession, Trust,
    WatchError, keep_evidence, succeeds,
};
use ledger::Collateral;
use ledger::audit::{Covered, ManifestVerdict};
use ledger::profile::TERM_NAMES;
use proofs::manifest::{CollateralManifest, MANIFEST_CT, collateral_hash};
use proofs::{EntryId, LeafIndex, SignedStatement};
use std::path::Path;

/// After how many bundles without a report the place is written down.
const SAVE_EVERY: u64 = 64;

/// Everything a round needs.
pub(super) struct Monitor<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) statements: &'a dyn Statements,
    pub(super) trust: &'a Trust,
    pub(super) rules: &'a Rules,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) keep: &'a mut dyn Keep,
    pub(super) evidence: &'a Path,
    pub(super) metrics: &'a MonitorMetrics,
}

/// What came of one statement.
#[derive(Default)]
struct LookedAt {
    reported: bool,
    /// The collateral manifest that it is.
    manifest: Option<CollateralManifest>,
}

/// Why the entries were not read to the end.
enum Ended {
    /// The log does not give them, which is still to be told.
    Unread(WatchError),
    /// What was found in them ended the round.
    Told(Failure),
}

impl From<WatchError> for Ended {
    fn from(error: WatchError) -> Self {
        Self::Unread(error)
    }
}

impl Monitor<'_> {
    /// One round. [`Exit::Contradicted`] in a failure means that the log is not to be followed any more.
    pub(super) fn round(&mut self, state: &mut State) -> Result<(), Failure> {
        if let Some(place) = state.contradicted.clone() {
            self.metrics.contradicted();
            // Delivered or not, this is the end; what was not taken is offered at the next start.
            self.flush(state).ok();
            return Err(Failure::contradicted("the log has contradicted itself")
                .hint(format_args!("both signed heads are kept in {}", place.display())));
        }
        // A receiver that does not answer keeps nobody from looking at the log.
        let undelivered = self.flush(state).err();
        let head = self.newest(state)?;
        if let Some(failure) = undelivered {
            return Err(failure);
        }
        self.flush(state)?;
        let read = self.entries(state, &head);
        if read.is_ok() {
            state.raised.clear();
        }
        self.keep.save(state)?;
        read
    }

    /// Delivers the alerts that wait.
    fn flush(&mut self, state: &mut State) -> Result<(), Failure> {
        while let Some(event) = state.spool.first() {
            self.sink.deliver(event)?;
            self.metrics.reported(event.kind());
            state.spool.remove(0);
            self.keep.save(state)?;
        }
        Ok(())
    }

    /// Fetches and judges the newest checkpoint; gives the head to read under.
    fn newest(&mut self, state: &mut State) -> Result<SignedHead, Failure> {
        let note = self.source.checkpoint().map_err(WatchError::from)?;
        let untrusted = |error| format!("the checkpoint cannot be trusted: {error}");
        let head = match self.trust.open(&note) {
            Ok(head) => head,
            Err(error) => return Err(self.unverified(state, untrusted(error))),
        };
        let known = state.checkpoint.as_ref().map(|note| self.trust.open(note.as_bytes())).transpose();
        let known = known.map_err(|error| {
            Failure::local(format_args!("the checkpoint in the state is not one of this log: {error}"))
        })?;
        let succession = match &known {
            None => Succession::Grown,
            Some(known) => succeeds(known, &head, self.source).map_err(|error| self.unread(state, error))?,
        };
        let known_size = known.as_ref().map_or(0, |known| known.head.size.get());
        let tree_size = head.head.size.get();
        match (succession, known) {
            (Succession::Contradicts(found), _) => {
                let place = keep_evidence(self.evidence, self.trust, &found)?;
                let (detail, evidence) = (found.to_string(), place.display().to_string());
                state.alert(Event::new(self.trust.origin(), What::Equivocation { detail, evidence }));
                state.contradicted = Some(place.clone());
                self.keep.save(state)?;
                self.metrics.contradicted();
                self.flush(state).ok();
                Err(Failure::contradicted(&*found)
                    .hint(format_args!("both signed heads are kept in {}", place.display())))
            }
            (Succession::Stale, _) => {
                let why = format!(
                    "the log was rolled back: its checkpoint is over {tree_size} entries, it was over {known_size} before"
                );
                Err(self.trouble(state, What::RolledBack { tree_size, known_size }, why))
            }
            (Succession::Same, Some(known)) => Ok(known),
            (Succession::Same | Succession::Grown, _) => {
                if let Err(error) = self.trust.check_quorum(&head) {
                    return Err(self.unverified(state, untrusted(error)));
                }
                let root = head.head.root.to_string();
                state.checkpoint = Some(head.note.clone());
                let what = What::Head { tree_size, root, from: known_size };
                state.alert(Event::new(self.trust.origin(), what));
                self.keep.save(state)?;
                self.metrics.head(tree_size);
                Ok(head)
            }
        }
    }

    /// Reads every entry that was not read yet under this head.
    fn entries(&mut self, state: &mut State, head: &SignedHead) -> Result<(), Failure> {
        let size = head.head.size.get();
        self.metrics.head(size);
        self.metrics.read(state.next);
        if state.next >= size {
            return Ok(());
        }
        let log = ProvenLog::new(self.source, head.head);
        let statements = self.statements;
        let read = std::thread::scope(|scope| {
            let mut rows = Ahead::new(scope, statements, size);
            log.entries(state.next..size, &|_| None, &mut |bundle| {
                self.bundle(state, &bundle, &mut rows).map_err(Ended::Told)
            })
        });
        read.map_err(|ended| match ended {
            Ended::Unread(error) => self.unread(state, error),
            Ended::Told(failure) => failure,
        })
    }

    fn bundle(
        &mut self,
        state: &mut State,
        bundle: &Bundle,
        rows: &mut Ahead<'_, '_>,
    ) -> Result<(), Failure> {
        let mut reported = false;
        for (index, entry) in (bundle.first()..).zip(&bundle.entries) {
            if index < state.next {
                continue;
            }
            if self.rules.is_empty() {
                // No statements are fetched, so nothing is known of their collateral.
                state.collateral = Covered::unknown();
            } else {
                let row = self.row(state, index, rows)?;
                let looked_at = self.entry(state, index, entry, &row)?;
                reported |= looked_at.reported | self.fold(state, index, &row, looked_at.manifest)?;
            }
            state.next = index.saturating_add(1);
        }
        self.metrics.read(state.next);
        // What was delivered should not be delivered again for want of a note; what was not costs little to read again.
        if reported || bundle.index % SAVE_EVERY == SAVE_EVERY - 1 {
            self.keep.save(state)?;
        }
        Ok(())
    }

    /// What the log lists for an entry.
    fn row(&mut self, state: &mut State, index: u64, rows: &mut Ahead<'_, '_>) -> Result<Row, Failure> {
        match rows.row(index) {
            Ok(Some(row)) => Ok(row),
            Ok(None) => {
                Err(self.gap(state, index, format!("the list of statements leaves out entry {index}")))
            }
            Err(PageFault::Fetch(error)) => Err(WatchError::from(error).into()),
            Err(fault @ PageFault::Form { .. }) => Err(self.gap(state, index, fault.to_string())),
        }
    }

    /// Looks at one statement.
    fn entry(&mut self, state: &mut State, index: u64, entry: &[u8], row: &Row) -> Result<LookedAt, Failure> {
        if row.entry.as_slice() != entry {
            let named = EntryId::from_bytes(row.entry);
            let detail = format!("the list of statements has {named} here, the tree has another entry");
            return self.wrong(index, entry, detail);
        }
        let Some(bytes) = &row.statement else {
            state.withheld = state.withheld.saturating_add(1);
            return Ok(LookedAt::default());
        };
        match SignedStatement::parse(bytes, bytes.len()) {
            Ok(statement) if statement.entry_id().as_bytes().as_slice() == entry => {
                let reported = self.matches(index, &statement, row)?;
                let manifest = content_type(&statement).is_some_and(|kind| kind == MANIFEST_CT);
                let manifest = manifest.then(|| CollateralManifest::decode(statement.payload()).ok());
                Ok(LookedAt { reported, manifest: manifest.flatten() })
            }
            Ok(other) => self.wrong(index, entry, format!("it is the statement {}", other.entry_id())),
            Err(error) => self.wrong(index, entry, error.to_string()),
        }
    }

    /// D12: what is listed as collateral folds to what the log registered, so that it cannot be rewritten for anybody.
    fn fold(
        &mut self,
        state: &mut State,
        leaf_index: u64,
        row: &Row,
        manifest: Option<CollateralManifest>,
    ) -> Result<bool, Failure> {
        let mut covered = match manifest {
            None => std::mem::take(&mut state.collateral),
            // Taken over once what was found is delivered: until then the entry may be looked at again.
            Some(_) => state.collateral.clone(),
        };
        let verdict = manifest.map(|manifest| covered.check(LeafIndex::new(leaf_index), &manifest));
        let detail = match verdict {
            None | Some(ManifestVerdict::Holds | ManifestVerdict::NotChecked) => None,
            Some(ManifestVerdict::Range) => {
                Some("the collateral manifest does not go on where the one before it ended")
            }
            Some(ManifestVerdict::Contradicts) => {
                Some("the collateral records it covers are not those that this manifest registered")
            }
        };
        if let Some(detail) = detail {
            self.report(What::CollateralRewritten { leaf_index, detail: detail.to_owned() })?;
        }
        covered.record(Some(match &row.collateral {
            Kept::Record(record) => collateral_hash(record),
            Kept::Digest(digest) => *digest,
        }));
        state.collateral = covered;
        Ok(detail.is_some())
    }

    fn matches(&mut self, index: u64, statement: &SignedStatement, row: &Row) -> Result<bool, Failure> {
        let (index_terms, findings) =
            if self.rules.need_profiles() { examined(row) } else { Default::default() };
        let subject = Subject { statement, index_terms: &index_terms, findings: &findings };
        let rules = self.rules.matches(&subject);
        let header = statement.header();
        for rule in &rules {
            self.report(What::Match {
                rule: (*rule).to_owned(),
                leaf_index: index,
                entry_id: statement.entry_id().to_string(),
                issuer: header.issuer.clone(),
                subject: header.subject.clone(),
                content_type: content_type(statement),
            })?;
        }
        Ok(!rules.is_empty())
    }

    /// Reports what the log gives instead of a statement.
    fn wrong(&mut self, leaf_index: u64, entry: &[u8], detail: String) -> Result<LookedAt, Failure> {
        let entry_id = data_encoding::HEXLOWER.encode(entry);
        self.report(What::NotTheStatement { leaf_index, entry_id, detail })?;
        Ok(LookedAt { reported: true, manifest: None })
    }

    /// Delivers what was found in an entry; the place in the log is the spool.
    fn report(&mut self, what: What) -> Result<(), Failure> {
        let event = Event::new(self.trust.origin(), what);
        self.sink.deliver(&event)?;
        self.metrics.reported(event.kind());
        Ok(())
    }

    fn unread(&mut self, state: &mut State, error: WatchError) -> Failure {
        match error {
            WatchError::NotWhatWasSigned { .. } => self.unverified(state, error.to_string()),
            other => other.into(),
        }
    }

    fn unverified(&mut self, state: &mut State, detail: String) -> Failure {
        self.trouble(state, What::NotVerified { detail: detail.clone() }, detail)
    }

    fn gap(&mut self, state: &mut State, leaf_index: u64, detail: String) -> Failure {
        self.trouble(state, What::Gap { leaf_index, detail: detail.clone() }, detail)
    }

    /// Raises an alert and ends the round.
    fn trouble(&mut self, state: &mut State, what: What, why: String) -> Failure {
        state.raise(Event::new(self.trust.origin(), what));
        match self.keep.save(state).and_then(|()| self.flush(state)) {
            Err(failure) if failure.exit == Exit::Local => failure,
            // If it could not be delivered it waits in the state.
            Ok(()) | Err(_) => Failure::refused(why),
        }
    }
}

/// What the profile of a statement's content type finds it under, as `name=value`, and the ids of what it found: the
/// log's own words, which an audit makes again.
fn examined(row: &Row) -> (Vec<String>, Vec<String>) {
    let Kept::Record(record) = &row.collateral else { return Default::default() };
    let examined = Collateral::decode(record).ok().and_then(|record| record.examined);
    let Some(examined) = examined else { return Default::default() };
    let name = |code| TERM_NAMES.iter().find(|name| name.code == code).map(|name| name.name);
    let terms = examined.terms.iter().filter_map(|term| Some(format!("{}={}", name(term.code)?, term.value)));
    let findings = examined.findings.iter().map(|finding| finding.id.clone().into_owned());
    (terms.collect(), findings.collect())
}
