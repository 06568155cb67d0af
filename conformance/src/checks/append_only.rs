//! The log only ever grows: every signed head that this run has seen is consistent with every other.

use std::collections::BTreeMap;

use proofs::Hash;

use super::{Check, list};
use crate::{
    oracle::Oracle,
    receipt::{Proof, Receipt},
    session::{Doubt, Session, Verdict, ensure},
};

pub(super) const CHECKS: &[Check] = list![
    arch_28_arch_29_rcpt_10_ckpt_04_signed_heads_are_consistent,
    arch_29_rcpt_16_ranges_without_a_proof_are_refused,
    arch_28_arch_30_arch_34_roots_are_recomputed_from_every_entry,
];

/// Every head against the next larger one, by the service's own consistency receipts.
fn arch_28_arch_29_rcpt_10_ckpt_04_signed_heads_are_consistent(session: &mut Session<'_>) -> Verdict {
    let fresh = session.fresh()?;
    session.register(&fresh)?;
    let keys = session.keys()?;
    let heads: Vec<(u64, Hash)> = session.heads.iter().map(|(size, (root, _))| (*size, *root)).collect();
    for pair in heads.windows(2) {
        let [(old, old_root), (new, new_root)] = pair else { continue };
        let receipt = consistency(session, *old, *new)?;
        let root = receipt.verify_consistency(old_root, &keys)?;
        ensure!(root == *new_root, "the log of {old} grew to {root} at {new}, but {new_root} was signed");
        let mut other = *old_root.as_bytes();
        other[0] ^= 1;
        let forged = receipt.verify_consistency(&Hash::new(other), &keys);
        ensure!(forged.is_err(), "a consistency receipt verifies for any old root");
    }
    Ok(())
}

fn consistency(session: &Session<'_>, old: u64, new: u64) -> Verdict<Receipt> {
    let path = format!("/consistency?from={old}&to={new}");
    let answer = session.target.get(&path, &[("accept", "application/cose")])?;
    if answer.status == 404 {
        return Err(Doubt::NotChecked("the service has no GET /consistency".into()));
    }
    ensure!(answer.status == 200, "GET {path} answered {}", answer.status);
    let receipt = Receipt::read(&answer.body)?;
    let Proof::Consistency { old: from, new: to, .. } = &receipt.proof else {
        return Err("RCPT-10: GET /consistency answered with an inclusion receipt".into());
    };
    ensure!((*from, *to) == (old, new), "asked for {old} to {new}, got {from} to {to}");
    Ok(receipt)
}

fn arch_29_rcpt_16_ranges_without_a_proof_are_refused(session: &mut Session<'_>) -> Verdict {
    session.any_registered()?;
    let newest = session.heads.keys().next_back().copied().unwrap_or(1);
    consistency(session, 1, newest)?;
    for (from, to) in [(0, newest), (newest, newest), (newest, 1), (1, u64::MAX)] {
        let answer = session.target.get(&format!("/consistency?from={from}&to={to}"), &[])?;
        ensure!(
            (400..500).contains(&answer.status),
            "a consistency receipt from {from} to {to} of a log of {newest} got {}",
            answer.status
        );
    }
    Ok(())
}

/// With every entry known, the roots of all receipts are recomputed, and the paths compared element by
/// element.
fn arch_28_arch_30_arch_34_roots_are_recomputed_from_every_entry(session: &mut Session<'_>) -> Verdict {
    let Some(before) = &session.fixtures.entries else {
        return Err(Doubt::NotChecked("the entries before the run are not known".into()));
    };
    let mut entries: BTreeMap<u64, &Vec<u8>> = (0..).zip(before).collect();
    for (index, entry) in &session.entries {
        let held = *entries.entry(*index).or_insert(entry);
        ensure!(held == entry, "two entries at index {index}");
    }
    let gap = (0..).zip(entries.keys()).find(|(expected, index)| expected != *index);
    ensure!(gap.is_none(), "nobody registered anything at index {gap:?}");
    let mut oracle = Oracle::of(entries.into_values());
    for (size, (root, source)) in &session.heads {
        ensure!(oracle.root(*size) == Some(*root), "{source} signs another root at size {size}");
    }
    for known in &session.registered {
        if let Proof::Inclusion { size, index, path } = &known.receipt.proof {
            ensure!(
                oracle.inclusion(*index, *size).as_ref() == Some(path),
                "the path of {index} in {size} is not the one of RFC 9162"
            );
        }
    }
    Ok(())
}
