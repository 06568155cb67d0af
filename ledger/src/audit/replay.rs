//! One decision, made again.

use proofs::{LeafIndex, SignedStatement};

use super::Discrepancy;
use crate::collateral::Collateral;
use crate::fsck::Fault;
use crate::governance::Governance;
use crate::profile::{Kind, Probe};
use crate::sequencer::pool::Judged;
use crate::sequencer::recorded;

/// What it takes: the statement, the record of the decision, and what was in force.
pub(super) struct Task {
    pub(super) index: LeafIndex,
    pub(super) statement: SignedStatement,
    pub(super) collateral: Collateral,
    pub(super) governance: Governance,
}

/// How much of a decision could be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of it but the answers to these questions, which need the entries before it (D18).
    Judged(Vec<Probe>),
    /// All but the findings of a profile that this program lacks (D18).
    CannotEvaluate,
}

/// Judges the statement under what was in force at its index, at the time recorded, and compares the record that such a
/// decision leaves behind with the one that is there.
pub(super) fn replay(task: &Task) -> Result<Outcome, Discrepancy> {
    let Task { index, statement, collateral, governance } = task;
    let judged = Judged {
        policy: governance.policy_index(),
        anchors: governance.anchors_index(),
        at: collateral.evaluated_at,
        // Not asked of the past.
        absent_at: proofs::TreeSize::EMPTY,
    };
    if collateral.policy != Some(judged.policy) || collateral.anchors != Some(judged.anchors) {
        return Err(Fault::Judged(*index).into());
    }
    let refused = |refusal| Discrepancy::Refused { index: *index, refusal: Box::new(refusal) };
    // What arrived in the unprotected header is not in the entry; the record kept it (ARCH-14).
    let submitted = if collateral.stripped_x5chain.is_empty() {
        statement.clone()
    } else {
        let what = "certificate chain";
        let differs = |_| Discrepancy::Collateral { index: *index, what };
        statement.with_x5chain(&collateral.stripped_x5chain).map_err(differs)?
    };
    let admitted = governance.judge(submitted, judged.at).map_err(refused)?;
    let what = "profile's finding";
    let lacking = collateral.examined.as_ref().is_some_and(|kept| Kind::of_profile(&kept.profile).is_none());
    let same = match (&collateral.examined, &admitted.examination) {
        _ if lacking => true,
        (None, None) => true,
        (Some(kept), Some(examination)) => kept.says(examination),
        _ => false,
    };
    if !same {
        return Err(Discrepancy::Collateral { index: *index, what });
    }
    // Messages are never compared; log findings are, where the entries before this one are known (D18).
    let probes = admitted.examination.as_ref().map_or_else(Vec::new, |found| found.probes.clone());
    let examined = collateral.examined.clone();
    let expected = Collateral { examined, ..recorded(&admitted, judged, collateral.registered_at) };
    difference(*index, collateral, &expected)?;
    Ok(if lacking { Outcome::CannotEvaluate } else { Outcome::Judged(probes) })
}

/// The first part in which a record is not the one expected.
pub(super) fn difference(
    index: LeafIndex,
    found: &Collateral,
    expected: &Collateral,
) -> Result<(), Discrepancy> {
    let what = if found.policy != expected.policy || found.anchors != expected.anchors {
        return Err(Fault::Judged(index).into());
    } else if found.evaluated_at != expected.evaluated_at {
        return Err(Fault::Time(index).into());
    } else if found.key != expected.key {
        "key"
    } else if found.anchor != expected.anchor {
        "trust anchor"
    } else if found.rule != expected.rule {
        "rule"
    } else if found.stripped_x5chain != expected.stripped_x5chain {
        "certificate chain"
    } else if found != expected {
        "result"
    } else {
        return Ok(());
    };
    Err(Discrepancy::Collateral { index, what })
}
