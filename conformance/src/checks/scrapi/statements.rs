//! What is no statement, or none that the service may register.

use ciborium::Value;

use super::{Check, list};
use crate::{
    cose::{self, CLAIMS, Sign1},
    session::{Doubt, Session, Verdict, ensure},
};

pub(super) const CHECKS: &[Check] = list![
    scr_03_what_is_no_cbor_is_malformed,
    arch_01_other_cose_objects_are_malformed,
    scr_03_duplicate_labels_and_loose_lengths_are_malformed,
    scr_27_payloads_must_be_present,
    scr_27_unknown_algorithms_are_refused,
    arch_02_claims_must_be_protected,
    arch_03_issuers_have_1_to_8192_characters,
    arch_04_a_key_must_be_named,
    arch_12_signatures_are_verified,
    arch_15_arch_17_scr_27_the_policy_refuses,
    arch_12_refusals_leave_no_entry,
];

const MALFORMED: &str = "Malformed request";
const MISSING: &str = "Missing Claims";

fn scr_03_what_is_no_cbor_is_malformed(session: &mut Session<'_>) -> Verdict {
    let good = session.template()?.encode();
    let mut trailing = good.clone();
    trailing.push(0);
    let short = good.get(..good.len() / 2).unwrap_or_default().to_vec();
    for (what, body) in [
        ("nothing", vec![]),
        ("text", b"hello".to_vec()),
        ("a trailing byte", trailing),
        ("a cut statement", short),
    ] {
        session.refused(what, &body, 400, MALFORMED)?;
    }
    Ok(())
}

fn arch_01_other_cose_objects_are_malformed(session: &mut Session<'_>) -> Verdict {
    let template = session.template()?;
    session.refused("an untagged statement", &template.encode_tagged(None), 400, MALFORMED)?;
    for (what, tag) in [("COSE_Sign", 98), ("COSE_Mac0", 17), ("COSE_Encrypt0", 16), ("CWT", 61)] {
        session.refused(what, &template.encode_tagged(Some(tag)), 400, MALFORMED)?;
    }
    Ok(())
}

fn scr_03_duplicate_labels_and_loose_lengths_are_malformed(session: &mut Session<'_>) -> Verdict {
    let template = session.template()?;
    let twice = template.with_header(|header| header.extend(header.clone()))?;
    session.refused("a protected header with every label twice", &twice.encode(), 400, MALFORMED)?;
    let mut unprotected = template.clone();
    unprotected.unprotected = Value::Map(vec![(1.into(), 2.into()), (1.into(), 2.into())]);
    session.refused("an unprotected header with a label twice", &unprotected.encode(), 400, MALFORMED)?;
    let good = template.encode();
    let parts = good.get(2..).unwrap_or_default();
    let indefinite: Vec<u8> = [&[0xd2, 0x9f], parts, &[0xff]].concat();
    session.refused("an array of indefinite length", &indefinite, 400, MALFORMED)?;
    let long: Vec<u8> = [&[0xd2, 0x98, 0x04], parts].concat();
    session.refused("a head that is longer than needed", &long, 400, MALFORMED)
}

fn scr_27_payloads_must_be_present(session: &mut Session<'_>) -> Verdict {
    let detached = Sign1 { payload: None, ..session.template()? };
    session.refused("a nil payload", &detached.encode(), 400, "Payload Missing")
}

fn scr_27_unknown_algorithms_are_refused(session: &mut Session<'_>) -> Verdict {
    for algorithm in [-257, -47, -65_535, 1] {
        let spoiled = with(&session.template()?, 1, Some(Value::from(algorithm)))?;
        session.refused(
            &format!("algorithm {algorithm}"),
            &spoiled.encode(),
            400,
            "Bad Signature Algorithm",
        )?;
    }
    Ok(())
}

fn arch_02_claims_must_be_protected(session: &mut Session<'_>) -> Verdict {
    let template = session.template()?;
    let header = template.header()?;
    let claims = cose::get(&header, CLAIMS).cloned().ok_or("the fixtures' statement has no claims")?;
    let mut moved = with(&template, CLAIMS, None)?;
    session.refused("a statement without claims", &moved.encode(), 400, MISSING)?;
    moved.unprotected = Value::Map(vec![(CLAIMS.into(), claims.clone())]);
    session.refused("claims in the unprotected header", &moved.encode(), 400, MISSING)?;
    for (name, label) in [("iss", 1), ("sub", 2)] {
        let without = claims_without(&claims, label)?;
        let spoiled = with(&template, CLAIMS, Some(without))?;
        session.refused(&format!("a statement without {name}"), &spoiled.encode(), 400, MISSING)?;
    }
    Ok(())
}

fn claims_without(claims: &Value, label: i64) -> Verdict<Value> {
    let mut map = claims.as_map().ok_or("the claims are no map")?.clone();
    map.retain(|(key, _)| *key != Value::from(label));
    Ok(Value::Map(map))
}

fn arch_03_issuers_have_1_to_8192_characters(session: &mut Session<'_>) -> Verdict {
    let template = session.template()?;
    let header = template.header()?;
    let claims = cose::get(&header, CLAIMS).cloned().ok_or("the fixtures' statement has no claims")?;
    for issuer in [String::new(), format!("https://{}", "a".repeat(8185))] {
        let mut map = claims.as_map().ok_or("the claims are no map")?.clone();
        map.iter_mut()
            .filter(|(key, _)| *key == Value::from(1))
            .for_each(|(_, value)| *value = issuer.clone().into());
        let spoiled = with(&template, CLAIMS, Some(Value::Map(map)))?;
        let answer = session.submit(&spoiled.encode())?;
        ensure!(
            answer.status == 400,
            "an issuer of {} characters got {}",
            issuer.chars().count(),
            answer.status
        );
    }
    Ok(())
}

fn arch_04_a_key_must_be_named(session: &mut Session<'_>) -> Verdict {
    let template = session.template()?;
    if cose::get(&template.header()?, 4).is_none() {
        return Err(Doubt::NotChecked("the fixtures' statements name no kid".into()));
    }
    let spoiled = with(&template, 4, None)?;
    let answer = session.submit(&spoiled.encode())?;
    let problem = crate::problem::Problem::read(&answer)?;
    ensure!(
        answer.status == 400 && [MISSING, "Unknown Issuer Key"].contains(&problem.title.as_str()),
        "a statement that names no key got {} {problem:?}",
        answer.status
    );
    Ok(())
}

fn arch_12_signatures_are_verified(session: &mut Session<'_>) -> Verdict {
    const INVALID: &str = "Invalid Signature";
    let mut spoiled = session.template()?;
    spoiled.signature.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    session.refused("a signature with a flipped bit", &spoiled.encode(), 400, INVALID)?;
    let mut spoiled = session.template()?;
    spoiled.payload = spoiled.payload.map(|payload| [&payload[..], b"!"].concat());
    session.refused("a payload that was not signed", &spoiled.encode(), 400, INVALID)?;
    let spoiled = session.template()?.with_header(|header| header.push(("x-added".into(), 1.into())))?;
    session.refused("a protected header that was not signed", &spoiled.encode(), 400, INVALID)
}

fn arch_15_arch_17_scr_27_the_policy_refuses(session: &mut Session<'_>) -> Verdict {
    if session.fixtures.refused.is_empty() {
        return Err(Doubt::NotChecked("the fixtures hold no statement to be refused".into()));
    }
    for refused in &session.fixtures.refused {
        session.refused(&refused.why, &refused.statement, 400, &refused.title)?;
    }
    Ok(())
}

/// Between two registrations of ours nothing else has entered the log, though much was refused before.
fn arch_12_refusals_leave_no_entry(session: &mut Session<'_>) -> Verdict {
    if session.fixtures.entries.is_none() {
        return Err(Doubt::NotChecked("others may be writing to this service".into()));
    }
    let (one, other) = (session.fresh()?, session.fresh()?);
    let first = session.register(&one)?.receipt.inclusion()?.0;
    for refused in &session.fixtures.refused {
        session.submit(&refused.statement)?;
    }
    session.submit(&Sign1 { payload: None, ..session.template()? }.encode())?;
    let second = session.register(&other)?.receipt.inclusion()?.0;
    ensure!(second == first + 1, "refused statements took indices between {first} and {second}");
    Ok(())
}

/// The statement with one label of the protected header replaced or removed.
fn with(template: &Sign1, label: i64, value: Option<Value>) -> Result<Sign1, String> {
    template.with_header(|header| match value {
        Some(value) => header
            .iter_mut()
            .filter(|(key, _)| *key == Value::from(label))
            .for_each(|(_, old)| *old = value.clone()),
        None => header.retain(|(key, _)| *key != Value::from(label)),
    })
}
