//! Tile paths and entry bundles (C2SP tlog-tiles): one spelling a path, one encoding a bundle.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::tile::{entry_bundle, path};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Some((id, width)) = path::parse_tile(text) {
            assert_eq!(path::tile(id, width), text);
        }
        if let Some((index, width)) = path::parse_entries(text) {
            assert_eq!(path::entries(index, width), text);
        }
    }
    if let Ok(entries) = entry_bundle::decode(data) {
        assert!(entries.len() <= proofs::tile::TILE_WIDTH);
        assert_eq!(entry_bundle::encode(&entries).as_deref(), Ok(data));
    }
});
