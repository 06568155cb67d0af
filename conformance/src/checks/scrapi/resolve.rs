//! `GET /entries/{EntryID}`.

use super::{Check, list};
use crate::{
    problem::Problem,
    session::{Doubt, REGISTER, Session, Verdict, ensure},
};

pub(super) const CHECKS: &[Check] = list![
    scr_28_receipts_are_found_at_their_location,
    scr_13_scr_32_fresh_receipts_keep_the_position,
    scr_29_running_registrations_answer_204_or_a_receipt,
    scr_30_unknown_entries_are_not_found,
    scr_27_locators_of_bad_form_are_invalid,
];

const ACCEPT: &[(&str, &str)] = &[("accept", "application/cose")];

fn scr_28_receipts_are_found_at_their_location(session: &mut Session<'_>) -> Verdict {
    session.any_registered()?;
    for known in session.registered.clone() {
        let answer = session.target.get(&known.location, ACCEPT)?;
        ensure!(answer.status == 200, "{} answered {}", known.location, answer.status);
        let media = answer.media_type();
        ensure!(media.as_deref() == Some("application/cose"), "the receipt came as {media:?}");
        ensure!(
            answer.header("location") == Some(&known.location),
            "the receipt at {} names {:?}",
            known.location,
            answer.header("location")
        );
        session.verify(&known.statement, &answer.body)?;
    }
    Ok(())
}

/// The log grows, the receipt is asked for again: same leaf, a tree at least as large, still signed.
fn scr_13_scr_32_fresh_receipts_keep_the_position(session: &mut Session<'_>) -> Verdict {
    let known = session.any_registered()?;
    let fresh = session.fresh()?;
    session.register(&fresh)?;
    let answer = session.target.get(&known.location, ACCEPT)?;
    let receipt = session.verify(&known.statement, &answer.body)?;
    let ((first, old), (second, new)) = (known.receipt.inclusion()?, receipt.inclusion()?);
    ensure!(first == second, "the position moved from {first} to {second}");
    ensure!(new >= old, "the tree went from {old} to {new}");
    Ok(())
}

/// Polls a registration made without waiting until its receipt is there, a bounded number of times.
fn scr_29_running_registrations_answer_204_or_a_receipt(session: &mut Session<'_>) -> Verdict {
    let statement = session.fresh()?;
    let mut headers = REGISTER.to_vec();
    headers.push(("prefer", "respond-async"));
    let answer = session.target.post("/entries", &headers, &statement)?;
    let location = answer.header("location").ok_or("no Location")?.to_owned();
    let mut running = false;
    for _ in 0..10_000 {
        let answer = session.target.get(&location, ACCEPT)?;
        if answer.status == 200 {
            session.verify(&statement, &answer.body)?;
            let why = "the receipt was there at once, so 204 was not seen";
            return if running { Ok(()) } else { Err(Doubt::NotChecked(why.into())) };
        }
        running = true;
        ensure!(answer.status == 204, "a running registration answered {}", answer.status);
        ensure!(answer.body.is_empty(), "a 204 has a body");
        ensure!(answer.header("retry-after").is_some(), "a 204 says not when to ask again");
        let caching = answer.header("cache-control").unwrap_or_default();
        ensure!(caching.contains("no-store"), "a 204 may be cached: {caching:?}");
    }
    Err("the receipt did not come".into())
}

fn scr_30_unknown_entries_are_not_found(session: &mut Session<'_>) -> Verdict {
    let unknown = "0123456789abcdef".repeat(4);
    let answer = session.target.get(&format!("/entries/{unknown}"), ACCEPT)?;
    ensure!(answer.status == 404, "an unknown entry answered {}", answer.status);
    let problem = Problem::read(&answer)?;
    ensure!(problem.title == "Not Found", "an unknown entry got {problem:?}");
    ensure!(problem.detail.contains(&unknown), "the detail does not name the entry: {problem:?}");
    Ok(())
}

fn scr_27_locators_of_bad_form_are_invalid(session: &mut Session<'_>) -> Verdict {
    let good = "0123456789abcdef".repeat(4);
    for bad in ["7", "xyz", &good.to_uppercase(), &format!("{good}00"), "%20"] {
        let answer = session.target.get(&format!("/entries/{bad}"), ACCEPT)?;
        ensure!(answer.status == 400, "the locator {bad:?} answered {}", answer.status);
        let problem = Problem::read(&answer)?;
        ensure!(problem.title == "Invalid locator", "the locator {bad:?} got {problem:?}");
    }
    Ok(())
}
