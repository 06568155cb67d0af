//! Entry bundles: up to 256 entries in a row, each behind its length as a big-endian 16-bit number (C2SP
//! tlog-tiles, TILE-08). The entries hash, in order, to the hashes of the tile of level 0 with the same
//! index.

use super::TILE_WIDTH;

/// The largest entry a bundle can hold, in bytes.
pub const MAX_ENTRY_LEN: usize = 65_535;

/// Why entries do not make a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeBundleError {
    /// A bundle has at least one entry: empty ones do not exist (TILE-06).
    #[error("a bundle holds at least one entry")]
    Empty,
    /// A bundle has at most 256 entries.
    #[error("a bundle holds at most {TILE_WIDTH} entries, not {count}")]
    TooMany {
        /// How many entries were given.
        count: usize,
    },
    /// An entry is longer than [`MAX_ENTRY_LEN`].
    #[error("entry {position} of the bundle is {len} bytes long, more than {MAX_ENTRY_LEN}")]
    EntryTooLong {
        /// Which entry, counted from 0 in the bundle.
        position: usize,
        /// Its length in bytes.
        len: usize,
    },
}

/// Why bytes are not a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeBundleError {
    /// There is nothing.
    #[error("a bundle holds at least one entry")]
    Empty,
    /// There are more than 256 entries.
    #[error("a bundle holds at most {TILE_WIDTH} entries")]
    TooMany,
    /// The bytes end within an entry or its length.
    #[error("the bundle ends within entry {position}")]
    Truncated {
        /// Which entry, counted from 0 in the bundle.
        position: usize,
    },
}

/// Makes a bundle.
///
/// # Errors
/// When there are no entries, more than 256, or one that is too long.
pub fn encode<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, EncodeBundleError> {
    if entries.is_empty() {
        return Err(EncodeBundleError::Empty);
    }
    if entries.len() > TILE_WIDTH {
        return Err(EncodeBundleError::TooMany { count: entries.len() });
    }
    let mut bundle = Vec::with_capacity(entries.iter().map(|entry| entry.as_ref().len() + 2).sum());
    for (position, entry) in entries.iter().enumerate() {
        let entry = entry.as_ref();
        let len = u16::try_from(entry.len())
            .map_err(|_| EncodeBundleError::EntryTooLong { position, len: entry.len() })?;
        bundle.extend_from_slice(&len.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads a whole bundle; the entries are slices of it. Whoever asked for a bundle of some width compares the
/// number of entries with it.
///
/// # Errors
/// When the bytes are not exactly 1 to 256 entries.
pub fn decode(bundle: &[u8]) -> Result<Vec<&[u8]>, DecodeBundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let position = entries.len();
        if position == TILE_WIDTH {
            return Err(DecodeBundleError::TooMany);
        }
        let truncated = DecodeBundleError::Truncated { position };
        let (len, after) = rest.split_first_chunk().ok_or(truncated)?;
        let (entry, after) = after.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(truncated)?;
        entries.push(entry);
        rest = after;
    }
    if entries.is_empty() { Err(DecodeBundleError::Empty) } else { Ok(entries) }
}

#[cfg(test)]
mod tests;
