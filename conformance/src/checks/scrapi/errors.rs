//! Every error is a concise problem detail, whoever made it.

use super::{Check, list};
use crate::{
    problem::Problem,
    session::{Doubt, REGISTER, Session, Verdict, ensure},
};

pub(super) const CHECKS: &[Check] = list![
    scr_01_scr_02_scr_06_scr_07_unknown_paths_and_methods_are_problems,
    scr_06_wrong_media_types_are_problems,
    scr_06_what_cannot_be_accepted_is_decided_before_registering,
    scr_06_large_bodies_are_problems,
];

fn scr_01_scr_02_scr_06_scr_07_unknown_paths_and_methods_are_problems(session: &mut Session<'_>) -> Verdict {
    for path in ["/nowhere", "/entries/a/b", "/.well-known/nothing"] {
        let answer = session.target.get(path, &[])?;
        ensure!(answer.status == 404, "GET {path} answered {}", answer.status);
        Problem::read(&answer)?;
    }
    let id = "0123456789abcdef".repeat(4);
    let entry = format!("/entries/{id}");
    for (method, path) in [
        ("DELETE", entry.as_str()),
        ("PUT", "/entries"),
        ("GET", "/entries"),
        ("POST", "/.well-known/scitt-keys"),
        ("PATCH", "/.well-known/scitt-keys/AA"),
    ] {
        let body: Option<&[u8]> = (method != "GET" && method != "DELETE").then_some(b"x");
        let answer = session.target.send(method, path, &[], body)?;
        ensure!(answer.status == 405, "{method} {path} answered {}", answer.status);
        ensure!(answer.header("allow").is_some(), "{method} {path}: 405 without Allow");
        Problem::read(&answer)?;
    }
    Ok(())
}

fn scr_06_wrong_media_types_are_problems(session: &mut Session<'_>) -> Verdict {
    let statement = session.template()?.encode();
    for headers in [&[("content-type", "application/xml")][..], &[("content-type", "nonsense")]] {
        let answer = session.target.post("/entries", headers, &statement)?;
        ensure!(answer.status == 415, "a statement sent with {headers:?} got {}", answer.status);
        let offered = answer.header("accept-post").unwrap_or_default();
        ensure!(offered.contains("application/cose"), "415 with Accept-Post {offered:?}");
        Problem::read(&answer)?;
    }
    Ok(())
}

/// A client that can take no receipt must not find its statement registered all the same.
fn scr_06_what_cannot_be_accepted_is_decided_before_registering(session: &mut Session<'_>) -> Verdict {
    let statement = session.fresh()?;
    let headers = [("content-type", "application/cose"), ("accept", "text/html")];
    let answer = session.target.post("/entries", &headers, &statement)?;
    ensure!(answer.status == 406, "a client of text/html got {}", answer.status);
    Problem::read(&answer)?;
    let id = crate::fixtures::Fixtures::id(&statement)?;
    let answer = session.target.get(&format!("/entries/{id}"), &[])?;
    ensure!(answer.status == 404 || answer.status == 400, "406, but registered: {}", answer.status);
    Ok(())
}

fn scr_06_large_bodies_are_problems(session: &mut Session<'_>) -> Verdict {
    let Some(limit) = session.fixtures.max_body_bytes else {
        return Err(Doubt::NotChecked("the largest body is not known".into()));
    };
    // The service may refuse before it has read the body, so the client asks first.
    let headers: Vec<_> = REGISTER.iter().copied().chain([("expect", "100-continue")]).collect();
    let answer = session.target.post("/entries", &headers, &vec![0; limit + 1])?;
    ensure!(answer.status == 413, "a body of {} bytes got {}", limit + 1, answer.status);
    Problem::read(&answer)?;
    Ok(())
}
