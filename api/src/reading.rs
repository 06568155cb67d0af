//! What the read path may be told.

mod token;

use serde::Deserialize;

pub(crate) use token::{Reader, bearer};
pub use token::{TokenDigest, TokenDigestError};

/// How the log is read; the section `[read]` of the configuration. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadSettings {
    /// Who may read statements and collateral. Default `public`.
    pub statements: StatementReaders,
    /// SHA-256 of each bearer token that opens them, in lower-case hex. Default none. The tokens themselves stand
    /// nowhere; whoever reads the configuration cannot use it to read statements.
    pub token_sha256: Vec<TokenDigest>,
    /// MiB of memory for tiles and entry bundles that were asked for lately, ready to be sent. Default 32; 0 keeps
    /// none. A tile takes 8 KiB. Too little: each request reads the store, on a worker thread.
    pub tile_cache_mib: usize,
    /// Pages of statements sent at once. Default 16. More get 503 with Retry-After. One that its client has not
    /// taken anything of for 30 seconds gives its place to the next.
    pub pages_in_flight: usize,
    /// Searches worked on at once. Default 64. More get 503 with Retry-After. Too many: one that just came waits long
    /// behind the others, each of which may read 8 MiB.
    pub searches_in_flight: usize,
}

impl Default for ReadSettings {
    fn default() -> Self {
        Self {
            statements: StatementReaders::Public,
            token_sha256: Vec::new(),
            tile_cache_mib: 32,
            pages_in_flight: 16,
            searches_in_flight: 64,
        }
    }
}

/// Who may read statements and collateral (D20). Tiles, entries, receipts and proofs are open to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatementReaders {
    /// Everybody.
    Public,
    /// Whoever presents a bearer token (RFC 6750).
    Token,
}
