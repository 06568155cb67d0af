//! The four resources of SCRAPI -11 and their errors.

use super::{Check, list};

mod errors;
mod keys;
mod register;
mod resolve;
mod statements;

/// The lists of checks, in the order in which they run.
pub(super) fn lists() -> [&'static [Check]; 5] {
    [keys::CHECKS, register::CHECKS, resolve::CHECKS, statements::CHECKS, errors::CHECKS]
}
