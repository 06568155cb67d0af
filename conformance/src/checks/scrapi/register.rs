//! `POST /entries`.

use ciborium::Value;

use super::{Check, list};
use crate::{
    cose::Sign1,
    fixtures::Fixtures,
    problem::Problem,
    session::{Doubt, REGISTER, Session, Verdict, ensure},
};

pub(super) const CHECKS: &[Check] = list![
    scr_20_scr_23_arch_33_registration_answers_with_a_receipt,
    scr_20_media_types_of_statements_are_known,
    scr_20_repeated_accept_lines_are_one_list,
    scr_24_scr_25_respond_async_gives_the_same_location,
    scr_26_registering_again_gives_the_same_location_and_index,
    arch_14_arch_49_unprotected_headers_are_emptied,
    scr_35_arch_22_headers_do_not_decide,
];

fn scr_20_scr_23_arch_33_registration_answers_with_a_receipt(session: &mut Session<'_>) -> Verdict {
    let statement = session.fresh()?;
    let answer = session.submit(&statement)?;
    ensure!(answer.status == 201 || answer.status == 202, "a good statement got {}", answer.status);
    if answer.status == 202 {
        return Err(Doubt::NotChecked("the service registers asynchronously".into()));
    }
    let media = answer.media_type();
    ensure!(media.as_deref() == Some("application/cose"), "the receipt came as {media:?}");
    let known = session.accept(&statement, &answer)?;
    let path = session.target.relative(&known.location);
    ensure!(path.starts_with("/entries/"), "the Location is {:?}", known.location);
    ensure!(known.location.contains("://"), "SCR-23: the Location {:?} is no URL", known.location);
    Ok(())
}

fn scr_20_media_types_of_statements_are_known(session: &mut Session<'_>) -> Verdict {
    for media in
        ["application/cose; cose-type=\"cose-sign1\"", "application/scitt-statement+cose", "Application/COSE"]
    {
        let statement = session.fresh()?;
        let answer = session.target.post("/entries", &[("content-type", media)], &statement)?;
        ensure!(answer.status == 201, "a statement sent as {media} got {}", answer.status);
        session.accept(&statement, &answer)?;
    }
    Ok(())
}

fn scr_20_repeated_accept_lines_are_one_list(session: &mut Session<'_>) -> Verdict {
    let statement = session.fresh()?;
    let headers = [
        ("content-type", "application/cose"),
        ("accept", "application/cbor"),
        ("accept", "application/cose"),
    ];
    let answer = session.target.post("/entries", &headers, &statement)?;
    ensure!(answer.status == 201, "with two Accept lines a statement got {}", answer.status);
    session.accept(&statement, &answer)?;
    Ok(())
}

fn scr_24_scr_25_respond_async_gives_the_same_location(session: &mut Session<'_>) -> Verdict {
    let statement = session.fresh()?;
    let mut headers = REGISTER.to_vec();
    headers.push(("prefer", "respond-async"));
    let answer = session.target.post("/entries", &headers, &statement)?;
    if answer.status == 201 {
        return Err(Doubt::NotChecked("the service does not follow Prefer: respond-async".into()));
    }
    ensure!(answer.status == 202, "a good statement with Prefer: respond-async got {}", answer.status);
    ensure!(answer.body.is_empty(), "a 202 has a body of {} bytes", answer.body.len());
    let length = answer.header("content-length");
    ensure!(length == Some("0"), "a 202 has Content-Length {length:?}");
    let location = answer.header("location").ok_or("a 202 without Location")?.to_owned();
    let known = session.register(&statement)?;
    ensure!(known.location == location, "202 said {location:?}, 201 says {:?}", known.location);
    Ok(())
}

fn scr_26_registering_again_gives_the_same_location_and_index(session: &mut Session<'_>) -> Verdict {
    let known = session.any_registered()?;
    let again = session.register(&known.statement)?;
    ensure!(known.location == again.location, "{:?}, then {:?}", known.location, again.location);
    let (first, _) = known.receipt.inclusion()?;
    let (second, _) = again.receipt.inclusion()?;
    ensure!(first == second, "registered at {first}, again at {second}");
    Ok(())
}

/// Whatever stands in the unprotected header, receipts included, changes nothing of what is registered.
fn arch_14_arch_49_unprotected_headers_are_emptied(session: &mut Session<'_>) -> Verdict {
    let statement = session.fresh()?;
    let known = session.register(&statement)?;
    let receipts = Value::Array(vec![Value::Bytes(known.bytes.clone())]);
    for (label, value) in [
        (Value::from(394), receipts),
        (Value::from("x-anything"), Value::from(1)),
        (Value::from(11), Value::Null),
    ] {
        let mut dressed = Sign1::read(&statement)?;
        dressed.unprotected = Value::Map(vec![(label, value)]);
        let again = session.register(&dressed.encode())?;
        ensure!(again.location == known.location, "an unprotected header made another entry");
        ensure!(
            again.receipt.inclusion()?.0 == known.receipt.inclusion()?.0,
            "an unprotected header made another position"
        );
    }
    Ok(())
}

/// A statement refused without extra headers stays refused with them, and an admitted one keeps its entry.
fn scr_35_arch_22_headers_do_not_decide(session: &mut Session<'_>) -> Verdict {
    let extra = [
        ("authorization", "Bearer let-me-in"),
        ("x-forwarded-user", "operator"),
        ("x-policy", "allow"),
        ("prefer", "handling=lenient"),
    ];
    let headers: Vec<_> = REGISTER.iter().copied().chain(extra).collect();
    for refused in &session.fixtures.refused {
        let answer = session.target.post("/entries", &headers, &refused.statement)?;
        ensure!(
            answer.status >= 400,
            "{}: refused without extra headers, but {} with them",
            refused.why,
            answer.status
        );
        let problem = Problem::read(&answer)?;
        ensure!(problem.title == refused.title, "{}: with extra headers {problem:?}", refused.why);
    }
    let statement = session.fresh()?;
    let answer = session.target.post("/entries", &headers, &statement)?;
    let with = session.accept(&statement, &answer)?;
    let without = session.register(&statement)?;
    ensure!(with.location == without.location, "extra headers made another entry");
    let id = Fixtures::id(&statement)?.to_string();
    if !with.location.ends_with(&id) {
        return Err(Doubt::NotChecked(format!("the Location does not end in the statement's digest {id}")));
    }
    Ok(())
}
