//! HTTP in front of the ledger: translates, does not decide.
//!
//! [`router()`] is SCRAPI (draft-ietf-scitt-scrapi-11) at the root, and beside it the doors of our own that
//! `/openapi.json` describes. A request meets, in this order: a request id and a span, the rate of its client
//! address, the bounds in count, the deadline, the bounds in body bytes, a handler, and at last the edge
//! where every failure, the framework's own included, gets the body its door promises.
//!
//! The room holds no clock and draws no conclusion about a statement: what a header says may change the form
//! of an answer, never what is registered (SCR-35).

mod evidence;
mod layers;
mod limits;
mod media;
mod metrics;
mod problem;
mod public_url;
mod reading;
mod router;
mod routes;
mod witness;

pub use evidence::{ClientNames, EvidenceDoor, EvidenceSettings, EvidenceSettingsError, Producer};
pub use limits::Limits;
pub use metrics::{HttpMetrics, metrics_router};
pub use public_url::{PublicUrl, PublicUrlError};
pub use reading::{ReadSettings, StatementReaders, TokenDigest, TokenDigestError};
pub use router::router;
pub use witness::{WitnessLimits, witness_router};
