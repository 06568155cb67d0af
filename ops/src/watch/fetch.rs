//! Where the bytes of a log come from. Nothing that comes from here is believed.

use proofs::tile::TileId;
use std::num::NonZeroU8;

/// Why something could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The log cannot be reached, is overloaded or broke off, and stayed so while it was asked again.
    #[error("{0}")]
    Unreachable(String),
    /// The log answers, and says no.
    #[error("{0}")]
    Refused(String),
}

/// A log as tlog-tiles serves it.
pub(crate) trait Source: Sync {
    /// The newest checkpoint, a signed note.
    fn checkpoint(&self) -> Result<Vec<u8>, FetchError>;

    /// A tile, of which the first `width` hashes are wanted when it is not full. `None` if it is not there.
    fn tile(&self, id: TileId, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError>;

    /// An entry bundle, as [`Source::tile`].
    fn bundle(&self, index: u64, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError>;
}
