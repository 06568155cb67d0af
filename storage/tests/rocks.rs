//! The store on disk, driven as a process drives it. Nothing here waits or looks at a clock.
#![cfg(feature = "rocks")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this whole file is a test, its helpers too"
)]

#[path = "rocks/copying.rs"]
mod copying;
#[path = "rocks/damage.rs"]
mod damage;
#[path = "rocks/erasing.rs"]
mod erasing;
#[path = "rocks/failing.rs"]
mod failing;
#[path = "rocks/folder.rs"]
mod folder;
#[path = "rocks/model.rs"]
mod model;
#[path = "rocks/numbers.rs"]
mod numbers;
#[path = "rocks/options.rs"]
mod options;
#[path = "rocks/reopen.rs"]
mod reopen;
#[path = "rocks/support.rs"]
mod support;
