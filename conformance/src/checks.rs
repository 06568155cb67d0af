//! The checks, in the order in which they run: later ones use what earlier ones registered.

use crate::{
    fixtures::Fixtures,
    report::{Finding, Report},
    requirement::ids_in,
    session::{Session, Verdict},
    target::Target,
};

mod append_only;
mod checkpoint;
mod receipts;
mod scrapi;

/// One check: its name, which starts with requirement ids, and what it does.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    run: fn(&mut Session<'_>) -> Verdict,
}

/// A list of checks from the functions of the same names.
macro_rules! list {
    ($($check:ident,)*) => {
        &[$($crate::checks::Check { name: stringify!($check), run: $check }),*]
    };
}
use list;

/// Every check there is.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    scrapi::lists().into_iter().chain([receipts::CHECKS, checkpoint::CHECKS, append_only::CHECKS]).flatten()
}

/// Runs every check against a service. It registers statements there; nothing else of it changes the
/// service.
pub fn run(target: &Target, fixtures: &Fixtures) -> Report {
    let mut session = Session::new(target, fixtures);
    let findings = all()
        .map(|check| Finding {
            check: check.name,
            requirements: ids_in(check.name),
            outcome: (check.run)(&mut session).into(),
        })
        .collect();
    Report { target: target.base().to_owned(), findings }
}

/// The names of all checks, each of which starts with the ids of its requirements.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|check| check.name)
}
