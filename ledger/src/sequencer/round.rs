//! One round in the making: what goes into the log, and who waits for it.

use std::collections::HashMap;

use proofs::{EntryId, LeafIndex, SignedStatement, UnixTime};
use storage::{Erasure, Head, IndexRow, NewEntry, Snapshot, StoreError};

use super::examined::{self, RoundRows};
use super::pool::{Judged, Reply, Verdict};
use super::weigh::{erased_by, weigh};
use crate::collateral::Collateral;
use crate::control::{ControlFault, ControlType};
use crate::governance::{Admitted, ControlChange, Governance, Refusal, Rejection};
use crate::manifest;
use crate::receipts::Registered;
use crate::registrar;
use crate::registration::registered_at;
use crate::rows;
use crate::trace_batch::{self, BatchError};

/// The statements of a round that go into the log, and who waits for them.
pub(super) struct Round {
    /// The head that this round continues, and its time.
    pub(super) base: Head,
    pub(super) now: UnixTime,
    rules: Governance,
    /// The first entry that no collateral manifest covers.
    pub(super) covered: LeafIndex,
    pub(super) entries: Vec<NewEntry>,
    pub(super) rows: Vec<IndexRow>,
    pub(super) erasures: Vec<Erasure>,
    pub(super) change: Option<(ControlChange, LeafIndex, EntryId)>,
    ids: HashMap<EntryId, LeafIndex>,
    twins: HashMap<EntryId, EntryId>,
    evidence: HashMap<[u8; 32], Registered>,
    searched: RoundRows,
    pub(super) answers: Vec<(EntryId, Reply, Verdict)>,
}

impl Round {
    pub(super) fn new(base: Head, now: UnixTime, rules: Governance, covered: LeafIndex) -> Self {
        Self {
            base,
            now,
            rules,
            covered,
            entries: Vec::new(),
            rows: Vec::new(),
            erasures: Vec::new(),
            change: None,
            ids: HashMap::new(),
            twins: HashMap::new(),
            evidence: HashMap::new(),
            searched: RoundRows::default(),
            answers: Vec::new(),
        }
    }

    /// Puts one statement at the end of the log as it will be; `before` is the log before this round, for a statement
    /// whose profile asks about it, and for every control statement.
    pub(super) fn admit(
        &mut self,
        id: EntryId,
        admitted: Admitted,
        judged: Judged,
        reply: Reply,
        before: Option<&dyn Snapshot>,
    ) -> Result<(), StoreError> {
        let (now, identity) = (self.now, self.rules.identity());
        let position = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let index = LeafIndex::new(self.base.tree.size.get().saturating_add(position));
        let statement = admitted.statement.statement();
        if let Some(fault) = self.second_batch(statement) {
            self.answers.push((id, reply, Verdict::Refused(Box::new(Rejection::from(fault).into()))));
            return Ok(());
        }
        if let Some(before) = before {
            match weigh(&admitted, before, identity, index)? {
                Ok(erasure) => self.erasures.extend(erasure),
                Err(fault) => {
                    let refused = Verdict::Refused(Box::new(Rejection::from(fault).into()));
                    self.answers.push((id, reply, refused));
                    return Ok(());
                }
            }
        }
        self.twins.extend(statement.twin_id().map(|twin| (twin, id)));
        if let Some(key) = registrar::key_of(statement, identity) {
            let subject = statement.header().subject.as_str().into();
            self.evidence.insert(key, Registered { id, index, registered_at: now, subject });
        }
        let examined = examined::examined(&admitted, before, &self.searched, index)?;
        let rows = rows::of_entry(statement, index, identity, examined.as_ref());
        if examined.is_some() {
            self.searched.extend(&rows);
        }
        self.rows.extend(rows);
        let record = Collateral { examined, ..recorded(&admitted, judged, now) };
        if let Some(manifest) = manifest::of_statement(statement) {
            self.covered = manifest.to;
        }
        self.ids.insert(id, index);
        self.entries.push(NewEntry {
            entry: *id.as_bytes(),
            registered_at: now,
            collateral: record.encode().into(),
            statement: admitted.statement.into_statement().into_canonical().into(),
        });
        if let Some(change) = admitted.control {
            self.change = Some((change, index, id));
        }
        self.answers.push((id, reply, Verdict::Sequenced { index, registered_at: now, known: false }));
        Ok(())
    }

    /// Two batches of TRACE records in one round would both continue the one before it.
    fn second_batch(&self, statement: &SignedStatement) -> Option<ControlFault> {
        let (_, next) = trace_batch::range_of(statement.header())?;
        let batch = ControlType::of(statement.header()) == Some(ControlType::TraceBatch);
        let another = batch && self.rows.iter().any(|row| row.index == rows::TRACE_BATCH);
        another.then(|| BatchError::Place { next }.into())
    }

    /// A collateral manifest continues the newest one, and covers only what is committed (D12).
    fn uncovered(&self, admitted: &Admitted) -> Option<Refusal> {
        let manifest = manifest::of_statement(admitted.statement.statement())?;
        if manifest.from == self.covered && manifest.to <= self.base.tree.size.next_index() {
            return None;
        }
        Some(Rejection::from(ControlFault::Uncovered { next: self.covered }).into())
    }

    /// D7: exact, on the full digest, against this round and everything before it; there is no `before` for a statement
    /// that is known to be in none of it.
    pub(super) fn known(
        &self,
        before: Option<&dyn Snapshot>,
        id: &EntryId,
        admitted: &Admitted,
    ) -> Result<Option<Verdict>, StoreError> {
        if let Some(index) = self.ids.get(id) {
            let sequenced = Verdict::Sequenced { index: *index, registered_at: self.now, known: true };
            return Ok(Some(sequenced));
        }
        if let Some(snapshot) = before
            && let Some(index) = snapshot.lookup(rows::ENTRY, id.as_bytes())?
        {
            if let Some(by) = erased_by(snapshot, index)? {
                return Ok(Some(Verdict::Erased(by)));
            }
            let registered_at =
                snapshot.entry(index)?.map_or(UnixTime::from_secs(0), |row| row.registered_at);
            return Ok(Some(Verdict::Sequenced { index, registered_at, known: true }));
        }
        if let Some(refusal) = self.uncovered(admitted) {
            return Ok(Some(Verdict::Refused(Box::new(refusal))));
        }
        if let Some(key) = registrar::key_of(admitted.statement.statement(), self.rules.identity()) {
            if let Some(registered) = self.evidence.get(&key) {
                return Ok(Some(Verdict::SameEvidence(registered.clone())));
            }
            if let Some(snapshot) = before
                && let Some(index) = snapshot.lookup(rows::EVIDENCE, &key)?
            {
                return Ok(registered_at(snapshot, index)?.map(Verdict::SameEvidence));
            }
        }
        let Some(twin) = admitted.statement.statement().twin_id() else { return Ok(None) };
        if let Some(of) = self.twins.get(&twin) {
            return Ok(Some(Verdict::Twin(*of)));
        }
        let Some(snapshot) = before else { return Ok(None) };
        let Some(index) = snapshot.lookup(rows::TWIN, twin.as_bytes())? else { return Ok(None) };
        Ok(snapshot.entry(index)?.map(|row| Verdict::Twin(EntryId::from_bytes(row.entry))))
    }
}

/// What is recorded of a decision (D12), without what the profile said, which needs the entry's place.
pub(crate) fn recorded(admitted: &Admitted, judged: Judged, now: UnixTime) -> Collateral {
    let header = admitted.statement.statement().header();
    let key = admitted.evidence.key.thumbprint();
    let kid_names_it = header.kid.as_deref() == Some(key.as_bytes().as_slice());
    Collateral {
        policy: Some(judged.policy),
        anchors: Some(judged.anchors),
        evaluated_at: judged.at,
        registered_at: now,
        key: (!kid_names_it).then_some(key),
        anchor: admitted.evidence.anchor.as_ref().map(ToString::to_string),
        rule: Some(admitted.evidence.rule.clone()).filter(|rule| !rule.is_empty()),
        stripped_x5chain: admitted.evidence.unprotected_x5chain.clone(),
        examined: None,
    }
}
