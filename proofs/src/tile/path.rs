//! The one spelling that tiles and bundles have in a URL (C2SP tlog-tiles, TILE-03, TILE-04, TILE-08).
//!
//! Paths are relative to the log's prefix and have no slash in front: `tile/0/x001/x234/067.p/8`,
//! `tile/entries/000`.

use std::fmt::Write;
use std::num::NonZeroU8;

use super::{MAX_TILE_LEVEL, TileId};

/// The path of a tile; `width` for a tile that is not full, see [`TileId::partial_width_at`].
#[must_use]
pub fn tile(id: TileId, width: Option<NonZeroU8>) -> String {
    let mut path = format!("tile/{}/", id.level);
    push_place(&mut path, id.index, width);
    path
}

/// The path of an entry bundle, which goes with the tile of level 0 that has the same index and width
/// (TILE-08).
#[must_use]
pub fn entries(index: u64, width: Option<NonZeroU8>) -> String {
    let mut path = String::from("tile/entries/");
    push_place(&mut path, index, width);
    path
}

/// Reads the path of a tile. `None` for any spelling that [`tile`] does not make: it is then the path of
/// nothing, never one to be corrected (TILE-04).
#[must_use]
pub fn parse_tile(path: &str) -> Option<(TileId, Option<NonZeroU8>)> {
    let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
    let level = parse_number(level).filter(|level| *level <= MAX_TILE_LEVEL)?;
    let (index, width) = parse_place(place)?;
    Some((TileId { level, index }, width))
}

/// Reads the path of an entry bundle, as strictly as [`parse_tile`].
#[must_use]
pub fn parse_entries(path: &str) -> Option<(u64, Option<NonZeroU8>)> {
    parse_place(path.strip_prefix("tile/entries/")?)
}

fn push_place(path: &mut String, index: u64, width: Option<NonZeroU8>) {
    push_index(path, index);
    if let Some(width) = width {
        // Writing to a String does not fail.
        let _ = write!(path, ".p/{width}");
    }
}

fn push_index(path: &mut String, index: u64) {
    if index >= 1000 {
        push_group(path, index / 1000);
    }
    let _ = write!(path, "{:03}", index % 1000);
}

fn push_group(path: &mut String, index: u64) {
    if index >= 1000 {
        push_group(path, index / 1000);
    }
    let _ = write!(path, "x{:03}/", index % 1000);
}

fn parse_place(place: &str) -> Option<(u64, Option<NonZeroU8>)> {
    match place.split_once(".p/") {
        None => Some((parse_index(place)?, None)),
        Some((index, width)) => Some((parse_index(index)?, Some(NonZeroU8::new(parse_number(width)?)?))),
    }
}

fn parse_index(text: &str) -> Option<u64> {
    let (groups, last) = match text.rsplit_once('/') {
        None => (None, text),
        Some((groups, last)) => (Some(groups), last),
    };
    // The first group of several is the one that must not be zero.
    if groups.is_some_and(|groups| groups.split('/').next() == Some("x000")) {
        return None;
    }
    let mut index = 0_u64;
    for group in groups.into_iter().flat_map(|groups| groups.split('/')) {
        index = index.checked_mul(1000)?.checked_add(parse_group(group.strip_prefix('x')?)?)?;
    }
    index.checked_mul(1000)?.checked_add(parse_group(last)?)
}

/// Exactly three digits.
fn parse_group(text: &str) -> Option<u64> {
    let three_digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    three_digits.then(|| text.parse().ok()).flatten()
}

/// A decimal number without a sign and without leading zeroes.
fn parse_number(text: &str) -> Option<u8> {
    let canonical = text == "0" || text.starts_with(|first| matches!(first, '1'..='9'));
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
