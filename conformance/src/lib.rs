//! Checks any SCITT transparency service over HTTP, with an oracle of its own.
//!
//! [`run`] meets a service only through a [`Target`], reads receipts with its own reader, recomputes every
//! root with its own naive recursion over the entries ([`Oracle`]) and answers with a [`Report`]. Of
//! `proofs` it uses SHA-256, public keys and the note format, none of the tree, receipt or statement code.
//!
//! The requirements and who tests them stand in this crate's `README.md`.

mod checks;
mod fixtures;
mod problem;
mod report;
mod requirement;
mod session;
mod target;

pub mod cose;
pub mod oracle;
pub mod receipt;

pub use checks::{names, run};
pub use fixtures::{Fixtures, LeafRule, Refused};
pub use oracle::Oracle;
pub use problem::{MEDIA_TYPE as PROBLEM_MEDIA_TYPE, Problem};
pub use receipt::{Proof, Receipt};
pub use report::{Finding, Outcome, Report};
pub use requirement::{REQUIREMENTS, Requirement, ids_in, requirement};
pub use target::{Answer, Caps, Target, TargetError};
