//! Collateral manifests: one manifest, one spelling, within its bounds (D12).
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::manifest::{CollateralManifest, Fold, MAX_MANIFEST_RECORDS, collateral_hash};

fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = CollateralManifest::decode(data) else { return };
    assert_eq!(manifest.encode(), data);
    assert!((1..=MAX_MANIFEST_RECORDS).contains(&manifest.records()));
    // The record that the input itself is: by its bytes and by what is left of it, the same is found.
    let (mut given, mut left) = (Fold::new(), Fold::new());
    given.record(data);
    left.hash(collateral_hash(data));
    assert_eq!(manifest.check(&given), manifest.check(&left));
});
