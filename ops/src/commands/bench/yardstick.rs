//! What the disk itself takes: the time to append a little and sync it, which no durable registration can beat.

#[cfg(test)]
mod tests;

use super::numbers::{Latencies, Summary};
use crate::failure::Failure;
use anyhow::Context;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// How often.
const TIMES: usize = 1000;
/// How much: a statement and what is written beside it.
const BYTES: usize = 1200;

/// Appends 1,200 bytes and syncs them, a thousand times, to a file of its own in `folder`, removed afterwards.
pub(super) fn measure(folder: &Path) -> Result<Summary, Failure> {
    let path = folder.join(format!(".stele-yardstick-{}", std::process::id()));
    let measured = append(&path);
    fs::remove_file(&path).ok();
    measured
}

fn append(path: &Path) -> Result<Summary, Failure> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = OpenOptions::new().append(true).create_new(true).open(path).with_context(cannot)?;
    let mut latencies = Latencies::new()?;
    for _ in 0..TIMES {
        let start = Instant::now();
        file.write_all(&[0x5a; BYTES]).with_context(cannot)?;
        file.sync_data().with_context(cannot)?;
        latencies.record(start.elapsed());
    }
    Ok(latencies.summary())
}
