//! What the fuzz targets share: a log's governance that knows a listed key, an X.509 root and
//! self-certifying names, so that every way to a key can be walked.

mod governance;

pub use governance::{EVALUATED_AT, governance};
pub use keys::issuer_key;

mod keys;
pub mod profile;
