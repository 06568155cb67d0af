//! What the read path may be told.

use serde::Deserialize;

/// How the log is read; the section `[read]` of the configuration. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadSettings {
    /// MiB of memory for tiles and entry bundles that were asked for lately, ready to be sent. Default 32; 0 keeps
    /// none. A tile takes 8 KiB. Too little: each request reads the store, on a worker thread.
    pub tile_cache_mib: usize,
}

impl Default for ReadSettings {
    fn default() -> Self {
        Self { tile_cache_mib: 32 }
    }
}
