//! What a receipt has to be (RFC 9942, and RFC 9943 §7). `Session::verify` reads and verifies every receipt
//! that any check meets; the checks here look at what it does not.

use super::{Check, list};
use crate::{
    cose,
    receipt::{Proof, Receipt},
    session::{Session, Verdict, ensure},
};

pub(super) const CHECKS: &[Check] = list![
    arch_32_rcpt_01_rcpt_02_rcpt_03_rcpt_05_rcpt_06_receipts_have_the_shape,
    rcpt_04_rcpt_07_rcpt_08_arch_31_arch_38_receipts_verify_offline,
    rcpt_08_a_flipped_bit_is_noticed,
    rcpt_09_rcpt_16_rcpt_17_rcpt_18_paths_are_well_formed,
    arch_36_receipts_name_one_service,
    arch_43_rcpt_20_receipts_name_their_statement,
    rcpt_11_rcpt_15_times_are_claims_and_types_are_not_needed,
];

fn arch_32_rcpt_01_rcpt_02_rcpt_03_rcpt_05_rcpt_06_receipts_have_the_shape(
    session: &mut Session<'_>,
) -> Verdict {
    let known = session.any_registered()?;
    let receipt = Receipt::read(&known.bytes)?;
    ensure!(cose::is_deterministic(&known.bytes), "the receipt is not in deterministic encoding");
    ensure!(
        cose::is_deterministic(&receipt.message.protected),
        "the protected header is not in deterministic encoding"
    );
    Ok(())
}

fn rcpt_04_rcpt_07_rcpt_08_arch_31_arch_38_receipts_verify_offline(session: &mut Session<'_>) -> Verdict {
    session.any_registered()?;
    for known in session.registered.clone() {
        session.verify(&known.statement, &known.bytes)?;
    }
    Ok(())
}

/// Doubts the doubter: what verified must not verify any more with one bit flipped anywhere in it.
fn rcpt_08_a_flipped_bit_is_noticed(session: &mut Session<'_>) -> Verdict {
    let known = session.any_registered()?;
    for position in 0..known.bytes.len() {
        let mut spoiled = known.bytes.clone();
        if let Some(byte) = spoiled.get_mut(position) {
            *byte ^= 1;
        }
        let keys = session.keys()?;
        let entry = session.fixtures.leaf_rule.entry(&known.statement)?;
        let verified = Receipt::read(&spoiled).and_then(|receipt| receipt.verify_inclusion(&entry, &keys));
        // Size and index are not signed: another pair may have the same path shape (RCPT-19). The root that
        // is then recomputed has to be the one that was signed.
        if let Ok(root) = verified {
            let (_, size) = known.receipt.inclusion()?;
            let signed = session.heads.get(&size).map(|(root, _)| *root);
            ensure!(signed == Some(root), "byte {position} of a receipt can be changed");
        }
    }
    Ok(())
}

fn rcpt_09_rcpt_16_rcpt_17_rcpt_18_paths_are_well_formed(session: &mut Session<'_>) -> Verdict {
    session.any_registered()?;
    for known in &session.registered {
        let Proof::Inclusion { size, index, path } = &known.receipt.proof else {
            return Err("a registration was answered with a consistency receipt".into());
        };
        ensure!(index < size, "RCPT-09: index {index} in a tree of {size}");
        ensure!(*size >= 2, "RCPT-16: a receipt for a tree of {size}");
        ensure!((1..=64).contains(&path.len()), "RCPT-17: a path of {} elements", path.len());
    }
    Ok(())
}

fn arch_36_receipts_name_one_service(session: &mut Session<'_>) -> Verdict {
    let first = session.any_registered()?.receipt.issuer;
    for known in &session.registered {
        ensure!(known.receipt.issuer == first, "receipts of {first:?} and {:?}", known.receipt.issuer);
    }
    if let Some(expected) = &session.fixtures.service {
        ensure!(first == *expected, "receipts of {first:?} instead of {expected:?}");
    }
    Ok(())
}

fn arch_43_rcpt_20_receipts_name_their_statement(session: &mut Session<'_>) -> Verdict {
    let (one, other) = (session.fresh()?, session.fresh()?);
    let (one, other) = (session.register(&one)?, session.register(&other)?);
    let keys = session.keys()?;
    let entry = session.fixtures.leaf_rule.entry(&other.statement)?;
    let swapped = one.receipt.verify_inclusion(&entry, &keys);
    ensure!(swapped.is_err(), "the receipt of one statement verifies for another");
    for known in &session.registered {
        let subject = crate::session::subject_of(&known.statement)?;
        ensure!(
            known.receipt.subject == subject,
            "sub {:?} for a statement on {subject:?}",
            known.receipt.subject
        );
    }
    Ok(())
}

fn rcpt_11_rcpt_15_times_are_claims_and_types_are_not_needed(session: &mut Session<'_>) -> Verdict {
    let known = session.any_registered()?;
    let again = session.register(&known.statement)?;
    ensure!(
        known.receipt.issued_at == again.receipt.issued_at,
        "iat of one registration is {:?} in one receipt and {:?} in another",
        known.receipt.issued_at,
        again.receipt.issued_at
    );
    Ok(())
}
