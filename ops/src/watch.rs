//! What auditor, monitor and mirror share: a log read from outside, and nothing of it believed before it is proven
//! against a checkpoint that the log signed.

mod ahead;
mod evidence;
mod fetch;
mod head;
mod http_source;
mod proven;
mod statements;
#[cfg(test)]
pub(crate) mod testing;
mod trust;

#[cfg(test)]
mod tests;

pub(crate) use ahead::Ahead;
pub(crate) use evidence::keep_evidence;
pub(crate) use fetch::{FetchError, Source};
pub(crate) use head::{Equivocation, Succession, succeeds};
pub(crate) use http_source::HttpSource;
pub(crate) use proven::{Bundle, ProvenLog, WatchError};
pub(crate) use statements::{Kept, PageFault, Row, Statements};
pub(crate) use trust::{SignedHead, Trust, TrustArgs};
